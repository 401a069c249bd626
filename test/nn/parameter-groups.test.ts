import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { float32, type HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import {
  groupOfEach,
  initOptimizer,
  learningRatesAt,
  type ParameterGroup,
  updateParameters,
} from '../../src/nn/parameter-groups.ts';
import { uploadTree, valuesOf } from './tensors.ts';

const sgd = { kind: 'sgd', momentum: 0 } as const;
const GROUPS: readonly ParameterGroup[] = [
  { name: 'points', match: ['points'], optimizer: { kind: 'adamw' }, learningRate: 0.001, weightDecay: 0.01 },
  { name: 'images', match: /image|cross/, optimizer: sgd, learningRate: 0.03, weightDecay: 0 },
  { name: 'rest', match: [''], optimizer: sgd, learningRate: 0.5, weightDecay: 0 },
];

const one = (): HostTensor => float32([1], [1]);
const PARAMS: Tree<HostTensor> = {
  points: { sa1: { weight: one() } },
  pointsHead: { weight: one() },
  image: { conv1: one() },
  head: { cross: one() },
};

describe('parameter groups', () => {
  it('take each parameter by the first match; prefixes end where a key does', () => {
    const paths = leavesOf(PARAMS).map(([path]) => path);
    expect([...groupOfEach(GROUPS, paths)].map(([path, { name }]) => [path, name])).toEqual([
      ['head/cross', 'images'],
      ['image/conv1', 'images'],
      ['points/sa1/weight', 'points'],
      ['pointsHead/weight', 'rest'],
    ]);
  });

  it('refuse a parameter that no group takes, and a name used twice', () => {
    expect(() => groupOfEach(GROUPS.slice(0, 2), ['image/a', 'head/w'])).toThrow(
      "parameter groups: parameter 'head/w': expected a group that takes it, found groups that do not: points, images",
    );
    expect(() => groupOfEach([GROUPS[0], GROUPS[0]], [])).toThrow("'points' twice");
  });

  it('update all parameters, each by its own optimizer and rate', () => {
    const state = uploadTree(initOptimizer(GROUPS, PARAMS));
    expect(leavesOf(state).map(([path]) => path)).toEqual([
      'images/momentum/head/cross',
      'images/momentum/image/conv1',
      'points/mean/points/sa1/weight',
      'points/step',
      'points/variance/points/sa1/weight',
      'rest/momentum/pointsHead/weight',
    ]);
    const grads = new Map(leavesOf(PARAMS).map(([path]) => [path, tf.tensor1d([2])]));
    grads.delete('image/conv1');
    const learningRates = uploadTree(learningRatesAt(GROUPS, { kind: 'exponential', gamma: 0.5 }, 1));
    const updated = updateParameters(GROUPS, uploadTree(PARAMS), grads, state, { learningRates });
    const values = Object.fromEntries(
      leavesOf(updated.params).map(([path, leaf]) => [path, Math.round(valuesOf(leaf)[0] * 1e6) / 1e6]),
    );
    expect(values).toEqual({
      'head/cross': 0.97,
      'image/conv1': 1,
      // AdamW's first step is the learning rate in full, after a decay of 0.0005·0.01.
      'points/sa1/weight': 0.999495,
      'pointsHead/weight': 0.5,
    });
    expect(leavesOf(updated.state).map(([path]) => path)).toEqual(leavesOf(state).map(([path]) => path));
    expect(valuesOf(leafAt(branchAt(updated.state, 'points'), 'step'))).toEqual([1]);
  });

  it('may go without parameters', () => {
    const state = initOptimizer(GROUPS, { points: { w: one() } });
    expect(Object.keys(state)).toEqual(['points']);
  });
});
