import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';
import {
  firstCrossEntropy,
  firstIsHighest,
  labelCrossEntropy,
  labelIsHighest,
  logSoftmax,
  softCrossEntropy,
} from '../../../src/objectives/parts/cross-entropy.ts';
import { expectNear, valuesOf } from '../../nn/tensors.ts';
import { randomRows, rowsOf } from '../tiny-image-run.ts';

const logits = randomRows('logits', 4, 5);
const logSoftmaxOf = (row: readonly number[]) => {
  const sum = row.reduce((all, value) => all + Math.exp(value), 0);
  return row.map((value) => value - Math.log(sum));
};
const labels = tf.tensor1d([3, 0, 4, 0], 'int32');

describe('cross-entropies of rows', () => {
  it('are those of loops', () => {
    const expected = logits.map(logSoftmaxOf);
    expectNear(valuesOf(logSoftmax(rowsOf(logits))), expected.flat(), 5);
    const meanOf = (places: readonly number[]) =>
      -places.reduce((sum, column, i) => sum + expected[i][column], 0) / places.length;
    expect(valuesOf(firstCrossEntropy(rowsOf(logits)))[0]).toBeCloseTo(meanOf([0, 0, 0, 0]), 5);
    expect(valuesOf(labelCrossEntropy(rowsOf(logits), labels))[0]).toBeCloseTo(meanOf([3, 0, 4, 0]), 5);
    const target = randomRows('target', 4, 5);
    const soft =
      -target.flatMap((row, i) => row.map((value, j) => value * expected[i][j])).reduce((a, b) => a + b) / 4;
    expect(valuesOf(softCrossEntropy(rowsOf(logits), rowsOf(target)))[0]).toBeCloseTo(soft, 5);
  });

  it('do not overflow', () => {
    expectNear(valuesOf(logSoftmax(rowsOf([[1000, 0]]))), [0, -1000], 3);
  });

  it('send a gradient to the logits alone', () => {
    const given = { logits: rowsOf(logits), target: rowsOf(randomRows('target', 4, 5)) };
    const { grads } = valueAndGrad(
      (tree) => ({ loss: softCrossEntropy(tree.logits as tf.Tensor, tree.target as tf.Tensor), aux: {} }),
      given,
    );
    expect([...grads.keys()]).toEqual(['logits']);
  });
});

describe('hits', () => {
  const rows = rowsOf([
    [3, 1, 2],
    [1, 3, 2],
    [2, 2, 2],
    [-1, -2, -3],
  ]);

  it('count rows whose first column is the highest, ties not', () => {
    expect(valuesOf(firstIsHighest(rows))[0]).toBe(0.5);
  });

  it('count rows whose labelled column is the highest, ties not', () => {
    const share = (...columns: number[]) => valuesOf(labelIsHighest(rows, tf.tensor1d(columns, 'int32')))[0];
    expect(share(0, 1, 2, 0)).toBe(0.75);
    expect(share(1, 2, 0, 2)).toBe(0);
  });
});
