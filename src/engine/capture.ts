import * as tf from '@tensorflow/tfjs-core';
import type { CaptureBackend } from './capture-backend.ts';
import { captureBackendName } from './capture-backend.ts';
import type { Value } from './graph.ts';
import { Graph } from './graph.ts';
import { registerCapture } from './kernels/register.ts';
import { overRanks } from './ranks/collectives.ts';
import type { Tree } from './tree.ts';
import { leavesOf, mapTree } from './tree.ts';
import type { TensorKind } from './typed-trees.ts';

export type { TensorKind } from './typed-trees.ts';

/**
 * A function over trees of tensors, written in plain tfjs operations: from a state and a batch to the next state and
 * the outputs. Without type arguments its trees have any keys, and `leafAt` and `branchAt` look into them.
 */
export type Step<
  State = Tree<tf.Tensor>,
  Batch = Tree<tf.Tensor>,
  NextState = Tree<tf.Tensor>,
  Outputs = Tree<tf.Tensor>,
> = (state: State, batch: Batch) => readonly [state: NextState, outputs: Outputs];

/** A step as a graph: the values of its inputs and of its results, by path. */
export interface Captured {
  readonly graph: Graph;
  readonly state: ReadonlyMap<string, Value>;
  readonly batch: ReadonlyMap<string, Value>;
  readonly nextState: ReadonlyMap<string, Value>;
  readonly outputs: ReadonlyMap<string, Value>;
}

/** The way between the tensors of traced code and the values of a graph. */
export interface Tracer {
  readonly graph: Graph;
  /** A tensor that stands for a value. */
  tensorOf(value: Value): tf.Tensor;
  /** The value that a tensor stands for. */
  asValue(tensor: tf.Tensor): Value;
  /** The values that the tensors of a tree stand for, by path; `what` names the tree in errors. */
  valuesOf(tree: Tree<tf.Tensor>, what: string): ReadonlyMap<string, Value>;
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
 * Runs `body` while tfjs computes nothing and appends its operations to a new graph instead.
 * Throws UnmappedKernelError for an operation that has no lowering here, and TracedReadError where a value is read.
 */
export function trace<Result>(body: (tracer: Tracer) => Result): Result {
  registerCapture();
  return withBackend(captureBackendName, () => {
    const engine = tf.engine();
    const backend = tf.backend() as CaptureBackend;
    const graph = new Graph();
    const tracer: Tracer = {
      graph,
      tensorOf: (value) => engine.makeTensorFromTensorInfo(backend.tensorInfo(value), backend),
      asValue: (tensor) => backend.valueOfTensor(tensor),
      valuesOf: (tree, what) =>
        new Map(
          leavesOf(tree).map(([path, leaf]) => [
            path,
            backend.valueOfTensor(checkedTensor(leaf, `${what}/${path}`)),
          ]),
        ),
    };
    return backend.capture(graph, () => {
      engine.startScope();
      try {
        return body(tracer);
      } finally {
        engine.endScope();
      }
    });
  });
}

/** Captures what a step computes from tensors of these types and shapes, without computing it; on one of so many ranks. */
export function capture(
  step: Step,
  state: Tree<TensorKind>,
  batch: Tree<TensorKind>,
  { ranks = 1 }: { readonly ranks?: number } = {},
): Captured {
  return trace(({ graph, tensorOf, valuesOf }) => {
    const inputs = (root: string, kinds: Tree<TensorKind>) =>
      mapTree(kinds, ({ dtype, shape }, path) => tensorOf(graph.input(`${root}/${path}`, dtype, [...shape])));
    const before = inputs('state', state);
    const data = inputs('batch', batch);
    const given = { state: valuesOf(before, 'state'), batch: valuesOf(data, 'batch') };
    const results: unknown = overRanks(ranks, () => step(before, data));
    if (!Array.isArray(results) || results.length !== 2) {
      throw new Error(
        `a step returns [state, outputs], not ${results instanceof Promise ? 'a promise' : typeof results}`,
      );
    }
    const [after, outputs] = results;
    return {
      graph,
      ...given,
      nextState: valuesOf(after, 'state'),
      outputs: valuesOf(outputs, 'outputs'),
    };
  });
}

function checkedTensor(leaf: unknown, place: string): tf.Tensor {
  if (!(leaf instanceof tf.Tensor))
    throw new Error(`a traced function returned ${typeof leaf} as ${place}, where a tensor belongs`);
  if (leaf.isDisposed)
    throw new Error(`a traced function returned a tensor as ${place} that it had disposed of`);
  return leaf;
}
