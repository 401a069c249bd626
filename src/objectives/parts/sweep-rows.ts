import * as tf from '@tensorflow/tfjs-core';
import type { PointEncoderConfig } from '../../encoders/encoder-config.ts';
import { encodePoints } from '../../encoders/encoders.ts';
import type { Model, Tensors } from '../../encoders/trainable.ts';
import { branchAt, leafAt, type Mode } from '../../nn/layer.ts';
import { gatherRows } from '../../pointcloud/grouping.ts';

/** The features of several sweeps, and the statistics after them. */
export interface SweepRows {
  /** Of each sweep [B·M, C], the places of its last level. */
  readonly features: readonly tf.Tensor[];
  readonly stats: Tensors;
}

/** Encodes the first and the last sweep of a clip (`sweeps` as `collatePointClips` gives it), one after the other. */
export function encodeSweeps(
  { params, stats }: Pick<Model, 'params' | 'stats'>,
  sweeps: Tensors,
  options: Mode & { readonly encoder: PointEncoderConfig },
): SweepRows {
  let own = branchAt(stats, 'pointEncoder');
  const features: tf.Tensor[] = [];
  for (let moment = 0; moment in sweeps; moment++) {
    const made = encodePoints(
      { params: branchAt(params, 'pointEncoder'), stats: own },
      branchAt(sweeps, `${moment}`),
      options,
    );
    features.push(made.features);
    own = made.stats;
  }
  return { features, stats: { ...stats, pointEncoder: own } };
}

/** Weighted means of rows [R, C]: `rows` int32 and `weights` float32 [P·K] of a side of pairs give [P, C]. */
export function pooledRows(features: tf.Tensor, side: Tensors, pairs: number): tf.Tensor {
  const weights = tf.reshape(leafAt(side, 'weights'), [pairs, -1, 1]);
  const rows = gatherRows(features, leafAt(side, 'rows'));
  const [count, channels] = rows.shape as [number, number];
  return tf.sum(tf.mul(tf.reshape(rows, [pairs, count / pairs, channels]), weights), 1);
}
