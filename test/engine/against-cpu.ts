import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import type { Step } from '../../src/engine/capture.ts';
import { compile } from '../../src/engine/compile.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { float32, int32, sizeOf } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { leavesOf } from '../../src/engine/tree.ts';

export type Function = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/** Normally distributed values, kept off 0 by `gap` so that kinks and poles are not hit. */
export function values(random: Random, shape: readonly number[], { gap = 0.05, low = -2, high = 2 } = {}): HostTensor {
  const data = Float32Array.from({ length: sizeOf(shape) }, () => {
    const value = random.uniform(low, high);
    return Math.abs(value) < gap ? gap : value;
  });
  return float32(data, shape);
}

/** Whole numbers in [0, bound). */
export function whole(random: Random, shape: readonly number[], bound: number): HostTensor {
  return int32(Int32Array.from({ length: sizeOf(shape) }, () => random.integer(bound)), shape);
}

/**
 * Holds functions against tfjs's own cpu backend: their values and, unless told not to, the gradients of a weighted
 * sum of each with respect to the inputs of float32.
 */
export async function expectAsOnCpu(
  functions: { readonly [name: string]: Function },
  inputs: readonly HostTensor[],
  { gradient = true, tolerance = 1e-4 } = {},
): Promise<void> {
  const step: Step = (_, batch) => {
    const tensors = inputs.map((_input, i) => batch[`x${i}`] as tf.Tensor);
    const outputs: { [path: string]: tf.Tensor } = {};
    for (const [name, f] of Object.entries(functions)) {
      const results = [f(...tensors)].flat();
      results.forEach((result, i) => {
        outputs[`${name} value ${i}`] = result;
      });
      const floats = tensors.map((_tensor, i) => i).filter((i) => inputs[i].dtype === 'float32');
      if (!gradient || floats.length === 0) continue;
      const weighted = (...xs: tf.Tensor[]) => {
        const replaced = tensors.map((tensor, i) => (floats.includes(i) ? xs[floats.indexOf(i)] : tensor));
        const terms = [f(...replaced)].flat().map((y) => tf.sum(tf.mul(y, weightsFor(y.shape))));
        return terms.reduce((sum, term) => tf.add(sum, term)) as tf.Scalar;
      };
      tf.grads(weighted)(floats.map((i) => tensors[i])).forEach((result, i) => {
        outputs[`${name} gradient of x${floats[i]}`] = result;
      });
    }
    return [{}, outputs];
  };
  const batch: Tree<HostTensor> = Object.fromEntries(inputs.map((input, i) => [`x${i}`, input]));
  const [cpu, reference] = await Promise.all(
    (['cpu', 'eager'] as const).map(async (device) => {
      const compiled = await compile(step, { state: {}, batch, device });
      const { outputs } = await compiled.run({}, batch);
      await compiled.dispose();
      return new Map(leavesOf(outputs));
    }),
  );
  expect([...cpu.keys()]).toEqual([...reference.keys()]);
  for (const [name, expected] of reference) expectClose(cpu.get(name)!, expected, tolerance, name);
}

/** Weights that differ from element to element, so that a gradient at the wrong place shows. */
function weightsFor(shape: readonly number[]): tf.Tensor {
  const size = sizeOf(shape);
  return tf.tensor(Float32Array.from({ length: size }, (_, i) => Math.cos(1.7 * i + 0.3)), [...shape]);
}

/** Equal types and shapes, and values within `tolerance`, relative for values over 1. */
export function expectClose(actual: HostTensor, expected: HostTensor, tolerance: number, name: string): void {
  expect(`${name}: ${actual.dtype} [${actual.shape}]`).toBe(`${name}: ${expected.dtype} [${expected.shape}]`);
  for (let i = 0; i < expected.data.length; i++) {
    const [found, wanted] = [actual.data[i], expected.data[i]];
    const same = Object.is(found, wanted) || found === wanted || Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted));
    if (!same) expect.fail(`${name}: element ${i} of [${expected.shape}] is ${found}, not ${wanted}`);
  }
}

/** Shapes that catch mistakes: scalars, size-1 axes, odd sizes, up to four axes. */
export const awkwardShapes: ReadonlyArray<readonly number[]> = [[], [1], [7], [1, 5], [3, 1], [4, 6], [2, 1, 3], [3, 5, 7], [2, 3, 1, 5], [1, 1, 1, 1]];

/** A generator for tests. */
export const seeded = (label: string) => Random.fromSeed(`test ${label}`);
