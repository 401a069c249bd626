import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { batchNormSchema, imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { chain, initializeAll, linearNet, normNet, reluNet, running } from '../encoders/net.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { patchOptionsSchema } from '../views/image-view-config.ts';
import { cifarRun, imageEncoderOf } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { labelCrossEntropy, labelIsHighest } from './parts/cross-entropy.ts';

const schema = z.strictObject({
  patches: patchOptionsSchema,
  /** Whether every patch's channels are made zero on average, and the patch then one in its root mean square. */
  standardised: z.boolean(),
  /** The width of the head's hidden layer. */
  hidden: z.int().positive(),
  headBatchNorm: batchNormSchema,
});

type RelativePatchConfig = z.infer<typeof schema>;

/** Where the second patch can lie: 0 1 2 above, 3 left, 4 right, 5 6 7 below. */
const PLACES = 8;

/**
 * Relative patch position: of two neighbouring patches, each through the same encoder, which of eight places the second
 * has around the first. Loss: the softmax's cross-entropy. The released network is an AlexNet with three layers above both
 * patches; here the encoder is the run's, averaged over each patch, and the head linear, batch norm, ReLU, linear.
 */
export const relativePatch = system<RelativePatchConfig>({
  name: 'relative-patch',
  citation:
    'Doersch et al., Unsupervised Visual Representation Learning by Context Prediction, ICCV 2015, arXiv 1505.05192',
  summary:
    'Says on which of eight sides of a patch another patch of the same picture lies, by two layers on the averaged features of both (three layers on an AlexNet as released).',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    'patches.size': { means: 'the side of a patch, pixels', paper: '96' },
    'patches.gap': { means: 'pixels between two patches before they are moved', paper: '48' },
    'patches.jitter': { means: 'how far every patch is moved at most, pixels', paper: '7' },
    'patches.pairs': { means: 'pairs of every picture', paper: '?', code: 'all neighbours on 4 grids' },
    'patches.reversed': {
      means: 'whether each pair also comes the other way round, with the label 7 - label',
      paper: '?',
      code: 'true',
    },
    'patches.pixels': { means: 'how many pixels the picture is scaled to first', paper: '150000 to 450000' },
    standardised: {
      means:
        'whether each patch has the mean 0 and the root mean square 1, so that brightness gives nothing away',
      paper: 'the mean is subtracted',
      code: 'true, times 50',
    },
    hidden: { means: "the width of the head's hidden layer", paper: '4096, twice' },
  },
  gradient: 'Both patches carry a gradient.',
  presets: {
    'relative-patch-cifar': {
      about:
        'Relative patch position on some thousand photographs of 32 pixels; about two minutes on two cores.',
      run: cifarRun(
        {
          'relative-patch': {
            patches: { size: 10, gap: 2, jitter: 1, pairs: 2, reversed: true, pixels: [1296, 1296] },
            standardised: true,
            hidden: 256,
            headBatchNorm: { eps: 1e-5, momentum: 0.1 },
          },
        },
        { steps: 250 },
      ),
    },
  },
  make,
});

function make(
  { patches, standardised, hidden, headBatchNorm }: RelativePatchConfig,
  { encoders }: Given,
): Objective {
  const image = imageEncoderOf(encoders, 'relative-patch');
  const encoder = imageEncoderNet(image);
  const head = chain(
    linearNet({ inputs: 2 * imageEncoderChannels(image), outputs: hidden, bias: false }),
    normNet(hidden, headBatchNorm),
    reluNet,
    linearNet({ inputs: hidden, outputs: PLACES }),
  );
  return {
    views: { patches: { kind: 'patches', ...patches, colours: image.input.colours } },
    chance: { place: Math.log(PLACES) },
    initialize: (random) => ({ ...initializeAll(random, { head }), memory: {} }),

    loss: (model, batch, how) => {
      const net = running(model, how);
      const pairs = branchAt(batch, 'patches');
      const labels = leafAt(pairs, 'label'); // [M]
      const pixels = tf.concat([leafAt(pairs, 'first'), leafAt(pairs, 'second')], 0); // [2M, S, S, 3]
      const features = net.of('imageEncoder', encoder, standardised ? standardise(pixels) : pixels); // [2M, C]
      const logits = net.of('head', head, tf.concat(tf.split(features, 2, 0), 1)); // [M, 8]
      return {
        terms: { place: labelCrossEntropy(logits, labels) },
        metrics: { top1: labelIsHighest(logits, labels) },
        stats: net.stats,
      };
    },
  };
}

/** Patches [M, S, S, 3] less the mean of each channel, divided by what is then their root mean square; a flat patch becomes 0. */
export function standardise(patches: tf.Tensor): tf.Tensor {
  const centred = tf.sub(patches, tf.mean(patches, [1, 2], true));
  const square = tf.mean(tf.square(centred), [1, 2, 3], true);
  return tf.mul(centred, tf.rsqrt(tf.add(square, 1e-6)));
}
