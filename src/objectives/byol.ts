import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { initializeAll } from '../encoders/net.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { leafAt } from '../nn/layer.ts';
import { cifarRun, imageEncoderOf, oneViewSchema, pictureView, strongView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import {
  followingTarget,
  onlineAndTarget,
  predictionHead,
  projectorOf,
  targetLikeOnline,
} from './parts/bootstrap.ts';
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
  ranks: { batchNorm: 'synchronised' },
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

function make(config: ByolConfig, { encoders }: Given): Objective {
  const image = imageEncoderOf(encoders, 'byol');
  const encoder = imageEncoderNet(image);
  const projection = projectorOf(imageEncoderChannels(image), config, image.batchNorm);
  const { net: projector } = projection.first(projection.layers);
  const predictor = predictionHead(config.dimensions, config, image.batchNorm);
  return {
    views: { first: pictureView(config.first, image), second: pictureView(config.second, image) },
    chance: { regression: 4 },
    groups: [{ match: ['predictor'], as: 'heads', rate: config.predictorRate }],
    projection,

    initialize: (random, { encoders: shared }) => {
      const own = initializeAll(random, { projector, predictor });
      const target =
        config.targetStart === 'own'
          ? initializeAll(random.fork('target'), { imageEncoder: encoder, projector })
          : targetLikeOnline(shared, own);
      return { ...own, memory: { target } };
    },

    loss: (model, batch, how) => {
      const { regression, online, target } = onlineAndTarget(model, how, { encoder, projector });
      const views = [leafAt(batch, 'first'), leafAt(batch, 'second')] as const;
      const { loss, rows } = regression({ views, name: 'predictor', predictor });
      return {
        terms: { regression: loss },
        metrics: { spread: spreadOf(l2Normalize(rows)) },
        stats: online.stats,
        kept: { means: { stats: target.stats } },
      };
    },

    ...followingTarget(config.momentum),
  };
}
