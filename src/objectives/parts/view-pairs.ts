import * as tf from '@tensorflow/tfjs-core';
import { firstOwnRow, gatherRows, ownIdentity, ranks } from '../../engine/ranks/collectives.ts';

/** Added to a row's product with itself, after which nothing is left of it in a softmax. */
const ITSELF = -1e9;

/** Which columns a row is compared with. */
interface Pairs {
  /** With nothing for a row itself. */
  readonly logits: tf.Tensor;
  /** The column of each row's partner, int32 [2N]. */
  readonly partners: tf.Tensor;
  /** 1 where a column is the row itself, of the shape of the logits. */
  readonly itself: tf.Tensor;
}

/**
 * rows·columnsᵀ/τ of [2N, D] each, the first N being first views and the others second views of the same pictures in the
 * same order: [2N, 2N]. Over R ranks rows are a rank's own, and columns those of all: [2N, R·2N].
 */
export function pairLogits(rows: tf.Tensor, columns: tf.Tensor, temperature: number): Pairs {
  const [count] = rows.shape as [number];
  const all = gatherRows(columns);
  const products = tf.div(tf.matMul(rows, all, false, true), temperature);
  const half = count / 2;
  const partners = tf.concat([tf.range(half, count, 1, 'int32'), tf.range(0, half, 1, 'int32')]);
  const itself = ownIdentity(count);
  return {
    logits: tf.add(products, tf.mul(itself, ITSELF)),
    partners: ranks() === 1 ? partners : tf.add(partners, firstOwnRow(count)),
    itself,
  };
}
