import * as tf from '@tensorflow/tfjs-core';

/** x·Φ(x), Φ the normal distribution function (Hendrycks and Gimpel 2016), not its approximation by a tanh. */
export function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}
