import * as tf from '@tensorflow/tfjs-core';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt, type Initialized, type Mode } from '../nn/layer.ts';
import { xyzFromRgb } from './lab.ts';
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
  const split = labOfNormalized(images, normalization);
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

/**
 * Pictures [N, H, W, 3], normalised as `normalization` says, in CIE L*a*b* as `labOf` has it, scaled to numbers around 0:
 * `lightness` [N, H, W, 1], L divided by 50, less 1, and `colour` [N, H, W, 2], a and b divided by 50.
 */
export function labOfNormalized(
  images: tf.Tensor,
  { mean, std, order }: ImageNormalization,
): { readonly [half in Half]: tf.Tensor } {
  const channels = tf.split(images, 3, 3).map((channel, i) => {
    const value = tf.clipByValue(tf.div(tf.add(tf.mul(channel, std[i]), mean[i]), 255), 0, 1);
    const curved = tf.pow(tf.div(tf.add(value, 0.055), 1.055), 2.4);
    return tf.where(tf.greater(value, 0.04045), curved, tf.div(value, 12.92));
  });
  const rgb = order === 'rgb' ? channels : channels.reverse();
  const [x, y, z] = xyzFromRgb.map((row) =>
    compressed(rgb.map((channel, i) => tf.mul(channel, row[i])).reduce((sum, part) => tf.add(sum, part))),
  );
  return {
    lightness: tf.sub(tf.mul(y, 116 / 50), 66 / 50),
    colour: tf.concat([tf.mul(tf.sub(x, y), 500 / 50), tf.mul(tf.sub(y, z), 200 / 50)], 3),
  };
}

/** CIE's cube root with a straight piece near black. */
function compressed(t: tf.Tensor): tf.Tensor {
  const root = tf.pow(tf.maximum(t, 0.008856), 1 / 3);
  return tf.where(tf.greater(t, 0.008856), root, tf.add(tf.mul(t, 7.787), 16 / 116));
}
