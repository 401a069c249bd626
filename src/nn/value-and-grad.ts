import * as tf from '@tensorflow/tfjs-core';
import '../engine/tfjs-gradients.ts';
import { leavesOf, mapTree, type Tree } from '../engine/tree.ts';
import { stopGradient } from './stop-gradient.ts';

/** A loss, what else came out of the forward pass, and the gradients by path. */
export interface ValueAndGrad {
  readonly loss: tf.Scalar;
  readonly aux: Tree<tf.Tensor>;
  /** Only the parameters that the loss depends on are in it, so that optimizers can leave the others alone. */
  readonly grads: ReadonlyMap<string, tf.Tensor>;
}

/**
 * The value of `f` at `params`, and its gradient with respect to every leaf that the loss depends on.
 * `aux` carries no gradient; its tensors are new handles, so that they may be disposed of like any result.
 *
 * @example
 * import '@tensorflow/tfjs-backend-cpu';
 * const square = (params: Tree<tf.Tensor>) => ({
 *   loss: tf.sum(tf.square(leafAt(params, 'w'))) as tf.Scalar,
 *   aux: {},
 * });
 * const { loss, grads } = valueAndGrad(square, { w: tf.tensor1d([1, -2]) });
 * loss.arraySync(); // 5
 * grads.get('w')?.arraySync(); // [2, -4]
 */
export function valueAndGrad(
  f: (params: Tree<tf.Tensor>) => { readonly loss: tf.Scalar; readonly aux: Tree<tf.Tensor> },
  params: Tree<tf.Tensor>,
): ValueAndGrad {
  const engine = tf.engine();
  const leaves = leavesOf(params);
  let aux: Tree<tf.Tensor> = {};
  const { value, grads } = engine.gradients<tf.Scalar>(
    () => {
      const result = f(params);
      aux = mapTree(result.aux, (leaf) => tf.keep(stopGradient(leaf)));
      return result.loss;
    },
    leaves.map(([, leaf]) => leaf),
    undefined,
    true,
  );
  // Kept only to outlive the scope of the forward pass: handles made here belong to the caller's scope.
  const released = mapTree(aux, (kept) => {
    const handle = stopGradient(kept);
    kept.dispose();
    return handle;
  });
  // tfjs leaves the gradient of what is not connected undefined, whatever its type says.
  const connected = new Map<string, tf.Tensor>();
  leaves.forEach(([path], i) => {
    const grad: tf.Tensor | undefined = grads[i];
    if (grad !== undefined) connected.set(path, grad);
  });
  return { loss: value, aux: released, grads: connected };
}
