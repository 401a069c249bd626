import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { expect } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../src/engine/tree.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';

// The backend would otherwise advise, at its first use, to install another one.
tf.env().set('PROD', true);
await tf.setBackend('cpu');

/** A host tensor, or a tree of them, as tensors of the current backend. */
export function upload(leaf: HostTensor): tf.Tensor {
  return tf.tensor(leaf.data as tf.TypedArray, [...leaf.shape], leaf.dtype);
}

export function uploadTree(tree: Tree<HostTensor>): Tree<tf.Tensor> {
  return mapTree(tree, upload);
}

export function randomTensor(seed: string, shape: number[], scale = 1): tf.Tensor {
  const random = Random.fromSeed(seed);
  return tf.tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal(0, scale)),
    shape,
  );
}

export function valuesOf(tensor: tf.Tensor): number[] {
  return Array.from(tensor.dataSync());
}

/** The largest difference of two lists of numbers; NaN counts as infinite. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    largest = Number.isNaN(difference) ? Infinity : Math.max(largest, difference);
  }
  return largest;
}

export function expectClose(a: tf.Tensor, b: tf.Tensor, tolerance: number): void {
  expect(a.shape).toEqual(b.shape);
  expect(distance(valuesOf(a), valuesOf(b))).toBeLessThan(tolerance);
}

/** A loss that weighs every element of a tensor differently, so that no error can cancel. */
export function weighed(y: tf.Tensor, seed = 'weights'): tf.Scalar {
  return tf.sum(tf.mul(y, randomTensor(seed, y.shape))) as tf.Scalar;
}

/**
 * The gradient at a few elements of each leaf, by central differences and by tfjs. They may differ by `tolerance` times
 * the largest gradient of the leaf, and by what the rounding of the loss to float32 makes of a difference.
 */
export function expectGradients(
  f: (params: Tree<tf.Tensor>) => tf.Scalar,
  params: Tree<tf.Tensor>,
  options: { step?: number; tolerance?: number; elements?: number } = {},
): void {
  const { step = 1e-2, tolerance = 2e-2, elements = 6 } = options;
  const { loss, grads } = valueAndGrad((tree) => ({ loss: f(tree), aux: {} }), params);
  const rounding = (1e-6 * Math.max(1, Math.abs(loss.dataSync()[0]))) / step;
  for (const [path, leaf] of leavesOf(params)) {
    const grad = grads.get(path);
    expect(grad, path).toBeDefined();
    const exact = valuesOf(grad!);
    const largest = Math.max(...exact.map(Math.abs), 1e-3);
    const values = leaf.dataSync() as Float32Array;
    const stride = Math.max(1, Math.floor(leaf.size / elements));
    for (let i = 0; i < leaf.size; i += stride) {
      const at = (value: number): number => {
        const moved = Float32Array.from(values);
        moved[i] = value;
        const tree = mapTree(params, (other, otherPath) =>
          otherPath === path ? tf.tensor(moved, leaf.shape) : other,
        );
        return f(tree).dataSync()[0];
      };
      const numeric = (at(values[i] + step) - at(values[i] - step)) / (2 * step);
      expect(Math.abs(numeric - exact[i]), `${path}[${i}]: ${numeric} against ${exact[i]}`).toBeLessThan(
        tolerance * largest + rounding,
      );
    }
  }
}

/** Expects numbers to agree to so many digits behind the point. */
export function expectNear(found: ArrayLike<number>, expected: ArrayLike<number>, digits: number): void {
  expect(found.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++) expect(found[i], `number ${i}`).toBeCloseTo(expected[i], digits);
}
