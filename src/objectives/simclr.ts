import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { batchNormSchema, imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { chain, initializeAll, linearNet, normNet, reluNet, running } from '../encoders/net.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { leafAt } from '../nn/layer.ts';
import { cifarRun, imageEncoderOf, oneViewSchema, pictureView, strongView } from './image-run.ts';
import { type Given, type Objective, type Projection, system } from './objective.ts';
import { labelCrossEntropy, labelIsHighest } from './parts/cross-entropy.ts';
import { spreadOf } from './parts/spread.ts';
import { pairLogits } from './parts/view-pairs.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  view: oneViewSchema,
  /** Layers of the head: all but the last are linear, batch norm, ReLU at the encoder's width; the last is linear and batch norm. */
  layers: whole,
  /** The width of what is compared. */
  dimensions: whole,
  headBatchNorm: batchNormSchema,
  temperature: z.number().positive(),
  /** `mean` over all 2N rows (the paper), or the `sum` of the means of both directions, twice that (the released code). */
  reduction: z.enum(['mean', 'sum']),
});

type SimclrConfig = z.infer<typeof schema>;

/**
 * SimCLR: two views of each of N pictures find each other among the 2N - 1 others. Loss (NT-Xent): -log of the softmax of
 * z_i·z_j/τ over j ≠ i at the other view of the same picture, all rows of length one; both directions, all rows learn.
 */
export const simclr = system<SimclrConfig>({
  name: 'simclr',
  citation:
    'Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020, arXiv 2002.05709; Chen et al., Big Self-Supervised Models are Strong Semi-Supervised Learners, NeurIPS 2020, arXiv 2006.10029 (v2)',
  summary: 'Finds the other view of a picture among both views of all pictures of the batch.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    layers: { means: 'layers of the projection head', paper: '2, 3 (v2)' },
    dimensions: { means: 'the width of what is compared', paper: '128' },
    temperature: { means: 'divides the similarities', paper: '0.1; 0.5 on CIFAR' },
    reduction: {
      means: 'whether the loss is the mean over all rows, or the sum of the means of both directions',
      paper: 'mean',
      code: 'sum',
    },
  },
  gradient: 'All rows carry a gradient, as queries and as keys.',
  presets: {
    'simclr-cifar': {
      about: 'SimCLR on some thousand photographs of 32 pixels; about two minutes on two cores.',
      run: cifarRun({
        simclr: {
          view: strongView,
          layers: 2,
          dimensions: 128,
          headBatchNorm: { eps: 1e-5, momentum: 0.1 },
          temperature: 0.2,
          reduction: 'mean',
        },
      }),
    },
    'simclr-v2-cifar': {
      about:
        'SimCLR v2 on some thousand photographs of 32 pixels: a head of three layers, the first of which fine-tuning can keep, pointpair probe --finetune 0.01 --finetune-layer 1 --distil-steps 300; about two minutes on two cores. Without the memory of v2.',
      run: cifarRun({
        simclr: {
          view: strongView,
          layers: 3,
          dimensions: 128,
          headBatchNorm: { eps: 1e-5, momentum: 0.1 },
          temperature: 0.2,
          reduction: 'mean',
        },
      }),
    },
  },
  make,
});

/** As released: no linear layer has a bias, and the last batch norm has a scale but no shift. */
function projectionOf({ layers, dimensions, headBatchNorm }: SimclrConfig, inputs: number): Projection {
  const hidden = () => [
    linearNet({ inputs, outputs: inputs, bias: false }),
    normNet(inputs, headBatchNorm),
    reluNet,
  ];
  const last = [
    linearNet({ inputs, outputs: dimensions, bias: false }),
    normNet(dimensions, { ...headBatchNorm, learned: 'scale' }),
  ];
  const nets = [...Array.from({ length: layers - 1 }, hidden), last];
  return {
    name: 'head',
    layers,
    first: (count) => ({
      net: chain(...nets.slice(0, count).flat()),
      channels: count < layers ? inputs : dimensions,
    }),
  };
}

function make(config: SimclrConfig, { encoders, batchSize }: Given): Objective {
  const { temperature, reduction } = config;
  const image = imageEncoderOf(encoders, 'simclr');
  const encoder = imageEncoderNet(image);
  const projection = projectionOf(config, imageEncoderChannels(image));
  const { net: head } = projection.first(config.layers);
  const times = reduction === 'sum' ? 2 : 1;
  return {
    views: { pictures: { ...pictureView(config.view, image), copies: 2 } },
    chance: { contrast: times * Math.log(2 * batchSize - 1) },
    projection,
    initialize: (random) => ({ ...initializeAll(random, { head }), memory: {} }),

    // Both views are one batch to the batch norms.
    loss: (model, batch, how) => {
      const net = running(model, how);
      const z = l2Normalize(net.of('head', head, net.of('imageEncoder', encoder, leafAt(batch, 'pictures')))); // [2N, D]
      const { logits, partners } = pairLogits(z, z, temperature);
      return {
        terms: { contrast: tf.mul(labelCrossEntropy(logits, partners), times) as tf.Scalar },
        metrics: { top1: labelIsHighest(logits, partners), spread: spreadOf(z) },
        stats: net.stats,
      };
    },
  };
}
