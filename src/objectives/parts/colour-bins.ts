import * as tf from '@tensorflow/tfjs-core';
import { stopGradient } from '../../nn/stop-gradient.ts';

/**
 * a*, and the least and greatest b*, of the grid points (multiples of 10) nearest to the colours of sRGB, 313 in all: as many as
 * Zhang et al. 2016 have, whose own list may differ at its edge.
 */
const gridRows = [
  [-90, 50, 90],
  [-80, 20, 90],
  [-70, 0, 90],
  [-60, -20, 100],
  [-50, -30, 100],
  [-40, -40, 100],
  [-30, -40, 100],
  [-20, -50, 100],
  [-10, -60, 100],
  [0, -70, 100],
  [10, -80, 90],
  [20, -80, 90],
  [30, -90, 90],
  [40, -100, 80],
  [50, -100, 80],
  [60, -110, 80],
  [70, -110, 80],
  [80, -120, 80],
  [90, -110, 70],
  [100, -80, -10],
  [110, -60, -60],
] as const;

/** The colours that a pixel is distributed over: 313 rows of a* and b*. */
export const colourBins: ReadonlyArray<readonly [a: number, b: number]> = gridRows.flatMap(
  ([a, least, greatest]) =>
    Array.from({ length: (greatest - least) / 10 + 1 }, (_, i) => [a, least + 10 * i] as const),
);

/** exp(-d²/2σ²) of squared distances [P, K], each row divided by its sum. */
export function softWeights(squares: tf.Tensor, sigma: number): tf.Tensor {
  const nearest = tf.min(squares, 1, true);
  const weights = tf.exp(tf.div(tf.sub(nearest, squares), 2 * sigma ** 2));
  return tf.div(weights, tf.sum(weights, 1, true));
}

/** Colours [P, 2] as distributions over the bins [P, 313], on the `neighbours` nearest (and what is as near as the last), and the nearest one, int32 [P]. */
export function encodedColours(
  ab: tf.Tensor,
  { neighbours, sigma }: { readonly neighbours: number; readonly sigma: number },
): { readonly target: tf.Tensor; readonly nearest: tf.Tensor } {
  const bins = tf.tensor2d(colourBins.map((bin) => [...bin]));
  const own = tf.sum(tf.square(ab), 1, true);
  const theirs = tf.reshape(tf.sum(tf.square(bins), 1), [1, colourBins.length]);
  const products = tf.matMul(ab as tf.Tensor2D, bins, false, true);
  const squares = tf.add(tf.sub(own, tf.mul(products, 2)), theirs); // [P, 313]
  const { values, indices } = tf.topk(tf.neg(squares), neighbours);
  const [rows] = ab.shape;
  const last = tf.slice(values, [0, neighbours - 1], [rows, 1]);
  const beyond = tf.cast(tf.less(tf.neg(squares), last), 'float32');
  return {
    target: softWeights(tf.add(squares, tf.mul(beyond, 1e9)), sigma),
    nearest: tf.reshape(tf.slice(indices, [0, 0], [rows, 1]), [rows]),
  };
}

/**
 * What each bin counts, from how often it is seen, p [1, K]: 1/((1 - λ)·p + λ·u), u being even over the bins that are seen at all,
 * scaled so that Σ p·w = 1; bins that are never seen count 0. Carries no gradient.
 */
export function rarityWeights(frequencies: tf.Tensor, uniform: number): tf.Tensor {
  const p = stopGradient(frequencies);
  const seen = tf.step(p); // [1, K]
  const even = tf.div(seen, tf.sum(seen));
  const mixed = tf.add(tf.mul(p, 1 - uniform), tf.mul(even, uniform));
  const rarity = tf.div(seen, tf.add(mixed, tf.sub(1, seen)));
  return tf.div(rarity, tf.sum(tf.mul(p, rarity)));
}

/** The colours [P, 2] that logits [P, 313] mean: the mean of the bins under softmax(logits/T), between their mode and their mean. */
export function annealedMean(logits: tf.Tensor, temperature: number): tf.Tensor {
  const sharper = tf.softmax(tf.div(stopGradient(logits), temperature)) as tf.Tensor2D;
  return tf.matMul(sharper, tf.tensor2d(colourBins.map((bin) => [...bin])));
}
