import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt } from './layer.ts';
import type { Hyperparameters, Updated } from './moments.ts';
import { updateEach, zerosOf } from './moments.ts';

/** Options of stochastic gradient descent; no Nesterov step where it is not given. */
export interface SgdOptions {
  readonly momentum: number;
  readonly nesterov?: boolean;
}

/** The state of SGD: `momentum`, a tree like the parameters. */
export function initSgd(params: Tree<HostTensor>): Tree<HostTensor> {
  return { momentum: zerosOf(params) };
}

/** v ← μ·v + g + λ·p; p ← p − η·v, or with Nesterov p − η·(g + λ·p + μ·v), as PyTorch's SGD without dampening. */
export function sgd(
  params: Tree<tf.Tensor>,
  grads: ReadonlyMap<string, tf.Tensor>,
  state: Tree<tf.Tensor>,
  hyper: SgdOptions & Hyperparameters,
): Updated {
  const { momentum, nesterov = false, weightDecay, learningRate } = hyper;
  const [next, velocity] = updateEach(
    params,
    grads,
    [branchAt(state, 'momentum')],
    (p, g, v) => {
      const pull = weightDecay === 0 ? g : tf.add(g, tf.mul(p, weightDecay));
      const moved = tf.add(tf.mul(v, momentum), pull);
      const direction = nesterov ? tf.add(pull, tf.mul(moved, momentum)) : moved;
      return [tf.sub(p, tf.mul(direction, learningRate)), moved];
    },
    { joinVectors: true },
  );
  return { params: next, state: { momentum: velocity } };
}
