import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import type { Step } from '../../src/engine/capture.ts';
import { compile } from '../../src/engine/compile.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { float32, int32, sizeOf } from '../../src/engine/host-tensor.ts';
import type { Lowerings } from '../../src/engine/kernels/lowering.ts';
import { Random } from '../../src/engine/random.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { leavesOf } from '../../src/engine/tree.ts';

export type TensorFunction = (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/** Normally distributed values, kept off 0 by `gap` so that kinks and poles are not hit. */
export function values(
  random: Random,
  shape: readonly number[],
  { gap = 0.05, low = -2, high = 2 } = {},
): HostTensor {
  const data = Float32Array.from({ length: sizeOf(shape) }, () => {
    const value = random.uniform(low, high);
    return Math.abs(value) < gap ? gap : value;
  });
  return float32(data, shape);
}

/** Whole numbers in [0, bound). */
export function whole(random: Random, shape: readonly number[], bound: number): HostTensor {
  return int32(
    Int32Array.from({ length: sizeOf(shape) }, () => random.integer(bound)),
    shape,
  );
}

/** Names of the tfjs kernels that functions have run so far. */
const exercised = new Set<string>();

const engine = tf.engine();
const runKernel = engine.runKernel.bind(engine);
engine.runKernel = (name, ...rest) => {
  exercised.add(name);
  return runKernel(name, ...rest);
};

/** The kernels of a table that no function has run so far. */
export function unexercised(lowerings: Lowerings): string[] {
  return Object.keys(lowerings).filter((name) => !exercised.has(name));
}

interface Comparison {
  /** Functions of which the values alone are compared: tfjs has no gradient of them, or not this one. */
  readonly valuesOnly?: { readonly [name: string]: TensorFunction };
  readonly tolerance?: number;
}

/**
 * Holds functions against tfjs's own cpu backend: their values, and the gradients of a weighted sum of each with
 * respect to those inputs of float32 that it takes.
 */
export async function expectAsOnCpu(
  functions: { readonly [name: string]: TensorFunction },
  inputs: readonly HostTensor[],
  { valuesOnly = {}, tolerance = 1e-4 }: Comparison = {},
): Promise<void> {
  const step: Step = (_, batch) => {
    const tensors = inputs.map((_input, i) => batch[`x${i}`] as tf.Tensor);
    const outputs: { [path: string]: tf.Tensor } = {};
    for (const [name, f] of Object.entries({ ...functions, ...valuesOnly })) {
      [f(...tensors)].flat().forEach((result, i) => {
        outputs[`${name} value ${i}`] = result;
      });
      if (name in functions) Object.assign(outputs, gradientsOf(name, f, tensors));
    }
    return [{}, outputs];
  };
  const batch: Tree<HostTensor> = Object.fromEntries(inputs.map((input, i) => [`x${i}`, input]));
  const outputsOn = async (device: 'cpu' | 'eager') => {
    const compiled = await compile(step, { state: {}, batch, device });
    const { outputs } = await compiled.run({}, batch);
    await compiled.dispose();
    return new Map(leavesOf(outputs));
  };
  const reference = await outputsOn('eager');
  const cpu = await outputsOn('cpu');
  expect([...cpu.keys()]).toEqual([...reference.keys()]);
  for (const [name, expected] of reference) expectClose(cpu.get(name)!, expected, tolerance, name);
}

/** The gradients of a weighted sum of what `f` gives, with respect to those of `tensors` that it takes. */
function gradientsOf(
  name: string,
  f: TensorFunction,
  tensors: readonly tf.Tensor[],
): { [path: string]: tf.Tensor } {
  // tfjs's own functions say a length of 0, whatever they take.
  const taken = tensors.slice(0, f.length === 0 ? tensors.length : f.length);
  const floats = taken.map((_, i) => i).filter((i) => tensors[i].dtype === 'float32');
  if (floats.length === 0) return {};
  const weighted = (...xs: tf.Tensor[]) => {
    const replaced = tensors.map((tensor, i) => (floats.includes(i) ? xs[floats.indexOf(i)] : tensor));
    const terms = [f(...replaced)].flat().map((y) => tf.sum(tf.mul(y, weightsFor(y.shape))));
    return terms.reduce((sum, term) => tf.add(sum, term)) as tf.Scalar;
  };
  const gradients = tf.grads(weighted)(floats.map((i) => tensors[i]));
  return Object.fromEntries(gradients.map((gradient, i) => [`${name} gradient of x${floats[i]}`, gradient]));
}

/** Weights that differ from element to element, so that a gradient at the wrong place shows. */
function weightsFor(shape: readonly number[]): tf.Tensor {
  const size = sizeOf(shape);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => Math.cos(1.7 * i + 0.3)),
    [...shape],
  );
}

/** Equal types and shapes, and values within `tolerance`, relative for values over 1. */
export function expectClose(actual: HostTensor, expected: HostTensor, tolerance: number, name: string): void {
  expect(`${name}: ${actual.dtype} [${actual.shape}]`).toBe(`${name}: ${expected.dtype} [${expected.shape}]`);
  for (let i = 0; i < expected.data.length; i++) {
    const [found, wanted] = [actual.data[i], expected.data[i]];
    const same =
      Object.is(found, wanted) ||
      found === wanted ||
      Math.abs(found - wanted) <= tolerance * Math.max(1, Math.abs(wanted));
    if (!same) expect.fail(`${name}: element ${i} of [${expected.shape}] is ${found}, not ${wanted}`);
  }
}

/** Shapes that catch mistakes: scalars, size-1 axes, odd sizes, up to four axes. */
export const awkwardShapes: ReadonlyArray<readonly number[]> = [
  [],
  [1],
  [7],
  [1, 5],
  [3, 1],
  [4, 6],
  [2, 1, 3],
  [3, 5, 7],
  [2, 3, 1, 5],
  [1, 1, 1, 1],
];

/** A generator for tests. */
export const seeded = (label: string) => Random.fromSeed(`test ${label}`);
