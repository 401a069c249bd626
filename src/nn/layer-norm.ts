import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { withGradient } from './custom-gradient.ts';
import { constant } from './initializers.ts';
import { leafAt } from './layer.ts';

/** `weight` and `bias` [D], one and zero. */
export function initLayerNorm(width: number): Tree<HostTensor> {
  return { weight: constant([width], 1), bias: constant([width], 0) };
}

/** Each row of [R, D] brought to mean 0 and variance 1 (biased), then scaled and shifted (Ba et al. 2016). */
export function layerNorm(
  params: Tree<tf.Tensor>,
  x: tf.Tensor,
  { eps }: { readonly eps: number },
): tf.Tensor {
  const [weight, bias] = [leafAt(params, 'weight'), leafAt(params, 'bias')];
  const share = 1 / (x.shape[1] as number);
  return withGradient(
    [x, weight, bias],
    () => {
      const centered = tf.sub(x, tf.mul(tf.sum(x, 1, true), share));
      const inverse = tf.rsqrt(tf.add(tf.mul(tf.sum(tf.square(centered), 1, true), share), eps));
      const normal = tf.mul(centered, inverse);
      return { value: tf.add(tf.mul(normal, weight), bias), saved: [normal, inverse, weight] };
    },
    (dy, [normal, inverse, scale]) => {
      const scaled = tf.mul(dy, scale);
      const mean = tf.mul(tf.sum(scaled, 1, true), share);
      const slope = tf.mul(tf.sum(tf.mul(scaled, normal), 1, true), share);
      const dx = tf.mul(tf.sub(tf.sub(scaled, mean), tf.mul(normal, slope)), inverse);
      return [dx, tf.sum(tf.mul(dy, normal), 0), tf.sum(dy, 0)];
    },
  );
}
