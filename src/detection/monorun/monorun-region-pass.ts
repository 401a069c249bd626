import * as tf from '@tensorflow/tfjs-core';
import { Random } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import { branchAt, leafAt } from '../../nn/layer.ts';
import { roiAlign } from '../roi-align.ts';
import type { MonorunConfig } from './monorun-config.ts';
import { coordinateHead, globalFeatures, globalSaid } from './monorun-heads.ts';
import type { Region } from './monorun-pose.ts';
import { REGION_BINS } from './monorun-sample.ts';

type Tensors = Tree<tf.Tensor>;

/**
 * What the heads say of regions on a map: `coded` [R, 784, 3] and `logStd` [R, 784, 2] of the cells, `size` [R, 3] and
 * `sizeVariance` [R, 3] over dropout, and `features` [R, width] of the global head's first layer.
 */
export function regionPass(params: Tensors, stats: Tensors, batch: Tensors, config: MonorunConfig): Tensors {
  const [heads, headStats] = [branchAt(params, 'monorun'), branchAt(stats, 'monorun')];
  const at = (name: string) => leafAt(batch, name);
  const features = roiAlign(at('map'), { cells: at('cells'), weights: at('weights') }, REGION_BINS);
  const hidden = globalFeatures(heads, features);
  const [rows, width] = hidden.shape as [number, number];
  const { monteCarlo: times, dropout, latent, classes } = config;
  const random = Random.fromSeed('monte carlo dropout');
  const masks = Array.from({ length: 2 }, () => {
    const values = Float32Array.from({ length: times * width }, () =>
      random.chance(dropout) ? 0 : 1 / (1 - dropout),
    );
    return tf.reshape(tf.add(tf.tensor(values, [1, times, width]), tf.zeros([rows, 1, 1])), [
      rows * times,
      width,
    ]);
  });
  const repeated = (x: tf.Tensor, size: number) =>
    tf.reshape(tf.add(tf.reshape(x, [rows, 1, size]), tf.zeros([1, times, 1])), [rows * times, size]);
  const global = globalSaid(heads, repeated(hidden, width), {
    dropout1: masks[0],
    dropout2: masks[1],
    ofClass: repeated(at('regionClass'), classes.length),
    latent,
  });
  const meanOf = (x: tf.Tensor, size: number) =>
    tf.mul(tf.sum(tf.reshape(x, [rows, times, size]), 1), 1 / times);
  const size = meanOf(global.sizes, 3);
  const spread = tf.sub(tf.reshape(global.sizes, [rows, times, 3]), tf.reshape(size, [rows, 1, 3]));
  const cells = coordinateHead(heads, headStats, features, {
    config,
    latent: meanOf(global.latent, latent),
    variant: at('variant'),
    training: false,
  });
  const variance = tf.mul(tf.sum(tf.square(spread), 1), 1 / times);
  return { coded: cells.coded, logStd: cells.logStd, size, sizeVariance: variance, features: hidden };
}

/** Which of the heads' values are wanted in each region: of its class, unmirrored. */
export function classMasks(
  regions: ReadonlyArray<readonly Region[]>,
  config: MonorunConfig,
): [Float32Array, Float32Array] {
  const { length: classes } = config.classes;
  const rows = regions.length * config.regions;
  const [variant, ofClass] = [new Float32Array(rows * classes * 2), new Float32Array(rows * classes)];
  regions.forEach((own, b) => {
    own.forEach(({ classIndex }, r) => {
      const row = b * config.regions + r;
      variant[row * classes * 2 + classIndex * 2] = 1;
      ofClass[row * classes + classIndex] = 1;
    });
  });
  return [variant, ofClass];
}
