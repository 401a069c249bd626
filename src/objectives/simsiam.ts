import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { chain, initializeAll, linearNet, type Net, normNet, reluNet, running } from '../encoders/net.ts';
import type { BatchNormOptions } from '../nn/batch-norm.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { leafAt } from '../nn/layer.ts';
import { cifarRun, imageEncoderOf, oneViewSchema, pictureView, weakView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { meanCosine } from './parts/cosine.ts';
import { spreadOf } from './parts/spread.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  /** How both views are drawn. */
  view: oneViewSchema,
  /** The width inside of the projector. */
  hidden: whole,
  /** The width of what is compared. */
  dimensions: whole,
  /** The width inside of the predictor. */
  bottleneck: whole,
  /** Whether the predictor's learning rate stays as it begins. */
  fixPredictorRate: z.boolean(),
  /** What the learning rate of the predictor is multiplied by, 1 by default. */
  predictorRate: z.number().positive().optional(),
});

type SimsiamConfig = z.infer<typeof schema>;

/**
 * SimSiam: a predictor says from one view what the same network makes of the other one, whose gradient is stopped. Loss:
 * -(cos(p₁, z₂) + cos(p₂, z₁))/2; 0 for directions that have nothing to do with each other, -1 also where all are the same.
 * The paper's views: crops of 0.2 to 1, flip, jitter 0.4/0.4/0.4/0.1 with 0.8, grey 0.2, blur with 0.5. Its rate is 0.05 for batches of
 * 256, without warm-up, and the last batch norm of each residual block begins with a scale of 0; here it begins with 1.
 */
export const simsiam = system<SimsiamConfig>({
  name: 'simsiam',
  citation: 'Chen and He, Exploring Simple Siamese Representation Learning, CVPR 2021, arXiv 2011.10566',
  summary:
    'Predicts what the same network makes of the other view of a picture, whose gradient is stopped; no negatives and no second network. The loss is 0 by chance, -1 where all is the same.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    hidden: { means: 'the width inside of the projector', paper: '2048', code: "the encoder's width" },
    dimensions: { means: 'the width of what is compared', paper: '2048' },
    bottleneck: { means: 'the width inside of the predictor', paper: '512' },
    fixPredictorRate: {
      means: "whether the predictor's learning rate stays as it begins",
      paper: 'false; true is a little better (its table 1)',
      code: 'false (--fix-pred-lr)',
    },
    predictorRate: { means: 'what the learning rate of the predictor is multiplied by', paper: '1' },
  },
  gradient:
    'The predictions carry a gradient, into predictor, projector and encoder; what is predicted does not.',
  presets: {
    'simsiam-cifar': {
      about:
        'SimSiam on some thousand photographs of 32 pixels, without blur; about two minutes on two cores. Its predictor learns ten times as fast as the other heads: at their rate three of four trials came out no better than a random encoder.',
      run: cifarRun({
        simsiam: {
          view: weakView,
          hidden: 512,
          dimensions: 512,
          bottleneck: 128,
          fixPredictorRate: false,
          predictorRate: 10,
        },
      }),
    },
  },
  make,
});

/** Three layers, the last batch norm without scale and shift. The released last layer has a bias, which that one takes away again. */
function projectorOf(inputs: number, { hidden, dimensions }: SimsiamConfig, norm: BatchNormOptions): Net {
  return chain(
    linearNet({ inputs, outputs: hidden, bias: false }),
    normNet(hidden, norm),
    reluNet,
    linearNet({ inputs: hidden, outputs: hidden, bias: false }),
    normNet(hidden, norm),
    reluNet,
    linearNet({ inputs: hidden, outputs: dimensions, bias: false }),
    normNet(dimensions, { ...norm, learned: 'none' }),
  );
}

function predictorOf({ dimensions, bottleneck }: SimsiamConfig, norm: BatchNormOptions): Net {
  return chain(
    linearNet({ inputs: dimensions, outputs: bottleneck, bias: false }),
    normNet(bottleneck, norm),
    reluNet,
    linearNet({ inputs: bottleneck, outputs: dimensions }),
  );
}

function make(config: SimsiamConfig, { encoders }: Given): Objective {
  const image = imageEncoderOf(encoders, 'simsiam');
  const encoder = imageEncoderNet(image);
  const projector = projectorOf(imageEncoderChannels(image), config, image.batchNorm);
  const predictor = predictorOf(config, image.batchNorm);
  const view = pictureView(config.view, image);
  return {
    views: { first: view, second: view },
    chance: { similarity: 0 },
    groups: [
      {
        match: ['predictor'],
        as: 'heads',
        rate: config.predictorRate,
        constantRate: config.fixPredictorRate,
      },
    ],

    initialize: (random) => ({ ...initializeAll(random, { projector, predictor }), memory: {} }),

    loss: (model, batch, how) => {
      const nets = running(model, how);
      const [z1, z2] = ['first', 'second'].map((name) =>
        nets.of('projector', projector, nets.of('imageEncoder', encoder, leafAt(batch, name))),
      ); // [N, D]
      const [p1, p2] = [z1, z2].map((rows) => nets.of('predictor', predictor, rows));
      return {
        terms: { similarity: symmetricSimilarity([p1, p2], [z1, z2]) },
        metrics: { spread: spreadOf(l2Normalize(z1)) },
        stats: nets.stats,
      };
    },
  };
}

/** -(cos(p₁, z₂) + cos(p₂, z₁))/2, the mean over rows [N, D], -1 to 1. Gradient flows to the predictions alone. */
export function symmetricSimilarity(
  [p1, p2]: readonly tf.Tensor[],
  [z1, z2]: readonly tf.Tensor[],
): tf.Scalar {
  return tf.div(tf.add(meanCosine(p1, z2), meanCosine(p2, z1)), -2) as tf.Scalar;
}
