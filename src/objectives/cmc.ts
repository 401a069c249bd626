import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { initializeAll, linearNet, running } from '../encoders/net.ts';
import { scalar } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { cifarRun, imageEncoderOf, oneViewSchema, pictureView, smallEncoder } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { bankContrast, bankContrastChance, drawnRows, leafIfAny } from './parts/bank-contrast.ts';
import { bankAfter, initBank } from './parts/memory-bank.ts';
import { spreadOf } from './parts/spread.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  view: oneViewSchema,
  /** The width of what is compared. */
  dimensions: whole,
  /** Rows of a bank that each picture is told from, drawn evenly with replacement; 0: all of them. */
  negatives: z.int().min(0),
  /** Noise-contrastive estimation, or the softmax. */
  contrast: z.enum(['noise', 'softmax']),
  temperature: z.number().positive(),
  /** How much of a row of a bank stays where its picture comes. */
  momentum: z.number().min(0).max(1),
  /** Added to the sums of densities in noise-contrastive estimation. */
  eps: z.number().min(0),
});

type CmcConfig = z.infer<typeof schema>;

/**
 * CMC: two encoders see one picture, one its lightness and the other its colour. What the one makes of it finds what the other
 * made of the same picture, in a bank that has one row for each picture, and the other way round. Loss: the sum of both
 * directions, each as in InstDisc, with a normaliser Z of its own, or by the softmax.
 */
export const cmc = system<CmcConfig>({
  name: 'cmc',
  citation: 'Tian et al., Contrastive Multiview Coding, ECCV 2020, arXiv 1906.05849',
  summary:
    "Finds, by a picture's lightness, what its colour looked like to another encoder, and the other way round. The run's image encoder is both, of the kind `lab-resnet`, each of half the width: its first half of channels sees lightness alone, its second colour alone, and probes, fine-tuning and exports have both side by side.",
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    dimensions: { means: 'the width of what is compared', paper: '128' },
    negatives: {
      means: 'rows of a bank that a picture is told from; 0 is all of them',
      paper: '?',
      code: '16384 by default, 4096 advised',
    },
    contrast: {
      means: 'noise-contrastive estimation, or the softmax',
      paper: 'softmax is the better one',
      code: 'either',
    },
    temperature: { means: 'divides the similarities', paper: '0.07', code: '0.07; 0.1 on STL-10' },
    momentum: { means: 'how much of a row of a bank stays', paper: '0.5' },
    eps: { means: 'added to the sums of densities, once a negative', paper: '?', code: '1e-7' },
  },
  gradient: 'Both halves of the encoder carry a gradient; the rows of the banks and the normalisers do not.',
  presets: {
    'cmc-cifar': {
      about:
        'CMC on some thousand photographs of 32 pixels, by the softmax over all of them; about two minutes on two cores. Views are cropped and mirrored alone.',
      run: cifarRun(
        {
          cmc: {
            view: { scale: 0.75, crop: { area: [0.2, 1] }, flip: 0.5 },
            dimensions: 128,
            negatives: 0,
            contrast: 'softmax',
            temperature: 0.1,
            momentum: 0.5,
            eps: 1e-7,
          },
        },
        {
          encoders: { image: { ...smallEncoder, kind: 'lab-resnet' } },
          // Slow while the banks are filled: an epoch is 39 steps.
          steps: 400,
          schedule: { kind: 'cosine', per: 'run', length: 1, warmUp: { length: 0.1 } },
        },
      ),
    },
  },
  make,
});

/** What each half finds its pictures in: the bank of the other. */
const OTHER = { lightness: 'colour', colour: 'lightness' } as const;
const HALVES = ['lightness', 'colour'] as const;

function make(config: CmcConfig, { encoders, batchSize }: Given): Objective {
  const { dimensions, negatives, contrast: by, momentum } = config;
  const image = imageEncoderOf(encoders, 'cmc');
  if (image.kind !== 'lab-resnet')
    throw new InputError({
      file: 'configuration',
      place: 'encoders.image.kind',
      expected: 'lab-resnet, the two encoders that cmc needs',
      found: image.kind ?? 'resnet',
    });
  if (negatives === 0 && by === 'noise')
    throw new InputError({
      file: 'configuration',
      place: 'objectives.cmc.negatives',
      expected: 'at least 1 where contrast is noise',
      found: '0, which is the softmax over all rows',
    });
  const encoder = imageEncoderNet(image);
  const width = imageEncoderChannels(image) / 2;
  const head = linearNet({ inputs: width, outputs: dimensions });
  const heads = { lightness: head, colour: head };
  const estimated = negatives > 0 && by === 'noise';
  const chance = (frames: number) => bankContrastChance({ ...config, by }, frames);
  return {
    views: { picture: pictureView(config.view, image) },
    chance: { lightness: chance, colour: chance },

    initialize: (random, { frames }) => {
      const bankOf = (half: string) => ({
        bank: initBank(random.fork('bank', half), { rows: frames, width: dimensions }),
        // 0: not yet estimated.
        ...(estimated && { normalizer: scalar(0) }),
      });
      const memory = { lightness: bankOf('lightness'), colour: bankOf('colour') };
      return { ...initializeAll(random, heads), memory };
    },

    // Both directions are told from the same pictures.
    ...(negatives > 0 && {
      inputs: ({ random }) => ({ draws: drawnRows(random, { batchSize, negatives }) }),
    }),

    loss: (model, batch, how) => {
      const net = running(model, how);
      const index = leafAt(batch, 'index'); // [B]
      const features = net.of('imageEncoder', encoder, leafAt(batch, 'picture')); // [B, 2·width]
      const parts = tf.split(features, 2, 1);
      const each = HALVES.map((half, i) => {
        const x = l2Normalize(net.of(half, heads[half], parts[i])); // [B, D]
        const memory = branchAt(model.memory, half);
        const bank = leafAt(branchAt(model.memory, OTHER[half]), 'bank');
        const given = {
          bank,
          index,
          draws: leafIfAny(how.inputs, 'draws'),
          normalizer: leafIfAny(memory, 'normalizer'),
        };
        return { half, x, ...bankContrast(x, given, { ...config, by }) };
      });
      const [lightness, colour] = each;
      return {
        terms: { lightness: lightness.loss, colour: colour.loss },
        metrics: {
          top1: tf.div(tf.add(lightness.top1, colour.top1), 2) as tf.Scalar,
          spread: spreadOf(lightness.x),
          colourSpread: spreadOf(colour.x),
        },
        stats: net.stats,
        kept: {
          rows: { lightness: stopGradient(lightness.x), colour: stopGradient(colour.x), index },
          ...(estimated && {
            means: { lightness: lightness.normalizer!, colour: colour.normalizer! },
          }),
        },
      };
    },

    // Each half writes its own bank, after the other has read it.
    after: ({ memory }, { rows, means }) =>
      Object.fromEntries(
        HALVES.map((half) => {
          const written = { values: leafAt(rows!, half), index: leafAt(rows!, 'index') };
          const bank = bankAfter(leafAt(branchAt(memory, half), 'bank'), written, momentum);
          return [half, { bank, ...(estimated && { normalizer: leafAt(means!, half) }) }];
        }),
      ),
  };
}
