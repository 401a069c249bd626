import * as tf from '@tensorflow/tfjs-core';
import type { Tree } from '../engine/tree.ts';
import { leafAt } from './layer.ts';

/**
 * A convolution in groups: [N, inputs, H, W], whose channels are shared out to `groups` in their order, each seen by its own
 * outputs alone, with `padding` zeros on every side. `weight` is [outputs, inputs/groups, kernel, kernel], as PyTorch stores it.
 * It is a sum over the channels of a group of convolutions that see one channel of each, as tfjs knows those alone.
 */
export function groupedConv2d(
  params: Tree<tf.Tensor>,
  x: tf.Tensor,
  {
    groups,
    stride = 1,
    padding = 0,
  }: { readonly groups: number; readonly stride?: number; readonly padding?: number },
): tf.Tensor {
  const weight = leafAt(params, 'weight');
  const [outputs, each, kernel] = weight.shape as number[];
  const [batch, inputs, height, width] = x.shape as number[];
  if (inputs !== groups * each || outputs % groups !== 0)
    throw new Error(`${groups} groups of ${each} channels do not share out ${inputs} to ${outputs}`);
  const multiplier = outputs / groups;
  const shared = tf.reshape(x, [batch, groups, each, height, width]);
  const filters = tf.transpose(
    tf.reshape(weight, [groups, multiplier, each, kernel, kernel]),
    [2, 3, 4, 0, 1], // [inputs of a group, kernel, kernel, groups, multiplier]
  );
  const parts = Array.from({ length: each }, (_, i) => {
    const channel = tf.reshape(tf.slice(shared, [0, 0, i, 0, 0], [batch, groups, 1, height, width]), [
      batch,
      groups,
      height,
      width,
    ]);
    const filter = tf.reshape(tf.slice(filters, [i, 0, 0, 0, 0], [1, kernel, kernel, groups, multiplier]), [
      kernel,
      kernel,
      groups,
      multiplier,
    ]);
    const image = tf.transpose(channel, [0, 2, 3, 1]) as tf.Tensor4D;
    const bordered = padding === 0 ? image : bordered4d(image, padding);
    return tf.depthwiseConv2d(bordered, filter as tf.Tensor4D, stride, 'valid');
  });
  const sum =
    parts.length === 1 ? parts[0] : (parts.reduce((total, part) => tf.add(total, part)) as tf.Tensor4D);
  return tf.transpose(sum, [0, 3, 1, 2]);
}

function bordered4d(image: tf.Tensor4D, padding: number): tf.Tensor4D {
  const side: [number, number] = [padding, padding];
  return tf.pad4d(image, [[0, 0], side, side, [0, 0]]);
}
