import * as tf from '@tensorflow/tfjs-core';
import { chain, initializeAll, linearNet, type Net, normNet, reluNet, running } from '../../encoders/net.ts';
import type { BatchNormOptions } from '../../nn/batch-norm.ts';
import { l2Normalize } from '../../nn/l2-normalize.ts';
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
  /** τ, which divides the similarities of places. */
  readonly temperature: number;
  readonly batchNorm: Pick<BatchNormOptions, 'eps' | 'momentum'>;
}

/** Larger than any logit. */
const FAR = 1e9;

/**
 * A head on feature maps [n·B, C, H, W], all that come first first: logits [B, n, n], at [b, i, j] that frame j of clip b comes
 * right after frame i. A frame is the unordered set of its places: each a row of length one, by a linear layer and a batch norm
 * (without which all places are much alike at first), and where it lies (-1 to 1 each way). Each place of i looks for itself
 * among the places of j, by the softmax of x·y/τ; a layer with ReLU sees its row, the row that it found, where it lies, and how
 * far from there the other lies. The mean over places gives the logit, by a batch norm over all pairs and a linear layer. Every
 * pair of frames is treated alike, so that the order in which they come says nothing. The diagonal has no meaning.
 */
export function transitionHead({
  inputs,
  dimensions,
  hidden,
  frames,
  temperature,
  batchNorm,
}: TransitionOptions): Net {
  const place = chain(
    linearNet({ inputs, outputs: dimensions, bias: false }),
    normNet(dimensions, batchNorm),
  );
  const compare = chain(linearNet({ inputs: 2 * dimensions + 4, outputs: hidden }), reluNet);
  const logit = chain(normNet(hidden, batchNorm), linearNet({ inputs: hidden, outputs: 1 }));
  return {
    initialize: (random) => initializeAll(random, { place, compare, logit }),
    apply: (params, stats, maps, mode) => {
      const net = running({ params, stats }, mode);
      const [all, channels, height, width] = maps.shape as [number, number, number, number];
      const [places, clips] = [height * width, all / frames];
      const features = tf.reshape(tf.transpose(maps, [0, 2, 3, 1]), [all * places, channels]);
      const rows = l2Normalize(net.of('place', place, features)); // [n·B·S, D]
      // Every frame beside every frame: [n, n, B, S·D], the first axis who is asked, the second who may follow.
      const set = places * dimensions;
      const asked = tf.tile(tf.reshape(rows, [frames, 1, clips, set]), [1, frames, 1, 1]);
      const offered = tf.tile(tf.reshape(rows, [1, frames, clips, set]), [frames, 1, 1, 1]);
      const pairs = frames * frames * clips;
      const x = tf.reshape(asked, [pairs, places, dimensions]) as tf.Tensor3D;
      const y = tf.reshape(offered, [pairs, places, dimensions]) as tf.Tensor3D;
      const found = tf.softmax(tf.div(tf.matMul(x, y, false, true), temperature)); // [n·n·B, S, S]
      const where = tf.tile(tf.reshape(placesOf(height, width), [1, places, 2]), [
        pairs,
        1,
        1,
      ]) as tf.Tensor3D;
      const moved = tf.sub(tf.matMul(found, where), where); // [n·n·B, S, 2]
      const seen = tf.concat([x, tf.matMul(found, y), where, moved], 2); // [n·n·B, S, 2D + 4]
      const compared = net.of('compare', compare, tf.reshape(seen, [pairs * places, 2 * dimensions + 4]));
      const mean = tf.mean(tf.reshape(compared, [pairs, places, hidden]), 1); // [n·n·B, hidden]
      const logits = tf.reshape(net.of('logit', logit, mean), [frames, frames, clips]);
      return { y: tf.transpose(logits, [2, 0, 1]), stats: net.stats };
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
