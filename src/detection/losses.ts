import * as tf from '@tensorflow/tfjs-core';
import { overCount } from '../engine/ranks/collectives.ts';

/** log(1 + exp(x)), without overflow. */
export function softplus(x: tf.Tensor): tf.Tensor {
  return tf.add(tf.relu(x), tf.log1p(tf.exp(tf.neg(tf.abs(x)))));
}

/** Binary cross-entropy of logits against targets from 0 to 1, element by element. */
export function binaryCrossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return tf.sub(softplus(logits), tf.mul(logits, targets));
}

/**
 * Focal loss of logits against targets 0 or 1, element by element (Lin et al. 2017):
 * -α·(1 - p)^γ·log p for 1 and -(1 - α)·p^γ·log(1 - p) for 0.
 */
export function focalLoss(
  logits: tf.Tensor,
  targets: tf.Tensor,
  { alpha = 0.25, gamma = 2 }: { readonly alpha?: number; readonly gamma?: number } = {},
): tf.Tensor {
  const p = tf.sigmoid(logits);
  const wrong = tf.add(tf.mul(targets, tf.sub(1, tf.mul(p, 2))), p); // 1 - p for 1, p for 0
  const side = tf.add(tf.mul(targets, 2 * alpha - 1), 1 - alpha);
  return tf.mul(tf.mul(side, tf.pow(wrong, gamma)), binaryCrossEntropy(logits, targets));
}

/** Smooth L1, element by element: e²/(2β) for |e| < β, else |e| - β/2 (Girshick 2015). */
export function smoothL1(error: tf.Tensor, beta = 1): tf.Tensor {
  const size = tf.abs(error);
  const small = tf.minimum(size, beta);
  return tf.add(tf.div(tf.square(small), 2 * beta), tf.sub(size, small));
}

/** Cross-entropy of rows of logits [N, K] against rows of targets that sum to 1, one value a row. */
export function softmaxCrossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  const highest = tf.max(logits, 1, true);
  const shifted = tf.sub(logits, highest);
  const logSum = tf.log(tf.sum(tf.exp(shifted), 1));
  return tf.sub(logSum, tf.sum(tf.mul(shifted, targets), 1));
}

/** The weighted sum of a loss's terms. */
export function weightedTotal(
  terms: { readonly [term: string]: tf.Scalar },
  weights: { readonly [term: string]: number },
): tf.Scalar {
  return tf.addN(Object.entries(terms).map(([term, value]) => tf.mul(value, weights[term]))) as tf.Scalar;
}

/** The sum over weighted elements, divided by a count that is at least 1; over ranks, by what they count together. */
export function weightedSum(values: tf.Tensor, weights: tf.Tensor, count: tf.Tensor): tf.Scalar {
  return overCount(tf.sum(tf.mul(values, weights)), count);
}
