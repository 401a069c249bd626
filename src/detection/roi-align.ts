import * as tf from '@tensorflow/tfjs-core';
import { sampleFeatures } from '../encoders/sample-features.ts';

/** Features of a map [B, C, H, W] in regions: `cells` counts through the stacked maps. Gives [R, C, size, size]. */
export function roiAlign(
  map: tf.Tensor,
  { cells, weights }: { readonly cells: tf.Tensor; readonly weights: tf.Tensor },
  size: number,
): tf.Tensor {
  const rows = sampleFeatures(map, cells, weights);
  const channels = rows.shape[1] as number;
  const regions = (rows.shape[0] as number) / (size * size);
  return tf.transpose(tf.reshape(rows, [regions, size, size, channels]), [0, 3, 1, 2]);
}
