/** KITTI's columns: x, y, z, reflectance. */
export const kittiColumns = 4;
/** What other data sets store in such files: nuScenes five numbers a point, sweeps laid together six or more. */
const otherColumns = [5, 6, 7];
/** Fewer rows than this show nothing. */
const leastRows = 4;
/** So many rows without a negative number are no chance. */
const manyRows = 50;
/** The largest number of a laser. */
const largestRing = 1023;

/**
 * Whether numbers that are taken for rows of four are rows of five to seven, and of how many; undefined where four is
 * right or nothing shows otherwise. The fourth number of a row is how bright a return was: never negative, and in KITTI
 * from 0 to 1. Rows of four that hold to this are left alone. Otherwise rows of n are shown by their columns after the
 * third, which hold no negative numbers: where the last one is the number of a laser, whole while places are not, or where
 * there are 50 rows and rows of four have negative brightness.
 */
export function columnsShown(values: Float32Array): number | undefined {
  if (all(values, kittiColumns, 3, (value) => value >= 0 && value <= 1)) return undefined;
  const isBright = all(values, kittiColumns, 3, isPositive);
  return otherColumns.find((columns) => {
    const rows = values.length / columns;
    if (!Number.isInteger(rows) || rows < leastRows) return false;
    for (let c = 3; c < columns; c++) if (!all(values, columns, c, isPositive)) return false;
    if (rows >= manyRows && !isBright) return true;
    return all(values, columns, columns - 1, isRing) && hasFractions(values, columns);
  });
}

/** Other numbers of columns that a file of so many float32 numbers divides into. */
export function columnsThatDivide(numbers: number, columns: number): number[] {
  const common = [3, kittiColumns, ...otherColumns, 8];
  return common.filter((each) => each !== columns && numbers % each === 0);
}

/** Whether most of the places have fractions. */
function hasFractions(values: Float32Array, columns: number): boolean {
  let fractions = 0;
  for (let at = 0; at < values.length; at += columns)
    if (!Number.isInteger(values[at]) || !Number.isInteger(values[at + 1])) fractions++;
  return fractions > values.length / columns / 2;
}

function isPositive(value: number): boolean {
  return value >= 0;
}

function isRing(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= largestRing;
}

/** Whether all numbers of a column are so. */
function all(
  values: Float32Array,
  columns: number,
  column: number,
  isSo: (value: number) => boolean,
): boolean {
  for (let at = column; at < values.length; at += columns) if (!isSo(values[at])) return false;
  return true;
}
