import type * as tf from '@tensorflow/tfjs-core';
import type { Step } from './capture.ts';
import { capture } from './capture.ts';
import type { CompileOptions } from './compiled-step.ts';
import { encodeModel } from './onnx-model.ts';
import { toPlain } from './passes/plain.ts';
import type { Tree } from './tree.ts';
import type { TensorKind, TensorsOf } from './typed-trees.ts';

/**
 * The bytes of an ONNX file (opset 18, standard operators only) that computes one run of a step, its gradients and
 * updates included. Inputs are `state/<path>` and `batch/<path>`, those that no result needs left out; outputs are
 * `next/<path>` for the whole next state, and `outputs/<path>`. Any ONNX Runtime can train with it: what comes out as
 * `next/…` goes in as `state/…` (`openStep` of `pointpair/engine/web` does so in a browser).
 * Throws what capturing throws (see `compile`).
 *
 * @example
 * import { writeFile } from 'node:fs/promises';
 * const bytes = exportStep(({ sum }, { x }) => [{ sum: tf.add(sum, x) }, { twice: tf.mul(x, 2) }], {
 *   state: { sum: scalar(0) },
 *   batch: { x: scalar(0) },
 * });
 * await writeFile('step.onnx', bytes);
 */
export function exportStep<
  State extends Tree<TensorKind>,
  Batch extends Tree<TensorKind>,
  NextState extends Tree<tf.Tensor>,
  Outputs extends Tree<tf.Tensor>,
>(
  step: Step<TensorsOf<State>, TensorsOf<Batch>, NextState, Outputs>,
  kinds: Pick<CompileOptions<State, Batch>, 'state' | 'batch'>,
): Uint8Array;
export function exportStep(
  step: Step,
  { state, batch }: Pick<CompileOptions, 'state' | 'batch'>,
): Uint8Array {
  const { graph, nextState, outputs } = capture(step, state, batch);
  const results = [
    ...[...nextState].map(([path, value]) => ({ name: `next/${path}`, value })),
    ...[...outputs].map(([path, value]) => ({ name: `outputs/${path}`, value })),
  ];
  if (results.length === 0)
    throw new Error('a step that is exported gives neither a next state nor any output');
  const now = toPlain(
    graph,
    results.map(({ value }) => value),
  );
  return encodeModel(
    graph,
    results.map(({ name, value }) => ({ name, value: now(value) })),
  );
}
