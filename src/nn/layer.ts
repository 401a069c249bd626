import type * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';

/**
 * How layers see the world: `init…` makes host tensors once, and the layer itself is a pure function of tensors.
 * What is learned (`params`) and what is only observed (`stats`, the running statistics of batch norms) are two trees
 * with the same module paths; a layer with statistics gives back the next ones and never changes the ones it got.
 */
export type Initialized = {
  readonly params: Tree<HostTensor>;
  readonly stats: Tree<HostTensor>;
};

/** What a layer with running statistics gives: its output, and the statistics after this batch. */
export interface Applied {
  readonly y: tf.Tensor;
  readonly stats: Tree<tf.Tensor>;
}

/** Whether a network trains (batch statistics, running ones move) or is evaluated (running statistics, unchanged). */
export interface Mode {
  readonly training: boolean;
}

/** Whether a value of a tree is a tensor rather than a branch. */
function isLeaf<Leaf>(value: Tree<Leaf> | Leaf): value is Leaf {
  return typeof value === 'object' && value !== null && 'dtype' in value;
}

/** The tensor of that name directly in a tree. Throws where there is none. */
export function leafAt<Leaf>(tree: Tree<Leaf>, key: string): Leaf {
  const value = tree[key];
  if (value === undefined || !isLeaf(value)) throw missing('tensor', key, tree);
  return value;
}

/** The branch of that name directly in a tree. Throws where there is none. */
export function branchAt<Leaf>(tree: Tree<Leaf>, key: string): Tree<Leaf> {
  const value = tree[key];
  if (value === undefined || isLeaf(value)) throw missing('branch', key, tree);
  return value;
}

/** The branch at a path such as `s1/b2`. Throws where there is none. */
export function pathAt<Leaf>(tree: Tree<Leaf>, path: string): Tree<Leaf> {
  return path.split('/').reduce((inner, key) => branchAt(inner, key), tree);
}

/** The branch of that name; empty where there is none, as states have no empty branches. */
export function branchOrNone<Leaf>(tree: Tree<Leaf>, key: string): Tree<Leaf> {
  return key in tree ? branchAt(tree, key) : {};
}

function missing(kind: string, key: string, tree: object): Error {
  return new Error(
    `the tree has no ${kind} '${key}', only: ${Object.keys(tree).sort().join(', ') || 'nothing'}`,
  );
}
