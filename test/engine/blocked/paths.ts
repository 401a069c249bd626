import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { blockSize } from '../../../src/engine/blocked/block-size.ts';
import type { Step } from '../../../src/engine/capture.ts';
import { compile } from '../../../src/engine/compile.ts';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { sizeOf } from '../../../src/engine/host-tensor.ts';
import type { Tree } from '../../../src/engine/tree.ts';
import { leavesOf } from '../../../src/engine/tree.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';

/** The channels of a block on this processor; without any, there is nothing to compare with standard operations. */
export const block = await blockSize();

/** Ways to run a step that have to agree. */
export const paths = {
  blocked: { device: 'cpu' },
  plain: { device: 'cpu', blocked: false },
  eager: { device: 'eager' },
} as const;

export type Path = keyof typeof paths;
type Host = Tree<HostTensor>;
export type Leaves = ReadonlyMap<string, HostTensor>;

export type Given = { readonly state?: Host; readonly batch?: Host };

/** What a step gives on a path after some runs: its outputs of each run and its last state, by tree path. */
export async function resultsOn(
  path: Path,
  step: Step,
  {
    state = {},
    batch = {},
    runs = 1,
    threads,
  }: Given & { readonly runs?: number; readonly threads?: number },
): Promise<Leaves> {
  const compiled = await compile(step, { state, batch, threads, ...paths[path] });
  const found: Array<[string, HostTensor]> = [];
  let current: Parameters<typeof compiled.run>[0] = state;
  for (let run = 0; run < runs; run++) {
    const result = await compiled.run(current, batch);
    for (const [name, leaf] of leavesOf(result.outputs)) found.push([`run ${run}: ${name}`, leaf]);
    current = result.state;
  }
  if ('read' in current && typeof current.read === 'function') {
    for (const [name, leaf] of leavesOf((await current.read()) as Host)) found.push([`state ${name}`, leaf]);
  }
  await compiled.dispose();
  return new Map(found);
}

/** The largest difference of two tensors, as a share of the largest value of the second one. */
export function difference(found: HostTensor, expected: HostTensor): number {
  expect([found.dtype, ...found.shape]).toEqual([expected.dtype, ...expected.shape]);
  let [largest, scale] = [0, 0];
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [found.data[i], expected.data[i]];
    const apart = Object.is(a, b) || a === b ? 0 : Math.abs(a - b);
    // Anything but equal infinities and equal NaNs is infinitely far from them.
    largest = Math.max(largest, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
    if (Number.isFinite(b)) scale = Math.max(scale, Math.abs(b));
  }
  return largest === 0 ? 0 : largest / scale;
}

export function expectSame(found: Leaves, expected: Leaves, tolerance: number, what = ''): void {
  expect([...found.keys()]).toEqual([...expected.keys()]);
  for (const [name, leaf] of expected) {
    expect(difference(found.get(name)!, leaf), `${what} ${name} [${leaf.shape}]`).toBeLessThanOrEqual(
      tolerance,
    );
  }
}

/** Holds a step in blocks of channels against the same in other operations. */
export async function expectPathsAgree(
  step: Step,
  given: Given & { readonly runs?: number },
  options: { readonly tolerance?: number; readonly against?: readonly Path[]; readonly what?: string } = {},
): Promise<Leaves> {
  const { tolerance = 1e-4, against = ['plain'], what } = options;
  const found = await resultsOn('blocked', step, given);
  for (const path of against) {
    expectSame(found, await resultsOn(path, step, given), tolerance, `${what ?? ''} against ${path}:`);
  }
  return found;
}

type Tensors = { readonly [name: string]: tf.Tensor };

/** A smooth pattern that differs from element to element, so that a value at the wrong place shows. */
export function pattern(shape: readonly number[]): tf.Tensor {
  const data = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.cos(1.7 * i + 0.3));
  return tf.tensor(data, [...shape]);
}

/**
 * A step that gives the value of a function of state and batch, whose leaves lie at paths of one key each, and the
 * gradients of a weighted sum of it with respect to all of them that are float32.
 */
export function withGradients(f: (tensors: Tensors) => tf.Tensor): Step {
  return (state, batch) => {
    const given = { ...state, ...batch } as Tensors;
    const floats = Object.entries(given).filter(([, { dtype }]) => dtype === 'float32');
    const { aux, grads } = valueAndGrad((moving) => {
      const value = f({ ...given, ...(moving as Tensors) });
      return { loss: tf.sum(tf.mul(value, pattern(value.shape))) as tf.Scalar, aux: { value } };
    }, Object.fromEntries(floats));
    return [state, { ...aux, gradient: Object.fromEntries(grads) }];
  };
}
