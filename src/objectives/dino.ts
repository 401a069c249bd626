import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import {
  chain,
  initializeAll,
  type Net,
  normNet,
  plainNet,
  type Running,
  running,
  smallLinearNet,
} from '../encoders/net.ts';
import { float32, scalar } from '../engine/host-tensor.ts';
import type { BatchNormOptions } from '../nn/batch-norm.ts';
import { gelu } from '../nn/gelu.ts';
import { uniform } from '../nn/initializers.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchOrNone, leafAt } from '../nn/layer.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { cameraRun, cameraView, smallCameraView } from './drive-run.ts';
import { cifarRun, imageEncoderOf, oneViewSchema, pictureView, strongView, viewSchema } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { entropyOf } from './parts/cross-entropy.ts';
import { followed, followerIn, followerOf, risingMomentum } from './parts/momentum.ts';
import { spreadOf } from './parts/spread.ts';
import { swappedPrediction } from './parts/swapped-prediction.ts';

const whole = z.int().positive();
const share = z.number().min(0).max(1);
const positive = z.number().positive();

const schema = z.strictObject({
  first: oneViewSchema,
  second: oneViewSchema,
  /** Smaller crops, which the student alone sees. */
  small: viewSchema.required({ copies: true }).optional(),
  head: z.strictObject({
    /** The width of the two layers inside. */
    hidden: whole,
    /** The width of the rows of length one before the last layer. */
    bottleneck: whole,
    batchNorm: z.boolean(),
  }),
  /** The classes that pictures are distributed over; nobody names them. */
  outputs: whole,
  studentTemperature: positive,
  /** From `begin` in a straight line to `end` within the share `over` of the run. */
  teacherTemperature: z.strictObject({ begin: positive, end: positive, over: share }),
  /** How much of the teacher stays in the first step; rises to 1. */
  momentum: share,
  /** How much of the centre stays in a step. */
  centreMomentum: share,
  /** The share of the run after which the last layer begins to be trained. */
  frozenUntil: share,
});

type DinoConfig = z.infer<typeof schema>;

/** What some hundred steps can learn: few classes, and a last layer that is frozen shortly. */
const fewClasses = {
  head: { hidden: 512, bottleneck: 128, batchNorm: true },
  outputs: 512,
  studentTemperature: 0.1,
  teacherTemperature: { begin: 0.04, end: 0.04, over: 0 },
  centreMomentum: 0.9,
  frozenUntil: 0.05,
};

/**
 * DINO: a student says of every crop of a picture what its teacher, which follows it slowly, says of another one. Loss: the mean,
 * over both full crops of the teacher and all other crops of the student, of the cross-entropy of softmax((t - c)/τ_t) and
 * softmax(s/τ_s); ln K by chance. The centre c, a moving mean of the teacher's logits, keeps one class from winning; the sharp
 * teacher keeps all from being alike. The paper's views: two crops of 224 pixels, 0.4 to 1 of the area (bicubic), eight of 96, 0.05
 * to 0.4; flip, jitter 0.4/0.4/0.2/0.1 with 0.8, grey 0.2; the first blurred always, the second with 0.1 and solarised with
 * 0.2, the small ones blurred with 0.5. AdamW, 0.0005 for batches of 256, warmed up over 10 epochs, then half a cosine to 1e-6;
 * weight decay 0.04 to 0.4 along half a cosine, none of biases and norms; gradients clipped at 3, each parameter's alone.
 */
export const dino = system<DinoConfig>({
  name: 'dino',
  citation:
    'Caron et al., Emerging Properties in Self-Supervised Vision Transformers, ICCV 2021, arXiv 2104.14294',
  summary:
    'Says of a crop of a picture what a teacher that follows slowly says of another crop, as a distribution over classes that nobody names.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    'head.hidden': { means: 'the width of the two layers inside of the head', paper: '2048' },
    'head.bottleneck': {
      means: 'the width of the rows of length one before the last layer',
      paper: '256',
    },
    'head.batchNorm': { means: 'whether the head has batch norms', paper: 'false' },
    outputs: { means: 'the classes that pictures are distributed over', paper: '65536' },
    studentTemperature: { means: "divides the student's logits", paper: '0.1' },
    'teacherTemperature.begin': {
      means: "divides the teacher's logits in the first step",
      paper: '0.04',
    },
    'teacherTemperature.end': {
      means: "divides the teacher's logits from then on",
      paper: '0.04, or 0.07 in the longer recipe',
    },
    'teacherTemperature.over': {
      means: 'the share of the run until then',
      paper: '0, or 30 epochs; in whole epochs',
    },
    momentum: {
      means: 'how much of the teacher stays in a step; rises to 1 along half a cosine over the run',
      paper: '0.996',
    },
    centreMomentum: { means: 'how much of the centre stays in a step', paper: '0.9' },
    frozenUntil: {
      means: 'the share of the run after which the last layer is trained',
      paper: 'one epoch',
    },
  },
  gradient:
    "The student's crops carry a gradient, into encoder, head and the directions of the last layer, whose rows have length one; teacher and centre are never trained.",
  presets: {
    'dino-cifar': {
      about:
        'DINO on some thousand photographs of 32 pixels, two crops of 24 pixels and two of 12, without blur; a few classes and a momentum for few steps.',
      run: cifarRun(
        {
          dino: {
            first: { ...strongView, crop: { area: [0.3, 1] } },
            second: { ...strongView, crop: { area: [0.3, 1] }, solarise: { probability: 0.2 } },
            small: { ...strongView, scale: 0.375, crop: { area: [0.1, 0.4] }, copies: 2 },
            ...fewClasses,
            momentum: 0.95,
          },
        },
        { clip: { norm: 3, of: 'each' } },
      ),
    },
    'dino-small': {
      about:
        'DINO on the camera pictures of some hundred frames of driving, two crops of 96 pixels and two of 48, in about eight minutes on two cores; `image3d-small` can begin with its encoder.',
      run: cameraRun(
        {
          dino: {
            first: cameraView,
            second: { ...cameraView, solarise: { probability: 0.2 } },
            small: { ...smallCameraView, copies: 2 },
            ...fewClasses,
            momentum: 0.98,
          },
        },
        { clip: { norm: 3, of: 'each' } },
      ),
    },
  },
  make,
});

/** The networks that the teacher has a slow copy of. */
const NETS = ['imageEncoder', 'head', 'last'];
/** The first crops, which the teacher sees. */
const TAUGHT = 2;

const geluNet = plainNet(gelu);

/** Three layers with GELU between them, and batch norms before it where they are wanted; linear layers begin with deviation 0.02. */
function headOf(inputs: number, { head }: DinoConfig, norm: BatchNormOptions): Net {
  const { hidden, bottleneck, batchNorm } = head;
  const layer = (width: number) => [
    smallLinearNet({ inputs: width, outputs: hidden }),
    ...(batchNorm ? [normNet(hidden, norm)] : []),
    geluNet,
  ];
  return chain(...layer(inputs), ...layer(hidden), smallLinearNet({ inputs: hidden, outputs: bottleneck }));
}

/** x·Wᵀ, the rows of W [outputs, bottleneck] having length one (a weight norm whose gain stays 1). */
function lastNet({ outputs, head: { bottleneck } }: DinoConfig): Net {
  return {
    initialize: (random) => ({
      params: { weight: uniform(random, [outputs, bottleneck], 1 / Math.sqrt(bottleneck)) },
      stats: {},
    }),
    apply: (params, stats, x) => ({
      y: tf.matMul(x, l2Normalize(leafAt(params, 'weight')), false, true),
      stats,
    }),
  };
}

function make(config: DinoConfig, { encoders }: Given): Objective {
  const { small, outputs, studentTemperature, teacherTemperature, centreMomentum, frozenUntil } = config;
  const image = imageEncoderOf(encoders, 'dino');
  const encoder = imageEncoderNet(image);
  const head = headOf(imageEncoderChannels(image), config, image.batchNorm);
  const last = lastNet(config);
  const rowsOf = (nets: Running, features: readonly tf.Tensor[]) =>
    l2Normalize(nets.of('head', head, tf.concat([...features], 0))); // [V·N, bottleneck]
  const views = {
    first: pictureView(config.first, image),
    second: pictureView(config.second, image),
    ...(small && { small: pictureView(small, image) }),
  };
  const crops = TAUGHT + (small?.copies ?? 0);
  return {
    views,
    chance: { distillation: Math.log(outputs) },
    groups: frozenUntil > 0 ? [{ match: ['last'], as: 'heads', frozenUntil }] : [],

    initialize: (random, { encoders: shared }) => {
      const own = initializeAll(random, { head, last });
      const student = {
        params: { ...shared.params, ...own.params },
        stats: { ...shared.stats, ...own.stats },
      };
      const centre = float32(new Float32Array(outputs), [1, outputs]);
      return { ...own, memory: { teacher: followerOf(student, NETS), centre } };
    },

    inputs: ({ progress }) => ({
      momentum: scalar(risingMomentum(config.momentum, progress)),
      temperature: scalar(risingTemperature(teacherTemperature, progress)),
    }),

    loss: (model, batch, how) => {
      const full = tf.concat([leafAt(batch, 'first'), leafAt(batch, 'second')], 0);
      const student = running(model, how);
      const features = [full, ...(small ? [leafAt(batch, 'small')] : [])].map((crop) =>
        student.of('imageEncoder', encoder, crop),
      );
      const rows = rowsOf(student, features);
      const logits = tf.split(student.of('last', last, rows), crops); // V of [N, K]
      // Batch norms of the teacher take the statistics of its batch, as those of the student.
      const teacher = running(followerIn(model.memory, 'teacher'), how);
      const taught = teacher.of('last', last, rowsOf(teacher, [teacher.of('imageEncoder', encoder, full)]));
      const teaching = {
        centre: leafAt(model.memory, 'centre'),
        teacherTemperature: leafAt(how.inputs, 'temperature') as tf.Scalar,
      };
      const targets = tf.split(targetsOf(taught, teaching), TAUGHT);
      return {
        terms: { distillation: swappedPrediction(logits, targets, studentTemperature) },
        metrics: { teacherEntropy: entropyOf(tf.concat(targets, 0)), spread: spreadOf(rows) },
        stats: student.stats,
        kept: { means: { stats: teacher.stats, logits: tf.mean(stopGradient(taught), 0, true) } },
      };
    },

    // The centre moves after it was used, and the teacher after the optimizer, towards the new parameters.
    after: (model, { means }, inputs) => {
      const momentum = leafAt(inputs, 'momentum') as tf.Scalar;
      const { params } = followed(followerIn(model.memory, 'teacher'), model, momentum);
      const centre = movedCentre(leafAt(model.memory, 'centre'), leafAt(means!, 'logits'), centreMomentum);
      return { teacher: { params, stats: branchOrNone(means!, 'stats') }, centre };
    },
  };
}

/** What a teacher's logits [R, K] say: softmax((t - c)/τ), without gradient. */
export function targetsOf(
  logits: tf.Tensor,
  {
    centre,
    teacherTemperature,
  }: { readonly centre: tf.Tensor; readonly teacherTemperature: number | tf.Scalar },
): tf.Tensor {
  return tf.softmax(tf.div(tf.sub(stopGradient(logits), centre), teacherTemperature));
}

/** The centre [1, K] after a batch whose logits have this mean [1, K]: m·c + (1 - m)·mean. */
export function movedCentre(centre: tf.Tensor, mean: tf.Tensor, momentum: number): tf.Tensor {
  return tf.add(tf.mul(centre, momentum), tf.mul(mean, 1 - momentum));
}

/** A temperature that goes from `begin` to `end` in a straight line until this share of the run, and stays there. */
export function risingTemperature(
  { begin, end, over }: DinoConfig['teacherTemperature'],
  progress: number,
): number {
  return progress < over ? begin + (end - begin) * (progress / over) : end;
}
