import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { chain, initializeAll, linearNet, normNet, reluNet, running } from '../encoders/net.ts';
import { float32 } from '../engine/host-tensor.ts';
import { ownRows, ranks } from '../engine/ranks/collectives.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { initLinear, linear } from '../nn/linear.ts';
import { exemplarOptionsSchema } from '../views/image-view-config.ts';
import { cifarRun, imageEncoderOf } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { labelCrossEntropy, labelIsHighest } from './parts/cross-entropy.ts';

const schema = z.strictObject({
  patches: exemplarOptionsSchema,
  /** The width of the layer between encoder and classes. */
  hidden: z.int().positive(),
  /** The share of that layer that is left out in each step. */
  dropout: z.number().min(0).lt(1),
  /** What the learning rate of the classes' rows is multiplied by, 1 by default. */
  classRate: z.number().positive().optional(),
});

type ExemplarOptions = z.infer<typeof schema>;

/**
 * Exemplar-CNN: every picture is a class of its own, of which one patch is shown moved, turned, scaled and recoloured. Loss: the
 * softmax's cross-entropy over all pictures of the data set, ln N by chance. The classifier has a row for each of them, so
 * a run goes on with as many pictures as it began with. Released is a network of three convolutions and a layer of 512; here
 * the encoder is the run's, averaged over each patch, and the layer linear, batch norm, ReLU.
 */
export const exemplar = system<ExemplarOptions>({
  name: 'exemplar',
  citation:
    'Dosovitskiy et al., Discriminative Unsupervised Feature Learning with Convolutional Neural Networks, NeurIPS 2014, arXiv 1406.6909',
  summary:
    'Tells which of all pictures a patch is of, whatever was done to its place, scale and colours; each picture is a class.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    'patches.size': { means: 'the side of a patch, pixels', paper: '32' },
    'patches.copies': {
      means: "how often a picture's patch is drawn in a step",
      paper: 'not stated',
      code: '150 are drawn beforehand',
    },
    'patches.levels': {
      means: 'at how many scales, each 0.8 of the one before, the patch is cut',
      paper: '?',
      code: '4',
    },
    'patches.shift': {
      means: 'how far a patch is moved along each axis at most, in patches',
      paper: '?',
      code: '0.25',
    },
    'patches.scale': { means: 'how it is scaled', paper: '?', code: '0.7071 to 1.4142' },
    'patches.rotation': { means: 'how far it is turned at most, degrees', paper: '?', code: '20' },
    'patches.recolouring': {
      means:
        'deviations of the logarithm (base 2) of factors along three axes of colour around the mean, and of saturation and value the largest such logarithm of a power and a factor, and the largest offset, also of hue; axes are brightness, red against blue and green against both, where the authors take the principal ones of their pictures',
      paper: '?',
      code: '1, 1 and 0.5; 2, 0.5 and 0.1',
    },
    hidden: { means: 'the width of the layer between encoder and classes', paper: '512' },
    dropout: { means: 'the share of it that is left out in each step', paper: '0.5' },
    classRate: { means: "what the learning rate of the classes' rows is multiplied by", paper: '1' },
  },
  gradient: 'All patches carry a gradient.',
  presets: {
    'exemplar-cifar': {
      about: 'Exemplar-CNN on some thousand photographs of 32 pixels, each a class.',
      run: cifarRun({
        exemplar: {
          patches: {
            size: 24,
            copies: 2,
            levels: 1,
            shift: 0.25,
            scale: [0.71, 1.41],
            rotation: 20,
            recolouring: { axes: [0.5, 0.5, 0.5], power: 1, factor: 0.5, offset: 0.1 },
          },
          hidden: 128,
          dropout: 0,
          classRate: 10,
        },
      }),
    },
  },
  make,
});

function make(config: ExemplarOptions, { encoders, batchSize }: Given): Objective {
  const { patches, hidden, dropout } = config;
  const { copies = 1 } = patches;
  const image = imageEncoderOf(encoders, 'exemplar');
  const encoder = imageEncoderNet(image);
  const inside = chain(
    linearNet({ inputs: imageEncoderChannels(image), outputs: hidden }),
    normNet(hidden, image.batchNorm),
    reluNet,
  );
  return {
    views: { patches: { kind: 'exemplar', ...patches, colours: image.input.colours } },
    chance: { exemplar: (frames) => Math.log(frames) },
    groups: [{ match: ['classes'], as: 'heads', rate: config.classRate }],

    initialize: (random, { frames }) => {
      const { params, stats } = initializeAll(random, { inside });
      const classes = initLinear(random.fork('classes'), { inputs: hidden, outputs: frames });
      return { params: { ...params, classes }, stats, memory: {} };
    },

    ...(dropout > 0 && {
      inputs: ({ random }) => {
        const rows = copies * batchSize;
        const drawn = () => (random.uniform() < dropout ? 0 : 1 / (1 - dropout));
        return { kept: float32(Float32Array.from({ length: rows * hidden }, drawn), [rows, hidden]) };
      },
    }),

    loss: (model, batch, how) => {
      const nets = running(model, how);
      const all = nets.of('inside', inside, nets.of('imageEncoder', encoder, leafAt(batch, 'patches'))); // [copies·B, hidden]
      const rows =
        dropout > 0 && how.training ? tf.mul(all, ownCopies(leafAt(how.inputs, 'kept'), copies)) : all;
      const logits = linear(branchAt(model.params, 'classes'), rows); // [copies·B, N]
      const labels = tf.tile(leafAt(batch, 'index'), [copies]);
      return {
        terms: { exemplar: labelCrossEntropy(logits, labels) },
        metrics: { top1: labelIsHighest(logits, labels) },
        stats: nets.stats,
      };
    },
  };
}

/** A rank's own of rows [copies·B, D] that were drawn for the whole batch, all first copies first. */
function ownCopies(rows: tf.Tensor, copies: number): tf.Tensor {
  if (ranks() === 1) return rows;
  const [count, width] = rows.shape as [number, number];
  return tf.reshape(ownRows(tf.reshape(rows, [copies, count / copies, width]), 1), [count / ranks(), width]);
}
