import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { chain, initializeAll, linearNet, type Net, reluNet, running } from '../encoders/net.ts';
import { scalar } from '../engine/host-tensor.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { cifarRun, earlyView, imageEncoderOf, oneViewSchema, pictureView, weakView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { firstCrossEntropy, firstIsHighest } from './parts/cross-entropy.ts';
import { followed, followerIn, followerOf } from './parts/momentum.ts';
import { enqueued, initQueue, requireWholeBatches } from './parts/queue.ts';
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
  const { queue: size, temperature, momentum, dimensions } = config;
  const image = imageEncoderOf(encoders, 'moco');
  const encoder = imageEncoderNet(image);
  const head = headOf(config, imageEncoderChannels(image));
  requireWholeBatches(size, batchSize, 'objectives.moco.queue');
  return {
    views: { query: pictureView(config.query, image), key: pictureView(config.key, image) },
    chance: { contrast: Math.log(size + 1) },

    initialize: (random, { encoders: shared }) => {
      const own = initializeAll(random, { head });
      const model = { params: { ...shared.params, ...own.params }, stats: { ...shared.stats, ...own.stats } };
      const queue = initQueue(random.fork('queue'), { size, width: dimensions });
      return { ...own, memory: { key: followerOf(model, NETS), queue } };
    },

    inputs: () => ({ momentum: scalar(momentum) }),

    // The key encoder follows before it is used, as released.
    before: (model, inputs) => {
      const key = followed(followerIn(model.memory, 'key'), model, leafAt(inputs, 'momentum') as tf.Scalar);
      return { memory: { ...model.memory, key } };
    },

    loss: (model, batch, how) => {
      const query = running(model, how);
      const q = l2Normalize(
        query.of('head', head, query.of('imageEncoder', encoder, leafAt(batch, 'query'))),
      ); // [N, D]
      const key = running(followerIn(model.memory, 'key'), how);
      const k = stopGradient(
        l2Normalize(key.of('head', head, key.of('imageEncoder', encoder, leafAt(batch, 'key')))), // [N, D]
      );
      const logits = mocoLogits(q, k, { queue: leafAt(model.memory, 'queue'), temperature });
      return {
        terms: { contrast: firstCrossEntropy(logits) },
        metrics: { top1: firstIsHighest(logits), spread: spreadOf(q) },
        stats: query.stats,
        kept: { rows: { keys: k }, means: { stats: key.stats } },
      };
    },

    // The queue takes the keys after it was used: no key is a negative of its own step.
    after: ({ memory }, { rows, means }) => ({
      key: { ...followerIn(memory, 'key'), stats: branchAt(means!, 'stats') },
      queue: enqueued(leafAt(memory, 'queue'), leafAt(rows!, 'keys')),
    }),
  };
}

/** [q·k, q·queue]/τ of rows of length one: [N, 1 + K], the right key first. */
export function mocoLogits(
  q: tf.Tensor,
  k: tf.Tensor,
  { queue, temperature }: { readonly queue: tf.Tensor; readonly temperature: number },
): tf.Tensor {
  const right = tf.sum(tf.mul(q, k), 1, true);
  return tf.div(tf.concat([right, tf.matMul(q, queue, false, true)], 1), temperature);
}
