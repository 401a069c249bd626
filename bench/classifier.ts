import * as tf from '@tensorflow/tfjs-core';
import type { Step } from '../src/engine/capture.ts';
import { float32, type HostTensor, scalar } from '../src/engine/host-tensor.ts';
import { Random } from '../src/engine/random.ts';
import type { Tree } from '../src/engine/tree.ts';
import { initResNet, type ResNetOptions, resNetChannels, resnet } from '../src/image/resnet.ts';
import { defaultBatchNorm } from '../src/nn/batch-norm.ts';
import { branchAt, leafAt } from '../src/nn/layer.ts';
import { initLinear, linear } from '../src/nn/linear.ts';
import { initState, type OptimizerOptions, update } from '../src/nn/optimizers.ts';
import { valueAndGrad } from '../src/nn/value-and-grad.ts';
import { type RepeatedStep, repeatedStep, type StepReference, type StepRunOptions } from './repeated-step.ts';

/** The network, the images and how it is run: plain data. */
export interface ClassifierOptions extends StepRunOptions {
  readonly depth: 18 | 50;
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

const classes = 128;
const momentum = 0.9;
const optimizer: OptimizerOptions = { kind: 'sgd', momentum };
const hyper = { learningRate: 0.01, weightDecay: 1e-4 };

/** What a peer has to know to train the same. */
export const classifierSettings = { classes, momentum, ...hyper };

type Tensors = Tree<tf.Tensor>;

/** `ResNet-18 8 x 3 x 96 x 320`. */
export function classifierShape({ depth, batch, height, width }: ClassifierOptions): string {
  return `ResNet-${depth} ${batch} x 3 x ${height} x ${width}`;
}

/** Parameters and running statistics of a ResNet with a linear head on the mean of its last features. */
export function initClassifier({ depth }: ClassifierOptions): {
  readonly params: Tree<HostTensor>;
  readonly stats: Tree<HostTensor>;
} {
  const random = Random.fromSeed('classifier');
  const network = networkOf(depth);
  const encoder = initResNet(random.fork('encoder'), network);
  const head = initLinear(random.fork('head'), { inputs: resNetChannels(network, 'c5'), outputs: classes });
  return { params: { encoder: encoder.params, head }, stats: encoder.stats };
}

/**
 * A training step on random images [N, 3, H, W]: forward, backward of the cross-entropy over 128 classes, and an update
 * by SGD with momentum, batch norm in training mode.
 */
export async function classifierTraining(options: ClassifierOptions): Promise<RepeatedStep> {
  const { params, stats } = initClassifier(options);
  const state = { params, stats, optimizer: initState(optimizer, params) };
  return repeatedStep(trainingStep(options.depth), { state, batch: randomBatch(options) }, options);
}

/** The training step, for a process of its own to prepare. */
export function classifierTrainingReference(options: ClassifierOptions): StepReference {
  return { module: import.meta.url, export: 'classifierTraining', options };
}

/** A forward pass to the logits of the same images, batch norm in evaluation mode. */
export async function classifierForward(options: ClassifierOptions): Promise<RepeatedStep> {
  const { image } = randomBatch(options);
  return repeatedStep(
    forwardPass(options.depth),
    { state: initClassifier(options), batch: { image } },
    options,
  );
}

function networkOf(depth: ClassifierOptions['depth']): ResNetOptions {
  return { depth, stages: ['c5'], batchNorm: defaultBatchNorm };
}

function randomBatch({ batch, height, width }: ClassifierOptions) {
  const random = Random.fromSeed('classifier batch');
  const pixels = Float32Array.from({ length: batch * 3 * height * width }, () => random.normal());
  const labels = new Float32Array(batch * classes);
  for (let i = 0; i < batch; i++) labels[i * classes + random.integer(classes)] = 1;
  return {
    image: float32(pixels, [batch, 3, height, width]),
    labels: float32(labels, [batch, classes]),
    learningRate: scalar(hyper.learningRate),
  };
}

function logitsOf(
  params: Tensors,
  stats: Tensors,
  image: tf.Tensor,
  options: Parameters<typeof resnet>[3],
): { logits: tf.Tensor; stats: Tensors } {
  const { features, stats: next } = resnet(branchAt(params, 'encoder'), stats, image, options);
  return { logits: linear(branchAt(params, 'head'), tf.mean(features.c5!, [2, 3])), stats: next };
}

function trainingStep(depth: ClassifierOptions['depth']): Step {
  const network = networkOf(depth);
  return (state, batch) => {
    const [params, stats, moments] = ['params', 'stats', 'optimizer'].map((part) => branchAt(state, part));
    const { loss, aux, grads } = valueAndGrad((current) => {
      const result = logitsOf(current, stats, leafAt(batch, 'image'), { ...network, training: true });
      const own = tf.sum(tf.mul(result.logits, leafAt(batch, 'labels')), 1);
      return { loss: tf.mean(tf.sub(tf.logSumExp(result.logits, 1), own)) as tf.Scalar, aux: result.stats };
    }, params);
    const learningRate = leafAt(batch, 'learningRate') as tf.Scalar;
    const updated = update(optimizer, params, grads, moments, { ...hyper, learningRate });
    return [{ params: updated.params, stats: aux, optimizer: updated.state }, { loss }];
  };
}

function forwardPass(depth: ClassifierOptions['depth']): Step {
  const network = networkOf(depth);
  return (state, batch) => {
    const [params, stats] = ['params', 'stats'].map((part) => branchAt(state, part));
    const { logits } = logitsOf(params, stats, leafAt(batch, 'image'), { ...network, training: false });
    return [state, { logits }];
  };
}
