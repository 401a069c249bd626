/** Arrays that the solver works in, kept between calls; `n` rows and `m >= n` columns have to fit. */
export interface AssignmentWorkspace {
  /** Column prices, the dual variables v. */
  readonly price: Float64Array;
  /** The row that each column is given to, or -1. */
  readonly rowOf: Int32Array;
  /** The column that each row is given, or -1. */
  readonly columnOf: Int32Array;
  readonly distance: Float64Array;
  readonly previousRow: Int32Array;
  readonly columnList: Int32Array;
  readonly freeRows: Int32Array;
}

/** A workspace for at least `rows` x `columns`, rows not above columns. */
export function createAssignmentWorkspace(rows: number, columns: number): AssignmentWorkspace {
  return {
    price: new Float64Array(columns),
    rowOf: new Int32Array(columns),
    columnOf: new Int32Array(rows),
    distance: new Float64Array(columns),
    previousRow: new Int32Array(columns),
    columnList: new Int32Array(columns),
    freeRows: new Int32Array(rows),
  };
}

/** Row scans that one pass of row reduction may take, as a multiple of the rows: near-ties would bid for ever. */
const SCANS_PER_ROW = 4;

/**
 * Gives each of `n` rows one of `m >= n` columns at the least sum of `cost` (n x m, row-major, +Infinity forbids a
 * pair); fills `columnOf`, `rowOf` and `price`. Returns -1, or a row for which no column is left.
 * Jonker and Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
 * Computing 38, 1987: column reduction, two passes of row reduction, shortest augmenting paths; without their reduction
 * transfer, which scans all rows that have a column for the sake of the few that have none.
 */
export function solveAssignment(cost: Float64Array, n: number, m: number, work: AssignmentWorkspace): number {
  work.columnOf.fill(-1, 0, n);
  work.rowOf.fill(-1, 0, m);
  work.price.fill(0, 0, m);
  // With columns to spare, a column that nobody takes must keep the price 0, which column reduction would break.
  if (n === m) reduceColumns(cost, n, work);
  const { columnOf, freeRows } = work;
  let free = 0;
  for (let i = 0; i < n; i++) if (columnOf[i] < 0) freeRows[free++] = i;
  for (let pass = 0; pass < 2 && free > 0; pass++) free = reduceRows(cost, n, m, work, free);
  for (let k = 0; k < free; k++) {
    if (!augment(cost, m, work, freeRows[k])) return freeRows[k];
  }
  return -1;
}

/** Prices every column at its smallest cost, and gives it to that row unless a later column has it already. */
function reduceColumns(cost: Float64Array, n: number, work: AssignmentWorkspace): void {
  const { price, rowOf, columnOf, previousRow: cheapestRow } = work;
  price.fill(Infinity, 0, n);
  cheapestRow.fill(-1, 0, n);
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = 0; j < n; j++, at++) {
      if (cost[at] < price[j]) {
        price[j] = cost[at];
        cheapestRow[j] = i;
      }
    }
  }
  for (let j = n - 1; j >= 0; j--) {
    const i = cheapestRow[j];
    if (i < 0) {
      price[j] = 0;
    } else if (columnOf[i] < 0) {
      columnOf[i] = j;
      rowOf[j] = i;
    }
  }
}

/** One pass in which free rows bid for their best column up to the second best; returns how many stay free. */
function reduceRows(
  cost: Float64Array,
  n: number,
  m: number,
  work: AssignmentWorkspace,
  free: number,
): number {
  const { price, rowOf, columnOf, freeRows } = work;
  let next = 0;
  let kept = 0;
  let scans = SCANS_PER_ROW * n;
  while (next < free) {
    const i = freeRows[next++];
    if (scans-- <= 0) {
      freeRows[kept++] = i;
      continue;
    }
    let best = Infinity;
    let second = Infinity;
    let bestColumn = -1;
    let secondColumn = -1;
    for (let j = 0, at = i * m; j < m; j++, at++) {
      const reduced = cost[at] - price[j];
      if (reduced < second) {
        if (reduced < best) {
          second = best;
          secondColumn = bestColumn;
          best = reduced;
          bestColumn = j;
        } else {
          second = reduced;
          secondColumn = j;
        }
      }
    }
    if (bestColumn < 0) {
      freeRows[kept++] = i;
      continue;
    }
    const lowered = price[bestColumn] - (second - best);
    const lowers = second < Infinity && lowered < price[bestColumn];
    if (lowers) price[bestColumn] = lowered;
    else if (rowOf[bestColumn] >= 0 && second === best && secondColumn >= 0) bestColumn = secondColumn;
    const displaced = rowOf[bestColumn];
    if (displaced >= 0) {
      columnOf[displaced] = -1;
      if (lowers) freeRows[--next] = displaced;
      else freeRows[kept++] = displaced;
    }
    columnOf[i] = bestColumn;
    rowOf[bestColumn] = i;
  }
  return kept;
}

/** Finds a shortest alternating path from a free row to a free column (Dijkstra), and flips it; false if none. */
function augment(cost: Float64Array, m: number, work: AssignmentWorkspace, freeRow: number): boolean {
  const { price, rowOf, columnOf, distance, previousRow, columnList } = work;
  for (let j = 0; j < m; j++) columnList[j] = j;
  distance.fill(Infinity, 0, m);
  let open = m;
  let i = freeRow;
  let offset = 0;
  let nearest = 0;
  let sink = -1;
  while (sink < 0) {
    nearest = Infinity;
    let at = -1;
    const row = i * m;
    for (let k = 0; k < open; k++) {
      const j = columnList[k];
      const through = cost[row + j] - price[j] - offset;
      let d = distance[j];
      if (through < d) {
        d = through;
        distance[j] = through;
        previousRow[j] = i;
      }
      if (d < nearest || (d === nearest && rowOf[j] < 0)) {
        nearest = d;
        at = k;
      }
    }
    if (nearest === Infinity) return false;
    const j = columnList[at];
    columnList[at] = columnList[--open];
    columnList[open] = j;
    if (rowOf[j] < 0) {
      sink = j;
    } else {
      i = rowOf[j];
      offset = cost[i * m + j] - price[j] - nearest;
    }
  }
  for (let k = open; k < m; k++) price[columnList[k]] += distance[columnList[k]] - nearest;
  for (let j = sink; ; ) {
    const row = previousRow[j];
    const given = columnOf[row];
    columnOf[row] = j;
    rowOf[j] = row;
    if (row === freeRow) return true;
    j = given;
  }
}
