import * as tf from '@tensorflow/tfjs-core';
import { gatherRows } from '../pointcloud/grouping.ts';

/**
 * Features [B, C, H, W] at places: `cells` int32 [P·4] counts through the stacked maps (image·H·W + cell), `weights`
 * float32 [P·4]. Gives rows [P, C].
 *
 * @example
 * import '@tensorflow/tfjs-backend-cpu';
 * // Halfway between the two cells of a map of one channel.
 * const map = tf.tensor4d([1, 3], [1, 1, 1, 2]);
 * const cells = tf.tensor1d([0, 1, 0, 0], 'int32');
 * sampleFeatures(map, cells, tf.tensor1d([0.5, 0.5, 0, 0])).arraySync(); // [[2]]
 */
export function sampleFeatures(features: tf.Tensor, cells: tf.Tensor, weights: tf.Tensor): tf.Tensor {
  const [batch, channels, height, width] = features.shape;
  const rows = tf.reshape(tf.transpose(features, [0, 2, 3, 1]), [batch * height * width, channels]);
  const corners = tf.reshape(gatherRows(rows, cells), [weights.size / 4, 4, channels]);
  return tf.sum(tf.mul(corners, tf.reshape(weights, [-1, 4, 1])), 1);
}
