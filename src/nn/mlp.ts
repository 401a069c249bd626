import type * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import type { BatchNormOptions } from './batch-norm.ts';
import { type Applied, branchAt, type Initialized, type Mode } from './layer.ts';
import { initLinearNorm, linearNorm } from './linear-norm.ts';

/** The widths of a chain of layers, the input's apart; `bias` is true where it is not given. */
export interface MlpOptions {
  readonly inputs: number;
  readonly widths: readonly number[];
  readonly bias?: boolean;
}

/** Layers of linear and batch norm, named `0`, `1`, …. */
export function initMlp(random: Random, options: MlpOptions): Initialized {
  const params: { [key: string]: Tree<HostTensor> } = {};
  const stats: { [key: string]: Tree<HostTensor> } = {};
  let inputs = options.inputs;
  options.widths.forEach((outputs, i) => {
    const layer = initLinearNorm(random.fork(i), { inputs, outputs, bias: options.bias });
    params[i] = layer.params;
    stats[i] = layer.stats;
    inputs = outputs;
  });
  return { params, stats };
}

/**
 * Linear, batch norm and ReLU, layer after layer on rows [R, inputs]; the last ReLU is left out if `lastRelu` is false.
 *
 * @example
 * const state = initMlp(Random.fromSeed(0), { inputs: 3, widths: [16, 8] });
 * const batch = { x: float32([1, 2, 3, 4, 5, 6], [2, 3]) };
 * const step = await compile(
 *   ({ params, stats }, { x }) => {
 *     const { y, stats: next } = mlp(params, stats, x, { ...defaultBatchNorm, training: true });
 *     return [{ params, stats: next }, { y }];
 *   },
 *   { state, batch },
 * );
 * const { outputs } = await step.run(state, batch);
 * outputs.y.shape; // [2, 8]
 */
export function mlp(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  x: tf.Tensor,
  options: BatchNormOptions & Mode & { readonly lastRelu?: boolean },
): Applied {
  const { lastRelu = true, ...layerOptions } = options;
  const depth = Object.keys(params).length;
  const updated: { [key: string]: Tree<tf.Tensor> } = {};
  let y = x;
  for (let i = 0; i < depth; i++) {
    const layer = linearNorm(branchAt(params, `${i}`), branchAt(stats, `${i}`), y, {
      ...layerOptions,
      relu: i < depth - 1 || lastRelu,
    });
    y = layer.y;
    updated[i] = layer.stats;
  }
  return { y, stats: updated };
}
