import { InputError } from '../engine/input-error.ts';
import { type FourRowMatrix, fourRowMatrix } from './four-rows.ts';
import { type Scaling, scaleInRounds } from './scaling-rounds.ts';
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

/** A problem and where it stands: the plan is exp(f[i] + g[j] - cost[i][j] / epsilon); f and g are in units of epsilon. */
interface Transport {
  readonly rows: number;
  readonly columns: number;
  readonly cost: Float32Array | Float64Array;
  readonly epsilon: number;
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
  const f = rowMass.map((mass, i) => (mass > 0 ? leastOfRow(cost, i, columns) / epsilon : -Infinity));
  const g = columnMass.map((mass) => (mass > 0 ? 0 : -Infinity));
  const transport: Transport = { rows, columns, cost, epsilon, rowMass, columnMass, f, g };
  const matrix = fourRowMatrix(rows, columns);

  for (let rounds = 0; ; ) {
    fill(matrix, transport);
    const scaling = scaleInRounds(matrix, transport, { done: rounds, iterations, tolerance });
    const { done, within, rowFactor, columnFactor } = scaling;
    if (within || done === iterations) {
      return { ...scaledPlan(transport, matrix, scaling), iterations: done };
    }
    for (let i = 0; i < rows; i++) f[i] += Math.log(rowFactor[i]);
    for (let j = 0; j < columns; j++) g[j] += Math.log(columnFactor[j]);
    scaleRows(transport);
    scaleColumns(transport);
    rounds = done + 1;
  }
}

/** The least cost of a row, for a start in which no row of the plan underflows. */
function leastOfRow(cost: Float32Array | Float64Array, row: number, columns: number): number {
  let least = Infinity;
  for (let at = row * columns; at < (row + 1) * columns; at++) if (cost[at] < least) least = cost[at];
  if (least === Infinity) throw nowhere(`row ${row}`);
  return least;
}

/** Fills a matrix with the plan. */
function fill({ matrix, stride }: FourRowMatrix, { rows, columns, cost, epsilon, f, g }: Transport): void {
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) {
      matrix[i * stride + j] = Math.exp(f[i] + g[j] - cost[at] / epsilon);
    }
  }
}

/** The matrix times the factors of its rows and columns, what that plan costs, and by how much it misses the masses. */
function scaledPlan(
  { rows, columns, cost, rowMass, columnMass }: Transport,
  { matrix, stride }: FourRowMatrix,
  { rowFactor, columnFactor }: Scaling,
): Omit<TransportPlan, 'iterations'> {
  const plan = new Float64Array(rows * columns);
  const columnMissing = columnMass.slice();
  let total = 0;
  let marginalError = 0;
  for (let i = 0, at = 0; i < rows; i++) {
    let missing = rowMass[i];
    for (let j = 0; j < columns; j++, at++) {
      const moved = matrix[i * stride + j] * rowFactor[i] * columnFactor[j];
      plan[at] = moved;
      missing -= moved;
      columnMissing[j] -= moved;
      if (moved > 0) total += moved * cost[at];
    }
    marginalError += Math.abs(missing);
  }
  for (const missing of columnMissing) marginalError += Math.abs(missing);
  return { plan, cost: total, marginalError };
}

/** Sets f so that the rows sum to their masses. */
function scaleRows({ rows, columns, cost, epsilon, rowMass, f, g }: Transport): void {
  for (let i = 0, at = 0; i < rows; i++, at += columns) {
    if (rowMass[i] === 0) continue;
    let largest = -Infinity;
    for (let j = 0; j < columns; j++) largest = Math.max(largest, g[j] - cost[at + j] / epsilon);
    if (largest === -Infinity) throw nowhere(`row ${i}`);
    let sum = 0;
    for (let j = 0; j < columns; j++) sum += Math.exp(g[j] - cost[at + j] / epsilon - largest);
    f[i] = Math.log(rowMass[i]) - largest - Math.log(sum);
  }
}

/** Sets g so that the columns sum to their masses, walking row by row for the sake of the cache. */
function scaleColumns({ rows, columns, cost, epsilon, columnMass, f, g }: Transport): void {
  const largest = new Float64Array(columns).fill(-Infinity);
  const sums = new Float64Array(columns);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) largest[j] = Math.max(largest[j], f[i] - cost[at] / epsilon);
  }
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) {
      if (largest[j] > -Infinity) sums[j] += Math.exp(f[i] - cost[at] / epsilon - largest[j]);
    }
  }
  for (let j = 0; j < columns; j++) {
    if (columnMass[j] === 0) continue;
    if (largest[j] === -Infinity) throw nowhere(`column ${j}`);
    g[j] = Math.log(columnMass[j]) - largest[j] - Math.log(sums[j]);
  }
}

function nowhere(place: string): InputError {
  return new InputError({
    file: 'transport costs',
    place,
    expected: 'a pair that may carry its mass',
    found: 'an infeasible problem: every such pair is forbidden by +Infinity',
  });
}
