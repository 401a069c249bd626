import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { Step } from '../../../src/engine/capture.ts';
import { compile } from '../../../src/engine/compile.ts';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../../src/engine/tree.ts';
import { expectClose, seeded, values } from '../against-cpu.ts';

const threadCounts = [1, 2, 3, 4, 7, 8, 16, 32];

type Functions = { readonly [name: string]: (...inputs: tf.Tensor[]) => tf.Tensor };

/** Holds functions to the same bits at every number of threads, and to tfjs's numbers. */
async function expectSameBits(
  functions: Functions,
  inputs: readonly HostTensor[],
  { tolerance = 1e-4, blocked = false } = {},
) {
  const step: Step = (state, batch) => {
    const given = inputs.map((_, i) => batch[`x${i}`] as tf.Tensor);
    return [state, Object.fromEntries(Object.entries(functions).map(([name, f]) => [name, f(...given)]))];
  };
  const batch: Tree<HostTensor> = Object.fromEntries(inputs.map((x, i) => [`x${i}`, x]));
  const outputsOf = async (options: { readonly threads?: number; readonly device?: 'eager' }) => {
    const compiled = await compile(step, { state: {}, batch, blocked, ...options });
    const { outputs } = await compiled.run({}, batch);
    await compiled.dispose();
    return new Map(leavesOf(outputs));
  };
  const first = await outputsOf({ threads: 1 });
  for (const [name, expected] of await outputsOf({ device: 'eager' })) {
    expectClose(first.get(name)!, expected, tolerance, name);
  }
  const differing: string[] = [];
  for (const threads of threadCounts) {
    for (const [name, { data }] of await outputsOf({ threads })) {
      const reference = first.get(name)!.data;
      const bytes = (array: typeof data) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
      if (!bytes(data).equals(bytes(reference))) differing.push(`${name} on ${threads} threads`);
    }
  }
  expect(differing).toEqual([]);
}

const random = (label: string, ...shape: number[]) =>
  values(seeded(label), shape, { gap: 0, low: -0.5, high: 0.5 });

describe('the same bits at every number of threads', () => {
  it.each([
    // Few rows, few columns, one of either, squares whose shares come down to one row.
    [54, 784, 64],
    [32, 4096, 64],
    [64, 4096, 32],
    [3, 4096, 64],
    [8, 8192, 8],
    [16, 4096, 16],
    [128, 600, 600],
    [300, 400, 300],
    [1, 4096, 64],
    [100, 3000, 1],
    [1000, 300, 1],
    [1, 30_000, 1],
  ])('products of %i x %i with %i columns', async (m, k, n) => {
    const functions: Functions = {
      plain: (a, b) => tf.matMul(a, b),
      first: (a, b, at) => tf.add(tf.matMul(at, b, true), tf.matMul(a, b)),
      second: (a, _b, _at, bt) => tf.matMul(a, bt, false, true),
      both: (_a, _b, at, bt) => tf.matMul(at, bt, true, true),
      turned: (a, b) => tf.transpose(tf.matMul(a, b)),
    };
    const inputs = [random('a', m, k), random('b', k, n), random('at', k, m), random('bt', n, k)];
    await expectSameBits(functions, inputs);
  });

  it.each([
    [3, 6, 784, 54],
    [2, 40, 300, 200],
    [2, 500, 300, 1],
    [5, 8, 8192, 8],
    [12, 37, 64, 37],
    [6, 1, 300, 400],
  ])('products of %i matrices of %i x %i with %i columns', async (batch, m, k, n) => {
    const functions: Functions = {
      plain: (a, b) => tf.matMul(a, b),
      first: (_a, b, at) => tf.matMul(at, b, true),
      second: (a, _b, _at, bt) => tf.matMul(a, bt, false, true),
      both: (_a, _b, at, bt) => tf.matMul(at, bt, true, true),
    };
    const inputs = [
      random('a', batch, m, k),
      random('b', batch, k, n),
      random('at', batch, k, m),
      random('bt', batch, n, k),
    ];
    for (const blocked of [false, true]) await expectSameBits(functions, inputs, { blocked });
  });

  it('sums over any axes', async () => {
    for (const shape of [
      [3, 30, 500],
      [2, 8, 64],
      [2, 3000, 3],
      [5, 6, 14, 14],
      [64, 6, 40, 20],
      [150, 7, 9],
    ]) {
      const functions: { [name: string]: Functions[string] } = {};
      for (let set = 1; set < 2 ** shape.length; set++) {
        const axes = shape.map((_, axis) => axis).filter((axis) => set & (2 ** axis));
        functions[`sum of [${shape}] over ${axes}`] = (x) => tf.sum(x, axes);
        functions[`mean of [${shape}] over ${axes}`] = (x) => tf.mean(x, axes, true);
      }
      await expectSameBits(functions, [random('x', ...shape)], { tolerance: 1e-3 });
    }
  });

  it('convolutions of one image and of several, and their gradients', async () => {
    for (const [batch, height, width, channels, outputs, size] of [
      [1, 14, 14, 30, 30, 3],
      [1, 5, 7, 100, 31, 3],
      [1, 14, 14, 40, 40, 3],
      [3, 14, 14, 30, 30, 3],
      [1, 9, 9, 40, 1, 5],
      [1, 14, 14, 200, 30, 1],
    ]) {
      const convolve = (x: tf.Tensor, w: tf.Tensor) =>
        tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same');
      const loss = (x: tf.Tensor, w: tf.Tensor) => tf.sum(tf.square(convolve(x, w)));
      const functions: Functions = {
        value: convolve,
        'gradient of x': (x, w) => tf.grads(loss as never)([x, w])[0],
        'gradient of w': (x, w) => tf.grads(loss as never)([x, w])[1],
      };
      const inputs = [
        random('x', batch, height, width, channels),
        random('w', size, size, channels, outputs),
      ];
      await expectSameBits(functions, inputs, { tolerance: 1e-3 });
    }
  });

  it('operations number by number, on more numbers than one thread takes', async () => {
    const functions: Functions = {
      acos: tf.acos,
      acosh: (x) => tf.acosh(tf.add(x, 2)),
      asin: tf.asin,
      asinh: tf.asinh,
      atan: tf.atan,
      atanh: tf.atanh,
      cos: tf.cos,
      cosh: tf.cosh,
      elu: (x) => tf.elu(tf.mul(x, 8)),
      erf: tf.erf,
      exp: tf.exp,
      expm1: tf.expm1,
      leakyRelu: (x) => tf.leakyRelu(x, 0.1),
      log: (x) => tf.log(tf.add(x, 1)),
      log1p: tf.log1p,
      pow: (x) => tf.pow(tf.add(x, 1), 1.7),
      reciprocal: (x) => tf.reciprocal(tf.add(x, 2)),
      rsqrt: (x) => tf.rsqrt(tf.add(x, 1)),
      selu: (x) => tf.selu(tf.mul(x, 8)),
      sigmoid: tf.sigmoid,
      sin: tf.sin,
      sinh: tf.sinh,
      softplus: (x) => tf.softplus(tf.mul(x, 40)),
      sqrt: (x) => tf.sqrt(tf.add(x, 1)),
      tan: tf.tan,
      tanh: tf.tanh,
      softmax: (x) => tf.softmax(tf.reshape(x, [63, 3175])),
      logSoftmax: (x) => tf.logSoftmax(tf.reshape(x, [3175, 63])),
      cumsum: (x) => tf.mul(tf.cumsum(x), 1e-3),
    };
    await expectSameBits(functions, [random('x', 63 * 3175)], { tolerance: 1e-3 });
  });

  it('keeps what small numbers say', async () => {
    const step: Step = (state, { x }) => [
      state,
      { log1p: tf.log1p(x as tf.Tensor), softplus: tf.softplus(x as tf.Tensor) },
    ];
    const data = Float32Array.of(1e-9, 3e-8, 1e-4, -1e-9, -20, -80, 0, 30, Number.NaN);
    const batch = { x: { dtype: 'float32', shape: [9], data } } as const;
    const compiled = await compile(step, { state: {}, batch });
    const { log1p, softplus } = (await compiled.run({}, batch)).outputs as {
      readonly [name: string]: HostTensor;
    };
    await compiled.dispose();
    const near = (found: HostTensor, f: (x: number) => number) =>
      data.forEach((x, i) => {
        const expected = f(x);
        if (Number.isNaN(expected)) expect(found.data[i]).toBeNaN();
        else expect(Math.abs(found.data[i] - expected)).toBeLessThanOrEqual(3e-7 * Math.abs(expected));
      });
    near(log1p, (x) => Math.log1p(x));
    near(softplus, (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))));
  });
});
