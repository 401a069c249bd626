import { choleskyFactor } from '../../geometry/small-solve.ts';
import type { FitAt, LabelledDesign } from './design.ts';
import { ownProducts, rowProducts, transposed } from './row-products.ts';
import { solveRows } from './solve-rows.ts';

/**
 * Ridge classification: the weights W that make mean |W·x - y|² + penalty · |W|² least, y being 1 at the row's class and 0 at
 * the others, the intercepts left out of |W|². In closed form, by one Cholesky factor a penalty.
 * scikit-learn's RidgeClassifier decides alike at alpha = rows · penalty.
 */
export function ridgeRegression({ design, labels, classes }: LabelledDesign): FitAt {
  const { count, width } = design;
  const columns = transposed(design);
  const products = ownProducts(columns).map((product) => product / count);
  const targets = new Float64Array(classes * count);
  for (let i = 0; i < count; i++) targets[labels[i] * count + i] = 1 / count;
  const right = rowProducts({ rows: targets, count: classes, width: count }, columns);
  return (penalty) => {
    const normal = products.slice();
    for (let k = 0; k < width - 1; k++) normal[k * width + k] += penalty;
    const factor = choleskyFactor(normal, width);
    if (factor === undefined)
      throw new RangeError(`a penalty of ${penalty} is too small beside the features`);
    const weights = solveRows(factor, right.slice(), width);
    // At the minimum, with N·w = r, it is mean y² - w·r; and mean y² over the rows is 1 for all classes together.
    const loss = weights.reduce((left, weight, at) => left - weight * right[at], 1);
    return { weights: { rows: weights, count: classes, width }, loss, converged: true };
  };
}
