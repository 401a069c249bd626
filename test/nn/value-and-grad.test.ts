import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { withGradient } from '../../src/nn/custom-gradient.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { stopGradient } from '../../src/nn/stop-gradient.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { valuesOf } from './tensors.ts';

/** A tensor that counts how often its gradient is asked for. */
function counted(x: tf.Tensor, onGradient: () => void): tf.Tensor {
  return withGradient(
    [x],
    () => ({ value: tf.mul(x, 2), saved: [] }),
    (dy) => {
      onGradient();
      return [tf.mul(dy, 2)];
    },
  );
}

describe('stopGradient', () => {
  it('keeps the values and shares their memory', () => {
    const x = tf.tensor1d([1, 2]);
    const before = tf.memory();
    const constant = stopGradient(x);
    expect(valuesOf(constant)).toEqual([1, 2]);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
    expect(tf.memory().numTensors).toBe(before.numTensors + 1);
    x.dispose();
    expect(valuesOf(constant)).toEqual([1, 2]);
    constant.dispose();
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers - 1);
  });

  it('leaves what is upstream without a gradient, and does not even run its gradient function', () => {
    let runs = 0;
    const params = { a: tf.scalar(3), b: tf.scalar(5) };
    const { loss, grads } = valueAndGrad((tree) => {
      const upstream = counted(leafAt(tree, 'a'), () => runs++);
      return { loss: tf.mul(stopGradient(upstream), leafAt(tree, 'b')), aux: {} };
    }, params);
    expect(valuesOf(loss)).toEqual([30]);
    expect([...grads.keys()]).toEqual(['b']);
    expect(valuesOf(grads.get('b')!)).toEqual([6]);
    expect(runs).toBe(0);
  });

  it('lets the gradient of other ways pass', () => {
    let runs = 0;
    const { grads } = valueAndGrad(
      (tree) => {
        const a = counted(leafAt(tree, 'a'), () => runs++);
        return { loss: tf.mul(stopGradient(a), a), aux: {} };
      },
      { a: tf.scalar(3) },
    );
    expect(valuesOf(grads.get('a')!)).toEqual([12]);
    expect(runs).toBe(1);
  });
});

describe('valueAndGrad', () => {
  const params = { layer: { weight: tf.tensor1d([1, 2]), unused: tf.scalar(1) }, bias: tf.scalar(4) };

  function loss(tree: typeof params | object): {
    loss: tf.Scalar;
    aux: { square: tf.Tensor; bias: tf.Tensor; loss: tf.Tensor };
  } {
    const weight = leafAt(branchAt(tree as never, 'layer'), 'weight') as tf.Tensor;
    const bias = leafAt(tree as never, 'bias') as tf.Tensor;
    const square = tf.square(weight);
    const value = tf.sum(tf.mul(square, bias)) as tf.Scalar;
    return { loss: value, aux: { square, bias, loss: value } };
  }

  it('gives loss, aux, and the gradients of what the loss depends on', () => {
    const result = valueAndGrad(loss, params);
    expect(valuesOf(result.loss)).toEqual([20]);
    expect(valuesOf(leafAt(result.aux, 'square'))).toEqual([1, 4]);
    expect(Object.fromEntries([...result.grads].map(([path, grad]) => [path, valuesOf(grad)]))).toEqual({
      bias: [5],
      'layer/weight': [8, 16],
    });
  });

  it('leaks nothing, in a scope or without one', () => {
    const before = tf.memory();
    tf.tidy(() => {
      valueAndGrad(loss, params);
    });
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
    const { loss: value, aux, grads } = valueAndGrad(loss, params);
    tf.dispose([value, ...Object.values(aux), ...grads.values()] as tf.Tensor[]);
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
    expect(valuesOf(params.bias)).toEqual([4]);
  });

  it('gives results that survive a scope which returns them, and a parameter that was handed on', () => {
    const kept = tf.tidy(() => {
      const { aux } = valueAndGrad(loss, params);
      return { square: leafAt(aux, 'square'), bias: leafAt(aux, 'bias') };
    });
    expect(valuesOf(kept.square)).toEqual([1, 4]);
    tf.dispose(kept);
    expect(valuesOf(params.bias)).toEqual([4]);
  });

  it('gives no gradients where nothing is connected', () => {
    const { grads } = valueAndGrad(() => ({ loss: tf.scalar(1), aux: {} }), params);
    expect(grads.size).toBe(0);
  });
});
