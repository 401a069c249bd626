import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { float32, type HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import type { OptimizerOptions } from '../../src/nn/optimizers.ts';
import {
  groupOfEach,
  initOptimizer,
  learningRatesAt,
  type ParameterGroup,
  ratesAt,
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

describe('the rates of a step', () => {
  const groups: readonly ParameterGroup[] = [
    { name: 'a', match: ['a'], optimizer: sgd, learningRate: 0.5, weightDecay: 0.25 },
    { name: 'b', match: ['b'], optimizer: sgd, learningRate: 0.5, weightDecay: 0, constantRate: true },
    { name: 'c', match: [''], optimizer: sgd, learningRate: 1, weightDecay: 0, frozenUntil: 0.5 },
  ];
  const at = (share: number) => {
    const rates = ratesAt(groups, { kind: 'exponential', gamma: 0.5 }, { progress: 2, share });
    return Object.fromEntries(
      Object.entries(rates).map(([kind, tree]) => [
        kind,
        Object.fromEntries(leavesOf(tree as Tree<HostTensor>).map(([name, { data }]) => [name, data[0]])),
      ]),
    );
  };

  it('follow the schedule but where a rate is constant; decays and freezing have groups of their own', () => {
    expect(at(0.25)).toEqual({
      learningRates: { a: 0.125, b: 0.5, c: 0.25 },
      weightDecays: { a: 0.25 },
      active: { c: 0 },
    });
    // It begins to be trained at the share, not after it.
    expect(at(0.5).active).toEqual({ c: 1 });
    const rates = ratesAt(groups.slice(1, 2), { kind: 'constant' }, { progress: 0, share: 0 });
    expect(Object.keys(rates)).toEqual(['learningRates']);
  });
});

describe.each<[string, OptimizerOptions]>([
  ['sgd', { kind: 'sgd', momentum: 0.9 }],
  ['adamw', { kind: 'adamw' }],
  ['lars', { kind: 'lars', momentum: 0.9 }],
])('a group that is frozen for a while, by %s', (_, optimizer) => {
  const groups: readonly ParameterGroup[] = [
    { name: 'held', match: ['held'], optimizer, learningRate: 0.1, weightDecay: 0.1, frozenUntil: 0.5 },
    { name: 'free', match: [''], optimizer, learningRate: 0.1, weightDecay: 0.1 },
  ];
  const matrix = () => float32([1, 2, 3, 4], [2, 2]);
  const params: Tree<HostTensor> = { held: { w: matrix() }, free: { w: matrix() } };
  const begun = { params: uploadTree(params), state: uploadTree(initOptimizer(groups, params)) };

  function step({ params, state }: typeof begun, share: number, gradient: number) {
    const grads = new Map(leavesOf(params).map(([path]) => [path, tf.fill([2, 2], gradient)]));
    const { learningRates, weightDecays, active } = ratesAt(
      groups,
      { kind: 'constant' },
      { progress: 0, share },
    );
    return updateParameters(groups, params, grads, state, {
      learningRates: uploadTree(learningRates),
      weightDecays: uploadTree(weightDecays!),
      active: uploadTree(active!),
    });
  }
  const valuesIn = (tree: Tree<tf.Tensor>) => leavesOf(tree).map(([path, leaf]) => [path, valuesOf(leaf)]);
  const heldIn = ({ params, state }: typeof begun) => [
    ...valuesIn(branchAt(params, 'held')),
    ...valuesIn(branchAt(state, 'held')),
  ];

  it('does not move, nor does anything that its optimizer remembers', () => {
    const frozen = step(step(begun, 0, 1), 0.4, Number.NaN);
    expect(heldIn(frozen)).toEqual(heldIn(begun));
    expect(valuesIn(branchAt(step(begun, 0, 1).params, 'free'))).not.toEqual(
      valuesIn(branchAt(begun.params, 'free')),
    );
  });

  it('begins then as a group does that begins with the run', () => {
    const later = step(step(step(begun, 0, 1), 0.4, 1), 0.5, 0.5);
    const first = step(begun, 0, 0.5);
    const freeIn = ({ params, state }: typeof begun) => [
      ...valuesIn(branchAt(params, 'free')),
      ...valuesIn(branchAt(state, 'free')),
    ];
    expect(JSON.stringify(heldIn(later))).toBe(JSON.stringify(freeIn(first)).replaceAll('free', 'held'));
  });
});
