import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../../encoders/encoder-config.ts';
import { imageEncoderNet } from '../../encoders/encoders.ts';
import { initializeAll, type Net, running } from '../../encoders/net.ts';
import type { Tensors } from '../../encoders/trainable.ts';
import { scalar } from '../../engine/host-tensor.ts';
import type { BatchNormOptions } from '../../nn/batch-norm.ts';
import { uniform } from '../../nn/initializers.ts';
import { l2Normalize } from '../../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../../nn/layer.ts';
import { imageEncoderOf, pictureView, viewSchema } from '../image-run.ts';
import type { Given, Objective } from '../objective.ts';
import { equalAssignment } from './equal-assignment.ts';
import { emptyQueue, enqueued, isFull, requireWholeBatches } from './queue.ts';
import { spreadOf } from './spread.ts';
import { swappedPrediction } from './swapped-prediction.ts';

const whole = z.int().positive();
/** A share of a run, 0 to 1. */
export const share = z.number().min(0).max(1);

/** The options of every system whose crops predict to which prototypes other crops are assigned. */
export const swappedCropsSchema = z.strictObject({
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
  /** The share of the run after which the prototypes begin to be trained. */
  frozenUntil: share,
});

/** The options in words. */
export const swappedCropsMeanings = {
  hidden: 'the width inside of the projector',
  dimensions: 'the width of embeddings and prototypes',
  prototypes: 'how many there are',
  temperature: 'divides the scores that predict',
  epsilon: 'how soft assignments are',
  iterations: 'rounds of scaling',
  frozenUntil: 'the share of the run after which prototypes are trained',
} as const;

/** Embeddings that are assigned together with a batch, and the share of the run after which they are gathered. */
export interface AssignmentQueue {
  readonly size: number;
  readonly from: number;
}

type SwappedCropsConfig = z.infer<typeof swappedCropsSchema> & { readonly queue?: AssignmentQueue };

/** What differs between the systems. */
export interface SwappedCropsParts {
  /** The name of the system, for errors. */
  readonly name: string;
  /** The net between the encoder's rows, of `inputs` columns, and the embeddings. */
  projector(inputs: number, norm: BatchNormOptions): Net;
}

/** The crops that are assigned to prototypes. */
const ASSIGNED = [0, 1];

/**
 * Every crop of a picture predicts to which prototypes its other crops are assigned, where all prototypes have to be used about
 * alike. Loss: the cross-entropy of assignments and softmax(z·C/τ), embeddings z and prototypes C of length one; ln K by chance.
 */
export function swappedCrops(
  config: SwappedCropsConfig,
  { encoders, batchSize }: Given,
  parts: SwappedCropsParts,
): Objective {
  const { crops, smallCrops, dimensions, temperature, assignment, queue, frozenUntil } = config;
  const image = imageEncoderOf(encoders, parts.name);
  const encoder = imageEncoderNet(image);
  const projector = parts.projector(imageEncoderChannels(image), image.batchNorm);
  const count = crops.copies + (smallCrops?.copies ?? 0);
  if (queue !== undefined) requireWholeBatches(queue.size, batchSize, `objectives.${parts.name}.queue.size`);
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
