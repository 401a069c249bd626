import * as tf from '@tensorflow/tfjs-core';
import { allReduceMean } from '../../engine/ranks/collectives.ts';
import { stopGradient } from '../../nn/stop-gradient.ts';

/**
 * The mean over columns of the deviation of L2-normalised rows [R, D], times √D: about 1 where rows point everywhere alike,
 * 0 where all are the same (complete collapse; Chen and He 2021).
 */
export function spreadOf(rows: tf.Tensor): tf.Scalar {
  const values = stopGradient(rows);
  const [, width] = values.shape as [number, number];
  const centred = tf.sub(values, allReduceMean(tf.mean(values, 0, true)));
  const variance = allReduceMean(tf.mean(tf.square(centred), 0), { late: true });
  return tf.mul(tf.mean(tf.sqrt(variance)), Math.sqrt(width)) as tf.Scalar;
}
