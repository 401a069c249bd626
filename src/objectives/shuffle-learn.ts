import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { chain, initializeAll, linearNet, type Net, reluNet, running } from '../encoders/net.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { driveRun, driveView, pictureClip } from './drive-run.ts';
import { imageEncoderOf, oneViewSchema } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { labelCrossEntropy } from './parts/cross-entropy.ts';

const schema = z.strictObject({
  /** The time between neighbours of the five pictures, seconds. */
  gapS: z.number().positive(),
  view: oneViewSchema,
  /** The share of tuples whose middle picture is of another time. */
  negatives: z.number().gt(0).lt(1),
  /** The width of a layer between the three pictures' features and the answer; null: none. */
  hidden: z.int().positive().nullable(),
});

type ShuffleLearnConfig = z.infer<typeof schema>;

/** The pictures of a tuple, and how many moments they are taken from. */
const [TUPLE, MOMENTS] = [3, 5];
/** The moment in the middle of the five, which is in the middle of a tuple in order. */
const MIDDLE = 2;

/**
 * Shuffle and learn: of five pictures a, b, c, d, e in their order in time, whether a tuple is (b, c, d), in order, or (b, a, d) or
 * (b, e, d), out of it. Either may come from behind, which changes no label. Loss: the cross-entropy of two classes. Ours: five
 * pictures equally far apart instead of distances drawn in a stretch with much motion, no dropout, and a hidden layer where one
 * is asked for: without it the answer is a sum of what each picture says by itself.
 */
export const shuffleLearn = system<ShuffleLearnConfig>({
  name: 'shuffle-learn',
  citation:
    'Misra et al., Shuffle and Learn: Unsupervised Learning using Temporal Order Verification, ECCV 2016, arXiv 1603.08561',
  summary:
    'Says of three pictures of a drive whether the middle one lies between the outer ones in time, or before or after both.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    gapS: {
      means: 'the time between neighbours of the five pictures, seconds',
      paper: '?',
    },
    negatives: { means: 'the share of tuples that are out of order', paper: '0.75' },
    hidden: {
      means:
        'the width of a layer between the features of the three pictures and the answer; null: none, the sum of what each picture says by itself',
      paper: 'null',
    },
  },
  gradient: 'All three pictures carry a gradient, through the same encoder.',
  presets: {
    'shuffle-learn-small': {
      about:
        'Three of five pictures of a drive, 0.5 s apart; for drives with times, on two CPU cores. A loss of 0.562 and an accuracy of 0.75 are those of a network that knows only the share of the classes. On 8 generated drives it was still there after 250 steps.',
      run: driveRun(
        { 'shuffle-learn': { gapS: 0.5, view: driveView, negatives: 0.75, hidden: 256 } },
        { pictures: true, batchSize: 12 },
      ),
    },
  },
  make,
});

function make({ gapS, view, negatives, hidden }: ShuffleLearnConfig, { encoders }: Given): Objective {
  const image = imageEncoderOf(encoders, 'shuffle-learn');
  const encoder = imageEncoderNet(image);
  const head = headOf(TUPLE * imageEncoderChannels(image), hidden);
  const clip = pictureClip(view, image, { frames: MOMENTS, gapS });
  return {
    views: { tuple: { ...clip, tuple: { outOfOrder: negatives } } },
    // Not ln 2: the share of the classes is learned by the last bias alone, without a look at a picture.
    chance: { order: entropyOf(negatives) },
    initialize: (random) => ({ ...initializeAll(random, { head }), memory: {} }),
    loss: (model, batch, how) => {
      const net = running(model, how);
      const drawn = branchAt(batch, 'tuple');
      const rows = net.of('imageEncoder', encoder, leafAt(drawn, 'pixels')); // [3·B, C]
      const logits = net.of('head', head, tf.concat(tf.split(rows, TUPLE, 0), 1)); // [B, 2]
      const labels = inOrder(leafAt(drawn, 'order'));
      return {
        terms: { order: labelCrossEntropy(logits, labels) },
        metrics: accuracies(logits, labels, negatives),
        stats: net.stats,
      };
    },
  };
}

function headOf(inputs: number, hidden: number | null): Net {
  if (hidden === null) return linearNet({ inputs, outputs: 2 });
  return chain(linearNet({ inputs, outputs: hidden }), reluNet, linearNet({ inputs: hidden, outputs: 2 }));
}

/** The entropy of two classes of which one has this share, nats: the loss of a network that knows nothing else. */
export function entropyOf(share: number): number {
  return -(share * Math.log(share) + (1 - share) * Math.log(1 - share));
}

/** Labels int32 [B] of tuples by their moments int32 [3·B]: 1 where the middle picture lies between the others, else 0. */
export function inOrder(moments: tf.Tensor): tf.Tensor {
  const [, middle] = tf.split(moments, TUPLE, 0);
  return tf.cast(tf.equal(middle, MIDDLE), 'int32');
}

/**
 * Of logits [B, 2] and labels int32 [B]: `accuracy`, by chance the share of the more frequent class; and `balanced`, every class
 * counted alike by its share of all tuples, by chance 1/2 (in a single batch it may be above 1). A tie is a miss.
 */
export function accuracies(
  logits: tf.Tensor,
  labels: tf.Tensor,
  negatives: number,
): { readonly accuracy: tf.Scalar; readonly balanced: tf.Scalar } {
  const positive = tf.cast(labels, 'float32'); // [B]
  const [no, yes] = tf.split(logits, 2, 1);
  const lead = tf.reshape(tf.sub(yes, no), [-1]);
  const right = tf.cast(tf.greater(tf.mul(lead, tf.sub(tf.mul(positive, 2), 1)), 1e-4), 'float32');
  const weight = tf.add(
    tf.mul(positive, 0.5 / (1 - negatives)),
    tf.mul(tf.sub(1, positive), 0.5 / negatives),
  );
  return {
    accuracy: tf.mean(right) as tf.Scalar,
    balanced: tf.mean(tf.mul(right, weight)) as tf.Scalar,
  };
}
