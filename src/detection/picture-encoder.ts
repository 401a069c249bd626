import type * as tf from '@tensorflow/tfjs-core';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { encodeImages, initImageEncoder } from '../encoders/encoders.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { type FpnOptions, fpn, initFpn } from '../image/fpn.ts';
import { resNetStages } from '../image/resnet.ts';
import { branchAt, type Initialized, type Mode } from '../nn/layer.ts';
import type { ImageDetectorConfig } from './image-config.ts';

type Tensors = Tree<tf.Tensor>;

/** What a picture's map depends on. */
type PictureEncoderConfig = Pick<
  ImageDetectorConfig,
  'imageEncoder' | 'frozenStages' | 'channels' | 'headBatchNorm'
>;

/** An image encoder and the pyramid over it: parameters under `imageEncoder` and `fpn`. */
export function initPictureEncoder(random: Random, config: PictureEncoderConfig): Initialized {
  const encoder = initImageEncoder(random.fork('imageEncoder'), config.imageEncoder, resNetStages);
  const pyramid = initFpn(random.fork('fpn'), pyramidOptions(config));
  return {
    params: { imageEncoder: encoder.params, fpn: pyramid.params },
    stats: { imageEncoder: encoder.stats, fpn: pyramid.stats },
  };
}

/** The pyramid's finest map of pictures [B, H, W, 3]: [B, channels, H/4, W/4]. */
export function pictureMap(
  params: Tensors,
  stats: Tensors,
  images: tf.Tensor,
  { config, training }: Mode & { readonly config: PictureEncoderConfig },
): { readonly map: tf.Tensor; readonly stats: { readonly imageEncoder: Tensors; readonly fpn: Tensors } } {
  const own = { params: branchAt(params, 'imageEncoder'), stats: branchAt(stats, 'imageEncoder') };
  const encoded = encodeImages(own, images, {
    encoder: config.imageEncoder,
    stages: resNetStages,
    frozenStages: config.frozenStages,
    training,
  });
  const pyramid = fpn(branchAt(params, 'fpn'), branchAt(stats, 'fpn'), encoded.features, {
    ...pyramidOptions(config),
    training,
    outputs: ['c2'],
  });
  return { map: pyramid.maps.c2!, stats: { imageEncoder: encoded.stats, fpn: pyramid.stats } };
}

function pyramidOptions({ imageEncoder, channels, headBatchNorm }: PictureEncoderConfig): FpnOptions {
  const stages = resNetStages.map((stage) => ({
    stage,
    channels: imageEncoderChannels(imageEncoder, stage),
  }));
  return { stages, channels, batchNorm: headBatchNorm };
}
