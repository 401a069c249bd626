import * as tf from '@tensorflow/tfjs-core';
import type { Step } from '../../../src/engine/capture.ts';
import { exportStep } from '../../../src/engine/export-step.ts';
import { float32, scalar } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import type { TensorsOf } from '../../../src/engine/typed-trees.ts';
import { batchNorm, defaultBatchNorm, initBatchNorm } from '../../../src/nn/batch-norm.ts';
import { conv2d, initConv2d } from '../../../src/nn/conv2d.ts';
import { initLinear, linear } from '../../../src/nn/linear.ts';
import { maxPool3x3Stride2 } from '../../../src/nn/max-pool.ts';
import { initState, update } from '../../../src/nn/optimizers.ts';
import { relu } from '../../../src/nn/relu.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';

/** A line through four points, as in docs/train-in-node.md: y = 3 x - 1. */
export const line = {
  batch: { x: float32([-1, 0, 1, 2], [4]), y: float32([-4, -1, 2, 5], [4]) },
  state: { weight: scalar(0), bias: scalar(0) },
  step: (
    { weight, bias }: { readonly weight: tf.Tensor; readonly bias: tf.Tensor },
    { x, y }: { readonly x: tf.Tensor; readonly y: tf.Tensor },
  ) => {
    const loss = (w: tf.Tensor, b: tf.Tensor) => tf.mean(tf.square(tf.sub(tf.add(tf.mul(x, w), b), y)));
    const { value, grads } = tf.valueAndGrads(loss)([weight, bias]);
    const descend = (parameter: tf.Tensor, grad: tf.Tensor) => tf.sub(parameter, tf.mul(grad, 0.1));
    return [{ weight: descend(weight, grads[0]), bias: descend(bias, grads[1]) }, { loss: value }] as const;
  },
};

const IMAGES = 8;
const SIDE = 12;
const CHANNELS = 6;

/** Pictures that are bright at the left (class 0) or at the right (class 1), and their classes as rows of zeros and a one. */
function pictures() {
  const random = Random.fromSeed('pictures');
  const classes = Float32Array.from({ length: 2 * IMAGES }, (_, k) => ((k >> 1) % 2 === k % 2 ? 1 : 0));
  const pixels = Float32Array.from({ length: IMAGES * SIDE * SIDE }, (_, k) => {
    const right = k % SIDE >= SIDE / 2 ? 1 : 0;
    const image = Math.floor(k / (SIDE * SIDE));
    return (right === image % 2 ? 1 : 0) + random.normal(0, 0.5);
  });
  return { images: float32(pixels, [IMAGES, 1, SIDE, SIDE]), classes: float32(classes, [IMAGES, 2]) };
}

const adamw = { kind: 'adamw' } as const;
const random = Random.fromSeed('a small network');
const norm = initBatchNorm(CHANNELS);
const params = {
  conv: initConv2d(random.fork('conv'), { inputs: 1, outputs: CHANNELS, kernel: 3 }),
  norm: norm.params,
  head: initLinear(random.fork('head'), { inputs: CHANNELS * 9, outputs: 2 }),
};
const state = { params, stats: norm.stats, optimizer: initState(adamw, params) };

/** Convolution, batch norm, ReLU, max pooling, a linear layer, cross entropy and AdamW. */
const networkStep: Step<TensorsOf<typeof state>, TensorsOf<ReturnType<typeof pictures>>> = (
  { params, stats, optimizer },
  { images, classes },
) => {
  const { loss, aux, grads } = valueAndGrad((model) => {
    const convolved = conv2d(model.conv, images, { padding: 1 });
    const { y, stats: next } = batchNorm(model.norm, stats, convolved, {
      ...defaultBatchNorm,
      training: true,
    });
    const pooled = maxPool3x3Stride2(maxPool3x3Stride2(relu(y)));
    const logits = linear(model.head, tf.reshape(pooled, [IMAGES, CHANNELS * 9]));
    const chosen = tf.sum(tf.mul(logits, classes), 1);
    return { loss: tf.mean(tf.sub(tf.logSumExp(logits, 1), chosen)), aux: { next, logits } };
  }, params);
  const next = update(adamw, params, grads, optimizer, { learningRate: tf.scalar(0.01), weightDecay: 0.01 });
  return [
    { params: next.params, stats: aux.next, optimizer: next.state },
    { loss, logits: aux.logits },
  ];
};

export const network = { batch: pictures(), state, step: networkStep };

/** The models of both, as `exportStep` writes them. */
export const models = () => ({
  line: exportStep(line.step, line),
  network: exportStep(network.step, network),
});
