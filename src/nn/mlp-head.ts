import type * as tf from '@tensorflow/tfjs-core';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import type { BatchNormOptions } from './batch-norm.ts';
import type { Applied, Initialized, Mode } from './layer.ts';
import { initMlp, type MlpOptions, mlp } from './mlp.ts';

/** A projection head: those of Li et al. 2022 have widths [inputs, inputs, 128]. */
export function initMlpHead(random: Random, options: MlpOptions): Initialized {
  return initMlp(random, options);
}

/** Linear, batch norm and ReLU for each width, the last one without the ReLU: rows [R, inputs] to [R, last width]. */
export function mlpHead(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  x: tf.Tensor,
  options: BatchNormOptions & Mode,
): Applied {
  return mlp(params, stats, x, { ...options, lastRelu: false });
}
