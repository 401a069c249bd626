import type * as tf from '@tensorflow/tfjs-core';
import { pointEncoderOptions } from '../encoders/encoder-config.ts';
import { encodePoints } from '../encoders/encoders.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt, type Initialized, type Mode } from '../nn/layer.ts';
import { initPointNet2 } from '../pointcloud/pointnet2-encoder.ts';
import type { PointDetectorConfig } from './point-config.ts';
import { initPointHead, type PointPredictions, pointHead } from './point-head.ts';

type Tensors = Tree<tf.Tensor>;

/** A point encoder and the head over its candidates: `pointEncoder` and `head`. `extra` channels are joined to a candidate's features. */
export function initPointBranch(random: Random, config: PointDetectorConfig, extra = 0): Initialized {
  const encoder = initPointNet2(random.fork('pointEncoder'), pointEncoderOptions(config.pointEncoder));
  const head = initPointHead(random.fork('head'), config, extra);
  return {
    params: { pointEncoder: encoder.params, head: head.params },
    stats: { pointEncoder: encoder.stats, head: head.stats },
  };
}

/**
 * The head's raw outputs for the R candidates of a batch, as `collatePoints` stacks it, and the next running statistics of
 * `pointEncoder` and `head`. Features `extra` [R, C] are joined to the candidates' own.
 */
export function pointBranch(
  params: Tensors,
  stats: Tensors,
  batch: Tensors,
  options: Mode & { readonly config: PointDetectorConfig; readonly extra?: tf.Tensor },
): {
  readonly predictions: PointPredictions;
  readonly stats: { readonly pointEncoder: Tensors; readonly head: Tensors };
} {
  const { config, training, extra } = options;
  const encoded = encodePoints(
    { params: branchAt(params, 'pointEncoder'), stats: branchAt(stats, 'pointEncoder') },
    branchAt(batch, 'points'),
    { encoder: config.pointEncoder, frozenLevels: config.frozenLevels, training },
  );
  const head = pointHead(branchAt(params, 'head'), branchAt(stats, 'head'), encoded, {
    config,
    batch,
    training,
    extra,
  });
  return { predictions: head.predictions, stats: { pointEncoder: encoded.stats, head: head.stats } };
}
