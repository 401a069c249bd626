import * as tf from '@tensorflow/tfjs-core';
import type { Step } from '../src/engine/capture.ts';
import { compile, type ResidentState } from '../src/engine/compile.ts';
import type { Device } from '../src/engine/device.ts';
import { float32, type HostTensor, scalar } from '../src/engine/host-tensor.ts';
import { Random } from '../src/engine/random.ts';
import type { Tree } from '../src/engine/tree.ts';
import { initResNet, type ResNetOptions, resNetChannels, resnet } from '../src/image/resnet.ts';
import { defaultBatchNorm } from '../src/nn/batch-norm.ts';
import { branchAt, leafAt } from '../src/nn/layer.ts';
import { initLinear, linear } from '../src/nn/linear.ts';
import { initState, type OptimizerOptions, update } from '../src/nn/optimizers.ts';
import { valueAndGrad } from '../src/nn/value-and-grad.ts';
import { timed } from './alternate.ts';
import { compare, peakMemory } from './compare.ts';
import type { Row } from './measurement.ts';
import { Peer } from './peer.ts';
import { requireSameSize } from './same-work.ts';

/** The network, the images and how it is run. */
export interface EngineBenchOptions {
  readonly depth: 18 | 50;
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly threads: number;
  readonly device: Device;
  readonly runs: number;
  readonly warmup: number;
  /** Writes a trace of the training step's operations to a file whose name begins so. */
  readonly profile?: string;
  /** The Python that runs the same in PyTorch. */
  readonly python?: string;
}

const classes = 128;
const optimizer: OptimizerOptions = { kind: 'sgd', momentum: 0.9 };
const hyper = { learningRate: 0.01, weightDecay: 1e-4 };

type Tensors = Tree<tf.Tensor>;

/**
 * A ResNet on random images [N, 3, H, W] with a linear head on the mean of its last features. `training step`: forward,
 * backward of the cross-entropy over 128 classes and an update by SGD with momentum, batch norm in training mode;
 * `forward`: the logits alone, batch norm in evaluation mode. The peer does the same in PyTorch, channels last.
 */
export async function benchEngine(options: EngineBenchOptions): Promise<Row[]> {
  const { depth, batch, height, width, device, threads, profile, python } = options;
  const network: ResNetOptions = { depth, stages: ['c5'], batchNorm: defaultBatchNorm };
  const random = Random.fromSeed('engine bench');
  const { params, stats } = initNetwork(random.fork('network'), network);
  const data = randomBatch(random.fork('batch'), options);
  const shape = `ResNet-${depth} ${batch} x 3 x ${height} x ${width}`;
  const peer =
    python === undefined
      ? undefined
      : await Peer.start({
          python,
          script: 'resnet.py',
          settings: { depth, batch, height, width, classes, threads, ...hyper, momentum: 0.9 },
        });
  try {
    if (peer !== undefined) requireSameSize(params, peer);
    const rows: Row[] = [];
    const initial = { params, stats, optimizer: initState(optimizer, params) };
    const training = await compile(trainingStep(network), {
      state: initial,
      batch: data,
      device,
      threads,
      profileTo: profile,
    });
    let state: Tree<HostTensor> | ResidentState = initial;
    const step = timed(async () => {
      ({ state } = await training.run(state, data));
    });
    rows.push(
      ...(await compare({ name: 'training step', shape, run: step, peerWork: 'step' }, peer, options)),
    );
    rows.push(...(await peakMemory({ name: 'peak memory', shape, threads }, peer)));
    await training.dispose();

    const images = { image: data.image };
    const evaluated = { params, stats };
    const inference = await compile(forwardPass(network), {
      state: evaluated,
      batch: images,
      device,
      threads,
    });
    let kept: Tree<HostTensor> | ResidentState = evaluated;
    const pass = timed(async () => {
      ({ state: kept } = await inference.run(kept, images));
    });
    rows.push(...(await compare({ name: 'forward', shape, run: pass, peerWork: 'forward' }, peer, options)));
    await inference.dispose();
    return rows;
  } finally {
    peer?.stop();
  }
}

function initNetwork(random: Random, network: ResNetOptions) {
  const encoder = initResNet(random.fork('encoder'), network);
  const head = initLinear(random.fork('head'), { inputs: resNetChannels(network, 'c5'), outputs: classes });
  return { params: { encoder: encoder.params, head }, stats: encoder.stats };
}

function randomBatch(random: Random, { batch, height, width }: EngineBenchOptions) {
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

function trainingStep(network: ResNetOptions): Step {
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

function forwardPass(network: ResNetOptions): Step {
  return (state, batch) => {
    const [params, stats] = ['params', 'stats'].map((part) => branchAt(state, part));
    const { logits } = logitsOf(params, stats, leafAt(batch, 'image'), { ...network, training: false });
    return [state, { logits }];
  };
}
