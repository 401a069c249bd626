import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { constant } from './initializers.ts';
import { leafAt } from './layer.ts';
import { relu } from './relu.ts';

/** `before` and `after`, zeros, and `slope`, 0.25 as PyTorch's PReLU begins: a number a channel each. */
export function initShiftedPrelu(channels: number): Tree<HostTensor> {
  const each = (value: number) => constant([channels], value);
  return { before: each(0), slope: each(0.25), after: each(0) };
}

/**
 * A PReLU between two shifts, learned for each channel of [N, C, H, W] (Liu et al. 2020, ReActNet's RPReLU):
 * max(z, 0) + slope·min(z, 0) + after, with z = x + before.
 */
export function shiftedPrelu(params: Tree<tf.Tensor>, x: tf.Tensor): tf.Tensor {
  const z = shifted(x, leafAt(params, 'before'));
  const slope = byChannel(leafAt(params, 'slope'));
  // slope·z + (1 - slope)·max(z, 0) is the same with one part of z in memory instead of two.
  const y = tf.add(tf.mul(z, slope), tf.mul(relu(z), tf.sub(1, slope)));
  return shifted(y, leafAt(params, 'after'));
}

/** Images [N, C, H, W] and a number a channel [C], added. */
export function shifted(x: tf.Tensor, shift: tf.Tensor): tf.Tensor {
  return tf.add(x, byChannel(shift));
}

function byChannel(values: tf.Tensor): tf.Tensor {
  return tf.reshape(values, [1, values.size, 1, 1]);
}
