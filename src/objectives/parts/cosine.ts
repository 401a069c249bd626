import * as tf from '@tensorflow/tfjs-core';
import { l2Normalize } from '../../nn/l2-normalize.ts';
import { stopGradient } from '../../nn/stop-gradient.ts';

/** The mean over rows [N, D] of the cosine between a prediction and its target, -1 to 1. Gradient flows to the predictions alone. */
export function meanCosine(predictions: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  const [rows] = predictions.shape;
  const products = tf.mul(l2Normalize(predictions), l2Normalize(stopGradient(targets)));
  return tf.div(tf.sum(products), rows) as tf.Scalar;
}
