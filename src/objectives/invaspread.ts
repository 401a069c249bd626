import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { initializeAll, linearNet, running } from '../encoders/net.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { leafAt } from '../nn/layer.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { cifarRun, earlyView, imageEncoderOf, oneViewSchema, pictureView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { labelIsHighest, logSoftmax } from './parts/cross-entropy.ts';
import { spreadOf } from './parts/spread.ts';
import { pairLogits } from './parts/view-pairs.ts';

const schema = z.strictObject({
  view: oneViewSchema,
  /** The width of what is compared. */
  dimensions: z.int().positive(),
  temperature: z.number().positive(),
  /** How much every other picture counts, against the other view of the same one; below 1 what is spread is no probability. */
  negativeWeight: z.number().min(1),
});

type InvaspreadConfig = z.infer<typeof schema>;

/**
 * InvaSpread: every picture of the batch is a class of its own. Of the 2N rows of two views, row r is given to row c with the
 * probability P(c|r) = exp(r·c/τ)/Σ exp(r·c'/τ) over c' ≠ r. Loss, a mean over rows: -ln P of the other view of the same
 * picture, and -ln(1 - P) of every row of another one.
 */
export const invaspread = system<InvaspreadConfig>({
  name: 'invaspread',
  citation:
    'Ye et al., Unsupervised Embedding Learning via Invariant and Spreading Instance Feature, CVPR 2019, arXiv 1904.03436',
  summary: 'Tells a picture from the others of its batch: like its other view, unlike each of the others.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    dimensions: { means: 'the width of what is compared', paper: '128' },
    temperature: { means: 'divides the similarities', paper: '0.1', code: '0.1; 0.05 to 0.1 advised' },
    negativeWeight: {
      means: 'how much each other picture counts, in the probabilities and in the loss',
      paper: '?',
      code: '1',
    },
  },
  gradient: 'Every row carries a gradient as a query, none as what a query is compared with.',
  presets: {
    'invaspread-cifar': {
      about: 'InvaSpread on some thousand photographs of 32 pixels; about two minutes on two cores.',
      run: cifarRun({
        invaspread: { view: earlyView, dimensions: 128, temperature: 0.1, negativeWeight: 1 },
      }),
    },
  },
  make,
});

function make(config: InvaspreadConfig, { encoders, batchSize }: Given): Objective {
  const { temperature, negativeWeight } = config;
  const image = imageEncoderOf(encoders, 'invaspread');
  const encoder = imageEncoderNet(image);
  const head = linearNet({ inputs: imageEncoderChannels(image), outputs: config.dimensions });
  return {
    views: { pictures: { ...pictureView(config.view, image), copies: 2 } },
    chance: { spread: spreadingChance(batchSize, negativeWeight) },
    initialize: (random) => ({ ...initializeAll(random, { head }), memory: {} }),

    // Both views are one batch to the batch norms.
    loss: (model, batch, how) => {
      const net = running(model, how);
      const x = l2Normalize(net.of('head', head, net.of('imageEncoder', encoder, leafAt(batch, 'pictures')))); // [2N, D]
      const { logits, partners } = pairLogits(stopGradient(x), stopGradient(x), temperature);
      return {
        terms: { spread: spreadingLoss(x, { temperature, negativeWeight }) },
        metrics: { top1: labelIsHighest(logits, partners), spread: spreadOf(x) },
        stats: net.stats,
      };
    },
  };
}

/**
 * The loss of rows [2N, D] of length one, the first N being first views and the others second views in the same order.
 * Gradient flows to rows as queries alone: what they are compared with is held fast.
 */
export function spreadingLoss(
  rows: tf.Tensor,
  { temperature, negativeWeight }: Pick<InvaspreadConfig, 'temperature' | 'negativeWeight'>,
): tf.Scalar {
  const [count] = rows.shape as [number];
  const { logits, partners, itself } = pairLogits(rows, stopGradient(rows), temperature);
  const columns = logits.shape[1] as number;
  const right = tf.cast(tf.oneHot(partners, columns), 'float32'); // [2N, 2N]
  const others = tf.sub(tf.sub(1, itself), right);
  // Weighed in the sum that divides, and taken out of the probabilities themselves.
  const weights = tf.mul(others, Math.log(negativeWeight));
  const logs = tf.sub(logSoftmax(tf.add(logits, weights)), weights);
  // A probability of one, as rounding can make it, would have an endless loss.
  const probabilities = tf.minimum(tf.exp(tf.mul(logs, others)), 1 - 1e-6);
  const apart = tf.mul(tf.log1p(tf.neg(tf.mul(probabilities, others))), others);
  const sum = tf.add(tf.sum(tf.mul(logs, right)), tf.mul(tf.sum(apart), negativeWeight));
  return tf.div(sum, -count) as tf.Scalar;
}

/** The loss of a batch of N pictures where all rows are the same. */
export function spreadingChance(pictures: number, negativeWeight: number): number {
  const others = 2 * pictures - 2;
  const sum = negativeWeight * others + 1;
  return Math.log(sum) - negativeWeight * others * Math.log1p(-1 / sum);
}
