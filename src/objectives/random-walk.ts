import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { imageEncoderChannels } from '../encoders/encoder-config.ts';
import { imageEncoderNet } from '../encoders/encoders.ts';
import { initializeAll, linearNet, running } from '../encoders/net.ts';
import { float32 } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import { ownRows } from '../engine/ranks/collectives.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { driveRun, driveView, pictureClip } from './drive-run.ts';
import { imageEncoderOf, oneViewSchema } from './image-run.ts';
import { type Given, type Objective, system } from './objective.ts';
import { labelIsHighest } from './parts/cross-entropy.ts';
import { gridOf, patchesOf } from './parts/patch-grid.ts';
import { spreadOf } from './parts/spread.ts';

const whole = z.int().positive();

const { jitter, grey } = driveView;

const schema = z.strictObject({
  /** How each picture is drawn, by itself. */
  view: oneViewSchema,
  clip: z.strictObject({ frames: z.int().min(2), gapS: z.number().positive() }),
  /** The patches of a picture that are the walk's nodes, pixels. */
  patches: z.strictObject({ size: whole, stride: whole }),
  /** The width of what is compared. */
  dimensions: whole,
  temperature: z.number().positive(),
  /** The probability that a step from one node to another is cut off. */
  edgeDropout: z.number().min(0).max(0.99),
  /** The steps there of the shortest walk; the longest has one less than there are pictures. */
  shortest: whole,
});

type RandomWalkConfig = z.infer<typeof schema>;

/**
 * Contrastive random walk: from each patch of the first picture a walk goes from picture to picture, to patches that look alike, and
 * back the same way. Loss: -log of the probability that it ends where it began, a mean over walks of all lengths. Nodes are
 * patches that go through the encoder one by one, as in the paper: cells of a map know their place from the padding, and a
 * walk along places ends where it began whatever is seen, even where every picture has a crop of its own (Tang et al. 2021,
 * arXiv 2105.05838). Each picture has a crop of its own, a patch none.
 */
export const randomWalk = system<RandomWalkConfig>({
  name: 'random-walk',
  citation:
    'Jabri et al., Space-Time Correspondence as a Contrastive Random Walk, NeurIPS 2020, arXiv 2006.14613',
  summary: 'Walks from patch to patch along the pictures of a drive and back, to end where it began.',
  needs: ['image'],
  ranks: { batchNorm: 'synchronised' },
  schema,
  options: {
    'clip.frames': { means: 'pictures from one end of the walk to the other', paper: '?', code: '4' },
    'clip.gapS': { means: 'seconds from one picture to the next', paper: '?' },
    'patches.size': { means: 'the side of a patch, pixels', paper: '64' },
    'patches.stride': { means: 'pixels from one patch to the next', paper: '32' },
    dimensions: { means: 'the width of what is compared', paper: '?', code: '128' },
    temperature: { means: 'divides the similarities', paper: '?', code: '0.05' },
    edgeDropout: {
      means: 'the probability that a step from one node to another is cut off',
      paper: '?',
      code: '0.1',
    },
    shortest: { means: 'steps there of the shortest walk, before it turns round', paper: '?', code: '2' },
  },
  gradient: 'All pictures carry a gradient.',
  presets: {
    'random-walk-small': {
      about:
        'Walks along 4 pictures of a drive, 0.2 s apart, over 33 patches of 32 pixels each; about two minutes on two cores.',
      run: driveRun(
        {
          'random-walk': {
            view: { width: 192, height: 64, crop: { area: [0.6, 0.95], aspect: [2.3, 3.9] }, jitter, grey },
            clip: { frames: 4, gapS: 0.2 },
            patches: { size: 32, stride: 16 },
            dimensions: 128,
            temperature: 0.05,
            edgeDropout: 0.1,
            shortest: 2,
          },
        },
        { pictures: true, batchSize: 4, steps: 150 },
      ),
    },
  },
  make,
});

function make(config: RandomWalkConfig, { encoders, batchSize }: Given): Objective {
  const { clip, patches, dimensions, temperature, edgeDropout, shortest } = config;
  const { frames } = clip;
  const image = imageEncoderOf(encoders, 'random-walk');
  const encoder = imageEncoderNet(image);
  const head = linearNet({ inputs: imageEncoderChannels(image), outputs: dimensions });
  const view = pictureClip(config.view, image, clip);
  const grid = gridOf(view.picture, patches);
  const nodes = grid.rows * grid.columns;
  requireWalk(config, view.picture, nodes);
  return {
    views: { clip: view },
    chance: { walk: Math.log(nodes) },
    initialize: (random) => ({ ...initializeAll(random, { head }), memory: {} }),

    // 1 where a step is cut off: each of frames - 1 steps there, then each of those back.
    inputs: ({ random }) => {
      const shape = [2 * (frames - 1), batchSize, nodes, nodes];
      const cut = Float32Array.from({ length: shape.reduce((size, length) => size * length) }, () =>
        random.chance(edgeDropout) ? 1 : 0,
      );
      return { cut: float32(cut, shape) };
    },

    loss: (model, batch, how) => {
      const net = running(model, how);
      const pixels = patchesOf(leafAt(branchAt(batch, 'clip'), 'pixels'), patches); // [nodes·frames·B, S, S, 3]
      const rows = l2Normalize(net.of('head', head, net.of('imageEncoder', encoder, pixels)));
      const byPicture = tf.reshape(rows, [nodes, rows.shape[0] / nodes, dimensions]);
      const pictures = tf.split(tf.transpose(byPicture, [1, 0, 2]), frames, 0); // frames times [B, nodes, D]
      const cut = ownRows(leafAt(how.inputs, 'cut'), 1);
      const returns = returnsOf(pictures, { temperature, cut, shortest });
      return {
        terms: { walk: returnLoss(returns) },
        metrics: { returned: returnedFirst(returns[returns.length - 1]), spread: spreadOf(rows) },
        stats: net.stats,
      };
    },
  };
}

function requireWalk(
  { clip, patches, shortest }: RandomWalkConfig,
  { width, height }: { readonly width: number; readonly height: number },
  nodes: number,
): void {
  const [file, place] = ['configuration', 'objectives.random-walk'];
  if (nodes < 2) {
    const expected = `patches of which two and more lie in a picture of ${width} x ${height}`;
    const found = `${nodes} of ${patches.size} x ${patches.size}, ${patches.stride} apart`;
    throw new InputError({ file, place: `${place}.patches`, expected, found });
  }
  if (shortest >= clip.frames) {
    const expected = `less than the ${clip.frames} pictures of a clip`;
    throw new InputError({ file, place: `${place}.shortest`, expected, found: `${shortest}` });
  }
}

/**
 * The probabilities [B, N, N] that a walk from a node of the first picture ends at each node of it, for walks of `shortest` to
 * T - 1 steps there and as many back. A step goes by the softmax of x·x'/τ over the nodes of the next picture (T times [B, N, D],
 * rows of length one), less those that are cut off: `cut` [2·(T - 1), B, N, N], 1 or 0, the steps there in their order, then those
 * back by the picture to which they lead.
 */
export function returnsOf(
  pictures: readonly tf.Tensor[],
  options: { readonly temperature: number; readonly cut: tf.Tensor; readonly shortest: number },
): tf.Tensor[] {
  const { temperature, cut, shortest } = options;
  const steps = pictures.length - 1;
  const cuts = tf.unstack(cut, 0);
  const step = (from: number, to: number, off: tf.Tensor) => {
    const alike = tf.div(tf.matMul(pictures[from], pictures[to], false, true), temperature);
    return tf.softmax(tf.sub(alike, tf.mul(off, 1e9)));
  };
  const returns: tf.Tensor[] = [];
  let there: tf.Tensor | undefined;
  let back: tf.Tensor | undefined;
  for (let t = 0; t < steps; t++) {
    const [onward, homeward] = [step(t, t + 1, cuts[t]), step(t + 1, t, cuts[steps + t])];
    there = there === undefined ? onward : tf.matMul(there, onward);
    back = back === undefined ? homeward : tf.matMul(homeward, back);
    if (t + 1 >= shortest) returns.push(tf.matMul(there, back));
  }
  return returns;
}

/** What is added to a probability before its logarithm, as released. */
const EPS = 1e-20;

/** The mean of -log of the probabilities of ending where it began, over nodes and over walks [B, N, N] of all lengths. */
export function returnLoss(returns: readonly tf.Tensor[]): tf.Scalar {
  const losses = returns.map((ends) => {
    const [, nodes] = ends.shape as [number, number];
    const home = tf.sum(tf.mul(ends, tf.eye(nodes)), 2); // [B, N]
    return tf.neg(tf.mean(tf.log(tf.add(home, EPS))));
  });
  return tf.div(
    losses.reduce((sum, loss) => tf.add(sum, loss)),
    losses.length,
  ) as tf.Scalar;
}

/** How often the likeliest end of a walk [B, N, N] is where it began; a tie is a miss. */
function returnedFirst(ends: tf.Tensor): tf.Scalar {
  const [clips, nodes] = ends.shape as [number, number];
  const logits = tf.reshape(tf.log(tf.add(ends, EPS)), [clips * nodes, nodes]);
  return labelIsHighest(logits, tf.tile(tf.range(0, nodes, 1, 'int32'), [clips]));
}
