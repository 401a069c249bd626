import * as tf from '@tensorflow/tfjs-core';
import '../engine/tfjs-gradients.ts';
import { leavesOf, mapTree, type Tree } from '../engine/tree.ts';
import { stopGradient } from './stop-gradient.ts';

/** A loss, what else came out of the forward pass, and the gradients by path. */
export interface ValueAndGrad<Aux = Tree<tf.Tensor>> {
  readonly loss: tf.Scalar;
  readonly aux: Aux;
  /** Only the parameters that the loss depends on are in it, so that optimizers can leave the others alone. */
  readonly grads: ReadonlyMap<string, tf.Tensor>;
}

/**
 * The value of `f` at `params`, and its gradient with respect to every leaf that the loss depends on.
 * `aux` carries no gradient; its tensors are new handles, so that they may be disposed of like any result.
 * Throws where the loss is not a scalar.
 *
 * @example
 * import '@tensorflow/tfjs-backend-cpu';
 * const params = { w: tf.tensor1d([1, -2]) };
 * const { loss, grads } = valueAndGrad(({ w }) => ({ loss: tf.sum(tf.square(w)), aux: {} }), params);
 * loss.arraySync(); // 5
 * grads.get('w')?.arraySync(); // [2, -4]
 */
export function valueAndGrad<Params extends Tree<tf.Tensor>, Aux extends Tree<tf.Tensor>>(
  f: (params: Params) => { readonly loss: tf.Tensor; readonly aux: Aux },
  params: Params,
): ValueAndGrad<Aux>;
export function valueAndGrad(
  f: (params: Tree<tf.Tensor>) => { readonly loss: tf.Tensor; readonly aux: Tree<tf.Tensor> },
  params: Tree<tf.Tensor>,
): ValueAndGrad {
  const engine = tf.engine();
  const leaves = leavesOf(params);
  let aux: Tree<tf.Tensor> = {};
  const { value, grads } = engine.gradients<tf.Scalar>(
    () => {
      const result = f(params);
      aux = mapTree(result.aux, (leaf) => tf.keep(stopGradient(leaf)));
      if (result.loss.rank !== 0) throw new Error(`a loss is a scalar, not of shape [${result.loss.shape}]`);
      return result.loss as tf.Scalar;
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
