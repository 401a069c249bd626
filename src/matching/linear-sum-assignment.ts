import { InputError } from '../engine/input-error.ts';
import {
  type AssignmentWorkspace,
  createAssignmentWorkspace,
  solveAssignment,
} from './shortest-augmenting-path.ts';

/** Which column each row is given, at what total cost, and the dual variables that prove it the least. */
export interface Assignment {
  /** For each row its column, or -1 for the rows left over where there are more rows than columns. */
  readonly columnOfRow: Int32Array;
  /** The sum of the costs of the given pairs. */
  readonly cost: number;
  /**
   * u with u[i] + v[j] <= cost[i][j] for all pairs and equality for given ones. On the longer side no value is above
   * 0, and those left over have exactly 0: together this proves the cost the least. All of it up to rounding.
   */
  readonly rowPotential: Float64Array;
  /** v of the same inequality. */
  readonly columnPotential: Float64Array;
}

/** Costs up to here leave room for the sums of prices in a double. */
const LARGEST_UNSCALED = 2 ** 900;
const SCALE_OF_HUGE = 2 ** -100;

/** The solver of `linearSumAssignment`, which keeps its memory from one problem to the next. */
export class AssignmentSolver {
  private work: AssignmentWorkspace = createAssignmentWorkspace(0, 0);
  private copy = new Float64Array(0);

  /** As `linearSumAssignment`; the result is the caller's own. */
  solve(cost: Float32Array | Float64Array, rows: number, columns: number): Assignment {
    const largest = checkCosts(cost, rows, columns);
    const transposed = rows > columns;
    const n = transposed ? columns : rows;
    const m = transposed ? rows : columns;
    if (this.work.columnOf.length < n || this.work.rowOf.length < m) {
      this.work = createAssignmentWorkspace(n, m);
    }
    const scale = largest > LARGEST_UNSCALED ? SCALE_OF_HUGE : 1;
    const usable = cost instanceof Float64Array && !transposed && scale === 1;
    const costs = usable ? cost : this.copyOf(cost, rows, columns, scale);

    const stuck = solveAssignment(costs, n, m, this.work);
    if (stuck >= 0) {
      throw new InputError({
        file: 'assignment costs',
        place: `${transposed ? 'column' : 'row'} ${stuck}`,
        expected: `finite costs that leave every ${transposed ? 'column a row' : 'row a column'} of its own`,
        found: 'an infeasible problem: too many pairs are forbidden by +Infinity',
      });
    }

    const { columnOf, rowOf, price } = this.work;
    const columnOfRow = (transposed ? rowOf : columnOf).slice(0, rows);
    let total = 0;
    for (let i = 0; i < rows; i++) if (columnOfRow[i] >= 0) total += cost[i * columns + columnOfRow[i]];
    const longPotential = price.slice(0, m);
    const shortPotential = new Float64Array(n);
    for (let i = 0; i < n; i++) shortPotential[i] = (costs[i * m + columnOf[i]] - price[columnOf[i]]) / scale;
    if (scale !== 1) for (let j = 0; j < m; j++) longPotential[j] /= scale;
    return {
      columnOfRow,
      cost: total,
      rowPotential: transposed ? longPotential : shortPotential,
      columnPotential: transposed ? shortPotential : longPotential,
    };
  }

  /** The costs in double precision with the shorter side as rows. */
  private copyOf(
    cost: Float32Array | Float64Array,
    rows: number,
    columns: number,
    scale: number,
  ): Float64Array {
    if (this.copy.length < cost.length) this.copy = new Float64Array(cost.length);
    const copy = this.copy;
    if (rows <= columns) {
      if (scale === 1) copy.set(cost);
      else for (let k = 0; k < cost.length; k++) copy[k] = cost[k] * scale;
    } else {
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) copy[j * rows + i] = cost[i * columns + j] * scale;
      }
    }
    return copy;
  }
}

/**
 * The one-to-one assignment of rows to columns with the least total of `cost` (rows x columns, row-major): every
 * row gets a column where rows <= columns, otherwise every column gets a row and the rows left over get -1.
 * +Infinity forbids a pair. The costs are one typed array with the numbers of rows and columns, or a list of rows.
 * Throws InputError for NaN, -Infinity, a wrong size, or when the forbidden pairs leave no answer.
 * Deterministic; Jonker and Volgenant 1987.
 *
 * @example
 * const { columnOfRow, cost } = linearSumAssignment([
 *   [4, 1, 3],
 *   [2, 0, 5],
 *   [3, 2, 2],
 * ]);
 * columnOfRow; // [1, 0, 2]
 * cost; // 5
 * linearSumAssignment(Float64Array.of(4, 1, 3, 2, 0, 5, 3, 2, 2), 3, 3).columnOfRow; // [1, 0, 2]
 */
export function linearSumAssignment(
  cost: Float32Array | Float64Array,
  rows: number,
  columns: number,
): Assignment;
export function linearSumAssignment(cost: readonly (readonly number[])[]): Assignment;
export function linearSumAssignment(
  cost: Float32Array | Float64Array | readonly (readonly number[])[],
  rows?: number,
  columns?: number,
): Assignment {
  const solver = new AssignmentSolver();
  if (cost instanceof Float64Array || cost instanceof Float32Array) {
    return solver.solve(cost, rows as number, columns as number);
  }
  const flat = flatRows(cost);
  return solver.solve(flat, cost.length, cost.length === 0 ? 0 : flat.length / cost.length);
}

/** The numbers of a list of rows, row by row. Callers without types give anything, so all of it is checked. */
function flatRows(cost: unknown): Float64Array {
  const file = 'assignment costs';
  const isRow = (row: unknown): row is ArrayLike<number> => Array.isArray(row) || ArrayBuffer.isView(row);
  if (!Array.isArray(cost) || !cost.every(isRow)) {
    const found = Array.isArray(cost) ? `a list of ${typeof cost.find((row) => !isRow(row))}` : typeof cost;
    const expected =
      'a list of rows, [[4, 1], [2, 0]], or a Float32Array or Float64Array with rows and columns';
    throw new InputError({ file, expected, found });
  }
  const width = cost[0]?.length ?? 0;
  const flat = new Float64Array(cost.length * width);
  cost.forEach((row, i) => {
    if (row.length !== width) {
      const expected = `${width} costs, as in row 0`;
      throw new InputError({ file, place: `row ${i}`, expected, found: `${row.length}` });
    }
    for (let j = 0; j < width; j++) {
      // Number(null) is 0, which would be a cost that nobody gave.
      flat[i * width + j] = typeof row[j] === 'number' ? row[j] : Number.NaN;
    }
  });
  return flat;
}

/** Checks sizes and values; returns the largest finite magnitude. */
function checkCosts(cost: Float32Array | Float64Array, rows: number, columns: number): number {
  const whole = Number.isSafeInteger(rows) && Number.isSafeInteger(columns) && rows >= 0 && columns >= 0;
  if (!whole || cost.length !== rows * columns) {
    throw new InputError({
      file: 'assignment costs',
      expected: whole
        ? `rows x columns = ${rows} x ${columns} values`
        : `whole numbers of rows and columns, (cost, rows, columns)`,
      found: whole ? `${cost.length}` : `${rows} x ${columns}`,
    });
  }
  let largest = 0;
  for (let k = 0; k < cost.length; k++) {
    const magnitude = Math.abs(cost[k]);
    if (magnitude <= largest) continue;
    if (magnitude < Infinity) {
      largest = magnitude;
    } else if (cost[k] !== Infinity) {
      throw new InputError({
        file: 'assignment costs',
        place: `row ${Math.floor(k / columns)}, column ${k % columns}`,
        expected: 'a number, or +Infinity for a forbidden pair',
        found: `${cost[k]}`,
      });
    }
  }
  return largest;
}
