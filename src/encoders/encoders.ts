import type * as tf from '@tensorflow/tfjs-core';
import type { Tree } from '../engine/tree.ts';
import { type ResNetFeatures, type ResNetStage, resnet } from '../image/resnet.ts';
import { branchAt, leafAt, type Mode } from '../nn/layer.ts';
import { type PointNet2Features, type PointNet2Input, pointNet2 } from '../pointcloud/pointnet2-encoder.ts';
import {
  type ImageEncoderConfig,
  imageEncoderOptions,
  type PointEncoderConfig,
  pointEncoderOptions,
} from './encoder-config.ts';

type Tensors = Tree<tf.Tensor>;

/** The parameters and running statistics of one encoder. */
export interface EncoderTensors {
  readonly params: Tensors;
  readonly stats: Tensors;
}

/** Features of the stacked points of a batch (`stackPointViews`); `frozenLevels` of the first levels are held fast. */
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

/** Features of images [B, H, W, 3] at the stages that are wanted; `frozenStages` of the first stages are held fast. */
export function encodeImages(
  { params, stats }: EncoderTensors,
  images: tf.Tensor,
  options: Mode & {
    readonly encoder: ImageEncoderConfig;
    readonly stages?: readonly ResNetStage[];
    readonly frozenStages?: number;
  },
): ResNetFeatures {
  const { encoder, stages, ...mode } = options;
  return resnet(params, stats, images, { ...imageEncoderOptions(encoder, stages), ...mode });
}
