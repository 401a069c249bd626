import { z } from 'zod';
import { batchNormSchema, imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageMapsNet } from '../encoders/encoders.ts';
import { initializeAll, running } from '../encoders/net.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { driveRun, driveView, pictureClip } from './drive-run.ts';
import { imageEncoderOf, oneViewSchema } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import type { OrderReading } from './order-reading.ts';
import { transitionAccuracy, transitionHead, transitionLoss } from './parts/transitions.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  /** Pictures of a clip. */
  frames: whole.min(3).max(8),
  /** The time from each to the next, seconds. */
  gapS: z.number().positive(),
  view: oneViewSchema,
  direction: z.enum(['forward', 'either']),
  dimensions: whole,
  hidden: whole,
  temperature: z.number().positive(),
  headBatchNorm: batchNormSchema,
});

type FrameOrderConfig = z.infer<typeof schema>;

/**
 * The order of frames by transitions, after TempO: each picture of a shuffled clip is a set of features, a head gives for each
 * two of them the logit that the second comes right after the first, and the softmax over the others is compared with the
 * true one: n - 1 candidates a row instead of n! classes. Of the paper the abstract alone was at hand: sets of features, and
 * transitions that are predicted from several frames. That the sets are places of the feature map instead of proposals, the
 * head on pairs instead of a transformer, the loss's rows and `direction` are ours. `readOrder` makes a whole order of the logits.
 *
 * `direction`: where a car only drives forward things grow, and `forward` can be told by that alone. Pictures in random order
 * have no direction of play: a clip from behind changes nothing but its labels. Where drives stop or go backwards, `either`
 * asks for neighbours alone. It does not take the better of the losses in both directions, which frames that say nothing
 * of time could lower: of three, a mere cycle makes it 0.
 */
export const frameOrder = system<FrameOrderConfig>({
  name: 'frame-order',
  citation:
    'after TempO: Lang et al., Self-Supervised Representation Learning from Temporal Ordering of Automated Driving Sequences, arXiv 2302.09043 (from its abstract; head, loss and options are of this project)',
  summary:
    'Says of the pictures of a shuffled clip which comes right after which, each picture being a set of features: transitions in place of n! classes.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    frames: { means: 'pictures of a clip', paper: '?' },
    gapS: { means: 'the time from each to the next, seconds', paper: '?' },
    direction: {
      means:
        'forward: which picture comes right after, which forward driving betrays, for things grow; either: which are neighbours in time, for drives that stop or go backwards',
      paper: '?',
    },
    dimensions: { means: "the width of a place's row", paper: '?' },
    hidden: { means: 'the width of the layer that compares two places', paper: '?' },
    temperature: { means: 'divides the similarities by which a place is found again', paper: '?' },
  },
  gradient: 'All pictures of a clip carry a gradient.',
  presets: {
    'frame-order-small': {
      about:
        'The order of four pictures of a drive, 0.5 s apart; for drives with times, on two CPU cores. On 8 generated drives it found half of the pictures right after, and on others as few as by chance, 33 %. With an encoder of a quarter of the width, and 24 drives past painted boxes, it found 47 % in 8 others.',
      run: driveRun(
        {
          'frame-order': {
            frames: 4,
            gapS: 0.5,
            view: driveView,
            direction: 'forward',
            dimensions: 64,
            hidden: 64,
            temperature: 0.1,
            headBatchNorm: { eps: 1e-5, momentum: 0.1 },
          },
        },
        // With gradient descent alone nothing was learned in 250 steps.
        { pictures: true, optimizers: { image: adamw(1e-3), heads: adamw(3e-3) } },
      ),
    },
  },
  make,
});

function adamw(learningRate: number) {
  return { kind: 'adamw', beta1: 0.9, beta2: 0.999, learningRate, weightDecay: 0.01 };
}

function make(config: FrameOrderConfig, { encoders }: Given): Objective {
  const { frames, gapS, direction } = config;
  const image = imageEncoderOf(encoders, 'frame-order');
  const encoder = imageMapsNet(image);
  const head = transitionHead({
    ...config,
    inputs: imageEncoderChannels(image),
    batchNorm: config.headBatchNorm,
  });
  const clip = pictureClip(config.view, image, { frames, gapS });
  const logitsOf: OrderReading['logits'] = (model, drawn, how) => {
    const net = running(model, how);
    const maps = net.of('imageEncoder', encoder, leafAt(drawn, 'pixels')); // [n·B, C, h, w]
    return { logits: net.of('head', head, maps), stats: net.stats }; // [B, n, n]
  };
  return {
    views: { clip: { ...clip, shuffled: true } },
    chance: { next: Math.log(frames - 1) },
    initialize: (random) => ({ ...initializeAll(random, { head }), memory: {} }),
    loss: (model, batch, how) => {
      const drawn = branchAt(batch, 'clip');
      const order = leafAt(drawn, 'order');
      const { logits, stats } = logitsOf(model, drawn, how);
      return {
        terms: { next: transitionLoss(logits, order, direction) },
        metrics: { found: transitionAccuracy(logits, order, direction) },
        stats,
      };
    },
    order: { view: 'clip', frames, gapS, direction, logits: logitsOf },
  };
}
