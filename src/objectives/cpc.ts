import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { initializeAll, type Net, running } from '../encoders/net.ts';
import { float32 } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import { gatherRows, ownNumbers } from '../engine/ranks/collectives.ts';
import { leafAt } from '../nn/layer.ts';
import { linear } from '../nn/linear.ts';
import { cifarRun, imageEncoderOf, oneViewSchema, pictureView } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { labelCrossEntropy, labelIsHighest } from './parts/cross-entropy.ts';
import { gridOf, patchesOf } from './parts/patch-grid.ts';
import { rowContextNet } from './parts/row-context.ts';

const whole = z.int().positive();

const schema = z.strictObject({
  view: oneViewSchema,
  /** The patches of a view, pixels. */
  patches: z.strictObject({ size: whole, stride: whole }),
  /** The context network: its layers, and the width inside of each. */
  context: z.strictObject({ layers: whole, hidden: whole }),
  /** Rows right below the context that are not predicted, since their patches overlap it. */
  skip: z.int().min(0),
  /** Rows after those that are predicted, each by a matrix of its own. */
  steps: whole,
});

type CpcConfig = z.infer<typeof schema>;

const adamW = (learningRate: number) => ({ kind: 'adamw', learningRate, weightDecay: 1e-4 });

/**
 * CPC: a picture is cut into overlapping patches, each encoded alone, z; a context c sums up the rows of patches down to its
 * own, and predicts what lies k rows below it, W_k·c, which is to be found among all patches of the batch that are predicted
 * over so many rows. Loss: -log of the softmax of zᵀ·W_k·c at the right patch, without temperature and lengths as they are;
 * a mean over places, and over the rows that are predicted.
 */
export const cpc = system<CpcConfig>({
  name: 'cpc',
  citation:
    'van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018, arXiv 1807.03748',
  summary:
    "Predicts, from the rows of a picture's patches down to one, the patches some rows below, and finds them among those of all pictures. As the authors' code was not released: negatives are all other patches of the batch at places that are predicted over so many rows, and the encoder has batch norms, which the paper's has not.",
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    'patches.size': { means: 'the side of a patch, pixels', paper: '64 of 256' },
    'patches.stride': { means: 'how far a patch lies from the next, pixels', paper: '32' },
    'context.layers': { means: 'layers of the context network', paper: '?' },
    'context.hidden': { means: 'the width inside of a layer of it', paper: '?' },
    skip: { means: 'rows right below the context that are not predicted', paper: '?' },
    steps: { means: 'rows after those that are predicted', paper: 'up to 5' },
  },
  gradient: 'Predictions and what they are to find both carry a gradient.',
  presets: {
    'cpc-cifar': {
      about:
        'CPC on some thousand photographs of 32 pixels, 5 x 5 patches of 10 pixels each; about two minutes on two cores. It learns patches, so pictures as a whole are new to its encoder.',
      run: cifarRun(
        {
          cpc: {
            view: { scale: 0.9375, crop: { area: [0.6, 1] }, flip: 0.5, grey: 0.25 },
            patches: { size: 10, stride: 5 },
            context: { layers: 2, hidden: 64 },
            skip: 1,
            steps: 3,
          },
        },
        // Products of features as they are make large logits: matrices learn slowly.
        { batchSize: 32, optimizers: { image: adamW(0.001), heads: adamW(0.0002) } },
      ),
    },
  },
  make,
});

/** x·W, W zeros at first, so that nothing is preferred then. */
function predictionNet(channels: number): Net {
  return {
    initialize: () => ({
      params: { weight: float32(new Float32Array(channels ** 2), [channels, channels]) },
      stats: {},
    }),
    apply: (params, stats, x) => ({ y: linear(params, x), stats }),
  };
}

function make(config: CpcConfig, { encoders, batchSize }: Given): Objective {
  const { patches, skip, steps } = config;
  const image = imageEncoderOf(encoders, 'cpc');
  const view = pictureView(config.view, image);
  const grid = gridOf(view, patches);
  requireRows(grid, skip + steps, view);
  const channels = imageEncoderChannels(image);
  const encoder = imageEncoderNet(image);
  const context = rowContextNet({ ...config.context, channels });
  const predictions = Object.fromEntries(
    Array.from({ length: steps }, (_, i) => [`below${skip + 1 + i}`, predictionNet(channels)]),
  );
  const offsets = Object.keys(predictions).map((name, i) => ({ name, rows: skip + 1 + i }));
  const places = (below: number) => (grid.rows - below) * grid.columns * batchSize;
  return {
    views: { picture: view },
    chance: { contrast: meanOf(offsets.map(({ rows }) => Math.log(places(rows)))) },
    initialize: (random) => ({ ...initializeAll(random, { context, ...predictions }), memory: {} }),

    loss: (model, batch, how) => {
      const nets = running(model, how);
      const pictures = leafAt(batch, 'picture'); // [B, H, W, 3]
      const cut = patchesOf(pictures, patches); // [R·C·B, S, S, 3]
      const shape = [grid.rows, grid.columns, pictures.shape[0], channels];
      const z = tf.reshape(nets.of('imageEncoder', encoder, cut), shape);
      const c = nets.of('context', context, z); // [R, C, B, D]
      const each = offsets.map(({ name, rows }) => {
        const seen = rowsOfGrid(c, 0, grid.rows - rows);
        const found = rowsOfGrid(z, rows, grid.rows - rows);
        return foundAmongAll(nets.of(name, predictions[name], seen), found);
      });
      const mean = (part: 'loss' | 'top1') =>
        tf.mean(tf.stack(each.map((offset) => offset[part]))) as tf.Scalar;
      return { terms: { contrast: mean('loss') }, metrics: { top1: mean('top1') }, stats: nets.stats };
    },
  };
}

/** Some rows of a grid [R, C, B, D] as one list: [rows·C·B, D]. */
function rowsOfGrid(grid: tf.Tensor, begin: number, rows: number): tf.Tensor {
  const [, columns, count, width] = grid.shape as [number, number, number, number];
  return tf.reshape(tf.slice(grid, [begin, 0, 0, 0], [rows, columns, count, width]), [-1, width]);
}

/** The mean of -log of the softmax of products of predictions [M, D] with all of what they are to find [M, D], over ranks that of all, at their own. */
export function foundAmongAll(
  predictions: tf.Tensor,
  found: tf.Tensor,
): { readonly loss: tf.Scalar; readonly top1: tf.Scalar } {
  const [count] = found.shape as [number];
  const logits = tf.matMul(predictions, gatherRows(found), false, true);
  const own = ownNumbers(count);
  return { loss: labelCrossEntropy(logits, own), top1: labelIsHighest(logits, own) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function requireRows(
  { rows, columns }: { readonly rows: number; readonly columns: number },
  deepest: number,
  { width, height }: { readonly width: number; readonly height: number },
): void {
  if (rows > deepest && columns > 0) return;
  throw new InputError({
    file: 'configuration',
    place: 'objectives.cpc.patches',
    expected: `at least ${deepest + 1} rows of patches, so that one lies ${deepest} below another (skip and steps)`,
    found: `${rows} rows of ${columns} patches in views of ${width} x ${height} pixels`,
  });
}
