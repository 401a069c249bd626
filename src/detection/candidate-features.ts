import * as tf from '@tensorflow/tfjs-core';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { type Applied, branchAt, type Initialized, leafAt, type Mode } from '../nn/layer.ts';
import { maxOverNeighbors } from '../nn/max-over-neighbors.ts';
import { initMlp, mlp } from '../nn/mlp.ts';
import { gatherRows } from '../pointcloud/grouping.ts';
import type { PointNet2Features } from '../pointcloud/pointnet2-encoder.ts';
import { NEAREST } from '../views/candidates.ts';
import type { PointDetectorConfig } from './point-config.ts';

type Tensors = Tree<tf.Tensor>;

/** Which features of an encoder candidates have. */
export type CandidateConfig = Pick<
  PointDetectorConfig,
  'pointEncoder' | 'candidateLevel' | 'lastLevel' | 'headBatchNorm'
>;

/** How many features `candidateFeatures` gives. */
export function candidateChannels({
  candidateLevel,
  pointEncoder: { levels },
}: Pick<CandidateConfig, 'candidateLevel' | 'pointEncoder'>): number {
  const last = levels.length - 1;
  return levels[candidateLevel].out + (candidateLevel < last ? levels[last].out : 0);
}

/** The layer that features of the last level pass on their way to candidates, with the three numbers of where they are from; as wide as they are. */
export function initLastLevel(
  random: Random,
  { pointEncoder: { levels } }: Pick<CandidateConfig, 'pointEncoder'>,
): Initialized {
  const { out } = levels[levels.length - 1];
  return initMlp(random, { inputs: out + 3, widths: [out], bias: false });
}

/**
 * The features of the candidates [R, C]: those of their own level, and of the last level from its three nearest centres. With
 * `lastLevel` of the configuration `offsets`, the head's branch `lastLevel` is used, and its next running statistics are given under that name.
 */
export function candidateFeatures(
  params: Tensors,
  stats: Tensors,
  encoded: PointNet2Features,
  options: Mode & { readonly config: CandidateConfig; readonly batch: Tensors },
): Applied {
  const { config, batch } = options;
  const own = encoded.levels[config.candidateLevel];
  if (config.candidateLevel === config.pointEncoder.levels.length - 1) return { y: own, stats: {} };
  const near = gatherRows(encoded.features, leafAt(batch, 'nearest')); // [R·3, C]
  if (config.lastLevel === 'weighted') {
    const weights = leafAt(batch, 'nearestWeights');
    const rows = tf.reshape(near, [-1, NEAREST, near.shape[1] as number]);
    const brought = tf.sum(tf.mul(rows, tf.reshape(weights, [-1, NEAREST, 1])), 1);
    return { y: tf.concat([own, brought], 1), stats: {} };
  }
  const joined = tf.concat([offsetsOf(batch), near], 1); // [R·3, 3 + C]
  const layer = mlp(branchAt(params, 'lastLevel'), branchAt(stats, 'lastLevel'), joined, {
    ...config.headBatchNorm,
    training: options.training,
  });
  return {
    y: tf.concat([own, maxOverNeighbors(layer.y, NEAREST)], 1),
    stats: { lastLevel: layer.stats },
  };
}

/** From each candidate to its nearest centres of the last level, metres: [R·3, 3]. */
function offsetsOf(batch: Tensors): tf.Tensor {
  const points = branchAt(batch, 'points');
  const levels = branchAt(points, 'levels');
  const centers = Object.keys(levels)
    .sort((a, b) => Number(a) - Number(b))
    .reduce((xyz, l) => gatherRows(xyz, leafAt(branchAt(levels, l), 'centers')), leafAt(points, 'xyz'));
  const near = tf.reshape(gatherRows(centers, leafAt(batch, 'nearest')), [-1, NEAREST, 3]);
  return tf.reshape(tf.sub(near, tf.reshape(leafAt(batch, 'places'), [-1, 1, 3])), [-1, 3]);
}
