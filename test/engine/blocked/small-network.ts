import * as tf from '@tensorflow/tfjs-core';
import type { Step } from '../../../src/engine/capture.ts';
import { type HostTensor, scalar } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import { mapTree, type Tree } from '../../../src/engine/tree.ts';
import { batchNorm, initBatchNorm } from '../../../src/nn/batch-norm.ts';
import { conv2d, initConv2d } from '../../../src/nn/conv2d.ts';
import { branchAt } from '../../../src/nn/layer.ts';
import { initLinear, linear } from '../../../src/nn/linear.ts';
import { initState, type OptimizerOptions, update } from '../../../src/nn/optimizers.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';
import { seeded, values } from '../against-cpu.ts';

type Tensors = Tree<tf.Tensor>;

const norm = { eps: 1e-3, momentum: 0.1, training: true };

/** The state of a stem, a convolution and a head over the mean of its pixels, and of their optimizer. */
export function initSmallNetwork(optimizer: OptimizerOptions) {
  const random = Random.fromSeed('small network');
  const { params: first, stats } = initBatchNorm(16);
  const params = {
    stem: initConv2d(random.fork('stem'), { inputs: 3, outputs: 16, kernel: 5 }),
    norm: first,
    conv: initConv2d(random.fork('conv'), { inputs: 16, outputs: 32, kernel: 3 }),
    head: initLinear(random.fork('head'), { inputs: 32, outputs: 16 }),
  };
  return { params, stats, optimizer: initState(optimizer, params) };
}

export const smallBatch = {
  images: values(seeded('small images'), [16, 3, 9, 8]),
  targets: values(seeded('small targets'), [16, 16]),
  learningRate: scalar(0.05),
};

/** Rows [N, 16] of images [N, 3, H, W], smooth in all weights, and the next statistics. */
export function smallNetwork(params: Tensors, stats: Tensors, images: tf.Tensor) {
  const at = (key: string) => branchAt(params, key);
  const { y, stats: next } = batchNorm(
    at('norm'),
    stats,
    conv2d(at('stem'), images, { stride: 2, padding: 2 }),
    norm,
  );
  const deep = tf.tanh(conv2d(at('conv'), tf.softplus(y), { stride: 2, padding: 1 }));
  return { rows: linear(at('head'), tf.mean(deep, [2, 3])), stats: next };
}

/** One step of training. */
export const smallStep =
  (options: OptimizerOptions, weightDecay: number): Step =>
  ({ params, stats, optimizer }, { images, targets, learningRate }) => {
    const { loss, aux, grads } = valueAndGrad((current) => {
      const { rows, stats: next } = smallNetwork(current, stats as Tensors, images as tf.Tensor);
      const error = tf.mean(tf.squaredDifference(rows, targets as tf.Tensor));
      return { loss: error as tf.Scalar, aux: { next } };
    }, params as Tensors);
    const hyper = { learningRate: learningRate as tf.Scalar, weightDecay };
    const updated = update(options, params as Tensors, grads, optimizer as Tensors, hyper);
    return [
      { params: updated.params, stats: branchAt(aux, 'next'), optimizer: updated.state },
      { loss, gradient: mapTree(params as Tensors, (_, path) => grads.get(path)!) },
    ];
  };

/** The paths of the weights that convolutions and products of rows take. */
export const weightPaths = ['conv/weight', 'head/weight', 'stem/weight'];

/** A state whose moments are no zeros, so that one at a wrong place would show. */
export function shaken(state: Tree<HostTensor>): Tree<HostTensor> {
  return mapTree(state, (leaf, path) =>
    path.startsWith('optimizer/') && leaf.shape.length > 0
      ? values(seeded(path), leaf.shape, { low: 0.01, high: 0.1 })
      : leaf,
  );
}
