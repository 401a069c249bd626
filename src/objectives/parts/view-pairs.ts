import * as tf from '@tensorflow/tfjs-core';
import { gatherRows, rankNumber, ranks } from '../../engine/ranks/collectives.ts';

/** Added to a row's product with itself, after which nothing is left of it in a softmax. */
const ITSELF = -1e9;

/**
 * rows·columnsᵀ/τ of [2N, D] each, the first N being first views and the others second views of the same pictures in the
 * same order: [2N, 2N], with nothing for a row itself; and the column of each row's partner, int32 [2N]. Over R ranks rows are a
 * rank's own, and columns those of all: [2N, R·2N].
 */
export function pairLogits(
  rows: tf.Tensor,
  columns: tf.Tensor,
  temperature: number,
): { readonly logits: tf.Tensor; readonly partners: tf.Tensor } {
  const [count] = rows.shape as [number];
  const all = gatherRows(columns);
  const products = tf.div(tf.matMul(rows, all, false, true), temperature);
  const half = count / 2;
  const partners = tf.concat([tf.range(half, count, 1, 'int32'), tf.range(0, half, 1, 'int32')]);
  if (ranks() === 1) return { logits: tf.add(products, tf.mul(tf.eye(count), ITSELF)), partners };
  const first = tf.mul(rankNumber(), tf.scalar(count, 'int32'));
  const own = tf.oneHot(tf.add(tf.range(0, count, 1, 'int32'), first), count * ranks(), 1, 0, 'float32');
  return { logits: tf.add(products, tf.mul(own, ITSELF)), partners: tf.add(partners, first) };
}
