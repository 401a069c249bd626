import type * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import {
  chain,
  initializeAll,
  linearNet,
  type Net,
  type Running,
  reluNet,
  running,
} from '../encoders/net.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { leafAt } from '../nn/layer.ts';
import { cameraRun, cameraView } from './drive-run.ts';
import { cifarRun, earlyView, imageEncoderOf, oneViewSchema, pictureView, weakView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { firstCrossEntropy, firstIsHighest } from './parts/cross-entropy.ts';
import { momentumKeys } from './parts/momentum-keys.ts';
import { requireWholeBatches } from './parts/queue.ts';
import { spreadOf } from './parts/spread.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  query: oneViewSchema,
  key: oneViewSchema,
  /** `linear` (v1), or linear, ReLU, linear (v2); its width is the encoder's. */
  head: z.enum(['linear', 'mlp']),
  /** The width of what is compared. */
  dimensions: whole,
  /** Keys that are remembered as negatives; a multiple of the batch. */
  queue: whole,
  temperature: z.number().positive(),
  momentum: z.number().min(0).max(1),
});

type MocoConfig = z.infer<typeof schema>;

/**
 * MoCo v1 and v2: a query finds its key, the same picture through an encoder that follows slowly, among the keys of earlier
 * batches in a queue. Loss: -log of the softmax of [q·k, q·queue]/τ at q·k, all rows of length one.
 */
export const moco = system<MocoConfig>({
  name: 'moco',
  citation:
    'He et al., Momentum Contrast for Unsupervised Visual Representation Learning, CVPR 2020, arXiv 1911.05722 (v1); Chen et al., Improved Baselines with Momentum Contrastive Learning, arXiv 2003.04297 (v2)',
  summary:
    'Finds the other view of a picture, seen through an encoder that follows slowly, among a queue of earlier pictures.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    head: { means: 'the projection head', paper: 'linear (v1), mlp (v2)' },
    dimensions: { means: 'the width of what is compared', paper: '128' },
    queue: { means: 'keys that are remembered as negatives', paper: '65536' },
    temperature: { means: 'divides the similarities', paper: '0.07 (v1), 0.2 (v2)' },
    momentum: { means: 'how much of the key encoder stays in a step', paper: '0.999' },
  },
  gradient: 'The query carries a gradient; keys and queue do not, and the key encoder is never trained.',
  presets: {
    'moco-v1-cifar': {
      about: 'MoCo v1 on some thousand photographs of 32 pixels; about two minutes on two cores.',
      run: cifarRun(
        {
          moco: {
            query: earlyView,
            key: earlyView,
            head: 'linear',
            dimensions: 128,
            queue: 1024,
            temperature: 0.1,
            momentum: 0.99,
          },
        },
        { steps: 450 },
      ),
    },
    'moco-v2-cifar': {
      about: 'MoCo v2 on some thousand photographs of 32 pixels; about two minutes on two cores.',
      run: cifarRun(
        {
          moco: {
            query: weakView,
            key: weakView,
            head: 'mlp',
            dimensions: 128,
            queue: 1024,
            temperature: 0.2,
            momentum: 0.99,
          },
        },
        { steps: 450 },
      ),
    },
    'moco-v2-small': {
      about:
        'MoCo v2 on the camera pictures of some hundred frames of driving, in about five minutes on two cores; `image3d-small` can begin with its encoder.',
      run: cameraRun({
        moco: {
          query: cameraView,
          key: cameraView,
          head: 'mlp',
          dimensions: 128,
          queue: 256,
          temperature: 0.2,
          momentum: 0.99,
        },
      }),
    },
  },
  make,
});

/** The networks that the key's side has a slow copy of. */
const NETS = ['imageEncoder', 'head'];

function headOf({ head, dimensions }: MocoConfig, inputs: number): Net {
  const last = linearNet({ inputs, outputs: dimensions });
  return head === 'linear' ? last : chain(linearNet({ inputs, outputs: inputs }), reluNet, last);
}

function make(config: MocoConfig, { encoders, batchSize }: Given): Objective {
  const { queue: size, dimensions } = config;
  const image = imageEncoderOf(encoders, 'moco');
  const encoder = imageEncoderNet(image);
  const head = headOf(config, imageEncoderChannels(image));
  requireWholeBatches(size, batchSize, 'objectives.moco.queue');
  const rows = (nets: Running, pictures: tf.Tensor) =>
    l2Normalize(nets.of('head', head, nets.of('imageEncoder', encoder, pictures))); // [N, D]
  const keys = momentumKeys({ ...config, names: NETS, rows, width: dimensions });
  return {
    views: { query: pictureView(config.query, image), key: pictureView(config.key, image) },
    chance: { contrast: Math.log(size + 1) },

    initialize: (random, { encoders: shared }) => {
      const own = initializeAll(random, { head });
      const model = { params: { ...shared.params, ...own.params }, stats: { ...shared.stats, ...own.stats } };
      return { ...own, memory: keys.initialize(random, model) };
    },

    inputs: keys.inputs,

    // The key encoder follows before it is used, as released.
    before: (model, inputs) => ({ memory: keys.before(model, inputs) }),

    loss: (model, batch, how) => {
      const query = running(model, how);
      const q = rows(query, leafAt(batch, 'query'));
      const { logits, kept } = keys.compare(q, model.memory, leafAt(batch, 'key'), how);
      return {
        terms: { contrast: firstCrossEntropy(logits) },
        metrics: { top1: firstIsHighest(logits), spread: spreadOf(q) },
        stats: query.stats,
        kept,
      };
    },

    after: ({ memory }, kept) => keys.after(memory, kept),
  };
}
