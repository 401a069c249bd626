import * as tf from '@tensorflow/tfjs-core';
import { allReduceMean, gatherRows, ranks } from '../engine/ranks/collectives.ts';
import type { Tree } from '../engine/tree.ts';
import { withGradient } from './custom-gradient.ts';
import { constant } from './initializers.ts';
import { type Applied, type Initialized, leafAt, type Mode } from './layer.ts';
import { stopGradient } from './stop-gradient.ts';

/** eps is added to the variance; momentum is PyTorch's: running ← (1 − momentum)·running + momentum·batch. */
export interface BatchNormOptions {
  readonly eps: number;
  readonly momentum: number;
}

/** What PyTorch starts with. */
export const defaultBatchNorm: BatchNormOptions = { eps: 1e-5, momentum: 0.1 };

/**
 * `weight` and `bias` [C], and the statistics `running_mean` and `running_var` [C], named as PyTorch names them. `learned`
 * says which of the two there are: both by default, the scale alone, or none (PyTorch's `affine=False`).
 */
export function initBatchNorm(
  channels: number,
  { learned = 'both' }: { readonly learned?: 'both' | 'scale' | 'none' } = {},
): Initialized {
  const weight = constant([channels], 1);
  const bias = constant([channels], 0);
  return {
    params: learned === 'both' ? { weight, bias } : learned === 'scale' ? { weight } : {},
    stats: { running_mean: constant([channels], 0), running_var: constant([channels], 1) },
  };
}

/**
 * Batch normalisation of rows [R, C] or images [N, C, H, W] over everything but C (Ioffe and Szegedy 2015).
 * Training normalises by the biased variance of the batch and moves the running one by the unbiased one.
 * `inputBias` [C] stands for a bias that x should carry but does not: it cancels in training, where it only moves the
 * running mean (its gradient is exactly 0), and at evaluation it is part of the shift; so it costs no pass over x.
 * A scale or shift that `params` does not have is 1 or 0. Throws when training on one value a channel.
 *
 * @example
 * import '@tensorflow/tfjs-backend-cpu';
 * const params = { weight: tf.ones([1]), bias: tf.zeros([1]) };
 * const stats = { running_mean: tf.zeros([1]), running_var: tf.ones([1]) };
 * const rows = tf.tensor2d([[1], [3]]);
 * const { y, stats: next } = batchNorm(params, stats, rows, { eps: 0, momentum: 0.1, training: true });
 * y.arraySync(); // [[-1], [1]]
 * leafAt(next, 'running_mean').arraySync(); // [0.2]
 */
export function batchNorm(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  x: tf.Tensor,
  options: BatchNormOptions & Mode & { readonly inputBias?: tf.Tensor },
): Applied {
  const { eps, momentum, inputBias } = options;
  const channels = [x.shape[1] as number];
  const weight = 'weight' in params ? leafAt(params, 'weight') : tf.ones(channels);
  const bias = 'bias' in params ? leafAt(params, 'bias') : tf.zeros(channels);
  const runningMean = leafAt(stats, 'running_mean');
  const runningVariance = leafAt(stats, 'running_var');
  const { axes, broadcast, count } = layoutOf(x);
  if (!options.training) {
    const scale = tf.mul(weight, tf.rsqrt(tf.add(runningVariance, eps)));
    const mean = inputBias === undefined ? runningMean : tf.sub(runningMean, inputBias);
    const shift = tf.sub(bias, tf.mul(mean, scale));
    return { y: tf.add(tf.mul(x, tf.reshape(scale, broadcast)), tf.reshape(shift, broadcast)), stats };
  }
  const seen = scope === 'synchronised' ? count * ranks() : count;
  if (seen < 2) throw new Error(`batch norm cannot train on one value a channel, as x of [${x.shape}] has`);
  // Taken of a detached x: the closed form below already holds what flows through the mean and the variance.
  const values = stopGradient(x);
  const ownMean = tf.mul(tf.sum(values, axes, true), 1 / count);
  const ownCentered = tf.sub(values, ownMean);
  const ownVariance = tf.mul(tf.sum(tf.square(ownCentered), axes, true), 1 / count);
  const overRanks = ranks() > 1;
  const { mean, variance } =
    overRanks && scope === 'synchronised'
      ? statisticsOfAll(ownMean, ownVariance)
      : { mean: ownMean, variance: ownVariance };
  const centered = mean === ownMean ? ownCentered : tf.sub(values, mean);
  const inverse = tf.rsqrt(tf.add(variance, eps));
  const observedMean = tf.reshape(mean, [-1]);
  const biasedMean = inputBias === undefined ? observedMean : tf.add(observedMean, stopGradient(inputBias));
  // All ranks remember the same, whatever each of them normalises by.
  const remembered = (statistic: tf.Tensor) =>
    scope === 'synchronised' ? statistic : allReduceMean(statistic, { late: true });
  return {
    y: normalize({ x, centered, inverse, weight, bias, inputBias, axes, broadcast, count }),
    stats: {
      running_mean: blend(runningMean, remembered(biasedMean), momentum, 1),
      running_var: blend(
        runningVariance,
        remembered(tf.reshape(variance, [-1])),
        momentum,
        seen / (seen - 1),
      ),
    },
  };
}

/**
 * Over which rows a step over ranks normalises while it trains: `synchronised`, those of all ranks, so that any number of ranks
 * computes what one would; or each `rank` its own, with running statistics that are averaged over ranks.
 */
export type BatchNormScope = 'synchronised' | 'rank';

let scope: BatchNormScope = 'synchronised';

/** Runs `body`, which captures a step, with batch norms over these rows; `synchronised` outside of it. */
export function withBatchNorm<Result>(over: BatchNormScope, body: () => Result): Result {
  const before = scope;
  scope = over;
  try {
    return body();
  } finally {
    scope = before;
  }
}

/**
 * Mean and biased variance of the rows of all ranks, from those of each: var = mean(var_r) + mean((mean_r - mean)²), which loses
 * no digits where means are large (Chan, Golub and LeVeque 1983). All ranks have as many rows.
 */
function statisticsOfAll(mean: tf.Tensor, variance: tf.Tensor): { mean: tf.Tensor; variance: tf.Tensor } {
  const each = gatherRows(
    tf.reshape(tf.concat([tf.reshape(mean, [-1]), tf.reshape(variance, [-1])]), [1, -1]),
  );
  const [means, variances] = tf.split(each, 2, 1); // [N, C] each
  const whole = tf.mean(means, 0, true);
  const between = tf.mean(tf.square(tf.sub(means, whole)), 0, true);
  const all = tf.add(tf.mean(variances, 0, true), between);
  return { mean: tf.reshape(whole, mean.shape), variance: tf.reshape(all, variance.shape) };
}

/** centered·(inverse·weight) + bias, with dx = weight·inverse·(dy − mean(dy) − x̂·mean(dy·x̂)), x̂ = centered·inverse. */
function normalize(terms: {
  readonly x: tf.Tensor;
  readonly centered: tf.Tensor;
  readonly inverse: tf.Tensor;
  readonly weight: tf.Tensor;
  readonly bias: tf.Tensor;
  readonly inputBias: tf.Tensor | undefined;
  readonly axes: number[];
  readonly broadcast: number[];
  readonly count: number;
}): tf.Tensor {
  const { x, centered, inverse, weight, bias, inputBias, axes, broadcast, count } = terms;
  const inputs = inputBias === undefined ? [x, weight, bias] : [x, weight, bias, inputBias];
  return withGradient(
    inputs,
    () => {
      const scale = tf.mul(inverse, tf.reshape(weight, broadcast));
      const value = tf.add(tf.mul(centered, scale), tf.reshape(bias, broadcast));
      return { value, saved: [centered, inverse, scale] };
    },
    (dy, [centered, inverse, scale]) => {
      const sum = tf.sum(dy, axes, true);
      const product = tf.mul(tf.sum(tf.mul(dy, centered), axes, true), inverse);
      // Weight and bias have the rank's own gradients; what flows to x comes from all rows that were normalised with it.
      const [sums, products] = scope === 'synchronised' ? meansOfAll([sum, product]) : [sum, product];
      const slope = tf.mul(tf.mul(products, inverse), 1 / count);
      const rest = tf.sub(dy, tf.mul(centered, slope));
      const dx = tf.mul(tf.sub(rest, tf.mul(sums, 1 / count)), scale);
      const grads = [dx, tf.reshape(product, [-1]), tf.reshape(sum, [-1])];
      return inputBias === undefined ? grads : [...grads, tf.zeros(inputBias.shape)];
    },
  );
}

/** The means over ranks of vectors of one length, in one go. */
function meansOfAll(vectors: readonly tf.Tensor[]): readonly tf.Tensor[] {
  if (ranks() === 1) return vectors;
  const all = allReduceMean(tf.concat(vectors.map((vector) => tf.reshape(vector, [-1]))));
  return tf.split(all, vectors.length).map((part, i) => tf.reshape(part, vectors[i].shape));
}

/** The axes that statistics are taken over, a channel vector's shape for broadcasting, and the values a channel. */
function layoutOf(x: tf.Tensor): { axes: number[]; broadcast: number[]; count: number } {
  const shape: readonly number[] = x.shape;
  const channels = shape[1];
  const count = x.size / channels;
  if (shape.length === 2) return { axes: [0], broadcast: [1, channels], count };
  if (shape.length === 4) return { axes: [0, 2, 3], broadcast: [1, channels, 1, 1], count };
  throw new Error(`batch norm takes rows [R, C] or images [N, C, H, W], not [${x.shape}]`);
}

function blend(running: tf.Tensor, batch: tf.Tensor, momentum: number, factor: number): tf.Tensor {
  return tf.add(tf.mul(running, 1 - momentum), tf.mul(batch, momentum * factor));
}
