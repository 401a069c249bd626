import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt } from './layer.ts';
import type { Hyperparameters, Updated } from './moments.ts';
import { updateEach, zerosOf } from './moments.ts';

/** Options of LARS; `trustCoefficient` is 0.001 and vectors are excluded where they are not given. */
export interface LarsOptions {
  readonly momentum: number;
  readonly trustCoefficient?: number;
  /** Whether biases and norms, all that has one dimension or none, go without weight decay and trust ratio. */
  readonly excludeVectors?: boolean;
}

/** The state of LARS: `momentum`, a tree like the parameters. */
export function initLars(params: Tree<HostTensor>): Tree<HostTensor> {
  return { momentum: zerosOf(params) };
}

/**
 * Layer-wise adaptive rate scaling (You et al. 2017), in the form that self-supervised methods use: d = g + λ·p,
 * scaled by κ·‖p‖/‖d‖ where both norms are positive; v ← μ·v + d; p ← p − η·v.
 */
export function lars(
  params: Tree<tf.Tensor>,
  grads: ReadonlyMap<string, tf.Tensor>,
  state: Tree<tf.Tensor>,
  hyper: LarsOptions & Hyperparameters,
): Updated {
  const { momentum, trustCoefficient = 0.001, excludeVectors = true, weightDecay, learningRate } = hyper;
  const [next, velocity] = updateEach(
    params,
    grads,
    [branchAt(state, 'momentum')],
    (p, g, v) => {
      const pull = excludeVectors && p.rank < 2 ? g : trusted(p, g, weightDecay, trustCoefficient);
      const moved = tf.add(tf.mul(v, momentum), pull);
      return [tf.sub(p, tf.mul(moved, learningRate)), moved];
    },
    { joinVectors: excludeVectors },
  );
  return { params: next, state: { momentum: velocity } };
}

function trusted(
  p: tf.Tensor,
  g: tf.Tensor,
  weightDecay: number | tf.Tensor,
  trustCoefficient: number,
): tf.Tensor {
  const decayed = weightDecay === 0 ? g : tf.add(g, tf.mul(p, weightDecay));
  const paramNorm = tf.sqrt(tf.sum(tf.square(p)));
  const gradNorm = tf.sqrt(tf.sum(tf.square(decayed)));
  const bothPositive = tf.greater(tf.mul(paramNorm, gradNorm), 0);
  const ratio = tf.div(tf.mul(paramNorm, trustCoefficient), gradNorm);
  return tf.mul(decayed, tf.where(bothPositive, ratio, tf.scalar(1)));
}
