import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import { initRegNetY, type RegNetYOptions, regNetY } from '../../src/image/regnet.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { expectGradients, randomTensor, uploadTree, weighed } from '../nn/tensors.ts';

/** Its numbers are held to those of torchvision and timm in test/encoders/library-weights.test.ts. */
const options: RegNetYOptions = {
  depths: [1, 1, 1, 2],
  widths: [4, 8, 8, 12],
  groupWidth: 4,
  stemWidth: 4,
  batchNorm: { eps: 1e-2, momentum: 0.1 },
  stages: ['c2', 'c3', 'c4', 'c5'],
};

describe('regNetY', () => {
  const host = initRegNetY(Random.fromSeed(0), options);
  const [params, stats] = [uploadTree(host.params), uploadTree(host.stats)];

  it('has maps at strides of 4 to 32, and of 1 to 8 with the small stem', () => {
    const images = randomTensor('images', [1, 32, 64, 3]);
    const shapes = (changes: Partial<RegNetYOptions>) => {
      const { features } = regNetY(params, stats, images, { ...options, ...changes, training: false });
      return Object.values(features).map(({ shape }) => shape.slice(1));
    };
    expect(shapes({})).toEqual([
      [4, 8, 16],
      [8, 4, 8],
      [8, 2, 4],
      [12, 1, 2],
    ]);
    // Its first block needs a shortcut of its own only where it has a stride.
    expect(shapes({ stem: 'small', stages: ['c2', 'c5'] })).toEqual([
      [4, 32, 64],
      [12, 4, 8],
    ]);
  });

  it('moves every running statistic in training, and gives every parameter a gradient', () => {
    const images = randomTensor('images', [2, 32, 32, 3]);
    const { aux, grads } = valueAndGrad((tree) => {
      const result = regNetY(tree, stats, images, { ...options, stages: ['c5'], training: true });
      return { loss: weighed(result.features.c5!), aux: result.stats };
    }, params);
    expect([...grads.keys()].sort()).toEqual(leavesOf(params).map(([path]) => path));
    const before = new Map(leavesOf(stats));
    const moved = leavesOf(aux);
    expect(moved.map(([path]) => path)).toEqual([...before.keys()]);
    for (const [path, leaf] of moved)
      expect(tf.max(tf.abs(tf.sub(leaf, before.get(path)!))).dataSync()[0], path).toBeGreaterThan(0);
  });

  it('holds its first stages fast where they are frozen', () => {
    const images = randomTensor('images', [2, 32, 32, 3]);
    const { aux, grads } = valueAndGrad((tree) => {
      const how = { ...options, stages: ['c5'] as const, training: true, frozenStages: 2 };
      const result = regNetY(tree, stats, images, how);
      return { loss: weighed(result.features.c5!), aux: result.stats };
    }, params);
    expect([...new Set([...grads.keys()].map((path) => path.split('/')[0]))]).toEqual(['s2', 's3', 's4']);
    const before = new Map(leavesOf(stats));
    const same = (path: string) => {
      const now = new Map(leavesOf(aux)).get(path)!;
      return tf.max(tf.abs(tf.sub(now, before.get(path)!))).dataSync()[0] === 0;
    };
    expect([same('stem/bn/running_mean'), same('s1/b1/conv2/bn/running_var')]).toEqual([true, true]);
    expect(same('s2/b1/conv2/bn/running_var')).toBe(false);
  });

  it('has the gradient of numeric differences', () => {
    const narrow = { ...options, depths: [1, 1, 1, 1], stages: ['c2'] as const };
    const made = initRegNetY(Random.fromSeed(5), narrow);
    const [own, ownStats] = [uploadTree(made.params), uploadTree(made.stats)];
    const images = randomTensor('images', [2, 16, 16, 3]);
    expectGradients(
      (tree) => weighed(regNetY(tree, ownStats, images, { ...narrow, training: true }).features.c2!),
      own,
      { step: 1e-3, tolerance: 0.06, elements: 2 },
    );
  });

  it('refuses groups that do not share out the channels of a stage', () => {
    expect(() => initRegNetY(Random.fromSeed(0), { ...options, groupWidth: 5 })).toThrow('groups of 5');
  });
});
