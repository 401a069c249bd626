import * as tf from '@tensorflow/tfjs-core';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt, type Initialized, type Mode } from '../nn/layer.ts';
import { labOfNormalized } from './lab-tensors.ts';
import type { ImageNormalization } from './normalize-image.ts';
import { initResNet, type ResNetFeatures, type ResNetOptions, type ResNetStage, resnet } from './resnet.ts';

/** A ResNet that is two: `width` is that of both together, an even number. */
export type LabResNetOptions = ResNetOptions & { readonly width: number };

/** The two halves, in the order of their channels: what each sees. */
const HALVES = { lightness: 1, colour: 2 } as const;
type Half = keyof typeof HALVES;
const NAMES = Object.keys(HALVES) as Half[];

function optionsOf(half: Half, { width, ...options }: LabResNetOptions): ResNetOptions {
  return { ...options, width: width / 2, inputs: HALVES[half] };
}

/** The parameters of both halves, `lightness/…` and `colour/…`, each a ResNet of half the width. */
export function initLabResNet(random: Random, options: LabResNetOptions): Initialized {
  const made = NAMES.map((half) => [half, initResNet(random.fork(half), optionsOf(half, options))] as const);
  const each = (part: 'params' | 'stats') =>
    Object.fromEntries(made.map(([half, own]) => [half, own[part]] as const));
  return { params: each('params'), stats: each('stats') };
}

/**
 * Features of images [N, H, W, 3], normalised as `normalization` says: a ResNet sees their lightness alone, another one their
 * colour alone (CIE L*a*b*), and a stage has the maps of the first, and then those of the second, side by side.
 */
export function labResNet(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  images: tf.Tensor,
  options: LabResNetOptions &
    Mode & { readonly frozenStages?: number; readonly normalization: ImageNormalization },
): ResNetFeatures {
  const { normalization, ...rest } = options;
  const split = halvesOf(images, normalization);
  const made = NAMES.map((half) => {
    const { training, frozenStages } = rest;
    const how = { ...optionsOf(half, rest), training, frozenStages };
    return resnet(branchAt(params, half), branchAt(stats, half), split[half], how);
  });
  const features: { [stage in ResNetStage]?: tf.Tensor } = {};
  for (const stage of options.stages)
    features[stage] = tf.concat(
      made.map((each) => each.features[stage]!),
      1,
    );
  return { features, stats: Object.fromEntries(NAMES.map((half, i) => [half, made[i].stats])) };
}

/** What each half sees of pictures [N, H, W, 3], scaled to numbers around 0: L* divided by 50, less 1; a* and b* divided by 50. */
export function halvesOf(
  images: tf.Tensor,
  normalization: ImageNormalization,
): { readonly [half in Half]: tf.Tensor } {
  const { lightness, ab } = labOfNormalized(images, normalization);
  return { lightness: tf.sub(tf.div(lightness, 50), 1), colour: tf.div(ab, 50) };
}
