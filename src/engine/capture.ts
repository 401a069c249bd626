import * as tf from '@tensorflow/tfjs-core';
import type { CaptureBackend } from './capture-backend.ts';
import { captureBackendName } from './capture-backend.ts';
import type { Value, ValueType } from './graph.ts';
import { Graph } from './graph.ts';
import type { HostTensor } from './host-tensor.ts';
import { registerCapture } from './kernels/register.ts';
import type { Tree } from './tree.ts';
import { leavesOf, mapTree } from './tree.ts';

/** What identifies a tensor to a compiled step: its type and shape. */
export type TensorKind = Pick<HostTensor, 'dtype' | 'shape'>;

/** A function over trees of tensors, written in plain tfjs operations. */
export type Step = (state: Tree<tf.Tensor>, batch: Tree<tf.Tensor>) => readonly [state: Tree<tf.Tensor>, outputs: Tree<tf.Tensor>];

/** A step as a graph: the values of its inputs and of its results, by path. */
export interface Captured {
  readonly graph: Graph;
  readonly state: ReadonlyMap<string, Value>;
  readonly batch: ReadonlyMap<string, Value>;
  readonly nextState: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
}

/** Runs `body` with another tfjs backend than the current one. */
export function withBackend<Result>(name: string, body: () => Result): Result {
  const previous = tf.engine().backendName;
  // setBackend answers with a promise, but a backend that is made without waiting is in place when it returns.
  if (previous !== name) void tf.setBackend(name);
  try {
    return body();
  } finally {
    // Where tfjs had not been used yet, it is left on its own reference backend.
    if (previous !== name) void tf.setBackend(previous || 'cpu');
  }
}

/**
 * Captures what a step computes from tensors of these types and shapes, without computing it.
 * Throws UnmappedKernelError for an operation that ONNX is not told here, and TracedReadError where the step reads a value.
 */
export function capture(step: Step, state: Tree<TensorKind>, batch: Tree<TensorKind>): Captured {
  registerCapture();
  return withBackend(captureBackendName, () => {
    const backend = tf.backend() as CaptureBackend;
    const graph = new Graph();
    return backend.capture(graph, () => {
      const inputs = { state: new Map<string, Value>(), batch: new Map<string, Value>() };
      const placeholder = (root: 'state' | 'batch') => (kind: TensorKind, path: string) => {
        const value = graph.input(`${root}/${path}`, kind.dtype as ValueType, kind.shape);
        inputs[root].set(path, value);
        return tf.engine().makeTensorFromTensorInfo(backend.tensorInfo(value), backend);
      };
      const results = { nextState: new Map<string, Value>(), outputs: new Map<string, Value>() };
      tf.engine().startScope();
      try {
        const [nextState, outputs] = step(mapTree(state, placeholder('state')), mapTree(batch, placeholder('batch')));
        for (const [path, tensor] of leavesOf(nextState)) results.nextState.set(path, backend.valueOfTensor(tensor));
        for (const [path, tensor] of leavesOf(outputs)) results.outputs.set(path, backend.valueOfTensor(tensor));
      } finally {
        tf.engine().endScope();
      }
      return { graph, ...inputs, ...results };
    });
  });
}
