import * as tf from '@tensorflow/tfjs-core';
import { imageEncoderNet } from '../../src/encoders/encoders.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { upload, uploadTree } from '../nn/tensors.ts';
import { leafOf } from './tiny-image-run.ts';

type Host = Tree<HostTensor>;

/** What the encoder of a run makes of pictures with the statistics of their batch: rows [N, C]. */
export function encoded({ encoders }: RunConfig, params: Host, stats: Host, pictures: HostTensor): tf.Tensor {
  const own = (tree: Host) => uploadTree(branchAt(tree, 'imageEncoder'));
  return imageEncoderNet(encoders.image!).apply(own(params), own(stats), upload(pictures), { training: true })
    .y;
}

/** x·W + b, without b where there is none. */
export function dense(params: Host, layer: string, x: tf.Tensor): tf.Tensor {
  const product = tf.matMul(x, upload(leafOf(params, `${layer}/weight`)));
  const bias = leafOf(params, `${layer}/bias`);
  return bias === undefined ? product : tf.add(product, upload(bias));
}

/** Rows less their mean, divided by the root of variance and eps, times a scale and plus a shift where there are any. */
export function normed(params: Host, layer: string, x: tf.Tensor, eps: number): tf.Tensor {
  const { mean, variance } = tf.moments(x, 0);
  const y = tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, eps)));
  const weight = leafOf(params, `${layer}/weight`);
  return weight === undefined
    ? y
    : tf.add(tf.mul(y, upload(weight)), upload(leafOf(params, `${layer}/bias`)));
}
