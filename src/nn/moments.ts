import type * as tf from '@tensorflow/tfjs-core';
import { float32, type HostTensor, sizeOf } from '../engine/host-tensor.ts';
import { leavesOf, mapTree, type Tree, treeOf } from '../engine/tree.ts';
import { mapOperands } from './joined-vectors.ts';

/** What every optimizer is given beside its own options: tensors of rank 0, so that one captured step serves a whole schedule; a weight decay of 0 is left out. */
export interface Hyperparameters {
  readonly learningRate: tf.Tensor;
  readonly weightDecay: number | tf.Tensor;
}

/** The parameters after a step, and what the optimizer remembers of it. */
export interface Updated {
  readonly params: Tree<tf.Tensor>;
  readonly state: Tree<tf.Tensor>;
}

/** A tree of zeros of the same shapes. */
export function zerosOf(params: Tree<HostTensor>): Tree<HostTensor> {
  return mapTree(params, ({ shape }) => float32(new Float32Array(sizeOf(shape)), shape));
}

/** Gives the next value of a parameter and of its moments. */
type Step = (param: tf.Tensor, grad: tf.Tensor, ...moments: tf.Tensor[]) => readonly tf.Tensor[];

/**
 * Goes over parameters and their moments together: `step` gives the next ones where there is a gradient, and all stay
 * as they are where there is none. With `joinVectors` it has to be elementwise on vectors, and takes them all as one. Gives the
 * next parameters, and a tree for each of the moments, in their order.
 */
export function updateEach(
  params: Tree<tf.Tensor>,
  grads: ReadonlyMap<string, tf.Tensor>,
  moments: ReadonlyArray<Tree<tf.Tensor>>,
  step: Step,
  options: { readonly joinVectors: boolean },
): Array<Tree<tf.Tensor>> {
  const byPath = moments.map((tree) => new Map(leavesOf(tree)));
  const next = new Map<string, readonly tf.Tensor[]>();
  const moving: Array<readonly [path: string, operands: Parameters<Step>]> = [];
  for (const [path, param] of leavesOf(params)) {
    const own = byPath.map((leaves) => {
      const moment = leaves.get(path);
      if (moment === undefined) throw new Error(`the optimizer's state has nothing for parameter '${path}'`);
      return moment;
    });
    const grad = grads.get(path);
    next.set(path, [param, ...own]);
    if (grad !== undefined) moving.push([path, [param, grad, ...own]]);
  }
  const operands = moving.map(([, operands]) => operands);
  mapOperands(operands, step, options).forEach((values, i) => {
    next.set(moving[i][0], values);
  });
  return [params, ...moments].map((_, i) => treeOf([...next].map(([path, values]) => [path, values[i]])));
}
