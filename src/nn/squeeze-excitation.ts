import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { constant, kaimingNormal } from './initializers.ts';
import { branchAt, leafAt } from './layer.ts';
import { relu } from './relu.ts';

/** The two layers of a gate, `fc1` and `fc2`, by paths below `path`: convolutions of 1x1 with biases of 0, as PyTorch stores them. */
export function initSqueezeExcitation(
  random: Random,
  path: string,
  { channels, squeezed }: { readonly channels: number; readonly squeezed: number },
): Array<[path: string, leaf: HostTensor]> {
  const layer = (name: string, outputs: number, inputs: number): Array<[string, HostTensor]> => {
    const own = `${path}/${name}`;
    const weight = kaimingNormal(random.fork(own), [outputs, inputs, 1, 1], { fan: 'out' });
    return [
      [`${own}/weight`, weight],
      [`${own}/bias`, constant([outputs], 0)],
    ];
  };
  return [...layer('fc1', squeezed, channels), ...layer('fc2', channels, squeezed)];
}

/** Channels of [N, C, H, W] times weights that two layers make of their means and `gate` brings between 0 and 1 (Hu et al. 2018). */
export function squeezeExcitation(
  params: Tree<tf.Tensor>,
  x: tf.Tensor,
  gate: (x: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const [batch, channels] = x.shape as number[];
  const layer = (name: string, rows: tf.Tensor) => {
    const own = branchAt(params, name);
    const weight = leafAt(own, 'weight');
    const matrix = tf.reshape(weight, weight.shape.slice(0, 2) as [number, number]);
    return tf.add(tf.matMul(rows as tf.Tensor2D, matrix, false, true), leafAt(own, 'bias'));
  };
  const gates = gate(layer('fc2', relu(layer('fc1', tf.mean(x, [2, 3])))));
  return tf.mul(x, tf.reshape(gates, [batch, channels, 1, 1]));
}
