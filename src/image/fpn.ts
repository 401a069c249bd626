import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { type BatchNormOptions, batchNorm, initBatchNorm } from '../nn/batch-norm.ts';
import { conv2d, initConv2d } from '../nn/conv2d.ts';
import { type Applied, branchAt, type Initialized, type Mode } from '../nn/layer.ts';
import { relu } from '../nn/relu.ts';
import type { ResNetStage } from './resnet.ts';

/** A feature pyramid over stages of a ResNet. */
export interface FpnOptions {
  /** The stages from fine to coarse, one octave apart, and the channels of each. */
  readonly stages: ReadonlyArray<{ readonly stage: ResNetStage; readonly channels: number }>;
  /** The channels of every level of the pyramid. */
  readonly channels: number;
  readonly batchNorm: BatchNormOptions;
}

/** The maps of a pyramid under the names of their stages, [N, channels, H, W], and the next running statistics. */
export interface FpnFeatures {
  readonly maps: { readonly [stage in ResNetStage]?: tf.Tensor };
  readonly stats: Tree<tf.Tensor>;
}

/** A 3x3 or 1x1 convolution with batch norm: `conv/weight`, `bn/…`. */
export function initConvNorm(
  random: Random,
  options: { readonly inputs: number; readonly outputs: number; readonly kernel: number },
): Initialized {
  const norm = initBatchNorm(options.outputs);
  return { params: { conv: initConv2d(random, options), bn: norm.params }, stats: { bn: norm.stats } };
}

/** Convolution, batch norm and, with `active`, ReLU: [N, inputs, H, W] to [N, outputs, H, W]. */
export function convNorm(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  x: tf.Tensor,
  options: BatchNormOptions & Mode & { readonly kernel: number; readonly active?: boolean },
): Applied {
  const { kernel, active = true } = options;
  const y = conv2d(branchAt(params, 'conv'), x, { padding: (kernel - 1) / 2 });
  const { eps, momentum, training } = options;
  const result = batchNorm(branchAt(params, 'bn'), branchAt(stats, 'bn'), y, { eps, momentum, training });
  return { y: active ? relu(result.y) : result.y, stats: { bn: result.stats } };
}

/** The parameters of a pyramid: for each stage `lateral` (1x1) and `output` (3x3), with batch norms. */
export function initFpn(random: Random, { stages, channels }: FpnOptions): Initialized {
  const params: { [stage: string]: Tree<HostTensor> } = {};
  const stats: { [stage: string]: Tree<HostTensor> } = {};
  for (const { stage, channels: inputs } of stages) {
    const own = random.fork(stage);
    const lateral = initConvNorm(own.fork('lateral'), { inputs, outputs: channels, kernel: 1 });
    const output = initConvNorm(own.fork('output'), { inputs: channels, outputs: channels, kernel: 3 });
    params[stage] = { lateral: lateral.params, output: output.params };
    stats[stage] = { lateral: lateral.stats, output: output.stats };
  }
  return { params, stats };
}

/**
 * A feature pyramid (Lin et al. 2017): from the coarsest stage down, each level is its stage's 1x1 convolution plus the
 * level above at twice the size, smoothed by a 3x3 convolution. Unlike there, convolutions have batch norms, which train
 * better from scratch. Only the levels in `outputs` are smoothed and given. Throws where a stage is missing.
 */
export function fpn(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  features: { readonly [stage in ResNetStage]?: tf.Tensor },
  options: FpnOptions & Mode & { readonly outputs: readonly ResNetStage[] },
): FpnFeatures {
  const { stages, batchNorm: norm, training, outputs } = options;
  const maps: { [stage in ResNetStage]?: tf.Tensor } = {};
  const next: { [stage: string]: Tree<tf.Tensor> } = {};
  let above: tf.Tensor | undefined;
  for (const { stage } of [...stages].reverse()) {
    const x = features[stage];
    if (x === undefined) throw new Error(`a pyramid over ${stage} needs its features`);
    const [own, ownStats] = [branchAt(params, stage), branchAt(stats, stage)];
    const lateral = convNorm(branchAt(own, 'lateral'), branchAt(ownStats, 'lateral'), x, {
      ...norm,
      training,
      kernel: 1,
      active: false,
    });
    const level: tf.Tensor = above === undefined ? lateral.y : tf.add(lateral.y, doubled(above));
    above = level;
    if (!outputs.includes(stage)) {
      next[stage] = { lateral: lateral.stats, output: branchAt(ownStats, 'output') };
      continue;
    }
    const smoothed = convNorm(branchAt(own, 'output'), branchAt(ownStats, 'output'), level, {
      ...norm,
      training,
      kernel: 3,
    });
    maps[stage] = smoothed.y;
    next[stage] = { lateral: lateral.stats, output: smoothed.stats };
  }
  return { maps, stats: next };
}

/** Every pixel four times: [N, C, H, W] to [N, C, 2H, 2W]. */
export function doubled(x: tf.Tensor): tf.Tensor {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const spread = tf.mul(tf.reshape(x, [batch * channels, height, 1, width, 1]), tf.ones([1, 1, 2, 1, 2]));
  return tf.reshape(spread, [batch, channels, 2 * height, 2 * width]);
}
