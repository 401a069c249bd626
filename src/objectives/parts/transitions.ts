import * as tf from '@tensorflow/tfjs-core';
import type { Net } from '../../encoders/net.ts';
import { linearNet } from '../../encoders/net.ts';
import { branchAt } from '../../nn/layer.ts';
import { relu } from '../../nn/relu.ts';
import { logSoftmax } from './cross-entropy.ts';

/** What the order of frames means: which comes after which, or only which are neighbours in time. */
export type Direction = 'forward' | 'either';

/** How a head of transitions is made. */
export interface TransitionOptions {
  /** Channels of a feature map. */
  readonly inputs: number;
  /** The width of a place's row. */
  readonly dimensions: number;
  /** The width of the layer that compares two rows. */
  readonly hidden: number;
  /** Frames of a clip, n. */
  readonly frames: number;
}

/** Larger than any logit. */
const FAR = 1e9;

/**
 * A head on feature maps [n·B, C, H, W], all that come first first: logits [B, n, n], at [b, i, j] that frame j of clip b comes
 * right after frame i. A frame is the unordered set of its places: each is a row of its features and of where it lies (-1 to 1
 * each way). Each place of i is put beside what of j looks like it (the softmax over the places of j of x·y/√D), a layer with
 * ReLU compares the two, and the mean over places gives the logit. Every pair of frames is treated alike, so that the order in
 * which they come says nothing. The diagonal has no meaning.
 */
export function transitionHead({ inputs, dimensions, hidden, frames }: TransitionOptions): Net {
  const nets = {
    place: linearNet({ inputs: inputs + 2, outputs: dimensions }),
    compare: linearNet({ inputs: 2 * dimensions, outputs: hidden }),
    logit: linearNet({ inputs: hidden, outputs: 1 }),
  };
  return {
    initialize: (random) => ({
      params: Object.fromEntries(
        Object.entries(nets).map(([name, net]) => [name, net.initialize(random.fork(name)).params]),
      ),
      stats: {},
    }),
    apply: (params, stats, maps, mode) => {
      const layer = (name: keyof typeof nets, x: tf.Tensor) =>
        nets[name].apply(branchAt(params, name), {}, x, mode).y;
      const [all, channels, height, width] = maps.shape as [number, number, number, number];
      const [places, clips] = [height * width, all / frames];
      const features = tf.reshape(tf.transpose(maps, [0, 2, 3, 1]), [all * places, channels]);
      const where = tf.tile(placesOf(height, width), [all, 1]);
      const rows = layer('place', tf.concat([features, where], 1)); // [n·B·S, D]
      // Every frame beside every frame: [n, n, B, S·D], the first axis who is asked, the second who may follow.
      const set = places * dimensions;
      const asked = tf.tile(tf.reshape(rows, [frames, 1, clips, set]), [1, frames, 1, 1]);
      const offered = tf.tile(tf.reshape(rows, [1, frames, clips, set]), [frames, 1, 1, 1]);
      const pairs: [number, number, number] = [frames * frames * clips, places, dimensions];
      const [x, y] = [tf.reshape(asked, pairs), tf.reshape(offered, pairs)];
      const near = tf.softmax(tf.mul(tf.matMul(x, y, false, true), dimensions ** -0.5)); // [n·n·B, S, S]
      const both = tf.concat([x, tf.matMul(near, y)], 2); // [n·n·B, S, 2D]
      const compared = relu(layer('compare', tf.reshape(both, [-1, 2 * dimensions])));
      const mean = tf.mean(tf.reshape(compared, [-1, places, hidden]), 1); // [n·n·B, hidden]
      const logits = tf.reshape(layer('logit', mean), [frames, frames, clips]);
      return { y: tf.transpose(logits, [2, 0, 1]), stats };
    },
  };
}

/** Where the cells of a map lie, rows of x and y from -1 to 1: [H·W, 2]. */
function placesOf(height: number, width: number): tf.Tensor2D {
  const at = (cell: number, cells: number) => (2 * cell + 1) / cells - 1;
  const places = Array.from({ length: height * width }, (_, cell) => [
    at(cell % width, width),
    at(Math.floor(cell / width), height),
  ]);
  return tf.tensor2d(places);
}

/** Places in time int32 [n·B], all that come first first, as [B, n]. */
function timesOf(order: tf.Tensor, frames: number): tf.Tensor {
  return tf.transpose(tf.reshape(order, [frames, order.size / frames]));
}

/** 1 at [b, i, j] where j is right after i (`forward`), or right before or after it (`either`): [B, n, n]. */
function followers(order: tf.Tensor, frames: number, direction: Direction): tf.Tensor {
  const times = timesOf(order, frames);
  const later = tf.sub(tf.expandDims(times, 1), tf.expandDims(times, 2)); // [B, n, n]
  const steps = direction === 'forward' ? later : tf.abs(later);
  return tf.cast(tf.equal(steps, 1), 'float32');
}

/**
 * The cross-entropy of logits [B, n, n] over all other frames, the mean over rows, from the places in time int32 [n·B].
 * `forward`: against the frame right after; the last frame's row does not count. `either`: against its one or two neighbours in
 * time, alike; every row counts. Where nothing is known it is ln(n - 1), and no guess without a look at the frames is better.
 */
export function transitionLoss(logits: tf.Tensor, order: tf.Tensor, direction: Direction): tf.Scalar {
  const [clips, frames] = logits.shape as [number, number, number];
  const right = followers(order, frames, direction);
  const target = direction === 'forward' ? right : tf.div(right, tf.sum(right, 2, true));
  const others = tf.sub(logits, tf.mul(tf.eye(frames), FAR));
  const logs = tf.reshape(logSoftmax(tf.reshape(others, [clips * frames, frames])), [clips, frames, frames]);
  const rows = clips * (direction === 'forward' ? frames - 1 : frames);
  return tf.div(tf.sum(tf.mul(target, logs)), -rows) as tf.Scalar;
}

/**
 * How often the highest logit of a row is that of the frame right after (`forward`, by chance 1/(n - 1)) or of a neighbour
 * (`either`, by chance 2/n), of the rows that `transitionLoss` counts; a tie is a miss.
 */
export function transitionAccuracy(logits: tf.Tensor, order: tf.Tensor, direction: Direction): tf.Scalar {
  const [clips, frames] = logits.shape as [number, number, number];
  const right = followers(order, frames, direction);
  const best = tf.max(tf.sub(logits, tf.mul(tf.sub(1, right), FAR)), 2);
  const others = tf.max(tf.sub(logits, tf.mul(tf.add(right, tf.eye(frames)), FAR)), 2);
  const found = tf.sum(tf.cast(tf.greater(best, tf.add(others, 1e-4)), 'float32'));
  return tf.div(found, clips * (direction === 'forward' ? frames - 1 : frames)) as tf.Scalar;
}
