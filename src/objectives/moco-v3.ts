import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { batchNormSchema, imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import {
  chain,
  initializeAll,
  linearNet,
  type Net,
  normNet,
  type Running,
  reluNet,
  running,
} from '../encoders/net.ts';
import { scalar } from '../engine/host-tensor.ts';
import { gatherRows, ownNumbers } from '../engine/ranks/collectives.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { cifarRun, imageEncoderOf, oneViewSchema, pictureView, strongView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { labelCrossEntropy, labelIsHighest } from './parts/cross-entropy.ts';
import { followed, followerIn, followerOf, risingMomentum } from './parts/momentum.ts';
import { spreadOf } from './parts/spread.ts';

const whole = z.int().positive();

/** Linear layers without a bias; after all but the last a batch norm and ReLU, after the last a batch norm that learns nothing, or none. */
const headSchema = z.strictObject({ layers: whole, lastNorm: z.boolean() });

const schema = z.strictObject({
  first: oneViewSchema,
  second: oneViewSchema,
  projector: headSchema,
  predictor: headSchema,
  /** The width inside of projector and predictor. */
  hidden: whole,
  /** The width of what is compared. */
  dimensions: whole,
  headBatchNorm: batchNormSchema,
  temperature: z.number().positive(),
  /** How much of the key encoder stays in the first step; rises to 1. */
  momentum: z.number().min(0).max(1),
});

type MocoV3Config = z.infer<typeof schema>;

/**
 * MoCo v3: what is predicted from a view finds the other view of the same picture, seen through an encoder that follows slowly,
 * among those of the batch; no queue. Loss, with q from predictor and projector and k from the slow projector, all rows of
 * length one: 2τ times the mean of -log of the softmax of q·k/τ at a picture's own k; the sum of both directions.
 * The paper's views are BYOL's: jitter 0.4/0.4/0.2/0.1; the first blurred always, the second with 0.1 and solarised with 0.2.
 */
export const mocoV3 = system<MocoV3Config>({
  name: 'moco-v3',
  citation:
    'Chen et al., An Empirical Study of Training Self-Supervised Vision Transformers, ICCV 2021, arXiv 2104.02057',
  summary:
    'Finds, by a prediction from one view of a picture, its other view among those of the batch as an encoder that follows slowly sees them; without a queue.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    'projector.layers': { means: 'layers of the projector', paper: '?', code: '2 (ResNet), 3 (ViT)' },
    'projector.lastNorm': { means: 'whether the projector ends with a batch norm', paper: '?', code: 'true' },
    'predictor.layers': { means: 'layers of the predictor', paper: '?', code: '2' },
    'predictor.lastNorm': {
      means: 'whether the predictor ends with a batch norm',
      paper: '?',
      code: 'false (ResNet), true (ViT)',
    },
    hidden: { means: 'the width inside of projector and predictor', paper: '?', code: '4096' },
    dimensions: { means: 'the width of what is compared', paper: '?', code: '256' },
    temperature: {
      means: 'divides the similarities; the loss is multiplied by twice it',
      paper: '?',
      code: '1 (ResNet), 0.2 (ViT)',
    },
    momentum: {
      means: 'how much of the key encoder stays in a step; rises to 1 along half a cosine over the run',
      paper: '?',
      code: '0.99; 0.996 for a ResNet over 1,000 epochs',
    },
  },
  gradient:
    'The predictions carry a gradient, into predictor, projector and encoder; keys do not, and the key encoder is never trained.',
  presets: {
    'moco-v3-cifar': {
      about:
        'MoCo v3 on some thousand photographs of 32 pixels, without blur; two and a half minutes on two cores.',
      run: cifarRun({
        'moco-v3': {
          first: { ...strongView, jitter: { ...strongView.jitter, saturation: 0.2 } },
          second: {
            ...strongView,
            jitter: { ...strongView.jitter, saturation: 0.2 },
            solarise: { probability: 0.2 },
          },
          projector: { layers: 2, lastNorm: true },
          predictor: { layers: 2, lastNorm: false },
          hidden: 512,
          dimensions: 128,
          headBatchNorm: { eps: 1e-5, momentum: 0.1 },
          temperature: 0.2,
          momentum: 0.95,
        },
      }),
    },
  },
  make,
});

/** The networks that the keys' side has a slow copy of. */
const NETS = ['imageEncoder', 'projector'];

function headOf(
  { layers, lastNorm }: MocoV3Config['projector'],
  { hidden, dimensions, headBatchNorm }: MocoV3Config,
  inputs: number,
): Net {
  const inner = Array.from({ length: layers - 1 }, (_, layer) => [
    linearNet({ inputs: layer === 0 ? inputs : hidden, outputs: hidden, bias: false }),
    normNet(hidden, headBatchNorm),
    reluNet,
  ]);
  const last = linearNet({ inputs: layers === 1 ? inputs : hidden, outputs: dimensions, bias: false });
  const norm = lastNorm ? [normNet(dimensions, { ...headBatchNorm, learned: 'none' })] : [];
  return chain(...inner.flat(), last, ...norm);
}

function make(config: MocoV3Config, { encoders, batchSize }: Given): Objective {
  const { temperature, dimensions } = config;
  const image = imageEncoderOf(encoders, 'moco-v3');
  const encoder = imageEncoderNet(image);
  const projector = headOf(config.projector, config, imageEncoderChannels(image));
  const predictor = headOf(config.predictor, config, dimensions);
  const projected = (nets: Running, x: tf.Tensor) =>
    nets.of('projector', projector, nets.of('imageEncoder', encoder, x)); // [N, D]
  return {
    views: { first: pictureView(config.first, image), second: pictureView(config.second, image) },
    chance: { contrast: 4 * temperature * Math.log(batchSize) },

    initialize: (random, { encoders: shared }) => {
      const own = initializeAll(random, { projector, predictor });
      const model = { params: { ...shared.params, ...own.params }, stats: { ...shared.stats, ...own.stats } };
      return { ...own, memory: { key: followerOf(model, NETS) } };
    },

    inputs: ({ progress }) => ({ momentum: scalar(risingMomentum(config.momentum, progress)) }),

    // The key encoder follows before it is used, as released.
    before: (model, inputs) => {
      const momentum = leafAt(inputs, 'momentum') as tf.Scalar;
      return { memory: { key: followed(followerIn(model.memory, 'key'), model, momentum) } };
    },

    loss: (model, batch, how) => {
      const [x1, x2] = [leafAt(batch, 'first'), leafAt(batch, 'second')];
      const query = running(model, how);
      const [q1, q2] = [x1, x2].map((x) =>
        l2Normalize(query.of('predictor', predictor, projected(query, x))),
      );
      const key = running(followerIn(model.memory, 'key'), how);
      const [k1, k2] = [x1, x2].map((x) => stopGradient(l2Normalize(projected(key, x))));
      const [forth, back] = [inBatchContrast(q1, k2, temperature), inBatchContrast(q2, k1, temperature)];
      return {
        terms: { contrast: tf.add(forth.loss, back.loss) as tf.Scalar },
        metrics: { top1: tf.div(tf.add(forth.top1, back.top1), 2) as tf.Scalar, spread: spreadOf(q1) },
        stats: query.stats,
        kept: { means: { stats: key.stats } },
      };
    },

    after: ({ memory }, { means }) => ({
      key: { ...followerIn(memory, 'key'), stats: branchAt(means!, 'stats') },
    }),
  };
}

/**
 * One direction: 2τ times the mean of -log of the softmax of q·k/τ at each row's own key, rows [N, D] of length one; and how
 * often the own key is the nearest. Gradient flows to the queries alone.
 */
export function inBatchContrast(
  queries: tf.Tensor,
  keys: tf.Tensor,
  temperature: number,
): { readonly loss: tf.Scalar; readonly top1: tf.Scalar } {
  const [rows] = queries.shape as [number];
  const all = gatherRows(stopGradient(keys));
  const logits = tf.div(tf.matMul(queries, all, false, true), temperature);
  const own = ownNumbers(rows);
  return {
    loss: tf.mul(labelCrossEntropy(logits, own), 2 * temperature) as tf.Scalar,
    top1: labelIsHighest(logits, own),
  };
}
