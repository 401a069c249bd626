import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { chain, initializeAll, linearNet, type Net, normNet, reluNet, running } from '../encoders/net.ts';
import type { Tensors } from '../encoders/trainable.ts';
import { scalar } from '../engine/host-tensor.ts';
import type { BatchNormOptions } from '../nn/batch-norm.ts';
import { uniform } from '../nn/initializers.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { cifarRun, imageEncoderOf, pictureView, strongView, viewSchema } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { equalAssignment } from './parts/equal-assignment.ts';
import { emptyQueue, enqueued, isFull, requireWholeBatches } from './parts/queue.ts';
import { spreadOf } from './parts/spread.ts';
import { swappedPrediction } from './parts/swapped-prediction.ts';

const whole = z.int().positive();
const share = z.number().min(0).max(1);

const schema = z.strictObject({
  /** Crops of full size; the first two are assigned to prototypes. */
  crops: viewSchema.required({ copies: true }).extend({ copies: z.int().min(2) }),
  /** Smaller crops, which only predict. */
  smallCrops: viewSchema.required({ width: true, height: true, copies: true }).optional(),
  /** The width inside of the projector. */
  hidden: whole,
  /** The width of embeddings and prototypes. */
  dimensions: whole,
  prototypes: whole,
  temperature: z.number().positive(),
  assignment: z.strictObject({ epsilon: z.number().positive(), iterations: whole }),
  /** Embeddings that are assigned together with a batch, and the share of the run after which they are gathered. */
  queue: z.strictObject({ size: whole, from: share }).optional(),
  /** The share of the run after which the prototypes begin to be trained. */
  frozenUntil: share,
});

type SwavConfig = z.infer<typeof schema>;

/** The crops that are assigned to prototypes. */
const ASSIGNED = [0, 1];

/**
 * SwAV: every crop predicts to which prototypes the other crops of its picture are assigned, where all prototypes have to be
 * used about alike. Loss: the cross-entropy of assignments and softmax(z·C/τ), z and prototypes C of length one; ln K by chance.
 * The paper's views: two crops of 224 pixels, 0.14 to 1 of the area, and six of 96, 0.05 to 0.14; flip, jitter 0.8/0.8/0.8/0.2 with 0.8,
 * grey 0.2, blur with 0.5. Its optimizer is LARS.
 */
export const swav = system<SwavConfig>({
  name: 'swav',
  citation:
    'Caron et al., Unsupervised Learning of Visual Features by Contrasting Cluster Assignments, NeurIPS 2020, arXiv 2006.09882',
  summary:
    'Predicts from a crop to which of some prototypes another crop of the picture is assigned, prototypes being used about alike.',
  needs: ['image'],
  schema,
  options: {
    hidden: { means: 'the width inside of the projector', paper: '2048' },
    dimensions: { means: 'the width of embeddings and prototypes', paper: '128' },
    prototypes: { means: 'how many there are', paper: '3000' },
    temperature: { means: 'divides the scores that predict', paper: '0.1' },
    'assignment.epsilon': { means: 'how soft assignments are', paper: '0.05' },
    'assignment.iterations': { means: 'rounds of scaling', paper: '3' },
    'queue.size': {
      means: 'embeddings that are assigned together with a batch, once there are so many',
      paper: 'none for batches of 4096, 3840 for 256',
    },
    'queue.from': {
      means: 'the share of the run after which they are gathered',
      paper: 'after 15 of 200 or 400 epochs',
    },
    frozenUntil: {
      means: 'the share of the run after which prototypes are trained',
      paper: 'one epoch',
      code: '313 steps for batches of 4096, 5005 for 256',
    },
  },
  gradient:
    'Encoder, projector and prototypes get a gradient from the predictions; assignments and queue carry none.',
  presets: {
    'swav-cifar': {
      about:
        'SwAV on some thousand photographs of 32 pixels, without blur and small crops; about two minutes on two cores. Few prototypes and a high temperature: at 0.1, with 30 and with 100 prototypes, embeddings draw together in the first 60 steps and the loss stays at ln K.',
      run: cifarRun({
        swav: {
          crops: {
            ...strongView,
            copies: 2,
            crop: { area: [0.14, 1] },
            jitter: { probability: 0.8, brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2 },
          },
          hidden: 512,
          dimensions: 128,
          prototypes: 30,
          temperature: 0.5,
          assignment: { epsilon: 0.05, iterations: 3 },
          queue: { size: 512, from: 0.5 },
          frozenUntil: 0.1,
        },
      }),
    },
  },
  make,
});

function projectorOf(inputs: number, { hidden, dimensions }: SwavConfig, norm: BatchNormOptions): Net {
  return chain(
    linearNet({ inputs, outputs: hidden }),
    normNet(hidden, norm),
    reluNet,
    linearNet({ inputs: hidden, outputs: dimensions }),
  );
}

function make(config: SwavConfig, { encoders, batchSize }: Given): Objective {
  const { crops, smallCrops, dimensions, temperature, assignment, queue, frozenUntil } = config;
  const image = imageEncoderOf(encoders, 'swav');
  const encoder = imageEncoderNet(image);
  const projector = projectorOf(imageEncoderChannels(image), config, image.batchNorm);
  const count = crops.copies + (smallCrops?.copies ?? 0);
  if (queue !== undefined) requireWholeBatches(queue.size, batchSize, 'objectives.swav.queue.size');
  const views = {
    crops: pictureView(crops, image),
    ...(smallCrops && { smallCrops: pictureView(smallCrops, image) }),
  };
  return {
    views,
    chance: { assignment: Math.log(config.prototypes) },
    groups: frozenUntil > 0 ? [{ match: ['prototypes'], as: 'heads', frozenUntil }] : [],

    initialize: (random) => {
      const { params, stats } = initializeAll(random, { projector });
      const prototypes = uniform(
        random.fork('prototypes'),
        [config.prototypes, dimensions],
        1 / Math.sqrt(dimensions),
      );
      const empty = queue && emptyQueue({ size: queue.size, width: dimensions });
      const memory = empty && { queue: Object.fromEntries(ASSIGNED.map((crop) => [crop, empty])) };
      return { params: { ...params, prototypes: { weight: prototypes } }, stats, memory: memory ?? {} };
    },

    ...(queue && { inputs: ({ progress }) => ({ gathers: scalar(progress < queue.from ? 0 : 1) }) }),

    // Prototypes begin every step with length one, as released.
    before: ({ params }) => ({
      params: {
        projector: branchAt(params, 'projector'),
        prototypes: { weight: l2Normalize(prototypesOf(params)) },
      },
    }),

    loss: (model, batch, how) => {
      const nets = running(model, how);
      // Crops of one size go through the encoder together, and all of them through the projector.
      const features = Object.keys(views).map((view) =>
        nets.of('imageEncoder', encoder, leafAt(batch, view)),
      );
      const z = l2Normalize(nets.of('projector', projector, tf.concat(features, 0))); // [V·N, D]
      const prototypes = prototypesOf(model.params); // [K, D]
      const scores = tf.split(tf.matMul(z, prototypes, false, true), count); // V of [N, K]
      const embeddings = tf.split(z, count);
      const codes = ASSIGNED.map((crop) => {
        if (queue === undefined) return equalAssignment(scores[crop], assignment);
        const earlier = leafAt(branchAt(model.memory, 'queue'), `${crop}`); // [Q, D]
        const beside = { scores: tf.matMul(earlier, prototypes, false, true), count: isFull(earlier) };
        return equalAssignment(scores[crop], { ...assignment, beside });
      });
      const gathered = ASSIGNED.map((crop) => [crop, embeddings[crop]] as const);
      return {
        terms: { assignment: swappedPrediction(scores, codes, temperature) },
        metrics: { spread: spreadOf(embeddings[0]) },
        stats: nets.stats,
        ...(queue && { kept: { rows: Object.fromEntries(gathered) } }),
      };
    },

    // A batch comes into the queue after it was assigned.
    ...(queue && {
      after: ({ memory }, { rows }, inputs) => {
        const before = branchAt(memory, 'queue');
        const gathers = leafAt(inputs, 'gathers');
        const next = (crop: number) => {
          const now = leafAt(before, `${crop}`);
          const grown = enqueued(now, leafAt(rows!, `${crop}`));
          return tf.add(tf.mul(now, tf.sub(1, gathers)), tf.mul(grown, gathers));
        };
        return { queue: Object.fromEntries(ASSIGNED.map((crop) => [crop, next(crop)])) };
      },
    }),
  };
}

function prototypesOf(params: Tensors): tf.Tensor {
  return leafAt(branchAt(params, 'prototypes'), 'weight');
}
