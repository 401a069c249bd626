import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { initializeAll, linearNet, running } from '../encoders/net.ts';
import { scalar } from '../engine/host-tensor.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { leafAt } from '../nn/layer.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { cifarRun, earlyView, imageEncoderOf, oneViewSchema, pictureView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { bankContrast, bankContrastChance, drawnRows, leafIfAny } from './parts/bank-contrast.ts';
import { bankAfter, initBank } from './parts/memory-bank.ts';
import { spreadOf } from './parts/spread.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  view: oneViewSchema,
  /** The width of what is compared. */
  dimensions: whole,
  /** Rows of the bank that each picture is told from, drawn evenly with replacement; 0: softmax over the whole bank. */
  negatives: z.int().min(0),
  temperature: z.number().positive(),
  /** How much of a row of the bank stays where its picture comes. */
  momentum: z.number().min(0).max(1),
  /** Added to the sums of densities in the loss. */
  eps: z.number().min(0),
});

type InstdiscConfig = z.infer<typeof schema>;

/**
 * InstDisc: every picture is a class of its own. What a picture looks like now, x, is told from other pictures' rows of a bank
 * that has one row m_i for each, P(i|x) = exp(x·m_i/τ)/Z, by noise-contrastive estimation or by the softmax itself. Z is
 * estimated once, from the first batch. The paper's proximal term (x near its own row) is not in the released code, nor here.
 */
export const instdisc = system<InstdiscConfig>({
  name: 'instdisc',
  citation:
    'Wu et al., Unsupervised Feature Learning via Non-Parametric Instance Discrimination, CVPR 2018, arXiv 1805.01978',
  summary:
    'Tells every picture from all others by a bank that remembers what each of them last looked like. As released, without the proximal term of the paper.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    dimensions: { means: 'the width of what is compared', paper: '128' },
    negatives: {
      means: 'rows of the bank that a picture is told from; 0 is the softmax over all of them',
      paper: '4096 of 1.28 million',
    },
    temperature: { means: 'divides the similarities', paper: '0.07', code: '0.07; 0.1 on CIFAR' },
    momentum: { means: 'how much of a row of the bank stays', paper: '0.5' },
    eps: { means: 'added to the sums of densities, once a negative', paper: '0', code: '1e-7' },
  },
  gradient: 'The picture carries a gradient; the rows of the bank and the normaliser Z do not.',
  presets: {
    'instdisc-cifar': {
      about:
        'InstDisc on some thousand photographs of 32 pixels, by the softmax over all of them; about two minutes on two cores. Its loss rises above chance at first, while the bank fills with pictures that the new network finds alike; with 512 drawn negatives it was twenty times as high after 60 steps.',
      run: cifarRun(
        {
          instdisc: {
            view: earlyView,
            dimensions: 128,
            negatives: 0,
            temperature: 0.1,
            momentum: 0.5,
            eps: 1e-7,
          },
        },
        // Slow while the bank is filled: an epoch is 39 steps.
        { steps: 500, schedule: { kind: 'cosine', per: 'run', length: 1, warmUp: { length: 0.1 } } },
      ),
    },
  },
  make,
});

function make(config: InstdiscConfig, { encoders, batchSize }: Given): Objective {
  const { dimensions, negatives, momentum } = config;
  const contrast = { ...config, by: 'noise' } as const;
  const image = imageEncoderOf(encoders, 'instdisc');
  const encoder = imageEncoderNet(image);
  const head = linearNet({ inputs: imageEncoderChannels(image), outputs: dimensions });
  const contrasted = negatives > 0;
  return {
    views: { picture: pictureView(config.view, image) },
    chance: {
      contrast: (frames) => bankContrastChance(contrast, frames),
    },

    initialize: (random, { frames }) => ({
      ...initializeAll(random, { head }),
      memory: {
        bank: initBank(random.fork('bank'), { rows: frames, width: dimensions }),
        // 0: not yet estimated.
        ...(contrasted && { normalizer: scalar(0) }),
      },
    }),

    ...(contrasted && {
      inputs: ({ random }) => ({ draws: drawnRows(random, { batchSize, negatives }) }),
    }),

    loss: (model, batch, how) => {
      const net = running(model, how);
      const x = l2Normalize(net.of('head', head, net.of('imageEncoder', encoder, leafAt(batch, 'picture')))); // [B, D]
      const index = leafAt(batch, 'index'); // [B]
      const given = {
        bank: leafAt(model.memory, 'bank'),
        index,
        draws: leafIfAny(how.inputs, 'draws'),
        normalizer: leafIfAny(model.memory, 'normalizer'),
      };
      const { loss, top1, normalizer } = bankContrast(x, given, contrast);
      return {
        terms: { contrast: loss },
        metrics: { top1, spread: spreadOf(x) },
        stats: net.stats,
        kept: {
          rows: { values: stopGradient(x), index },
          ...(normalizer && { means: { normalizer } }),
        },
      };
    },

    // Rows are written after the loss has read them.
    after: ({ memory }, { rows, means }) => ({
      bank: bankAfter(
        leafAt(memory, 'bank'),
        { values: leafAt(rows!, 'values'), index: leafAt(rows!, 'index') },
        momentum,
      ),
      ...(contrasted && { normalizer: leafAt(means!, 'normalizer') }),
    }),
  };
}
