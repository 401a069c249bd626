import { access } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { imageEncoderChannels } from '../../encoders/encoder-config.ts';
import { imageEncoderNet } from '../../encoders/encoders.ts';
import { linearNet, type Net, running } from '../../encoders/net.ts';
import type { Learner, Model } from '../../encoders/trainable.ts';
import { compile } from '../../engine/compile.ts';
import type { Device } from '../../engine/device.ts';
import { float32, type HostTensor } from '../../engine/host-tensor.ts';
import { Random } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import { type PictureEncoder, pictureBatch } from '../../evaluation/frozen-features.ts';
import { accuracyOf, largestColumns } from '../../evaluation/probes/accuracy.ts';
import { branchAt, branchOrNone, leafAt } from '../../nn/layer.ts';
import { initOptimizer, ratesAt } from '../../nn/parameter-groups.ts';
import { softCrossEntropy } from '../../objectives/parts/cross-entropy.ts';
import { withDefaults } from '../config-keys.ts';
import type { PretrainedReference } from '../pretrained.ts';
import { checkpointOf, fingerprintBut, loadCheckpoint } from '../run/checkpoint.ts';
import type { ProgressStream } from '../run/progress.ts';
import { train } from '../training-loop.ts';
import { type ClassifierConfig, classifierConfigSchema, classifierGroups } from './classifier-config.ts';
import { type ClassifierSample, classifierPicturesReference } from './classifier-pictures.ts';
import { featureKey } from './feature-cache.ts';
import { canvasBatch, type ProbedItems } from './probed-items.ts';

/** Parameters and running statistics: `imageEncoder`, `projection` where a part of a head is kept, and `head`. */
export type ClassifierModel = Pick<Model<HostTensor>, 'params' | 'stats'>;

/** An encoder, the first layers of a projection head where they are kept, and a linear layer of so many classes. */
export interface PictureClassifier {
  readonly encoder: PictureEncoder;
  readonly projection?: { readonly net: Net; readonly channels: number };
  readonly classes: number;
}

/** Whose probabilities are learned in place of labels (Hinton et al. 2015), at this temperature on both sides. */
export interface ClassifierTeacher {
  readonly classifier: PictureClassifier;
  readonly model: ClassifierModel;
  readonly temperature: number;
}

/** How a classifier is trained, and where its run is left. */
export interface ClassifierTraining {
  readonly config: ClassifierConfig;
  readonly training: ProbedItems;
  /** The pictures that are learned from. */
  readonly indices: Int32Array;
  /** The folder of the pictures, and the run that it begins with, for the record. */
  readonly dataRoot: string;
  readonly from: PretrainedReference | undefined;
  readonly teacher?: ClassifierTeacher;
  /** The run's folder: a new one, or that of the same run, which then goes on. */
  readonly out: string;
  readonly stream?: ProgressStream;
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

/**
 * A classifier trained whole, from an encoder and what is kept of a head, with a new linear layer. Its run is kept in `out`: one that
 * was stopped or killed goes on, one that is done is not trained again. Throws an InputError where `out` holds another run,
 * and the signal's reason where it was stopped.
 */
export async function trainClassifier(
  classifier: PictureClassifier,
  begin: ClassifierModel,
  { config, training, indices, dataRoot, from, teacher, out, signal, ...how }: ClassifierTraining,
): Promise<ClassifierModel> {
  const { batchSize, seed, steps, schedule } = config;
  const { encoder, classes } = classifier;
  const groups = classifierGroups(config);
  const made = headOf(classifier).initialize(Random.fromSeed(seed).fork('head'));
  const params = { ...begin.params, head: made.params };
  const initialState: Tree<HostTensor> = {
    params,
    stats: begin.stats,
    optimizer: initOptimizer(groups, params),
    ...(teacher && { memory: { teacher: { params: teacher.model.params, stats: teacher.model.stats } } }),
  };
  const chance = { total: Math.log(classes), terms: {} };
  const resume = await access(join(out, 'config.json')).then(
    () => true,
    () => false,
  );
  const { interrupted } = await train<ClassifierSample>(
    {
      trainable: {
        ...learnerOf(classifier, teacher),
        collate: (samples) => ({
          ...pictureBatch(
            samples.map(({ pixels }) => pixels),
            encoder,
          ),
          ...(teacher === undefined && {
            target: oneHot(
              samples.map(({ label }) => label),
              classes,
            ),
          }),
        }),
      },
      // What a student may reach depends on its teacher.
      ...(teacher === undefined && { chance }),
      groups,
      initialState,
      totalSteps: steps,
      ratesAt: ({ step }) => ratesAt(groups, schedule, { progress: step / steps, share: step / steps }),
      batchSize,
      seed,
      frames: {
        length: indices.length,
        source: classifierPicturesReference({
          ...{ images: training.images!, labels: training.labels, indices, encoder },
          area: config.classifier.area,
        }),
      },
      loader: config.loader,
      checkpoint: config.checkpoint,
      record: {
        config: {
          ...config,
          // What it learns from, and all values that it begins with, the teacher's too.
          data: { root: dataRoot, frames: indices.length, content: training.content.slice(0, 16) },
          from: from ?? null,
          begins: featureKey(initialState),
        },
        mayDiffer: ['checkpoint', 'loader', 'data.root', 'from.run'],
        fingerprint: fingerprintBut(['checkpoint', 'loader']),
        olderForms: { config: (recorded) => withDefaults(classifierConfigSchema, recorded) },
      },
      // Few labels are what it is for.
      mayRepeat: true,
      introduction: (step) =>
        `${indices.length} pictures, ${steps} steps of ${batchSize}${step > 0 ? `, going on after step ${step}` : ''}`,
      dataName: dataRoot,
    },
    { ...how, out, signal, resume, overwrite: !resume },
  );
  if (interrupted) signal?.throwIfAborted();
  const { state } = await loadCheckpoint((await checkpointOf(out)).folder);
  return { params: branchAt(state, 'params'), stats: branchOrNone(state, 'stats') };
}

/** What is minimised: the cross-entropy of labels, or of what a teacher says of the same pictures. */
function learnerOf(classifier: PictureClassifier, teacher: ClassifierTeacher | undefined): Learner {
  return {
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
}

/** The share of a split's pictures that a classifier is right about. */
export async function classifierAccuracy(
  classifier: PictureClassifier,
  { params, stats }: ClassifierModel,
  test: ProbedItems,
  { device, threads }: Pick<ClassifierTraining, 'device' | 'threads'> = {},
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

function oneHot(labels: readonly number[], classes: number): HostTensor {
  const target = new Float32Array(labels.length * classes);
  labels.forEach((label, i) => {
    target[i * classes + label] = 1;
  });
  return float32(target, [labels.length, classes]);
}
