import { choleskyFactor } from '../../geometry/small-solve.ts';
import type { FitAt, LabelledDesign } from './design.ts';
import { type Evaluation, minimize } from './lbfgs.ts';
import { ownProducts, type Rows, rowProducts, transposed } from './row-products.ts';
import { solveRows } from './solve-rows.ts';

export interface SoftmaxOptions {
  /** Stops where no derivative of the loss by a weight is larger; 1e-6 by default. */
  readonly tolerance?: number;
  /** 500 by default. */
  readonly mostSteps?: number;
}

/**
 * Multinomial logistic regression: the weights W that make
 * mean cross-entropy of softmax(W·x) + penalty/2 · |W|², the intercepts left out of |W|²,
 * least. scikit-learn's LogisticRegression has the same minimum at C = 1 / (rows · penalty).
 * L-BFGS whose first estimate of the second derivatives is the one at W = 0, XᵀX/(rows·classes) + penalty for each class:
 * with it some 20 passes over the rows do where plain L-BFGS needs hundreds.
 */
export function softmaxRegression(data: LabelledDesign, options: SoftmaxOptions = {}): FitAt {
  const { design, classes } = data;
  const { tolerance = 1e-6, mostSteps = 500 } = options;
  const columns = transposed(design);
  const products = ownProducts(columns);
  return (penalty, start) => {
    const minimum = minimize(
      (weights) => lossAt(data, columns, { weights, penalty }),
      start === undefined ? new Float64Array(classes * design.width) : Float64Array.from(start.weights.rows),
      { tolerance, mostSteps, precondition: curvatureInverse(products, data, penalty) },
    );
    const weights = { rows: minimum.point, count: classes, width: design.width };
    return { weights, loss: minimum.value, converged: minimum.converged };
  };
}

/** The mean cross-entropy of the softmax of scores, [count · classes]. */
function crossEntropy(
  scores: Float64Array,
  { labels, classes }: { readonly labels: Int32Array; readonly classes: number },
): number {
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const begin = i * classes;
    sum += logSum(scores, begin, classes) - scores[begin + labels[i]];
  }
  return sum / labels.length;
}

function lossAt(
  { design, labels, classes }: LabelledDesign,
  columns: Rows,
  { weights, penalty }: { readonly weights: Float64Array; readonly penalty: number },
): Evaluation {
  const { count, width } = design;
  const scores = rowProducts(design, { rows: weights, count: classes, width });
  let value = crossEntropy(scores, { labels, classes });
  // [classes, count]: probability minus one for the right class, by the number of rows.
  const residuals = new Float64Array(classes * count);
  for (let i = 0; i < count; i++) {
    const all = logSum(scores, i * classes, classes);
    for (let c = 0; c < classes; c++) {
      const error = Math.exp(scores[i * classes + c] - all) - (c === labels[i] ? 1 : 0);
      residuals[c * count + i] = error / count;
    }
  }
  const gradient = rowProducts({ rows: residuals, count: classes, width: count }, columns);
  for (let at = 0; at < weights.length; at++) {
    if (at % width === width - 1) continue;
    value += (penalty / 2) * weights[at] * weights[at];
    gradient[at] += penalty * weights[at];
  }
  return { value, gradient };
}

/** Second derivatives at W = 0, the same for each class; solved for all classes. */
function curvatureInverse(
  products: Float64Array,
  { design, classes }: LabelledDesign,
  penalty: number,
): (vector: Float64Array) => Float64Array {
  const { count, width } = design;
  const curvature = products.map((product) => product / (count * classes));
  for (let k = 0; k < width - 1; k++) curvature[k * width + k] += penalty;
  const factor = choleskyFactor(curvature, width);
  if (factor === undefined) throw new RangeError(`a penalty of ${penalty} is too small beside the features`);
  return (vector) => solveRows(factor, vector.slice(), width);
}

/** ln Σ exp of `count` numbers. */
function logSum(scores: Float64Array, begin: number, count: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let c = begin; c < begin + count; c++) most = Math.max(most, scores[c]);
  let sum = 0;
  for (let c = begin; c < begin + count; c++) sum += Math.exp(scores[c] - most);
  return most + Math.log(sum);
}
