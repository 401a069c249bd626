import { InputError } from '../engine/input-error.ts';
import { checkTransport, massesOf, type SinkhornOptions } from './transport-checks.ts';

/** An entropic transport plan. */
export interface TransportPlan {
  /** Mass from each row to each column, rows x columns, row-major. */
  readonly plan: Float64Array;
  /** The sum of plan times cost, without the entropy. */
  readonly cost: number;
  /** The sum over rows and columns of the absolute differences between what the plan moves and the given masses. */
  readonly marginalError: number;
  /** Rounds done. */
  readonly iterations: number;
}

/** Scalings beyond this, or below its inverse, are taken into the logarithms before a double loses track of them. */
const LARGEST_SCALING = 1e100;

/** A problem and where it stands: the plan is exp(f[i] + g[j] + kernel[i][j]), all in units of epsilon. */
interface Transport {
  readonly rows: number;
  readonly columns: number;
  readonly kernel: Float64Array;
  readonly rowMass: Float64Array;
  readonly columnMass: Float64Array;
  readonly f: Float64Array;
  readonly g: Float64Array;
}

/**
 * Entropic optimal transport: the plan P >= 0 with the given row and column sums that has the least
 * sum(P * cost) + epsilon * sum(P * (log P - 1)), by Sinkhorn's alternating scaling. The scalings live as logarithms,
 * so that a small epsilon does not underflow, and as plain factors of the plan as long as those stay moderate.
 * `cost` is rows x columns, row-major; +Infinity forbids a pair. Throws InputError for wrong sizes, costs of NaN or
 * -Infinity, masses that are negative, differ in total or have nowhere to go. Cuturi, "Sinkhorn Distances", NIPS
 * 2013; Schmitzer, "Stabilized Sparse Scaling Algorithms for Entropy Regularized Transport Problems", 2019.
 *
 * @example
 * const { plan } = sinkhorn(Float64Array.of(0, 1, 1, 0), 2, 2, { epsilon: 0.1, iterations: 100 });
 * plan; // [0.50, 0.00, 0.00, 0.50]
 */
export function sinkhorn(
  cost: Float32Array | Float64Array,
  rows: number,
  columns: number,
  options: SinkhornOptions,
): TransportPlan {
  checkTransport(cost, rows, columns, options);
  const { epsilon, iterations, tolerance = 0 } = options;
  const { rowMass, columnMass } = massesOf(rows, columns, options);
  const kernel = new Float64Array(cost.length);
  for (let k = 0; k < kernel.length; k++) kernel[k] = -cost[k] / epsilon;
  const f = new Float64Array(rows);
  const g = new Float64Array(columns);
  const transport: Transport = { rows, columns, kernel, rowMass, columnMass, f, g };
  const plan = new Float64Array(rows * columns);

  let done = 0;
  while (done < iterations) {
    const rowError = scaleRows(transport);
    // Scaling the rows never makes the columns miss by more in total than the rows did before.
    if (done > 0 && rowError <= tolerance) break;
    scaleColumns(transport);
    done++;
    if (done < iterations) {
      fillPlan(transport, plan);
      done += scalePlan(transport, plan, iterations - done, tolerance);
    }
  }
  fillPlan(transport, plan);
  return { plan, ...measure(transport, plan, cost), iterations: done };
}

/**
 * Rounds on the plan itself, up to `limit` and until the rows miss their masses by `tolerance` or less, or a factor
 * leaves the range of doubles that is safe; takes the factors into f and g and returns the number of rounds.
 */
function scalePlan(transport: Transport, plan: Float64Array, limit: number, tolerance: number): number {
  const { rows, columns, rowMass, columnMass, f, g } = transport;
  let rowFactor = new Float64Array(rows).fill(1);
  let columnFactor = new Float64Array(columns).fill(1);
  let nextRow = new Float64Array(rows).fill(1);
  let nextColumn = new Float64Array(columns).fill(1);
  const sums = new Float64Array(columns);
  let done = 0;
  while (done < limit) {
    let error = 0;
    sums.fill(0);
    for (let i = 0, at = 0; i < rows; i++, at += columns) {
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += plan[at + j] * columnFactor[j];
      error += Math.abs(rowMass[i] - rowFactor[i] * sum);
      const factor = rowMass[i] > 0 ? rowMass[i] / sum : 1;
      nextRow[i] = factor;
      for (let j = 0; j < columns; j++) sums[j] += plan[at + j] * factor;
    }
    if (error <= tolerance) break;
    for (let j = 0; j < columns; j++) nextColumn[j] = columnMass[j] > 0 ? columnMass[j] / sums[j] : 1;
    if (!isSafe(nextRow) || !isSafe(nextColumn)) break;
    [rowFactor, nextRow] = [nextRow, rowFactor];
    [columnFactor, nextColumn] = [nextColumn, columnFactor];
    done++;
  }
  for (let i = 0; i < rows; i++) f[i] += Math.log(rowFactor[i]);
  for (let j = 0; j < columns; j++) g[j] += Math.log(columnFactor[j]);
  return done;
}

function isSafe(factors: Float64Array): boolean {
  for (const factor of factors) {
    if (!(factor < LARGEST_SCALING && factor > 1 / LARGEST_SCALING)) return false;
  }
  return true;
}

/** Sets f so that the rows sum to their masses; returns by how much they missed them before. */
function scaleRows({ rows, columns, kernel, rowMass, f, g }: Transport): number {
  let error = 0;
  for (let i = 0, at = 0; i < rows; i++, at += columns) {
    if (rowMass[i] === 0) {
      f[i] = -Infinity;
      continue;
    }
    let largest = -Infinity;
    for (let j = 0; j < columns; j++) {
      const value = kernel[at + j] + g[j];
      if (value > largest) largest = value;
    }
    if (largest === -Infinity) throw nowhere(`row ${i}`);
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += Math.exp(kernel[at + j] + g[j] - largest);
    const next = Math.log(rowMass[i]) - largest - Math.log(sum);
    error += rowMass[i] * Math.abs(Math.expm1(f[i] - next));
    f[i] = next;
  }
  return error;
}

/** Sets g so that the columns sum to their masses, walking row by row for the sake of the cache. */
function scaleColumns({ rows, columns, kernel, columnMass, f, g }: Transport): void {
  const largest = new Float64Array(columns).fill(-Infinity);
  const sums = new Float64Array(columns);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) {
      const value = kernel[at] + f[i];
      if (value > largest[j]) largest[j] = value;
    }
  }
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) {
      if (largest[j] > -Infinity) sums[j] += Math.exp(kernel[at] + f[i] - largest[j]);
    }
  }
  for (let j = 0; j < columns; j++) {
    if (columnMass[j] === 0) g[j] = -Infinity;
    else if (largest[j] === -Infinity) throw nowhere(`column ${j}`);
    else g[j] = Math.log(columnMass[j]) - largest[j] - Math.log(sums[j]);
  }
}

function fillPlan({ rows, columns, kernel, f, g }: Transport, plan: Float64Array): void {
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) plan[at] = Math.exp(kernel[at] + f[i] + g[j]);
  }
}

/** What a plan costs, and by how much it misses the masses. */
function measure(
  { rows, columns, rowMass, columnMass }: Transport,
  plan: Float64Array,
  cost: Float32Array | Float64Array,
): { cost: number; marginalError: number } {
  const columnMissing = columnMass.slice();
  let total = 0;
  let marginalError = 0;
  for (let i = 0, at = 0; i < rows; i++) {
    let missing = rowMass[i];
    for (let j = 0; j < columns; j++, at++) {
      missing -= plan[at];
      columnMissing[j] -= plan[at];
      if (plan[at] > 0) total += plan[at] * cost[at];
    }
    marginalError += Math.abs(missing);
  }
  for (const missing of columnMissing) marginalError += Math.abs(missing);
  return { cost: total, marginalError };
}

function nowhere(place: string): InputError {
  return new InputError({
    file: 'transport costs',
    place,
    expected: 'a pair that may carry its mass',
    found: 'an infeasible problem: every such pair is forbidden by +Infinity',
  });
}
