import * as tf from '@tensorflow/tfjs-core';
import { gatherRows } from '../pointcloud/grouping.ts';

/**
 * Features [B, C, H, W] at places: `cells` int32 [P·4] counts through the stacked maps (image·H·W + cell), `weights`
 * float32 [P·4]. Gives rows [P, C].
 */
export function sampleFeatures(features: tf.Tensor, cells: tf.Tensor, weights: tf.Tensor): tf.Tensor {
  const [batch, channels, height, width] = features.shape;
  const rows = tf.reshape(tf.transpose(features, [0, 2, 3, 1]), [batch * height * width, channels]);
  const corners = tf.reshape(gatherRows(rows, cells), [weights.size / 4, 4, channels]);
  return tf.sum(tf.mul(corners, tf.reshape(weights, [-1, 4, 1])), 1);
}
