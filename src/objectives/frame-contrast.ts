import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { initializeAll, linearNet, running } from '../encoders/net.ts';
import { InputError } from '../engine/input-error.ts';
import { gatherRows } from '../engine/ranks/collectives.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { relu } from '../nn/relu.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { driveRun, driveView, pictureClip } from './drive-run.ts';
import { imageEncoderOf, oneViewSchema } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { firstCrossEntropy, firstIsHighest } from './parts/cross-entropy.ts';
import { spreadOf } from './parts/spread.ts';

const positive = z.number().positive();

const schema = z.strictObject({
  /** How each picture is drawn, by itself. */
  view: oneViewSchema,
  /** The time between the two pictures that are to be alike, seconds. */
  gapS: positive,
  /** Pictures of one drive that are no farther apart than this are no negatives of each other, seconds. */
  deadZoneS: positive,
  /** The width of what is compared. */
  dimensions: z.int().positive(),
  loss: z.enum(['contrast', 'triplet']),
  /** Divides the similarities of `contrast`. */
  temperature: positive,
  /** The margin of `triplet`. */
  margin: positive,
});

type FrameContrastConfig = z.infer<typeof schema>;

/**
 * Contrast in time: of B pairs of pictures, each a short time apart, every picture finds its partner among the pictures of
 * the other pairs, except those of its own drive that are nearly of the same time. All rows have length one. Loss: `timeContrast`, or
 * `tripletHinge`. Negatives come from other drives too, not from one video alone as in the paper, and the head is one
 * linear layer on the averaged features instead of two convolutions, a spatial softmax and two linear layers. Where a car
 * stands for longer than the dead zone, negatives look like the picture itself.
 */
export const frameContrast = system<FrameContrastConfig>({
  name: 'frame-contrast',
  citation:
    'Sermanet et al., Time-Contrastive Networks: Self-Supervised Learning from Video, ICRA 2018, arXiv 1704.06888 (single view)',
  summary:
    'Makes pictures of adjacent moments of a drive alike, and those of moments far apart and of other drives different.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    gapS: { means: 'seconds between the two pictures that are to be alike', paper: '?', code: 'up to 0.2' },
    deadZoneS: {
      means: 'pictures of one drive no farther apart than so many seconds are no negatives of each other',
      paper: '?',
      code: '0.4',
    },
    dimensions: { means: 'the width of what is compared', paper: '?', code: '32' },
    loss: {
      means:
        'a softmax over the partner and all negatives, or a hinge on the nearest negative that is farther than the partner',
      paper: 'triplet',
    },
    temperature: { means: 'divides the similarities of the softmax', paper: 'none' },
    margin: {
      means: 'how much farther, in squared distance, a negative has to be than the partner in the hinge',
      paper: '?',
      code: '0.2',
    },
  },
  gradient: 'Both pictures carry a gradient, and negatives too; the choice of a negative carries none.',
  presets: {
    'frame-contrast-small': {
      about:
        'Contrast in time on the pictures of drives, 0.2 s apart, at 160 x 48 pixels; about two minutes on two cores.',
      run: driveRun(
        {
          'frame-contrast': {
            view: { ...driveView, crop: { area: [0.4, 1], aspect: [2, 4.5] } },
            gapS: 0.2,
            deadZoneS: 1,
            dimensions: 32,
            loss: 'contrast',
            temperature: 0.1,
            margin: 0.2,
          },
        },
        { pictures: true, batchSize: 16 },
      ),
    },
  },
  make,
});

function make(config: FrameContrastConfig, { encoders, batchSize }: Given): Objective {
  const { view, gapS, deadZoneS, dimensions, loss, temperature, margin } = config;
  requireNegatives(config, batchSize);
  const image = imageEncoderOf(encoders, 'frame-contrast');
  const encoder = imageEncoderNet(image);
  const head = linearNet({ inputs: imageEncoderChannels(image), outputs: dimensions });
  return {
    views: { clip: pictureClip(view, image, { frames: 2, gapS }) },
    chance: { [loss]: loss === 'contrast' ? Math.log(2 * batchSize - 1) : margin },
    initialize: (random) => ({ ...initializeAll(random, { head }), memory: {} }),

    // Both pictures are one batch to the batch norms.
    loss: (model, batch, how) => {
      const net = running(model, how);
      const clip = branchAt(batch, 'clip');
      const features = net.of('imageEncoder', encoder, leafAt(clip, 'pixels'));
      const rows = l2Normalize(net.of('head', head, features)); // [2B, D]
      const negatives = negativesInTime(leafAt(clip, 'sequence'), leafAt(clip, 'timeS'), deadZoneS);
      const value =
        loss === 'contrast'
          ? timeContrast(rows, negatives, temperature)
          : tripletHinge(rows, negatives, margin);
      return {
        terms: { [loss]: value },
        metrics: {
          top1: partnerIsNearest(rows, negatives),
          spread: spreadOf(rows),
          negatives: tf.mean(tf.sum(negatives, 1)) as tf.Scalar,
        },
        stats: net.stats,
      };
    },
  };
}

function requireNegatives({ gapS, deadZoneS }: FrameContrastConfig, batchSize: number): void {
  const file = 'configuration';
  // A clip's moments may be off by a quarter of the gap.
  if (deadZoneS < 1.25 * gapS) {
    const expected = `at least ${1.25 * gapS}, 1.25 times gapS: no negative is nearer in time than the partner`;
    throw new InputError({
      file,
      place: 'objectives.frame-contrast.deadZoneS',
      expected,
      found: `${deadZoneS}`,
    });
  }
  if (batchSize < 2)
    throw new InputError({
      file,
      place: 'batchSize',
      expected: 'at least 2: frame-contrast compares a clip with others',
      found: `${batchSize}`,
    });
}

/**
 * Which of 2B pictures, all first ones of clips before all second ones, are negatives of which: [2B, 2B] of 1, and of 0 where
 * both are of one sequence (int32 [B]) and no more than `deadZoneS` apart (times [2B], seconds), as the two of a clip are. Over N ranks rows are a rank's own pictures, and
 * columns those of all: [2B, N·2B], and so in what follows.
 */
export function negativesInTime(sequence: tf.Tensor, timeS: tf.Tensor, deadZoneS: number): tf.Tensor {
  const both = tf.concat([sequence, sequence]);
  const [across, down] = [
    [1, -1],
    [-1, 1],
  ];
  const elsewhere = tf.notEqual(tf.reshape(both, down), tf.reshape(gatherRows(both), across));
  const apart = tf.abs(tf.sub(tf.reshape(timeS, down), tf.reshape(gatherRows(timeS), across)));
  return tf.cast(tf.logicalOr(elsewhere, tf.greater(apart, deadZoneS)), 'float32');
}

/** The rows [2B, D] in the order of their partners: second pictures, then first ones. */
function partnersOf(rows: tf.Tensor): tf.Tensor {
  const [first, second] = tf.split(rows, 2, 0);
  return tf.concat([second, first], 0);
}

/**
 * The mean over rows [2B, D] of length one of -log( exp(z·p/τ) / (exp(z·p/τ) + (2B - 2)/n · Σ exp(z·z'/τ)) ), with the partner p
 * and the n negatives z' of a row (`negatives` [2B, 2B], 1 or 0). The few negatives of a row stand for all 2B - 2 that there could be, so that a
 * network that says the same of all has ln(2B - 1) in each row; a row without a negative has this value, and no gradient.
 */
export function timeContrast(rows: tf.Tensor, negatives: tf.Tensor, temperature: number): tf.Scalar {
  const [, count] = negatives.shape as [number, number];
  const right = tf.div(tf.sum(tf.mul(rows, partnersOf(rows)), 1, true), temperature); // [2B, 1]
  const products = tf.div(tf.matMul(rows, gatherRows(rows), false, true), temperature); // [2B, 2B]
  const found = tf.sum(negatives, 1, true);
  const share = tf.log(tf.div(count - 2, tf.maximum(found, 1)));
  const others = tf.sub(tf.add(products, share), tf.mul(tf.sub(1, negatives), 1e9));
  const without = tf.mean(tf.cast(tf.equal(found, 0), 'float32'));
  const loss = firstCrossEntropy(tf.concat([right, others], 1));
  return tf.add(loss, tf.mul(without, Math.log(count - 1))) as tf.Scalar;
}

/**
 * The mean over rows [2B, D] of length one of max(0, margin + |z - p|² - |z - z'|²), with the partner p and the semi-hard negative z':
 * the nearest that is farther than p, or, where none is, the farthest. A row without a negative counts `margin`, as
 * all do of a network that says the same of all.
 */
export function tripletHinge(rows: tf.Tensor, negatives: tf.Tensor, margin: number): tf.Scalar {
  const [, count] = negatives.shape as [number, number];
  const right = tf.sum(tf.squaredDifference(rows, partnersOf(rows)), 1, true); // [2B, 1]
  const distances = tf.sub(2, tf.mul(tf.matMul(rows, gatherRows(rows), false, true), 2)); // [2B, 2B]
  const [near, far] = [stopGradient(right), stopGradient(distances)];
  const beyond = tf.mul(negatives, tf.cast(tf.greater(far, near), 'float32'));
  const some = tf.max(beyond, 1, true); // [2B, 1]
  const nearest = tf.add(tf.neg(far), tf.mul(tf.sub(beyond, 1), 1e9));
  const farthest = tf.add(far, tf.mul(tf.sub(negatives, 1), 1e9));
  const order = tf.add(tf.mul(nearest, some), tf.mul(farthest, tf.sub(1, some)));
  const chosen = tf.cast(tf.oneHot(tf.argMax(order, 1), count), 'float32');
  const wrong = tf.sum(tf.mul(distances, chosen), 1, true);
  const hinge = relu(tf.add(tf.sub(right, wrong), margin));
  const any = tf.max(negatives, 1, true);
  return tf.mean(tf.add(tf.mul(hinge, any), tf.mul(tf.sub(1, any), margin))) as tf.Scalar;
}

/** How often a row's partner is nearer than all its negatives; a row without a negative, and a tie, is a miss. */
function partnerIsNearest(rows: tf.Tensor, negatives: tf.Tensor): tf.Scalar {
  const right = tf.sum(tf.mul(rows, partnersOf(rows)), 1, true);
  const hidden = tf.mul(tf.sub(1, negatives), tf.max(negatives, 1, true));
  const others = tf.sub(tf.matMul(rows, gatherRows(rows), false, true), tf.mul(hidden, 1e9));
  return firstIsHighest(tf.concat([right, others], 1));
}
