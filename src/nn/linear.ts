import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { kaimingUniform, uniform } from './initializers.ts';
import { leafAt } from './layer.ts';

/** The shape of a linear layer; `bias` is true where it is not given. */
export interface LinearOptions {
  readonly inputs: number;
  readonly outputs: number;
  readonly bias?: boolean;
}

/** `weight` [inputs, outputs] and `bias` [outputs], uniform in ±1/√inputs as PyTorch's Linear starts. */
export function initLinear(random: Random, options: LinearOptions): Tree<HostTensor> {
  const { inputs, outputs, bias = true } = options;
  const weight = kaimingUniform(random.fork('weight'), [inputs, outputs], { negativeSlope: Math.sqrt(5) });
  if (!bias) return { weight };
  return { weight, bias: uniform(random.fork('bias'), [outputs], 1 / Math.sqrt(inputs)) };
}

/**
 * x·W + b: rows [R, inputs] to [R, outputs]; without `bias` in `params`, x·W.
 *
 * @example
 * const state = initLinear(Random.fromSeed(0), { inputs: 3, outputs: 2 });
 * const batch = { x: float32([1, 2, 3], [1, 3]) };
 * const step = await compile((params, { x }) => [params, { y: linear(params, x) }], { state, batch });
 * const { outputs } = await step.run(state, batch);
 * outputs.y.shape; // [1, 2]
 */
export function linear(params: Tree<tf.Tensor>, x: tf.Tensor): tf.Tensor {
  const product = tf.matMul(x, leafAt(params, 'weight'));
  return 'bias' in params ? tf.add(product, leafAt(params, 'bias')) : product;
}
