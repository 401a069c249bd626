import type { Features } from './features.ts';
import { type Rows, rowProducts } from './row-products.ts';

/** What brings columns to mean 0 and deviation 1: subtract `mean`, multiply by `scale`. */
export interface Scaling {
  readonly mean: Float64Array;
  /** 0 for a column that does not vary, which is so left out. */
  readonly scale: Float64Array;
}

/** A column whose deviation is below this share of its largest number holds nothing but the rounding of single precision. */
const ROUNDING = 1e-6;

/** The scaling that gives these rows columns of mean 0 and deviation 1. */
export function scalingOf({ rows, count, width }: Features): Scaling {
  const mean = new Float64Array(width);
  const square = new Float64Array(width);
  const most = new Float64Array(width);
  for (let at = 0; at < rows.length; at++) {
    const column = at % width;
    mean[column] += rows[at] / count;
    most[column] = Math.max(most[column], Math.abs(rows[at]));
  }
  for (let at = 0; at < rows.length; at++) square[at % width] += (rows[at] - mean[at % width]) ** 2;
  const scale = square.map((sum, column) => {
    const deviation = Math.sqrt(sum / count);
    return deviation > ROUNDING * most[column] ? 1 / deviation : 0;
  });
  return { mean, scale };
}

/** The rows scaled, each with a one after it, [count, width + 1]: the weight of the last column is the intercept. */
export function designOf({ rows, count, width }: Features, { mean, scale }: Scaling): Rows {
  const design = new Float32Array(count * (width + 1));
  for (let i = 0; i < count; i++) {
    const begin = i * (width + 1);
    for (let k = 0; k < width; k++) design[begin + k] = (rows[i * width + k] - mean[k]) * scale[k];
    design[begin + width] = 1;
  }
  return { rows: design, count, width: width + 1 };
}

/** A linear classifier: a row of weights for each class, the intercept last. */
export interface LinearFit {
  readonly weights: Rows;
  /** What the weights were to make least, the penalty in it. */
  readonly loss: number;
  /** Whether the weights are as near to the best ones as asked. */
  readonly converged: boolean;
}

/** Rows and their classes, 0 to classes - 1, every one of which occurs. */
export interface LabelledDesign {
  readonly design: Rows;
  readonly labels: Int32Array;
  readonly classes: number;
}

/** The best weights at a penalty; `start` is where a search may begin. */
export type FitAt = (penalty: number, start?: LinearFit) => LinearFit;

/** The value of each class, [count · classes], for each row of a design. */
export function scoresOf(design: Rows, { weights }: LinearFit): Float64Array {
  return rowProducts(design, weights);
}
