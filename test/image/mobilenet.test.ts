import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import {
  initMobileNetV3,
  type MobileNetV3Options,
  mobileNetV3,
  mobileNetV3Channels,
} from '../../src/image/mobilenet.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { randomTensor, uploadTree, weighed } from '../nn/tensors.ts';

/** Its numbers are held to those of torchvision in test/encoders/library-weights.test.ts. */
const options: MobileNetV3Options = {
  widthFactor: 0.1,
  batchNorm: { eps: 1e-1, momentum: 0.1 },
  stages: ['c2', 'c3', 'c4', 'c5'],
};

describe('mobileNetV3', () => {
  const host = initMobileNetV3(Random.fromSeed(0), options);
  const [params, stats] = [uploadTree(host.params), uploadTree(host.stats)];

  it('has as many parameters as the features of torchvision', () => {
    const { params: whole } = initMobileNetV3(Random.fromSeed(0), { ...options, widthFactor: 1 });
    expect(leavesOf(whole).reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0)).toBe(2_971_952);
    expect((['c2', 'c3', 'c4', 'c5'] as const).map((stage) => mobileNetV3Channels({}, stage))).toEqual([
      24, 40, 112, 960,
    ]);
  });

  it('has maps at strides of 4 to 32, and of 1 to 8 with the small stem', () => {
    const images = randomTensor('images', [1, 32, 64, 3]);
    const sizes = (stem: 'standard' | 'small') => {
      const { features } = mobileNetV3(params, stats, images, { ...options, stem, training: false });
      return Object.values(features).map(({ shape }) => shape.slice(2));
    };
    expect(sizes('standard')).toEqual([
      [8, 16],
      [4, 8],
      [2, 4],
      [1, 2],
    ]);
    expect(sizes('small')).toEqual([
      [32, 64],
      [16, 32],
      [8, 16],
      [4, 8],
    ]);
  });

  it('gives every parameter a gradient, and none to stages that are frozen', () => {
    const images = randomTensor('images', [2, 32, 32, 3]);
    const run = (frozenStages: number) =>
      valueAndGrad((tree) => {
        const how = { ...options, stages: ['c5'] as const, training: true, frozenStages };
        const result = mobileNetV3(tree, stats, images, how);
        return { loss: weighed(result.features.c5!), aux: result.stats };
      }, params);
    const { aux, grads } = run(0);
    expect([...grads.keys()].sort()).toEqual(leavesOf(params).map(([path]) => path));
    const before = new Map(leavesOf(stats));
    // Means of what norms give are 0 and stay so behind a convolution; variances move.
    for (const [path, leaf] of leavesOf(aux).filter(([each]) => each.endsWith('running_var')))
      expect(tf.max(tf.abs(tf.sub(leaf, before.get(path)!))).dataSync()[0], path).toBeGreaterThan(0);
    const layers = new Set([...run(2).grads.keys()].map((path) => Number(path.split('/')[1])));
    expect([...layers].sort((a, b) => a - b)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
  });
});
