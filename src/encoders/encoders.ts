import type * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import type { ResNetStage } from '../image/resnet.ts';
import { branchAt, type Initialized, leafAt, type Mode } from '../nn/layer.ts';
import {
  initPointNet2,
  type PointNet2Features,
  type PointNet2Input,
  pointNet2,
} from '../pointcloud/pointnet2-encoder.ts';
import {
  type EncodersConfig,
  type ImageEncoderConfig,
  type PointEncoderConfig,
  pointEncoderOptions,
} from './encoder-config.ts';
import type { ImageFeatures } from './image-kind.ts';
import { imageKindOf } from './image-kinds.ts';
import type { Net } from './net.ts';

type Tensors = Tree<tf.Tensor>;

const LAST: readonly ResNetStage[] = ['c5'];

/** The parameters and running statistics of one encoder. */
export interface EncoderTensors {
  readonly params: Tensors;
  readonly stats: Tensors;
}

/** Features of the stacked points of a batch (`stackPointViews`); `frozenLevels` of the first levels are frozen. */
export function encodePoints(
  { params, stats }: EncoderTensors,
  view: Tensors,
  options: Mode & { readonly encoder: PointEncoderConfig; readonly frozenLevels?: number },
): PointNet2Features {
  const { encoder, ...mode } = options;
  const levels = branchAt(view, 'levels');
  const input: PointNet2Input = {
    features: leafAt(view, 'features'),
    xyz: encoder.useXyz ? leafAt(view, 'xyz') : undefined,
    levels: encoder.levels.map(({ radii }, l) => {
      const level = branchAt(levels, `${l}`);
      const neighbors = branchAt(level, 'neighbors');
      return {
        centers: leafAt(level, 'centers'),
        neighbors: radii.map((_, s) => leafAt(neighbors, `${s}`)),
      };
    }),
  };
  return pointNet2(params, stats, input, { ...pointEncoderOptions(encoder), ...mode });
}

/** Features of images [B, H, W, 3] at the stages that are wanted; `frozenStages` of the first stages are frozen. */
export function encodeImages(
  { params, stats }: EncoderTensors,
  images: tf.Tensor,
  options: Mode & {
    readonly encoder: ImageEncoderConfig;
    readonly stages?: readonly ResNetStage[];
    readonly frozenStages?: number;
  },
): ImageFeatures {
  const { encoder, stages = LAST } = options;
  return imageKindOf(encoder).encode({ params, stats }, images, { ...options, encoder, stages });
}

/** How an image encoder begins, up to the last of these stages. */
export function initImageEncoder(
  random: Random,
  encoder: ImageEncoderConfig,
  stages: readonly ResNetStage[] = LAST,
): Initialized {
  return imageKindOf(encoder).initialize(random, encoder, stages);
}

/** How the encoders of a run begin: branches `imageEncoder` and `pointEncoder`, as far as the run has them. */
export function initEncoders(random: Random, { image, points }: EncodersConfig): Initialized {
  const made = {
    ...(points && {
      pointEncoder: initPointNet2(random.fork('pointEncoder'), pointEncoderOptions(points)),
    }),
    ...(image && { imageEncoder: initImageEncoder(random.fork('imageEncoder'), image) }),
  };
  const each = (part: 'params' | 'stats') =>
    Object.fromEntries(Object.entries(made).map(([name, own]) => [name, own[part]])) as Tree<HostTensor>;
  return { params: each('params'), stats: each('stats') };
}

/** An image encoder as a net: images [B, H, W, 3] to rows [B, C]: its last maps averaged, or its class token. */
export function imageEncoderNet(encoder: ImageEncoderConfig): Net {
  return netOf(encoder, ({ pooled }) => pooled);
}

/** An image encoder as a net that keeps the places: images [B, H, W, 3] to its last maps, [B, C, h, w]. */
export function imageMapsNet(encoder: ImageEncoderConfig): Net {
  return netOf(encoder, ({ features }) => features.c5!);
}

function netOf(encoder: ImageEncoderConfig, part: (features: ImageFeatures) => tf.Tensor): Net {
  return {
    initialize: (random) => initImageEncoder(random, encoder),
    apply: (params, stats, images, mode) => {
      const result = encodeImages({ params, stats }, images, { encoder, training: mode.training });
      return { y: part(result), stats: result.stats };
    },
  };
}
