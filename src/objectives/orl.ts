import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { initializeAll } from '../encoders/net.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import type { BoxPairView } from '../views/box-pair.ts';
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
const weight = z.number().min(0);
const range = z.tuple([z.number().positive(), z.number().positive()]).readonly();
const patchSchema = oneViewSchema.omit({ crop: true, width: true, height: true, scale: true });

const schema = z.strictObject({
  first: oneViewSchema,
  second: oneViewSchema,
  /** The side of a patch, pixels. */
  patchSize: whole,
  /** What pixels of patches look like: a patch is a box already, so it has no crop. */
  patches: z.strictObject({ first: patchSchema, second: patchSchema }),
  /** How the other box of the same object is drawn. */
  jitter: z.strictObject({
    shift: z.number().min(0),
    area: range,
    aspect: range,
    overlap: z.number().min(0).max(1),
    tries: whole,
  }),
  weights: z.strictObject({ global: weight, intra: weight, inter: weight }),
  hidden: whole,
  dimensions: whole,
  /** How much of the target stays in the first step; rises to 1. */
  momentum: z.number().min(0).max(1),
  /** What the learning rate of the predictors is multiplied by, 1 by default. */
  predictorRate: z.number().positive().optional(),
  /** The SHA-256 of the file of boxes that the run learns from; a run has it from `pretrain --correspondences`. */
  correspondences: z.hash('sha256').optional(),
});

type OrlConfig = z.infer<typeof schema>;

const colours = { ...strongView.jitter!, saturation: 0.2 };
const [firstPatch, secondPatch] = [
  { flip: 0.5, jitter: colours, grey: 0.2 },
  { flip: 0.5, jitter: colours, grey: 0.2, solarise: { probability: 0.2 } },
];

/**
 * ORL, its third stage: BYOL on whole pictures, on two boxes around one object, and on the boxes of like objects in a picture and
 * one of its neighbours. Loss: the weighted sum of three symmetric regressions, each 0 to 8, with one encoder, one projector and a
 * predictor for each. The boxes come from the second stage (`pointpair correspond`), with the encoder of the first, which is any run
 * with an image encoder; nothing of that encoder is in this one. As released: patches of 96 pixels and pictures of 224, BYOL's
 * augmentation, SGD 0.4 for batches of 512, decay 1e-4, 800 epochs of COCO.
 */
export const orl = system<OrlConfig>({
  name: 'orl',
  citation:
    'Xie et al., Unsupervised Object-Level Representation Learning from Scene Images, NeurIPS 2021, arXiv 2106.11952',
  summary:
    'Predicts, as BYOL does, whole pictures, objects from boxes around them, and objects of one picture from those of its neighbours; begins with `pretrain --correspondences`.',
  needs: ['image'],
  correspondences: true,
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    patchSize: { means: 'the side of a patch, pixels', paper: '?', code: '96' },
    'jitter.shift': {
      means: "how far a box's centre is moved, as a share of its sides",
      paper: '?',
      code: '0.5',
    },
    'jitter.area': { means: "what the box's area is multiplied by", paper: '?', code: '0.5 to 2' },
    'jitter.aspect': { means: 'the width of the moved box by its height', paper: '?', code: '0.5 to 2' },
    'jitter.overlap': {
      means: 'both boxes share more than this of their union',
      paper: '?',
      code: '0.5',
    },
    'jitter.tries': { means: 'after so many draws the box stays as it is', paper: '?', code: '200' },
    'weights.global': { means: 'what the loss of whole pictures is weighed with', paper: '?', code: '1' },
    'weights.intra': { means: 'that of two boxes around an object', paper: '?', code: '1' },
    'weights.inter': { means: 'that of boxes of a picture and a neighbour', paper: '?', code: '1' },
    hidden: { means: 'the width inside of projector and predictors', paper: '?', code: '4096' },
    dimensions: { means: 'the width of what is compared', paper: '?', code: '256' },
    momentum: {
      means: 'how much of the target stays in a step; rises to 1 along half a cosine over the run',
      paper: '?',
      code: '0.99',
    },
    predictorRate: {
      means: 'what the learning rate of the predictors is multiplied by',
      paper: '?',
      code: '1',
    },
  },
  gradient:
    'The predictions carry a gradient, each into its own predictor and all into projector and encoder; the target network is never trained.',
  presets: {
    'orl-cifar': {
      about:
        'ORL on some thousand photographs of 32 pixels, patches of 16, without blur, with the boxes of a run such as byol-cifar; the work of 260 of its steps.',
      run: cifarRun(
        {
          orl: {
            first: { ...strongView, jitter: colours },
            second: { ...strongView, jitter: colours, solarise: { probability: 0.2 } },
            patchSize: 16,
            patches: { first: firstPatch, second: secondPatch },
            jitter: { shift: 0.5, area: [0.5, 2], aspect: [0.5, 2], overlap: 0.5, tries: 200 },
            weights: { global: 1, intra: 1, inter: 1 },
            hidden: 512,
            dimensions: 128,
            momentum: 0.95,
            predictorRate: 10,
          },
        },
        { steps: 130 },
      ),
      begins: { correspondences: 'byol-cifar' },
    },
  },
  make,
});

/** The predictor of each term. */
const PREDICTORS = { global: 'globalPredictor', intra: 'intraPredictor', inter: 'interPredictor' } as const;
const terms = ['global', 'intra', 'inter'] as const;

function make(config: OrlConfig, { encoders }: Given): Objective {
  const image = imageEncoderOf(encoders, 'orl');
  const encoder = imageEncoderNet(image);
  const projection = projectorOf(imageEncoderChannels(image), config, image.batchNorm);
  const { net: projector } = projection.first(projection.layers);
  const predictor = predictionHead(config.dimensions, config, image.batchNorm);
  const predictors = Object.fromEntries(terms.map((term) => [PREDICTORS[term], predictor]));
  const boxes = (second: BoxPairView['second']): BoxPairView => ({
    kind: 'box-pair',
    width: config.patchSize,
    height: config.patchSize,
    second,
    steps: [config.patches.first, config.patches.second],
    colours: image.input.colours,
  });
  return {
    views: {
      first: pictureView(config.first, image),
      second: pictureView(config.second, image),
      intra: boxes(config.jitter),
      inter: boxes('neighbour'),
    },
    chance: { global: 4, intra: 4, inter: 4 },
    termWeights: config.weights,
    groups: [{ match: Object.values(PREDICTORS), as: 'heads', rate: config.predictorRate }],
    projection,

    initialize: (random, { encoders: shared }) => {
      const own = initializeAll(random, { projector, ...predictors });
      return { ...own, memory: { target: targetLikeOnline(shared, own) } };
    },

    // Every view of every kind is a batch of its own to the batch norms.
    loss: (model, batch, how) => {
      const { regression, online, target } = onlineAndTarget(model, how, { encoder, projector });
      const pairs = { global: batch, intra: branchAt(batch, 'intra'), inter: branchAt(batch, 'inter') };
      const made = terms.map((term) => {
        const views = [leafAt(pairs[term], 'first'), leafAt(pairs[term], 'second')] as const;
        return [term, regression({ views, name: PREDICTORS[term], predictor })] as const;
      });
      return {
        terms: Object.fromEntries(made.map(([term, { loss }]) => [term, loss])),
        metrics: { spread: spreadOf(l2Normalize(made[0][1].rows)) },
        stats: online.stats,
        kept: { means: { stats: target.stats } },
      };
    },

    ...followingTarget(config.momentum),
  };
}
