import { symmetricEigenvalues } from '../../geometry/symmetric-eigenvalues.ts';
import { checkFeatures, type Features, normalizedRows } from './features.ts';
import { ownProducts, type Rows, transposed } from './row-products.ts';

/** Nothing of the sort; few directions in use; or one and the same direction for every item. */
export type Collapse = 'none' | 'dimensional' | 'complete';

/** How far features spread over the directions that they could have. */
export interface FeatureSpread {
  /** Of the centred rows, falling, one for each of `largestRank` directions. */
  readonly singularValues: Float64Array;
  readonly effectiveRank: number;
  /** What the effective rank cannot exceed: the lesser of the columns and the rows (one less where they are centred). */
  readonly largestRank: number;
  /** Standard deviation of the rows at length one, a mean over the columns. */
  readonly deviation: number;
  /** 1/√width: the deviation of rows whose directions are spread evenly. */
  readonly evenDeviation: number;
  readonly collapse: Collapse;
  /** The verdict and its numbers in words. */
  readonly sentence: string;
}

export interface SpreadOptions {
  /** Take the mean row away before the singular values, as is the default; RankMe leaves it in. */
  readonly centred?: boolean;
  /** Collapse is complete where the deviation is below this share of 1/√width; 0.01 by default. */
  readonly completeBelow?: number;
  /** Collapse is dimensional where the effective rank is below this share of the largest; 0.05 by default. */
  readonly dimensionalBelow?: number;
}

/**
 * exp(-Σ p ln p) with p the singular values by their sum (Roy and Vetterli 2007, The effective rank: a measure of effective
 * dimensionality): n for n equal ones, 1 for a single one, 0 where all are zero.
 */
export function effectiveRank(singularValues: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < singularValues.length; k++) sum += singularValues[k];
  if (sum === 0) return 0;
  let entropy = 0;
  for (let k = 0; k < singularValues.length; k++) {
    const share = singularValues[k] / sum;
    if (share > 0) entropy -= share * Math.log(share);
  }
  return Math.exp(entropy);
}

/**
 * The effective rank of centred features, the deviation of their directions, and whether they have collapsed.
 * The mean is taken away because features behind a ReLU all have a large one, which says nothing of what sets items apart;
 * RankMe (Garrido et al. 2023) is the same without that, `centred: false`. The deviation of rows z / |z| is SimSiam's
 * measure (Chen and He 2021, section 4.1). 5,000 rows of 512 take less than a second. Throws as `checkFeatures` does.
 */
export function featureSpread(features: Features, options: SpreadOptions = {}): FeatureSpread {
  checkFeatures(features);
  const { centred = true, completeBelow = 0.01, dimensionalBelow = 0.05 } = options;
  const largestRank = Math.min(features.width, centred ? features.count - 1 : features.count);
  const singularValues = singularValuesOf(centred ? centredRows(features) : features).slice(0, largestRank);
  const rank = effectiveRank(singularValues);
  const deviation = meanDeviation(normalizedRows(features));
  const evenDeviation = 1 / Math.sqrt(features.width);
  const collapse: Collapse =
    deviation < completeBelow * evenDeviation
      ? 'complete'
      : rank < dimensionalBelow * largestRank
        ? 'dimensional'
        : 'none';
  const numbers =
    `effective rank ${rank.toFixed(1)} of ${largestRank}; deviation ${deviation.toPrecision(2)}, ` +
    `${evenDeviation.toPrecision(2)} where directions are spread evenly`;
  const verdicts = {
    none: 'The features have not collapsed',
    dimensional: `The features have collapsed in dimension: they vary in less than ${percent(dimensionalBelow)} of the directions they could have`,
    complete: 'The features have collapsed: all items have nearly the same one',
  };
  const sentence = `${verdicts[collapse]} (${numbers}).`;
  return { singularValues, effectiveRank: rank, largestRank, deviation, evenDeviation, collapse, sentence };
}

/** Falling; from the eigenvalues of the smaller of the two matrices of products, whose square roots they are. */
function singularValuesOf(features: Rows): Float64Array {
  const rows = features.width <= features.count ? transposed(features) : features;
  const squares = symmetricEigenvalues(ownProducts(rows), rows.count).reverse();
  // What is below the rounding of the largest is not known, and would count by its square root.
  const least = squares[0] * Number.EPSILON * Math.max(features.count, features.width);
  return squares.map((square) => (square > least ? Math.sqrt(square) : 0));
}

function centredRows({ rows, count, width }: Features): Rows {
  const mean = meanRow(rows, width);
  const centred = new Float64Array(rows.length);
  for (let at = 0; at < rows.length; at++) centred[at] = rows[at] - mean[at % width];
  return { rows: centred, count, width };
}

function meanDeviation({ rows, count, width }: Features): number {
  const mean = meanRow(rows, width);
  const squares = new Float64Array(width);
  for (let at = 0; at < rows.length; at++) squares[at % width] += (rows[at] - mean[at % width]) ** 2;
  return squares.reduce((sum, square) => sum + Math.sqrt(square / count), 0) / width;
}

function meanRow(rows: Float32Array, width: number): Float64Array {
  const mean = new Float64Array(width);
  for (let at = 0; at < rows.length; at++) mean[at % width] += rows[at];
  return mean.map((sum) => (sum * width) / rows.length);
}

function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
