import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { batchNorm, initBatchNorm } from '../../src/nn/batch-norm.ts';
import { leafAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import {
  distance,
  expectClose,
  expectGradients,
  randomTensor,
  uploadTree,
  valuesOf,
  weighed,
} from './tensors.ts';

const OPTIONS = { eps: 1e-3, momentum: 0.2, training: true };

/** Batch norm as one would write it down, for tfjs to differentiate. */
function plain(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const axes = x.rank === 2 ? [0] : [0, 2, 3];
  const shape = x.rank === 2 ? [1, -1] : [1, x.shape[1]!, 1, 1];
  const mean = tf.mean(x, axes, true);
  const variance = tf.mean(tf.square(tf.sub(x, mean)), axes, true);
  const normal = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, OPTIONS.eps)));
  return tf.add(tf.mul(normal, tf.reshape(weight, shape)), tf.reshape(bias, shape));
}

describe.each([
  ['rows', [7, 3]],
  ['images', [2, 3, 4, 5]],
])('batch norm of %s', (_, shape) => {
  const x = tf.add(tf.mul(randomTensor('x', shape), 2), 5);
  const weight = randomTensor('weight', [3]);
  const bias = randomTensor('bias', [3]);
  const { stats: initial } = initBatchNorm(3);

  it('has the value and the gradient of the plain composition', () => {
    const ours = valueAndGrad(
      (tree) => {
        const { y } = batchNorm(tree, uploadTree(initial), leafAt(tree, 'x'), OPTIONS);
        return { loss: weighed(y), aux: { y } };
      },
      { x, weight, bias },
    );
    const theirs = valueAndGrad(
      (tree) => {
        const y = plain(leafAt(tree, 'x'), leafAt(tree, 'weight'), leafAt(tree, 'bias'));
        return { loss: weighed(y), aux: { y } };
      },
      { x, weight, bias },
    );
    expectClose(leafAt(ours.aux, 'y'), leafAt(theirs.aux, 'y'), 1e-5);
    for (const path of ['x', 'weight', 'bias']) {
      expectClose(ours.grads.get(path)!, theirs.grads.get(path)!, 1e-4);
    }
  });

  it('has the gradient of numeric differences', () => {
    expectGradients((tree) => weighed(batchNorm(tree, uploadTree(initial), leafAt(tree, 'x'), OPTIONS).y), {
      x,
      weight,
      bias,
    });
  });

  it('moves the running statistics, the variance by the unbiased one', () => {
    const stats = { running_mean: tf.tensor1d([1, 2, 3]), running_var: tf.tensor1d([4, 5, 6]) };
    const after = batchNorm({ weight, bias }, stats, x, OPTIONS).stats;
    const values = valuesOf(x);
    const inner = shape.slice(2).reduce((a, b) => a * b, 1);
    const expected = [0, 1, 2].map((channel) => {
      const own = values.filter((_, i) => Math.floor(i / inner) % 3 === channel);
      const mean = own.reduce((a, b) => a + b, 0) / own.length;
      return [mean, own.reduce((a, b) => a + (b - mean) ** 2, 0) / (own.length - 1)];
    });
    expect(
      distance(
        valuesOf(leafAt(after, 'running_mean')),
        expected.map(([m], i) => 0.8 * (i + 1) + 0.2 * m),
      ),
    ).toBeLessThan(1e-5);
    expect(
      distance(
        valuesOf(leafAt(after, 'running_var')),
        expected.map(([, v], i) => 0.8 * (i + 4) + 0.2 * v),
      ),
    ).toBeLessThan(1e-5);
  });

  it('uses the running statistics at evaluation, and leaves them', () => {
    const stats = { running_mean: tf.tensor1d([1, 2, 3]), running_var: tf.tensor1d([4, 5, 6]) };
    const result = batchNorm({ weight, bias }, stats, x, { ...OPTIONS, training: false });
    expect(result.stats).toBe(stats);
    const [w, b, values] = [weight, bias, x].map(valuesOf);
    const inner = shape.slice(2).reduce((a, c) => a * c, 1);
    const expected = values.map((value, i) => {
      const c = Math.floor(i / inner) % 3;
      return ((value - (c + 1)) / Math.sqrt(c + 4 + OPTIONS.eps)) * w[c] + b[c];
    });
    expect(distance(valuesOf(result.y), expected)).toBeLessThan(1e-5);
    expectGradients(
      (tree) => weighed(batchNorm(tree, stats, leafAt(tree, 'x'), { ...OPTIONS, training: false }).y),
      { x, weight, bias },
    );
  });

  it('treats inputBias as if it had been added to x', () => {
    const inputBias = tf.tensor1d([0.5, -2, 3]);
    const added = tf.add(x, tf.reshape(inputBias, shape.length === 2 ? [1, 3] : [1, 3, 1, 1]));
    for (const training of [true, false]) {
      const stats = uploadTree(initial);
      const a = batchNorm({ weight, bias }, stats, x, { ...OPTIONS, training, inputBias });
      const b = batchNorm({ weight, bias }, stats, added, { ...OPTIONS, training });
      expectClose(a.y, b.y, 1e-4);
      expectClose(leafAt(a.stats, 'running_mean'), leafAt(b.stats, 'running_mean'), 1e-5);
      expectClose(leafAt(a.stats, 'running_var'), leafAt(b.stats, 'running_var'), 1e-4);
    }
    const { grads } = valueAndGrad(
      (tree) => {
        const options = { ...OPTIONS, inputBias: leafAt(tree, 'inputBias') };
        return { loss: weighed(batchNorm(tree, uploadTree(initial), x, options).y), aux: {} };
      },
      { weight, bias, inputBias },
    );
    expect(valuesOf(grads.get('inputBias')!)).toEqual([0, 0, 0]);
  });
});

describe('batch norm', () => {
  const { params, stats } = initBatchNorm(2);

  it('refuses to train on one value a channel, and other ranks', () => {
    const run = (x: tf.Tensor) => () => batchNorm(uploadTree(params), uploadTree(stats), x, OPTIONS);
    expect(run(tf.ones([1, 2]))).toThrow('one value a channel');
    expect(run(tf.ones([1, 2, 3]))).toThrow('[1,2,3]');
  });

  it('keeps its precision far from zero', () => {
    const x = tf.add(randomTensor('far', [64, 2], 0.1), 100);
    const { y } = batchNorm(uploadTree(params), uploadTree(stats), x, { ...OPTIONS, eps: 0 });
    const { mean, variance } = tf.moments(y, 0);
    expect(distance(valuesOf(mean), [0, 0])).toBeLessThan(1e-3);
    expect(distance(valuesOf(variance), [1, 1])).toBeLessThan(1e-3);
  });
});
