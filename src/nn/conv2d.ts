import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { kaimingNormal } from './initializers.ts';
import { leafAt } from './layer.ts';

/** Channels and the side of a square kernel. */
export interface Conv2dOptions {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
}

/** `weight` [outputs, inputs, kernel, kernel], normal with variance 2/(outputs·kernel²), as ResNets start. No bias. */
export function initConv2d(random: Random, options: Conv2dOptions): Tree<HostTensor> {
  const { inputs, outputs, kernel } = options;
  return { weight: kaimingNormal(random, [outputs, inputs, kernel, kernel], { fan: 'out' }) };
}

/**
 * The convolution of [N, inputs, H, W], with `padding` zeros on every side; a side of the output has
 * ⌊(H + 2·padding − kernel)/stride⌋ + 1 pixels. The weight is stored as PyTorch stores it.
 */
export function conv2d(
  params: Tree<tf.Tensor>,
  x: tf.Tensor,
  options: { readonly stride?: number; readonly padding?: number } = {},
): tf.Tensor {
  const filter = tf.transpose(leafAt(params, 'weight'), [2, 3, 1, 0]) as tf.Tensor4D;
  return tf.conv2d(x as tf.Tensor4D, filter, options.stride ?? 1, options.padding ?? 0, 'NCHW');
}
