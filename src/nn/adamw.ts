import * as tf from '@tensorflow/tfjs-core';
import { type HostTensor, scalar } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt, leafAt } from './layer.ts';
import type { Hyperparameters, Updated } from './moments.ts';
import { updateEach, zerosOf } from './moments.ts';

/** Options of AdamW; betas are 0.9 and 0.999 and eps 1e-8 where they are not given, and everything decays. */
export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
  /** Whether biases and norms, all that has one dimension or none, go without weight decay. */
  readonly excludeVectors?: boolean;
}

/** The state of AdamW: the number of steps made, `step`, and trees like the parameters, `mean` and `variance`. */
export function initAdamW(params: Tree<HostTensor>): Tree<HostTensor> {
  return { step: scalar(0), mean: zerosOf(params), variance: zerosOf(params) };
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch's AdamW:
 * p ← (1 − η·λ)·p − η·m̂/(√v̂ + eps), with m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ).
 */
export function adamW(
  params: Tree<tf.Tensor>,
  grads: ReadonlyMap<string, tf.Tensor>,
  state: Tree<tf.Tensor>,
  hyper: AdamWOptions & Hyperparameters,
): Updated {
  const { beta1 = 0.9, beta2 = 0.999, eps = 1e-8, excludeVectors = false, weightDecay, learningRate } = hyper;
  const step = tf.add(leafAt(state, 'step'), 1);
  // The corrections are moved out of the tensors into three scalars: m̂/(√v̂ + eps) = m·(c₂/c₁)/(√v + eps·c₂).
  const root = tf.sqrt(tf.sub(1, tf.pow(beta2, step)));
  const rate = tf.mul(learningRate, tf.div(root, tf.sub(1, tf.pow(beta1, step))));
  const floor = tf.mul(root, eps);
  const decay = tf.sub(1, tf.mul(learningRate, weightDecay));
  const [next, mean, variance] = updateEach(
    params,
    grads,
    [branchAt(state, 'mean'), branchAt(state, 'variance')],
    (p, g, m, v) => {
      const first = tf.add(tf.mul(m, beta1), tf.mul(g, 1 - beta1));
      const second = tf.add(tf.mul(v, beta2), tf.mul(tf.square(g), 1 - beta2));
      const change = tf.div(tf.mul(first, rate), tf.add(tf.sqrt(second), floor));
      const stays = weightDecay === 0 || (excludeVectors && p.rank < 2);
      return [tf.sub(stays ? p : tf.mul(p, decay), change), first, second];
    },
    { joinVectors: true },
  );
  return { params: next, state: { step, mean, variance } };
}
