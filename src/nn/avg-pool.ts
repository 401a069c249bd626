import * as tf from '@tensorflow/tfjs-core';

/** The mean of every two by two pixels of [N, C, H, W], both sides even: [N, C, H/2, W/2]. */
export function avgPool2x2(x: tf.Tensor): tf.Tensor {
  // tfjs pools with the channels last.
  const image = tf.transpose(x, [0, 2, 3, 1]) as tf.Tensor4D;
  return tf.transpose(tf.avgPool(image, 2, 2, 'valid'), [0, 3, 1, 2]);
}
