import type { FourRowMatrix } from './four-rows.ts';

/** What the rows and the columns of a matrix are to sum to. */
export interface Masses {
  readonly rowMass: Float64Array;
  readonly columnMass: Float64Array;
}

/** How long to go on. */
export interface ScalingLimits {
  /** Rounds done before. */
  readonly done: number;
  /** Rounds at most, those before included. */
  readonly iterations: number;
  /** By how much the rows may miss their masses, in total, when the columns have been scaled. */
  readonly tolerance: number;
}

/** What a number of rounds came to: the factors of the rows and columns. */
export interface Scaling {
  readonly rowFactor: Float64Array;
  readonly columnFactor: Float64Array;
  /** Rounds done, those before included. */
  readonly done: number;
  /** Whether the rows miss their masses by no more than the tolerance. */
  readonly within: boolean;
}

/** Factors beyond this, or below its inverse, are not safe: a double loses track of what they multiply. */
const LARGEST_FACTOR = 1e100;

/**
 * Sinkhorn's rounds in plain factors: each scales the rows to their masses, then the columns. Ends within the tolerance,
 * after the last round, or before a round whose factors are not safe. Rows and columns without mass have to be 0
 * throughout. The column factors lie in a vector of the matrix.
 */
export function scaleInRounds(
  matrix: FourRowMatrix,
  masses: Masses,
  { done, iterations, tolerance }: ScalingLimits,
): Scaling {
  let [now, next] = matrix.vectors.map((vector) => ({
    rowFactor: new Float64Array(masses.rowMass.length).fill(1),
    columnFactor: vector.fill(1),
  }));
  let rounds = done;
  for (; rounds < iterations; rounds++) {
    const missing = round(matrix, masses, now, next);
    if (rounds > 0 && missing <= tolerance) return { ...now, done: rounds, within: true };
    if (!isSafe(next.rowFactor) || !isSafe(next.columnFactor)) break;
    [now, next] = [next, now];
  }
  return { ...now, done: rounds, within: false };
}

type Factors = Pick<Scaling, 'rowFactor' | 'columnFactor'>;

/** Sets the next factors in one pass over the matrix; returns by how much the rows miss their masses with those of now. */
function round(matrix: FourRowMatrix, { rowMass, columnMass }: Masses, now: Factors, next: Factors): number {
  const { four } = matrix;
  const sums = next.columnFactor.fill(0);
  let missing = 0;
  for (let first = 0; first < rowMass.length; first += 4) {
    matrix.multiply(first, now.columnFactor);
    for (let k = 0, i = first; k < 4 && i < rowMass.length; k++, i++) {
      missing += Math.abs(rowMass[i] - now.rowFactor[i] * four[k]);
      four[k] = rowMass[i] > 0 ? rowMass[i] / four[k] : 1;
      next.rowFactor[i] = four[k];
    }
    matrix.add(first, sums);
  }
  for (let j = 0; j < sums.length; j++) sums[j] = columnMass[j] > 0 ? columnMass[j] / sums[j] : 1;
  return missing;
}

function isSafe(factors: Float64Array): boolean {
  for (let k = 0; k < factors.length; k++) {
    if (!(factors[k] < LARGEST_FACTOR && factors[k] > 1 / LARGEST_FACTOR)) return false;
  }
  return true;
}
