import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import type { BatchNormOptions } from '../nn/batch-norm.ts';
import { constant } from '../nn/initializers.ts';
import { branchAt, type Initialized, type Mode } from '../nn/layer.ts';
import { linear } from '../nn/linear.ts';
import { maxOverNeighbors } from '../nn/max-over-neighbors.ts';
import { initMlp, mlp } from '../nn/mlp.ts';

/** A PointNet; widths are the paper's where they are not given. */
export interface PointNetOptions {
  /** Channels of a point, x, y, z first. */
  readonly inChannels: number;
  /** Whether a T-Net turns the coordinates, and whether one turns the local features. */
  readonly inputTransform: boolean;
  readonly featureTransform: boolean;
  /** The shared layers before the feature transform: [64, 64]. */
  readonly localWidths?: readonly number[];
  /** The shared layers after it: [64, 128, 1024]. */
  readonly globalWidths?: readonly number[];
  /** The T-Nets' shared layers, [64, 128, 1024], and those after their maximum, [512, 256]. */
  readonly transformWidths?: readonly [shared: readonly number[], after: readonly number[]];
  readonly batchNorm: BatchNormOptions;
}

/** What a PointNet gives for B samples of N points. */
export interface PointNetFeatures {
  /** One vector a sample, [B, last global width]. */
  readonly global: tf.Tensor;
  /** One vector a point, after the feature transform, [B·N, last local width]. */
  readonly local: tf.Tensor;
  /** The mean over samples of ‖A·Aᵀ − I‖²_F of the feature transform; undefined without one. */
  readonly orthogonality: tf.Scalar | undefined;
  readonly stats: Tree<tf.Tensor>;
}

const LOCAL = [64, 64];
const GLOBAL = [64, 128, 1024];
const TRANSFORM: readonly [readonly number[], readonly number[]] = [GLOBAL, [512, 256]];

/** `local`, `global` and, where they are used, `inputTransform` and `featureTransform`, which start as identities. */
export function initPointNet(random: Random, options: PointNetOptions): Initialized {
  const { inChannels, localWidths = LOCAL, globalWidths = GLOBAL, transformWidths = TRANSFORM } = options;
  const width = localWidths[localWidths.length - 1];
  const parts: { [key: string]: Initialized } = {
    local: initMlp(random.fork('local'), { inputs: inChannels, widths: localWidths }),
    global: initMlp(random.fork('global'), { inputs: width, widths: globalWidths }),
  };
  if (options.inputTransform) parts.inputTransform = initTransform(random.fork('t3'), 3, transformWidths);
  if (options.featureTransform) {
    parts.featureTransform = initTransform(random.fork('t64'), width, transformWidths);
  }
  return gather(parts);
}

/**
 * PointNet (Qi et al. 2017): a function of sets, points [B·N, inChannels] of `samples` samples one after the other.
 *
 * @example
 * const options = { inChannels: 3, inputTransform: true, featureTransform: false, batchNorm: defaultBatchNorm };
 * const state = initPointNet(Random.fromSeed(0), options);
 * const batch = { points: float32(new Float32Array(2 * 64 * 3), [2 * 64, 3]) };
 * const step = await compile(
 *   (model, { points }) => {
 *     const { global } = pointNet(model.params, model.stats, points, { ...options, samples: 2, training: false });
 *     return [model, { global }];
 *   },
 *   { state, batch },
 * );
 * const { outputs } = await step.run(state, batch);
 * outputs.global.shape; // [2, 1024]
 */
export function pointNet(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  points: tf.Tensor,
  options: PointNetOptions & Mode & { readonly samples: number },
): PointNetFeatures {
  const { samples, inputTransform, featureTransform } = options;
  const norm = { ...options.batchNorm, training: options.training };
  const updated: { [key: string]: Tree<tf.Tensor> } = {};
  const perSample = (points.shape[0] as number) / samples;
  const run = (key: string, x: tf.Tensor): tf.Tensor => {
    const result = mlp(branchAt(params, key), branchAt(stats, key), x, norm);
    updated[key] = result.stats;
    return result.y;
  };
  const matrices = (key: string, x: tf.Tensor): tf.Tensor => {
    const result = transformOf(branchAt(params, key), branchAt(stats, key), x, { ...norm, samples });
    updated[key] = result.stats;
    return result.y;
  };
  const x = inputTransform
    ? turnCoordinates(points, matrices('inputTransform', tf.slice(points, [0, 0], [-1, 3])))
    : points;
  let local = run('local', x);
  let orthogonality: tf.Scalar | undefined;
  if (featureTransform) {
    const turn = matrices('featureTransform', local);
    local = applyTransform(local, turn);
    orthogonality = orthogonalityOf(turn);
  }
  return {
    global: maxOverNeighbors(run('global', local), perSample),
    local,
    orthogonality,
    stats: updated,
  };
}

/** Each point's local features with its sample's global ones after them, for segmentation: [B·N, local + global]. */
export function withGlobalFeatures(local: tf.Tensor, global: tf.Tensor): tf.Tensor {
  const [samples, channels] = global.shape as [number, number];
  const perSample = (local.shape[0] as number) / samples;
  const spread = tf.add(tf.reshape(global, [samples, 1, channels]), tf.zeros([1, perSample, 1]));
  return tf.concat([local, tf.reshape(spread, [samples * perSample, channels])], 1);
}

/** ‖A·Aᵀ − I‖²_F, its mean over matrices [B, C, C]; 0 for rotations. */
export function orthogonalityOf(matrices: tf.Tensor): tf.Scalar {
  const [samples, channels] = matrices.shape as [number, number, number];
  const off = tf.sub(tf.matMul(matrices, matrices, false, true), identity(channels));
  return tf.mul(tf.sum(tf.square(off)), 1 / samples) as tf.Scalar;
}

function initTransform(
  random: Random,
  channels: number,
  [shared, after]: readonly [readonly number[], readonly number[]],
): Initialized {
  const width = after[after.length - 1];
  const { params, stats } = gather({
    shared: initMlp(random.fork('shared'), { inputs: channels, widths: shared }),
    after: initMlp(random.fork('after'), { inputs: shared[shared.length - 1], widths: after }),
  });
  const matrix = {
    weight: constant([width, channels * channels], 0),
    bias: constant([channels * channels], 0),
  };
  return { params: { ...params, matrix }, stats };
}

/** A matrix for each sample, [B, C, C]: the identity and what the T-Net adds to it. */
function transformOf(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  x: tf.Tensor,
  options: BatchNormOptions & Mode & { readonly samples: number },
): { readonly y: tf.Tensor; readonly stats: Tree<tf.Tensor> } {
  const { samples, ...norm } = options;
  const [rows, channels] = x.shape as [number, number];
  const shared = mlp(branchAt(params, 'shared'), branchAt(stats, 'shared'), x, norm);
  const pooled = maxOverNeighbors(shared.y, rows / samples);
  const after = mlp(branchAt(params, 'after'), branchAt(stats, 'after'), pooled, norm);
  const matrix = tf.reshape(linear(branchAt(params, 'matrix'), after.y), [samples, channels, channels]);
  return { y: tf.add(matrix, identity(channels)), stats: { shared: shared.stats, after: after.stats } };
}

/** x·A sample by sample: rows [B·N, C] by matrices [B, C, C]. */
function applyTransform(x: tf.Tensor, matrices: tf.Tensor): tf.Tensor {
  const [samples, channels] = matrices.shape as [number, number, number];
  const rows = x.shape[0] as number;
  const turned = tf.matMul(tf.reshape(x, [samples, rows / samples, channels]), matrices);
  return tf.reshape(turned, [rows, channels]);
}

/** The coordinates turned, the channels after them as they are. */
function turnCoordinates(points: tf.Tensor, matrices: tf.Tensor): tf.Tensor {
  const channels = points.shape[1] as number;
  if (channels === 3) return applyTransform(points, matrices);
  const [xyz, rest] = tf.split(points, [3, channels - 3], 1);
  return tf.concat([applyTransform(xyz, matrices), rest], 1);
}

function identity(channels: number): tf.Tensor {
  const values = new Float32Array(channels * channels);
  for (let i = 0; i < channels; i++) values[i * (channels + 1)] = 1;
  return tf.tensor(values, [1, channels, channels]);
}

function gather(parts: { readonly [key: string]: Initialized }): Initialized {
  const params: { [key: string]: Tree<HostTensor> } = {};
  const stats: { [key: string]: Tree<HostTensor> } = {};
  for (const [key, part] of Object.entries(parts)) {
    params[key] = part.params;
    stats[key] = part.stats;
  }
  return { params, stats };
}
