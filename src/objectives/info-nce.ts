import * as tf from '@tensorflow/tfjs-core';
import { gatherRows, overCount } from '../engine/ranks/collectives.ts';
import { stopGradient } from '../nn/stop-gradient.ts';

/** A contrastive loss, and how often the right key was the nearest, or among the nearest five. */
export interface InfoNce {
  readonly loss: tf.Scalar;
  readonly top1: tf.Scalar;
  readonly top5: tf.Scalar;
}

/** Logits within this of the right one count as ties, and ties as misses: a collapsed encoder retrieves nothing. */
const tieMargin = 1e-4;

/**
 * InfoNCE (van den Oord et al. 2018): −1/Σw · Σ_i w_i · log( exp(q_i·k_i/τ) / Σ_j exp(q_i·k_j/τ) ), for L2-normalised
 * rows q and k [R, D], of which the i-th belong together. `weights` [R] says which queries count; every key is a
 * negative of every other query, whatever its weight. With `absent`, keys of weight 0 are no negatives either, as if their
 * rows were not there. Over ranks the keys are those of all.
 *
 * @example
 * import '@tensorflow/tfjs-backend-cpu';
 * const rows = tf.tensor2d([[1, 0], [0, 1]]);
 * const { loss, top1 } = infoNce(rows, rows, { temperature: 1, weights: tf.ones([2]) });
 * loss.arraySync(); // 0.3133
 * top1.arraySync(); // 1
 */
export function infoNce(
  queries: tf.Tensor,
  keys: tf.Tensor,
  options: { readonly temperature: number; readonly weights: tf.Tensor; readonly absent?: boolean },
): InfoNce {
  const { temperature, weights, absent = false } = options;
  const scale = 1 / temperature;
  const similarities = tf.mul(tf.matMul(queries, gatherRows(keys), false, true), scale); // [R, R]
  const logits = absent ? tf.sub(similarities, tf.mul(tf.sub(1, gatherRows(weights)), 1e9)) : similarities;
  const positives = tf.mul(tf.sum(tf.mul(queries, keys), 1), scale); // [R]
  // The highest logit, not its bound 1/τ: below τ = 0.02 rows without a near key would vanish in float32.
  const highest = tf.max(stopGradient(logits), 1, true); // [R, 1]
  const sums = tf.sum(tf.exp(tf.sub(logits, highest)), 1);
  const normalizers = tf.add(tf.log(sums), tf.reshape(highest, [-1])); // [R]
  const count = tf.sum(weights);
  const mean = (rows: tf.Tensor) => overCount(tf.sum(tf.mul(rows, weights)), count);
  const atLeast = tf.greaterEqual(logits, tf.reshape(tf.sub(positives, tieMargin), [-1, 1]));
  const rank = tf.sum(tf.cast(atLeast, 'float32'), 1); // [R], 1 for the nearest
  const within = (places: number) => mean(tf.cast(tf.lessEqual(rank, places), 'float32'));
  return { loss: mean(tf.sub(normalizers, positives)), top1: within(1), top5: within(5) };
}
