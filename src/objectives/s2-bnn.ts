import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels, imageEncoderSchema } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { chain, initializeAll, linearNet, type Running, reluNet, running } from '../encoders/net.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import {
  cifarRun,
  imageEncoderOf,
  oneViewSchema,
  pictureView,
  smallEncoder,
  smallNetwork,
  type ViewOptions,
  weakView,
} from './image-run.ts';
import { type Given, type Objective, type Preset, system } from './objective.ts';
import { distillation, entropyOf, firstCrossEntropy, firstIsHighest } from './parts/cross-entropy.ts';
import { frozenTeacher } from './parts/frozen-teacher.ts';
import { momentumKeys } from './parts/momentum-keys.ts';
import { requireWholeBatches } from './parts/queue.ts';
import { spreadOf } from './parts/spread.ts';

const whole = z.int().positive();
const positive = z.number().positive();

const schema = z.strictObject({
  view: oneViewSchema,
  /** The teacher's network, as the run has it that it comes from. */
  teacher: imageEncoderSchema,
  /** The width of the student's head between its two layers. */
  hidden: whole,
  /** Divides the numbers of both rows. */
  temperature: positive,
  /** MoCo's loss beside it; absent, the teacher is all that is learned from. */
  contrast: z
    .strictObject({
      weight: positive,
      /** Keys that are remembered as negatives; a multiple of the batch. */
      queue: whole,
      temperature: positive,
      /** How much of the key encoder stays in a step. */
      momentum: z.number().min(0).max(1),
    })
    .optional(),
});

type S2BnnConfig = z.infer<typeof schema>;

/** MoCo v2's augmentation, jittered less often. The released one also blurs with 0.2, which pictures of 32 pixels go without. */
const view: ViewOptions = { ...weakView, jitter: { ...weakView.jitter!, probability: 0.6 } };

/** The run of a phase: binary activations with real weights, or with binary ones. */
function phase(weights: 'real' | 'binary'): Preset['run'] {
  const adam = { kind: 'adamw', learningRate: 2e-3, weightDecay: 0 };
  const { batchNorm, stem, input } = smallEncoder;
  return cifarRun(
    { 's2-bnn': { view, teacher: smallNetwork, hidden: 128, temperature: 0.2 } },
    {
      encoders: { image: { kind: 'reactnet', width: 8, weights, stem, batchNorm, input } },
      // A step of this network takes four times as long as one of the ResNet-18 that others have.
      batchSize: 64,
      steps: 220,
      optimizers: { image: adam, heads: adam },
    },
  );
}

/**
 * S2-BNN: a binary network says of a picture what a frozen teacher says of the same view, its numbers taken as if they were
 * classes. Loss: the mean over pictures of -Σ softmax(t/τ)·log softmax(s/τ) over the numbers of rows of length one, which the
 * authors call a KL divergence; it is no less than the teacher's entropy. With `contrast`, MoCo's loss of the same student's
 * rows, and keys of another view, is added. The teacher is the image encoder of another run, its last map averaged (the released
 * one has the head of its MoCo above), with the running statistics of its batch norms.
 */
export const s2Bnn = system<S2BnnConfig>({
  name: 's2-bnn',
  citation:
    'Shen et al., S2-BNN: Bridging the Gap Between Self-Supervised Real and 1-bit Neural Networks via Guided Distribution Calibration, CVPR 2021, arXiv 2102.08946',
  summary:
    'A network of binary activations, and in its second phase of binary weights, learns to say what a frozen teacher says of a picture; begins with `pretrain --teacher`, the run that has it, and in the second phase with `--from`, the run of the first.',
  needs: ['image'],
  teacher: true,
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    hidden: { means: "the width inside of the student's head", paper: '?' },
    temperature: {
      means: 'divides the numbers of both rows, of student and teacher',
      paper: '?',
      code: '0.2',
    },
    contrast: {
      means: "MoCo's loss beside the teacher's: its weight, queue, temperature and momentum",
      paper: 'better without it',
      code: 'absent, or of weight 1',
    },
  },
  gradient: 'The student carries a gradient; the teacher does not, nor keys and queue where there are any.',
  presets: {
    's2-bnn-cifar': {
      about:
        'S2-BNN, its first phase, with real weights, on some thousand photographs of 32 pixels, from the encoder of a run such as moco-v2-cifar; 200 to 340 s of processor time.',
      run: phase('real'),
      begins: { teacher: 'moco-v2-cifar' },
    },
    's2-bnn-cifar-binary': {
      about:
        'S2-BNN, its second phase, with binary weights, on the same; `--from` the run of the first. 200 to 340 s of processor time.',
      run: phase('binary'),
      begins: { teacher: 'moco-v2-cifar', from: 's2-bnn-cifar' },
    },
  },
  make,
});

function make(config: S2BnnConfig, { encoders, batchSize }: Given): Objective {
  const { hidden, temperature, contrast } = config;
  const image = imageEncoderOf(encoders, 's2-bnn');
  const encoder = imageEncoderNet(image);
  const teacher = frozenTeacher(config.teacher);
  const { width } = teacher;
  const head = chain(
    linearNet({ inputs: imageEncoderChannels(image), outputs: hidden }),
    reluNet,
    linearNet({ inputs: hidden, outputs: width }),
  );
  const rows = (nets: Running, pictures: tf.Tensor) =>
    l2Normalize(nets.of('head', head, nets.of('imageEncoder', encoder, pictures))); // [N, D]
  if (contrast) requireWholeBatches(contrast.queue, batchSize, 'objectives.s2-bnn.contrast.queue');
  const keys = contrast && momentumKeys({ ...contrast, names: ['imageEncoder', 'head'], rows, width });
  const drawn = pictureView(config.view, image);
  return {
    views: { picture: drawn, ...(keys && { key: drawn }) },
    chance: {
      // No less than the teacher's entropy, which is near the logarithm of its width already.
      distillation: null,
      ...(contrast && { contrast: Math.log(contrast.queue + 1) }),
    },
    ...(contrast && { termWeights: { contrast: contrast.weight } }),

    initialize: (random, { encoders: shared }) => {
      const own = initializeAll(random, { head });
      const model = { params: { ...shared.params, ...own.params }, stats: { ...shared.stats, ...own.stats } };
      const memory = { teacher: teacher.initialize(random), ...keys?.initialize(random, model) };
      return { ...own, memory };
    },

    ...(keys && {
      inputs: keys.inputs,
      before: (model, inputs) => ({ memory: keys.before(model, inputs) }),
    }),

    loss: (model, batch, how) => {
      const student = running(model, how);
      const pictures = leafAt(batch, 'picture');
      const s = rows(student, pictures);
      const t = teacher.rows(model.memory, pictures);
      const told = calibration(s, t, temperature);
      const compared = keys?.compare(s, model.memory, leafAt(batch, 'key'), how);
      return {
        terms: {
          distillation: told,
          ...(compared && { contrast: firstCrossEntropy(compared.logits) }),
        },
        metrics: {
          excess: tf.sub(told, entropyOf(tf.softmax(tf.div(t, temperature)))) as tf.Scalar,
          ...(compared && { top1: firstIsHighest(compared.logits) }),
          spread: spreadOf(s),
        },
        stats: student.stats,
        ...(compared && { kept: compared.kept }),
      };
    },

    ...(keys && {
      after: ({ memory }, kept) => ({ teacher: branchAt(memory, 'teacher'), ...keys.after(memory, kept) }),
    }),
  };
}

/** The mean over rows [N, D] of -Σ softmax(t/τ)·log softmax(s/τ), whose least value is the teacher's entropy. Gradient flows to the student alone. */
export function calibration(student: tf.Tensor, teacher: tf.Tensor, temperature: number): tf.Scalar {
  return distillation(tf.div(student, temperature), tf.div(teacher, temperature));
}
