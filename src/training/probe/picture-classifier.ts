import * as tf from '@tensorflow/tfjs-core';
import { imageEncoderChannels } from '../../encoders/encoder-config.ts';
import { imageEncoderNet } from '../../encoders/encoders.ts';
import { linearNet, type Net, running } from '../../encoders/net.ts';
import type { Learner, Model } from '../../encoders/trainable.ts';
import { type CompiledStep, compile, type ResidentState } from '../../engine/compile.ts';
import type { Device } from '../../engine/device.ts';
import { float32, type HostTensor } from '../../engine/host-tensor.ts';
import { Random } from '../../engine/random.ts';
import { isResident } from '../../engine/resident-state.ts';
import type { Tree } from '../../engine/tree.ts';
import type { PictureEncoder } from '../../evaluation/frozen-features.ts';
import { accuracyOf, largestColumns } from '../../evaluation/probes/accuracy.ts';
import { applyImageView, randomFlip, randomResizedCrop } from '../../image/augment.ts';
import { imageView } from '../../image/image-view.ts';
import type { RgbImage } from '../../image/rgb-image.ts';
import { branchAt, branchOrNone, leafAt } from '../../nn/layer.ts';
import { initOptimizer, type ParameterGroup, ratesAt } from '../../nn/parameter-groups.ts';
import { softCrossEntropy } from '../../objectives/parts/cross-entropy.ts';
import { trainStep } from '../train-step.ts';
import { canvasBatch, type ProbedItems } from './probed-items.ts';

/** The whole network is trained on pictures like this: half a cosine from these rates, on crops and mirrored. */
const recipe = {
  batchSize: 64,
  encoderRate: 0.02,
  headRate: 0.1,
  weightDecay: 5e-4,
  area: [0.4, 1],
} as const;

/** Parameters and running statistics: `imageEncoder`, `projection` where a part of a head is kept, and `head`. */
export type ClassifierModel = Pick<Model<HostTensor>, 'params' | 'stats'>;

/** An encoder, the first layers of a projection head where they are kept, and a linear layer of so many classes. */
export interface PictureClassifier {
  readonly encoder: PictureEncoder;
  readonly projection?: { readonly net: Net; readonly channels: number };
  readonly classes: number;
}

/** How it is trained, and where. */
export interface ClassifierTraining {
  readonly training: ProbedItems;
  /** The pictures that are learned from. */
  readonly indices: Int32Array;
  readonly steps: number;
  /** What its random numbers are drawn by. */
  readonly seed: string;
  /** Whose probabilities are learned in place of labels (Hinton et al. 2015), at this temperature on both sides. */
  readonly teacher?: {
    readonly classifier: PictureClassifier;
    readonly model: ClassifierModel;
    readonly temperature: number;
  };
  readonly device?: Device;
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

function headOf({ encoder, projection, classes }: PictureClassifier): Net {
  return linearNet({ inputs: projection?.channels ?? imageEncoderChannels(encoder), outputs: classes });
}

/** The logits of pictures [B, H, W, 3], [B, classes], and the next running statistics. */
function forward(
  { encoder, projection, classes }: PictureClassifier,
  model: Pick<Model, 'params' | 'stats'>,
  { image, training }: { readonly image: tf.Tensor; readonly training: boolean },
): { readonly logits: tf.Tensor; readonly stats: Tree<tf.Tensor> } {
  const network = running(model, { training });
  const features = network.of('imageEncoder', imageEncoderNet(encoder), image);
  const kept = projection === undefined ? features : network.of('projection', projection.net, features);
  const logits = network.of('head', headOf({ encoder, projection, classes }), kept);
  return { logits, stats: network.stats };
}

/** The mean over pictures of -Σ P_teacher·ln P_student of logits [B, classes] divided by the temperature. Gradient flows to the student's. */
export function distillationLoss(student: tf.Tensor, teacher: tf.Tensor, temperature: number): tf.Scalar {
  const target = tf.softmax(tf.div(teacher, temperature));
  return softCrossEntropy(tf.div(student, temperature), target);
}

/** A classifier trained whole, from an encoder and what is kept of a head, with a new linear layer. */
export async function trainClassifier(
  classifier: PictureClassifier,
  begin: ClassifierModel,
  { training, indices, steps, seed, teacher, device, threads, signal }: ClassifierTraining,
): Promise<ClassifierModel> {
  const { batchSize } = recipe;
  const { encoder, classes } = classifier;
  const learner: Learner = {
    loss: (model, batch) => {
      const image = leafAt(batch, 'image');
      const { logits, stats } = forward(classifier, model, { image, training: true });
      const loss =
        teacher === undefined
          ? softCrossEntropy(logits, leafAt(batch, 'target'))
          : distillationLoss(
              logits,
              forward(teacher.classifier, teacherIn(model.memory), { image, training: false }).logits,
              teacher.temperature,
            );
      return { loss, terms: {}, metrics: {}, stats };
    },
  };
  const made = headOf(classifier).initialize(Random.fromSeed(seed).fork('head'));
  const params = { ...begin.params, head: made.params };
  const group = (name: string, match: string[], learningRate: number): ParameterGroup => ({
    name,
    match,
    optimizer: { kind: 'sgd', momentum: 0.9 },
    learningRate,
    weightDecay: recipe.weightDecay,
  });
  const groups = [
    group('encoder', ['imageEncoder', 'projection'], recipe.encoderRate),
    group('head', [''], recipe.headRate),
  ];
  let state: Tree<HostTensor> | ResidentState = {
    params,
    stats: begin.stats,
    optimizer: initOptimizer(groups, params),
    ...(teacher && { memory: { teacher: { params: teacher.model.params, stats: teacher.model.stats } } }),
  };
  const random = Random.fromSeed(seed).fork('pictures');
  const orders = new Map<number, Int32Array>();
  const orderOf = (epoch: number): Int32Array => {
    const order = orders.get(epoch) ?? random.fork('epoch', epoch).permutation(indices.length);
    orders.set(epoch, order);
    return order;
  };
  let step: CompiledStep | undefined;
  try {
    for (let done = 0; done < steps; done++) {
      signal?.throwIfAborted();
      const own = random.fork(done);
      const chosen = Array.from({ length: batchSize }, (_, i) => {
        const place = done * batchSize + i;
        return indices[orderOf(Math.floor(place / indices.length))[place % indices.length]];
      });
      const images = chosen.map((index, i) => augmented(training.images![index], own.fork(i)));
      const data = {
        ...canvasBatch(images, encoder, { begin: 0, count: batchSize }),
        ...(teacher === undefined && { target: oneHot(chosen, training.labels, classes) }),
      };
      const place = { progress: done / steps, share: done / steps };
      const rates = { ...ratesAt(groups, { kind: 'cosine', length: 1 }, place) };
      const batch: Tree<HostTensor> = { data, rates };
      step ??= await compile(trainStep(learner, groups), {
        state: state as Tree<HostTensor>,
        batch,
        device,
        threads,
      });
      state = (await step.run(state, batch)).state;
    }
    if (isResident(state)) state = await state.read();
  } finally {
    await step?.dispose();
  }
  return { params: branchAt(state, 'params'), stats: branchOrNone(state, 'stats') };
}

/** The share of a split's pictures that a classifier is right about. */
export async function classifierAccuracy(
  classifier: PictureClassifier,
  { params, stats }: ClassifierModel,
  test: ProbedItems,
  { device, threads }: Pick<ClassifierTraining, 'device' | 'threads'>,
): Promise<number> {
  const { encoder, classes } = classifier;
  const model = { params, stats };
  const first = canvasBatch(test.images!, encoder, { begin: 0, count: 128 });
  const step = await compile(
    (current, batch) => {
      const parts = { params: branchAt(current, 'params'), stats: branchOrNone(current, 'stats') };
      const { logits } = forward(classifier, parts, { image: leafAt(batch, 'image'), training: false });
      return [current, { logits }];
    },
    { state: model, batch: first, device, threads },
  );
  const predictions: number[] = [];
  try {
    for await (const { inputs, rows } of test.batches().batches) {
      const { outputs } = await step.run(model, inputs);
      const logits = Float64Array.from((outputs.logits as HostTensor).data.subarray(0, rows * classes));
      predictions.push(...largestColumns(logits, classes));
    }
  } finally {
    await step.dispose();
  }
  return accuracyOf(predictions, test.labels).accuracy;
}

function teacherIn(memory: Tree<tf.Tensor>) {
  const teacher = branchAt(memory, 'teacher');
  return { params: branchAt(teacher, 'params'), stats: branchOrNone(teacher, 'stats') };
}

function oneHot(chosen: readonly number[], labels: ProbedItems['labels'], classes: number): HostTensor {
  const target = new Float32Array(chosen.length * classes);
  chosen.forEach((index, i) => {
    target[i * classes + labels[index]] = 1;
  });
  return float32(target, [chosen.length, classes]);
}

function augmented(image: RgbImage, random: Random): RgbImage {
  const { width, height } = image;
  const cropped = randomResizedCrop(imageView(image), random.fork('crop'), {
    width,
    height,
    area: recipe.area,
  });
  return applyImageView(image, randomFlip(cropped, random.fork('flip')));
}
