import type * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { initLabResNet, labResNet } from '../image/lab-resnet.ts';
import { IMAGENET_BGR, IMAGENET_RGB } from '../image/normalize-image.ts';
import { initResNet, type ResNetFeatures, type ResNetStage, resnet } from '../image/resnet.ts';
import { branchAt, type Initialized, leafAt, type Mode } from '../nn/layer.ts';
import {
  initPointNet2,
  type PointNet2Features,
  type PointNet2Input,
  pointNet2,
} from '../pointcloud/pointnet2-encoder.ts';
import {
  type EncodersConfig,
  imageEncoderOptions,
  type PointEncoderConfig,
  pointEncoderOptions,
  type SplitImageEncoder,
} from './encoder-config.ts';
import { globalMean, type Net } from './net.ts';

type Tensors = Tree<tf.Tensor>;

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
    readonly encoder: SplitImageEncoder;
    readonly stages?: readonly ResNetStage[];
    readonly frozenStages?: number;
  },
): ResNetFeatures {
  const { encoder, stages, ...mode } = options;
  if (encoder.split === 'lab') {
    const normalization = encoder.input?.colours === 'imagenet-bgr' ? IMAGENET_BGR : IMAGENET_RGB;
    const own = { ...imageEncoderOptions(encoder, stages), width: encoder.width, normalization };
    return labResNet(params, stats, images, { ...own, ...mode });
  }
  return resnet(params, stats, images, { ...imageEncoderOptions(encoder, stages), ...mode });
}

/** How an image encoder begins. */
function initImageEncoder(random: Random, encoder: SplitImageEncoder): Initialized {
  const options = imageEncoderOptions(encoder);
  return encoder.split === 'lab'
    ? initLabResNet(random, { ...options, width: encoder.width })
    : initResNet(random, options);
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

/** An image encoder as a net: images [B, H, W, 3] to rows [B, C], its last stage averaged over each map. */
export function imageEncoderNet(encoder: SplitImageEncoder): Net {
  return {
    initialize: (random) => initImageEncoder(random, encoder),
    apply: (params, stats, images, mode) => {
      const result = encodeImages({ params, stats }, images, { encoder, training: mode.training });
      return { y: globalMean(result.features.c5!), stats: result.stats };
    },
  };
}

/** An image encoder as a net that keeps the places: images [B, H, W, 3] to the maps of its last stage, [B, C, h, w]. */
export function imageMapsNet(encoder: SplitImageEncoder): Net {
  return {
    ...imageEncoderNet(encoder),
    apply: (params, stats, images, mode) => {
      const result = encodeImages({ params, stats }, images, { encoder, training: mode.training });
      return { y: result.features.c5!, stats: result.stats };
    },
  };
}
