import { InputError } from '../engine/input-error.ts';
import { columnsShown, columnsThatDivide, kittiColumns } from './bin-columns.ts';
import { bytesOf } from './scalar-type.ts';

/** The names of the columns of rows of so many numbers: KITTI's first, then `column5` and so on. */
export function binColumnNames(columns: number): string[] {
  const known = ['x', 'y', 'z', 'reflectance'];
  return Array.from({ length: columns }, (_, c) => known[c] ?? `column${c + 1}`);
}

/**
 * The points of a KITTI Velodyne `.bin` file (little-endian float32 without a header): rows of x, y, z in metres
 * (LiDAR frame) and reflectance 0..1, as a copy of its own. With `columns`, rows of so many numbers (3 to 64), whatever
 * they are.
 * InputError for an empty or truncated file, for values that are not finite, and, unless `columns` is given, for numbers
 * that show rows of more columns (`columnsShown`), such as those of nuScenes.
 *
 * @example
 * const bytes = writeKittiBin(Float32Array.of(10, 1, -1.5, 0.25));
 * readKittiBin(bytes); // [10, 1, -1.5, 0.25]
 */
export function readKittiBin(
  bytes: Uint8Array,
  options: { readonly file?: string; readonly columns?: number } = {},
): Float32Array<ArrayBuffer> {
  const { file = 'KITTI points', columns = kittiColumns } = options;
  if (!Number.isInteger(columns) || columns < 3 || columns > 64)
    throw new InputError({
      file,
      place: 'columns',
      expected: 'a whole number from 3 to 64',
      found: `${columns}`,
    });
  if (bytes.length === 0) throw new InputError({ file, expected: 'at least one point', found: 'no bytes' });
  const rowBytes = 4 * columns;
  const rest = bytes.length % rowBytes;
  if (rest !== 0) {
    const others = columnsThatDivide(bytes.length / 4, columns);
    throw new InputError({
      file,
      place: `byte ${bytes.length - rest}, point ${(bytes.length - rest) / rowBytes}`,
      expected: `${rowBytes} bytes a point`,
      found:
        `${rest} bytes before the end of the file: it has no whole rows of ${columns} columns` +
        (others.length === 0 ? '' : `, but of ${others.join(', ')} (inspect and view take --columns)`),
    });
  }
  const points = new Float32Array(new Uint8Array(bytes).buffer);
  checkFinite(points, columns, file);
  const shown = options.columns === undefined ? columnsShown(points) : undefined;
  if (shown !== undefined)
    throw new InputError({
      file,
      expected: `rows of ${kittiColumns} columns, ${binColumnNames(kittiColumns).join(', ')}`,
      found: `${points.length / shown} points of ${shown} columns (inspect and view take --columns ${shown}, or ${kittiColumns} to insist)`,
    });
  return points;
}

/** The bytes of a KITTI Velodyne `.bin` file of rows x, y, z, reflectance; InputError for what `readKittiBin` would refuse. */
export function writeKittiBin(points: Float32Array): Uint8Array<ArrayBuffer> {
  const file = 'KITTI points to write';
  if (points.length === 0 || points.length % 4 !== 0)
    throw new InputError({
      file,
      expected: 'one or more rows of x, y, z, reflectance',
      found: `${points.length} numbers`,
    });
  checkFinite(points, kittiColumns, file);
  return bytesOf(new Float32Array(points));
}

function checkFinite(points: Float32Array, columns: number, file: string): void {
  // float64 holds any sum of float32 numbers, so the sum is finite exactly when all of them are.
  let sum = 0;
  for (let i = 0; i < points.length; i++) sum += points[i];
  if (Number.isFinite(sum)) return;
  for (let i = 0; i < points.length; i++) {
    if (Number.isFinite(points[i])) continue;
    throw new InputError({
      file,
      place: `byte ${4 * i}, point ${Math.floor(i / columns)}, ${binColumnNames(columns)[i % columns]}`,
      expected: 'a finite number',
      found: `${points[i]}`,
    });
  }
}
