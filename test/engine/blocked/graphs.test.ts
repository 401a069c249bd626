import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { capture, type Step } from '../../../src/engine/capture.ts';
import { reachable } from '../../../src/engine/graph.ts';
import { float32, type HostTensor } from '../../../src/engine/host-tensor.ts';
import { lower } from '../../../src/engine/lower.ts';
import { Random } from '../../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../../src/engine/tree.ts';
import { initResNet, type ResNetOptions, resnet } from '../../../src/image/resnet.ts';
import { batchNorm, initBatchNorm } from '../../../src/nn/batch-norm.ts';
import { conv2d } from '../../../src/nn/conv2d.ts';
import { maxOverNeighbors } from '../../../src/nn/max-over-neighbors.ts';
import { initMlp, mlp } from '../../../src/nn/mlp.ts';
import { initState, type OptimizerOptions, update } from '../../../src/nn/optimizers.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';
import { gatherRows } from '../../../src/pointcloud/grouping.ts';

type Tensors = Tree<tf.Tensor>;

const blockedDomain = 'com.microsoft.nchwc';
const norm = { eps: 1e-3, momentum: 0.1 };
const sgd: OptimizerOptions = { kind: 'sgd', momentum: 0.9 };

/** How often a lowered step has each operation, those on blocks with their domain in front. */
function operations(step: Step, given: { state: Tree<Kind>; batch: Tree<Kind> }, block?: number) {
  const { nextState, outputs } = lower(capture(step, given.state, given.batch), { block });
  const counts: { [op: string]: number } = {};
  for (const { op, domain } of reachable([...nextState.values(), ...outputs.values()]).nodes) {
    const name = domain === '' ? op : `${domain}/${op}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

type Kind = Pick<HostTensor, 'dtype' | 'shape'>;

const floats = (...shape: number[]): Kind => ({ dtype: 'float32', shape });

/** A training step of a network whose loss is the mean square of its output. */
const training =
  (forward: (params: Tensors, stats: Tensors, batch: Tensors) => { y: tf.Tensor; stats: Tensors }): Step =>
  ({ params, stats, optimizer }, batch) => {
    const { loss, aux, grads } = valueAndGrad((current) => {
      const { y, stats: next } = forward(current, stats as Tensors, batch);
      return { loss: tf.mean(tf.square(y)) as tf.Scalar, aux: { next } };
    }, params as Tensors);
    const hyper = { learningRate: tf.scalar(0.1), weightDecay: 0.01 };
    const updated = update(sgd, params as Tensors, grads, optimizer as Tensors, hyper);
    return [{ params: updated.params, stats: aux.next, optimizer: updated.state }, { loss }];
  };

describe('the graph of a ResNet step', () => {
  const options: ResNetOptions = { depth: 18, stages: ['c5'], batchNorm: norm, width: 16 };
  const { params, stats } = initResNet(Random.fromSeed(0), options);
  const state = { params, stats, optimizer: initState(sgd, params) };
  const batch = { images: floats(4, 3, 40, 48) };
  const step = training((current, statistics, { images }) => {
    const result = resnet(current, statistics, images as tf.Tensor, { ...options, training: true });
    return { y: result.features.c5!, stats: result.stats };
  });

  it.each([8, 16])('has its convolutions in blocks of %i, and their gradients', (block) => {
    const found = operations(step, { state, batch }, block);
    for (const op of ['Conv', 'ConvTranspose', 'ConvInputGradient', 'MaxPool', 'MaxPoolGradient', 'Gemm'])
      expect(found[op], op).toBeUndefined();
    expect(Object.keys(found).filter((op) => op.startsWith('pointpair'))).toEqual([]);
    // 20 convolutions forward, and no less backwards.
    expect(found[`${blockedDomain}/Conv`]).toBeGreaterThan(60);
    expect(found[`${blockedDomain}/MaxPool`]).toBe(1);
    // The images of the stem go in as they are, and the gradient of the loss enters blocks; nothing in between does.
    expect(found[`${blockedDomain}/ReorderInput`] ?? 0).toBeLessThanOrEqual(1);
  });

  it('keeps every weight and moment of a convolution in blocks', () => {
    const { stored } = lower(capture(step, state, batch), { block: 16 });
    const paths = [...stored.keys()];
    expect(paths.filter((path) => path.startsWith('params/'))).toHaveLength(20);
    expect(paths.filter((path) => path.startsWith('optimizer/momentum/'))).toHaveLength(20);
    expect(paths.filter((path) => !path.endsWith('weight'))).toEqual([]);
  });

  it('has standard operations alone where none in blocks are wanted', () => {
    const found = operations(step, { state, batch });
    expect(Object.keys(found).filter((op) => op.includes('/'))).toEqual([]);
    expect(found.Conv).toBeGreaterThan(20);
    expect(lower(capture(step, state, batch)).stored.size).toBe(0);
  });

  it('leaves convolutions whose channels are no whole blocks as they are', () => {
    const narrow: ResNetOptions = { ...options, width: 4, stages: ['c2'] };
    const own = initResNet(Random.fromSeed(0), narrow);
    const given = {
      state: { ...own, optimizer: initState(sgd, own.params) },
      batch: { images: floats(2, 3, 16, 16) },
    };
    const few = training((current, statistics, { images }) => {
      const result = resnet(current, statistics, images as tf.Tensor, { ...narrow, training: true });
      return { y: result.features.c2!, stats: result.stats };
    });
    const found = operations(few, given, 16);
    // Nothing in blocks; the products that plain gradients of weights are take transposed operands.
    expect(Object.keys(found).filter((op) => op.includes('/'))).toEqual(['com.microsoft/FusedMatMul']);
    expect(found.Conv).toBeGreaterThan(5);
  });
});

describe('the graph of a step on rows', () => {
  const mlpOf = (widths: readonly number[]) => initMlp(Random.fromSeed(1), { inputs: 16, widths });
  const batch = {
    x: floats(64, 16),
    neighbors: { dtype: 'int32' as const, shape: [128] },
  };
  const step = training((current, statistics, { x, neighbors }) => {
    const first = mlp(current.first as Tensors, statistics.first as Tensors, x as tf.Tensor, {
      ...norm,
      training: true,
    });
    const grouped = gatherRows(first.y, neighbors as tf.Tensor);
    const second = mlp(current.second as Tensors, statistics.second as Tensors, grouped, {
      ...norm,
      training: true,
    });
    return { y: maxOverNeighbors(second.y, 4), stats: { first: first.stats, second: second.stats } };
  });
  const given = (first: readonly number[], second: readonly number[]) => {
    const own = [mlpOf(first), initMlp(Random.fromSeed(2), { inputs: first.at(-1)!, widths: second })];
    const [params, stats] = (['params', 'stats'] as const).map((part) => ({
      first: own[0][part],
      second: own[1][part],
    }));
    return { state: { params, stats, optimizer: initState(sgd, params) }, batch };
  };

  it('has its products in blocks, and enters and leaves them only at its ends', () => {
    const found = operations(step, given([32, 32], [32, 64]), 16);
    for (const op of ['Gemm', 'ReduceMax']) expect(found[op], op).toBeUndefined();
    expect(found[`${blockedDomain}/Conv`]).toBeGreaterThan(10);
    expect(found[`${blockedDomain}/MaxPool`]).toBe(1);
    // x is as wide as a block, and so in blocks as it is; the gradient of the loss is not.
    expect(found[`${blockedDomain}/ReorderInput`] ?? 0).toBeLessThanOrEqual(1);
  });

  it('has products of other widths in public order', () => {
    const found = operations(step, given([20, 20], [20, 20]), 16);
    expect(Object.keys(found).filter((op) => op.includes('/'))).toEqual([]);
    expect(found.Gemm).toBeGreaterThan(8);
  });
});

describe('the graph of vectors', () => {
  it.each(['sgd', 'adamw', 'lars'] as const)(
    'has those of all norms and biases in one update by %s',
    (kind) => {
      const params: { [name: string]: HostTensor } = {};
      for (let i = 0; i < 40; i++) params[`bias${i}`] = float32(new Float32Array(16 + i), [16 + i]);
      const optimizer: OptimizerOptions = { kind, momentum: 0.9 };
      const hyper = { learningRate: tf.scalar(0.1), weightDecay: 0.01 };
      const step: Step = (state, grads) => {
        const { params, moments } = state as { [part: string]: Tensors };
        const next = update(optimizer, params, new Map(leavesOf(grads as Tensors)), moments, hyper);
        return [{ params: next.params, moments: next.state }, {}];
      };
      const state = { params, moments: initState(optimizer, params) };
      const found = operations(step, { state, batch: params }, 16);
      const count = Object.values(found).reduce((sum, of) => sum + of, 0);
      // What an update of one vector takes, one that joins each operand, and a few that cut each result.
      expect(count).toBeLessThan(60);
    },
  );

  it('changes the shape of statistics no more than their sums and scales have to', () => {
    const { params, stats } = initBatchNorm(32);
    const given = {
      state: { weight: floats(32, 32, 3, 3), params, stats },
      batch: { images: floats(4, 32, 8, 8) },
    };
    const step: Step = (state, { images }) => {
      const { params, stats } = state as { [part: string]: Tensors };
      const x = conv2d({ weight: state.weight }, images as tf.Tensor);
      const result = batchNorm(params, stats, x, { ...norm, training: true });
      return [{ ...state, stats: result.stats }, { y: result.y }];
    };
    // Of the filter, of images to sum and to square, of both sums by image, and of the scale.
    expect(operations(step, given, 16).Reshape).toBe(7);
  });
});

describe('the graph of layers with biases', () => {
  const given = {
    state: { weight: floats(32, 64), bias: floats(64) },
    batch: { x: floats(64, 32) },
  };
  const layer = ({ weight, bias }: Tensors, { x }: Tensors) =>
    tf.add(tf.matMul(x as tf.Tensor, weight as tf.Tensor), bias as tf.Tensor);
  const convolutions = (step: Step) => operations(step, given, 16)[`${blockedDomain}/Conv`];

  it('leaves the bias and the ReLU behind it to the convolution', () => {
    const step: Step = (state, batch) => [state, { y: tf.relu(layer(state as Tensors, batch)) }];
    expect(convolutions(step)).toBe(1);
    expect(operations(step, given, 16).Relu).toBeUndefined();
  });

  it('computes no convolution twice where the sums are needed before the ReLU too', () => {
    const step: Step = (state, batch) => {
      const y = layer(state as Tensors, batch);
      return [state, { y, positive: tf.relu(y) }];
    };
    expect(convolutions(step)).toBe(1);
    expect(operations(step, given, 16).Relu).toBe(1);
  });
});

describe('the graph of attention', () => {
  it('has no transposition in front of its products', () => {
    const qkv = floats(4, 8, 16);
    const step: Step = (state, { q, k, v }) => {
      const attention = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
        tf.sum(tf.square(tf.matMul(tf.softmax(tf.matMul(q, k, false, true)), v)));
      const [dq, dk, dv] = tf.grads(attention)([q, k, v] as tf.Tensor[]);
      return [state, { dq, dk, dv }];
    };
    const found = operations(step, { state: {}, batch: { q: qkv, k: qkv, v: qkv } }, 16);
    expect(found.Transpose).toBeUndefined();
    expect(found['com.microsoft/FusedMatMul']).toBe(4);
    expect(found.MatMul).toBe(2);
  });
});
