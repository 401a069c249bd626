import * as tf from '@tensorflow/tfjs-core';

/**
 * Max pooling of [N, C, H, W] with a kernel of 3, stride 2 and padding 1, to [N, C, ⌈H/2⌉, ⌈W/2⌉].
 * The gradient goes to the first of the largest elements of a window, row by row.
 */
export function maxPool3x3Stride2(x: tf.Tensor): tf.Tensor {
  // tfjs pools with the channels last; captured, the two transpositions cancel.
  const image = tf.transpose(x, [0, 2, 3, 1]) as tf.Tensor4D;
  return tf.transpose(tf.maxPool(image, 3, 2, 1, 'floor'), [0, 3, 1, 2]);
}
