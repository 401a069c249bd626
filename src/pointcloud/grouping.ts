import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from '../nn/custom-gradient.ts';

/**
 * The neighbour tables of one set abstraction over the stacked points of a batch: rows of the level before.
 * They are made with the batch (sampling, ball query), so a network only gathers.
 */
export interface GroupingTables {
  /** int32 [B·M]: the points that stay. */
  readonly centers: tf.Tensor;
  /** For each scale int32 [B·M·K], the K neighbours of each centre one after the other. */
  readonly neighbors: readonly tf.Tensor[];
}

/** Rows of x [R, C] by index, int32 [S], to [S, C]; the gradient adds up where a row was taken several times. */
export function gatherRows(x: tf.Tensor, indices: tf.Tensor): tf.Tensor {
  const rows = x.shape[0];
  return withGradient(
    [x],
    () => ({ value: tf.gather(x, indices as tf.Tensor1D), saved: [indices] }),
    (dy, [indices]) => [tf.unsortedSegmentSum(dy, indices as tf.Tensor1D, rows as number)],
  );
}

/** The number of neighbours a centre has in a table. Throws where it is not a whole number. */
export function neighborsPerCenter(neighbors: tf.Tensor, centers: tf.Tensor): number {
  const count = neighbors.size / centers.size;
  if (!Number.isInteger(count) || count < 1) {
    throw new Error(`${neighbors.size} neighbours cannot be shared out among ${centers.size} centres`);
  }
  return count;
}

/** Where each neighbour lies as seen from its centre: coordinates [R, 3] to [M·K, 3]. No gradient flows to `xyz`. */
export function relativeCoordinates(xyz: tf.Tensor, neighbors: tf.Tensor, centers: tf.Tensor): tf.Tensor {
  const count = neighborsPerCenter(neighbors, centers);
  const around = tf.reshape(gatherRows(xyz, neighbors), [centers.size, count, 3]);
  const middle = tf.reshape(gatherRows(xyz, centers), [centers.size, 1, 3]);
  return tf.reshape(tf.sub(around, middle), [centers.size * count, 3]);
}
