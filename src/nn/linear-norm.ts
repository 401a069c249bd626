import * as tf from '@tensorflow/tfjs-core';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { type BatchNormOptions, batchNorm, initBatchNorm } from './batch-norm.ts';
import { type Applied, branchAt, type Initialized, leafAt, type Mode } from './layer.ts';
import { initLinear, type LinearOptions } from './linear.ts';
import { relu } from './relu.ts';

/** `linear/weight`, `linear/bias`, `norm/weight`, `norm/bias` and the running statistics under `norm`. */
export function initLinearNorm(random: Random, options: LinearOptions): Initialized {
  const norm = initBatchNorm(options.outputs);
  return {
    params: { linear: initLinear(random, options), norm: norm.params },
    stats: { norm: norm.stats },
  };
}

/** Linear, batch norm and (unless `relu` is false) ReLU: rows [R, inputs] to [R, outputs]. */
export function linearNorm(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  x: tf.Tensor,
  options: BatchNormOptions & Mode & { readonly relu?: boolean },
): Applied {
  const product = tf.matMul(x, leafAt(branchAt(params, 'linear'), 'weight'));
  const result = normAfterLinear(params, stats, product, options);
  return options.relu === false ? result : { ...result, y: relu(result.y) };
}

/** The batch norm alone, of rows that the layer's weight already has been applied to: its bias is taken care of here. */
export function normAfterLinear(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  product: tf.Tensor,
  options: BatchNormOptions & Mode,
): Applied {
  const layer = branchAt(params, 'linear');
  const inputBias = 'bias' in layer ? leafAt(layer, 'bias') : undefined;
  const { y, stats: norm } = batchNorm(branchAt(params, 'norm'), branchAt(stats, 'norm'), product, {
    eps: options.eps,
    momentum: options.momentum,
    training: options.training,
    inputBias,
  });
  return { y, stats: { norm } };
}
