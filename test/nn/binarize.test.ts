import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { binarySign, binaryWeights } from '../../src/nn/binarize.ts';
import { initShiftedPrelu, shiftedPrelu } from '../../src/nn/shifted-prelu.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { distance, expectGradients, expectNear, randomTensor, uploadTree, valuesOf } from './tensors.ts';

/** The gradient of a weighed sum of what `f` makes of x, divided by the weights. */
function slopes(f: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): number[] {
  const weights = tf.reshape(tf.range(1, x.size + 1), x.shape);
  const { grads } = valueAndGrad(
    (tree) => ({ loss: tf.sum(tf.mul(f(tree.x as tf.Tensor), weights)), aux: {} }),
    {
      x,
    },
  );
  return valuesOf(tf.div(grads.get('x')!, weights));
}

describe('binarySign', () => {
  it('is +1 or −1, and +1 at 0, whichever 0', () => {
    const x = tf.tensor1d([-3, -1, -1e-30, -0, 0, 1e-30, 0.5, 7]);
    expect(valuesOf(binarySign(x))).toEqual([-1, -1, -1, 1, 1, 1, 1, 1]);
  });

  it('has the gradient of its parabolas: exactly 0 from ±1 on', () => {
    const x = tf.tensor1d([-5, -1, -0.75, -0.25, 0, 0.25, 0.75, 1, 1.5]);
    const expected = [0, 0, 0.5, 1.5, 2, 1.5, 0.5, 0, 0];
    expectNear(slopes(binarySign, x), expected, 6);
    const found = slopes(binarySign, x);
    for (const i of [0, 1, 7, 8]) expect(Math.abs(found[i])).toBe(0);
    // The straight-through gradient of a clipped identity would be 1 within ±1.
    expect(distance(found, [0, 1, 1, 1, 1, 1, 1, 1, 0])).toBeGreaterThan(0.4);
  });
});

describe('binaryWeights', () => {
  const weight = tf.tensor4d([0.5, -0.25, 0, -1.25, 3, -1, 1, -0.5], [2, 4, 1, 1]);

  it('has two values for each output, ±mean|w|, and + where a weight is 0', () => {
    const [first, second] = [0.5, 1.375];
    expect(valuesOf(binaryWeights(weight))).toEqual([
      first,
      -first,
      first,
      -first,
      second,
      -second,
      second,
      -second,
    ]);
  });

  it('lets a gradient pass as it comes up to ±1, and none beyond; the means carry none', () => {
    expect(slopes(binaryWeights, weight)).toEqual([1, 1, 1, 0, 0, 1, 1, 1]);
  });
});

describe('shiftedPrelu', () => {
  const params = {
    before: tf.tensor1d([1, -0.5]),
    slope: tf.tensor1d([0.25, -2]),
    after: tf.tensor1d([3, 0]),
  };

  it('is a PReLU between two shifts', () => {
    const x = tf.tensor4d([-3, 1, 0.25, 2], [1, 2, 1, 2]);
    expect(valuesOf(shiftedPrelu(params, x))).toEqual([2.5, 5, 0.5, 1.5]);
    const begun = uploadTree(initShiftedPrelu(2));
    expect(valuesOf(shiftedPrelu(begun, x))).toEqual([-0.75, 1, 0.25, 2]);
  });

  it('has the gradient of numeric differences', () => {
    const tree = { ...params, x: randomTensor('x', [2, 2, 3, 3]) };
    const weights = randomTensor('weights', [2, 2, 3, 3]);
    expectGradients(
      ({ x, ...own }) => tf.sum(tf.mul(shiftedPrelu(own, x as tf.Tensor), weights)) as tf.Scalar,
      tree,
      { step: 1e-3 },
    );
  });
});
