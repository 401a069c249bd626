import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Learner, Model } from '../../src/encoders/trainable.ts';
import { compile } from '../../src/engine/compile.ts';
import { float32, type HostTensor, scalar } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { leafAt } from '../../src/nn/layer.ts';
import { initOptimizer, type ParameterGroup } from '../../src/nn/parameter-groups.ts';
import { trainStep } from '../../src/training/train-step.ts';
import '../nn/tensors.ts';

const groups: readonly ParameterGroup[] = [
  {
    name: 'all',
    match: [''],
    optimizer: { kind: 'sgd', momentum: 0 },
    learningRate: 0.1,
    weightDecay: 0,
  },
];

const number = (tree: Tree<tf.Tensor>, name: string) => leafAt(tree, name) as tf.Scalar;

/** The loss (w·m·x)², whose m follows w before the loss, and whose memory takes w and the loss after the step. */
function follower(order: string[]): Learner {
  return {
    before: (model, inputs): Model => {
      order.push('before');
      const m = tf.add(
        tf.mul(number(model.memory, 'm'), number(inputs, 'momentum')),
        tf.mul(number(model.params, 'w'), tf.sub(1, number(inputs, 'momentum'))),
      );
      return { ...model, memory: { ...model.memory, m } };
    },
    loss: (model, batch, { inputs }) => {
      order.push('loss');
      const y = tf.mul(tf.mul(number(model.params, 'w'), number(model.memory, 'm')), number(batch, 'x'));
      const loss = tf.mul(tf.square(y), number(inputs!, 'scale')) as tf.Scalar;
      return {
        loss,
        terms: { square: loss },
        metrics: { m: number(model.memory, 'm') },
        stats: { seen: tf.add(number(model.stats, 'seen'), 1) },
        kept: { y },
      };
    },
    after: (model, kept, inputs) => {
      order.push('after');
      return {
        ...model.memory,
        w: number(model.params, 'w'),
        seen: number(model.stats, 'seen'),
        y: tf.add(number(kept, 'y'), number(inputs, 'momentum')),
      };
    },
  };
}

const params: Tree<HostTensor> = { w: scalar(2) };
const state: Tree<HostTensor> = {
  params,
  stats: { seen: scalar(0) },
  memory: { m: scalar(1), w: scalar(0), seen: scalar(0), y: scalar(0) },
  optimizer: initOptimizer(groups, params),
};
const batch: Tree<HostTensor> = {
  data: { x: scalar(3) },
  inputs: { momentum: scalar(0.75), scale: scalar(0.5) },
  rates: { learningRates: { all: scalar(0.1) } },
};

async function stepped(learner: Learner, device: 'eager' | 'cpu', given = { state, batch }) {
  const step = await compile(trainStep(learner, groups), { ...given, device });
  const { state: next, outputs } = await step.run(given.state, given.batch);
  const numbers = (tree: Tree<HostTensor>) =>
    Object.fromEntries(leavesOf(tree).map(([path, { data }]) => [path, data[0]]));
  const result = { state: numbers(await next.read()), outputs: numbers(outputs) };
  await step.dispose();
  return result;
}

describe.each(['eager', 'cpu'] as const)('a step of training, %s', (device) => {
  it('runs what comes before the loss, the loss, the optimizers, and what comes after, in this order', async () => {
    const order: string[] = [];
    const { state: next, outputs } = await stepped(follower(order), device);
    expect(order.slice(0, 3)).toEqual(['before', 'loss', 'after']);
    // m ← 0.75·1 + 0.25·2 = 1.25; y = 2·1.25·3 = 7.5; the loss is y²/2, its gradient y·m·x = 28.125.
    expect(outputs['metric/m']).toBeCloseTo(1.25, 5);
    expect(outputs['loss/total']).toBeCloseTo(28.125, 4);
    expect(outputs['loss/square']).toBe(outputs['loss/total']);
    const w = 2 - 0.1 * 28.125;
    expect(next['params/w']).toBeCloseTo(w, 5);
    // The memory has what came before the loss, and sees the new parameters and statistics.
    expect(next['memory/m']).toBeCloseTo(1.25, 5);
    expect(next['memory/w']).toBeCloseTo(w, 5);
    expect(next['memory/seen']).toBe(1);
    expect(next['stats/seen']).toBe(1);
    expect(next['memory/y']).toBeCloseTo(7.5 + 0.75, 5);
  });

  it('goes without what a learner does not have', async () => {
    const plain: Learner = {
      loss: ({ params, stats }, data) => {
        const loss = tf.square(tf.mul(number(params, 'w'), number(data, 'x'))) as tf.Scalar;
        return { loss, terms: {}, metrics: {}, stats };
      },
    };
    const { memory: _, ...small } = state;
    const { inputs: __, ...bare } = batch;
    const { state: next, outputs } = await stepped(plain, device, { state: small, batch: bare });
    expect(Object.keys(outputs)).toEqual(['loss/total']);
    expect(Object.keys(next)).toEqual(['optimizer/all/momentum/w', 'params/w', 'stats/seen']);
    // d(6²)/dw = 2·w·x² = 36.
    expect(next['params/w']).toBeCloseTo(2 - 3.6, 5);
  });

  it('lets no gradient into the memory or out of what came before', async () => {
    const learner: Learner = {
      before: (model) => ({ ...model, memory: { m: tf.mul(number(model.params, 'w'), 5) } }),
      loss: ({ params, memory, stats }) => {
        const loss = tf.mul(number(params, 'w'), number(memory, 'm')) as tf.Scalar;
        return { loss, terms: {}, metrics: {}, stats };
      },
    };
    const { state: next } = await stepped(learner, device);
    // m = 10 is a number here: the gradient is 10, where 5·w² would have 20.
    expect(next['params/w']).toBeCloseTo(2 - 1, 5);
  });

  it.each([
    // The gradient is (3, 0, 4), of norm 5; the parts have 3 and 4.
    { clip: { norm: 1, of: 'all' }, a: 0.6, b: 0.8 },
    { clip: { norm: 3.5, of: 'each' }, a: 3, b: 3.5 },
    { clip: { norm: 6, of: 'all' }, a: 3, b: 4 },
  ] as const)('scales gradients down to a norm, and says what it was: $clip', async ({ clip, a, b }) => {
    const wide: Tree<HostTensor> = { a: float32([3, 0], [2]), b: float32([4], [1]) };
    const learner: Learner = {
      loss: ({ params }) => {
        const squares = ['a', 'b'].map((name) => tf.sum(tf.square(leafAt(params, name))));
        return { loss: tf.mul(tf.addN(squares), 0.5) as tf.Scalar, terms: {}, metrics: {}, stats: {} };
      },
    };
    const given = { params: wide, optimizer: initOptimizer(groups, wide) };
    const step = await compile(trainStep(learner, groups, { clip }), { state: given, batch, device });
    const { state: next, outputs } = await step.run(given, batch);
    const found = new Map(leavesOf(await next.read()));
    expect(new Map(leavesOf(outputs)).get('metric/gradientNorm')!.data[0]).toBeCloseTo(5, 5);
    expect(found.get('params/a')!.data[0]).toBeCloseTo(3 - 0.1 * a, 4);
    expect(found.get('params/b')!.data[0]).toBeCloseTo(4 - 0.1 * b, 4);
    await step.dispose();
  });
});
