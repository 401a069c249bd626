import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import {
  chain,
  initializeAll,
  linearNet,
  type Net,
  normNet,
  type Running,
  reluNet,
  running,
} from '../encoders/net.ts';
import { scalar } from '../engine/host-tensor.ts';
import type { BatchNormOptions } from '../nn/batch-norm.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { cifarRun, imageEncoderOf, oneViewSchema, pictureView, strongView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { meanCosine } from './parts/cosine.ts';
import { followed, followerIn, followerOf, risingMomentum } from './parts/momentum.ts';
import { spreadOf } from './parts/spread.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  first: oneViewSchema,
  second: oneViewSchema,
  /** The width between the two layers of projector and predictor. */
  hidden: whole,
  /** The width of what is compared. */
  dimensions: whole,
  /** What the target network begins with: values of its own, or those of the online network. */
  targetStart: z.enum(['own', 'online']),
  /** How much of the target stays in the first step; rises to 1. */
  momentum: z.number().min(0).max(1),
  /** What the learning rate of the predictor is multiplied by, 1 by default. */
  predictorRate: z.number().positive().optional(),
});

type ByolConfig = z.infer<typeof schema>;

/**
 * BYOL: the online network predicts what a target network, which follows it slowly, makes of the other view. Loss:
 * ‖p₁ - t₂‖² + ‖p₂ - t₁‖², all rows of length one; 4 for directions that have nothing to do with each other, 0 also where all are the same.
 * The paper's views: crops of 0.08 to 1, flip, jitter 0.4/0.4/0.2/0.1 with 0.8, grey 0.2; the first blurred always, the second with
 * 0.1 and solarised with 0.2.
 */
export const byol = system<ByolConfig>({
  name: 'byol',
  citation:
    'Grill et al., Bootstrap Your Own Latent: A New Approach to Self-Supervised Learning, NeurIPS 2020, arXiv 2006.07733',
  summary:
    'Predicts what a network that follows slowly makes of the other view of a picture, without negatives. The loss is 4 by chance, 0 where all is the same.',
  needs: ['image'],
  schema,
  options: {
    hidden: { means: 'the width inside of projector and predictor', paper: '4096' },
    dimensions: { means: 'the width of what is compared', paper: '256' },
    targetStart: { means: 'what the target network begins with', paper: 'not stated', code: 'own' },
    momentum: {
      means: 'how much of the target stays in a step; rises to 1 along half a cosine over the run',
      paper: '0.996 for 1,000 epochs',
      code: '0.97 for 40 epochs, 0.99 for 100 and 300, 0.996 for 1,000',
    },
    predictorRate: { means: 'what the learning rate of the predictor is multiplied by', paper: '1' },
  },
  gradient:
    'The predictions carry a gradient, into predictor, projector and encoder; the target network is never trained.',
  presets: {
    'byol-cifar': {
      about:
        'BYOL on some thousand photographs of 32 pixels, without blur; two and a half minutes on two cores.',
      run: cifarRun({
        byol: {
          first: { ...strongView, jitter: { ...strongView.jitter, saturation: 0.2 } },
          second: {
            ...strongView,
            jitter: { ...strongView.jitter, saturation: 0.2 },
            solarise: { probability: 0.2 },
          },
          hidden: 512,
          dimensions: 128,
          targetStart: 'own',
          momentum: 0.95,
          predictorRate: 10,
        },
      }),
    },
  },
  make,
});

/** The networks that the target has its own of. */
const NETS = ['imageEncoder', 'projector'];

/** Linear, batch norm, ReLU, and linear without a bias: projector and predictor. */
function headOf(inputs: number, { hidden, dimensions }: ByolConfig, norm: BatchNormOptions): Net {
  return chain(
    linearNet({ inputs, outputs: hidden }),
    normNet(hidden, norm),
    reluNet,
    linearNet({ inputs: hidden, outputs: dimensions, bias: false }),
  );
}

function make(config: ByolConfig, { encoders }: Given): Objective {
  const image = imageEncoderOf(encoders, 'byol');
  const encoder = imageEncoderNet(image);
  const projector = headOf(imageEncoderChannels(image), config, image.batchNorm);
  const predictor = headOf(config.dimensions, config, image.batchNorm);
  const projected = (nets: Running, x: tf.Tensor) =>
    nets.of('projector', projector, nets.of('imageEncoder', encoder, x)); // [N, D]
  return {
    views: { first: pictureView(config.first, image), second: pictureView(config.second, image) },
    chance: { regression: 4 },
    groups: [{ match: ['predictor'], as: 'heads', rate: config.predictorRate }],

    initialize: (random, { encoders: shared }) => {
      const own = initializeAll(random, { projector, predictor });
      const online = {
        params: { ...shared.params, ...own.params },
        stats: { ...shared.stats, ...own.stats },
      };
      const target =
        config.targetStart === 'own'
          ? initializeAll(random.fork('target'), { imageEncoder: encoder, projector })
          : followerOf(online, NETS);
      return { ...own, memory: { target } };
    },

    inputs: ({ progress }) => ({ momentum: scalar(risingMomentum(config.momentum, progress)) }),

    loss: (model, batch, how) => {
      const [x1, x2] = [leafAt(batch, 'first'), leafAt(batch, 'second')];
      const online = running(model, how);
      // Batch norms of the target take the statistics of its batch, as those of the online network.
      const target = running(followerIn(model.memory, 'target'), how);
      const [z1, z2] = [projected(online, x1), projected(online, x2)];
      const [p1, p2] = [z1, z2].map((rows) => online.of('predictor', predictor, rows));
      const [t1, t2] = [projected(target, x1), projected(target, x2)];
      return {
        terms: { regression: tf.add(regression(p1, t2), regression(p2, t1)) as tf.Scalar },
        metrics: { spread: spreadOf(l2Normalize(z1)) },
        stats: online.stats,
        kept: { means: { stats: target.stats } },
      };
    },

    // The target follows after the optimizer, towards the new parameters.
    after: (model, { means }, inputs) => {
      const momentum = leafAt(inputs, 'momentum') as tf.Scalar;
      const { params } = followed(followerIn(model.memory, 'target'), model, momentum);
      return { target: { params, stats: branchAt(means!, 'stats') } };
    },
  };
}

/** One direction, 0 to 4: the mean over rows [N, D] of ‖p/‖p‖ - t/‖t‖‖² = 2 - 2·cos. Gradient flows to the predictions alone. */
export function regression(predictions: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  return tf.sub(2, tf.mul(meanCosine(predictions, targets), 2)) as tf.Scalar;
}
