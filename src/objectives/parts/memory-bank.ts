import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../engine/host-tensor.ts';
import type { Random } from '../../engine/random.ts';
import { uniform } from '../../nn/initializers.ts';
import { l2Normalize } from '../../nn/l2-normalize.ts';

/** A bank of one row a picture, float32 [rows, width], uniform in ±√(3/width): rows are about 1 long, but not of length one. */
export function initBank(
  random: Random,
  { rows, width }: { readonly rows: number; readonly width: number },
): HostTensor {
  return uniform(random, [rows, width], Math.sqrt(3 / width));
}

/** The products of rows x [B, D] with the rows of the bank [N, D] that `rows` int32 [B, C] names: [B, C]. */
export function bankProducts(bank: tf.Tensor, x: tf.Tensor, rows: tf.Tensor): tf.Tensor {
  const [count, width] = x.shape as [number, number];
  const named = tf.gather(bank, rows); // [B, C, D]
  return tf.reshape(tf.matMul(named, tf.reshape(x, [count, width, 1])), rows.shape as [number, number]);
}

/**
 * The bank [N, D] after a batch: for `values` [B, D] and their numbers `index` int32 [B], row index[b] becomes
 * momentum·row + (1 - momentum)·values[b], L2-normalised. Of values with the same number the last one counts, as where two
 * epochs meet in a batch. All other rows stay as they are, bit for bit.
 */
export function bankAfter(
  bank: tf.Tensor,
  { values, index }: { readonly values: tf.Tensor; readonly index: tf.Tensor },
  momentum: number,
): tf.Tensor {
  const [size, width] = bank.shape as [number, number];
  const [count] = index.shape as [number];
  const before = tf.gather(bank, index);
  const moved = l2Normalize(tf.add(tf.mul(before, momentum), tf.mul(values, 1 - momentum))); // [B, D]
  const counts = tf.cast(isLast(index), 'float32'); // [B, 1]
  // Each number has one row that counts, so that a sum of rows is that row.
  const sums = tf.unsortedSegmentSum(
    tf.mul(tf.concat([moved, tf.ones([count, 1])], 1), counts),
    index as tf.Tensor1D,
    size,
  );
  const replaced = tf.slice(sums, [0, width], [size, 1]); // 1 where there is a new row, else 0
  return tf.add(tf.mul(bank, tf.sub(1, replaced)), tf.slice(sums, [0, 0], [size, width]));
}

/** Whether no later entry of `index` [B] is the same number: bool [B, 1]. */
function isLast(index: tf.Tensor): tf.Tensor {
  const [count] = index.shape as [number];
  const across = (vector: tf.Tensor) => tf.reshape(vector, [1, count]);
  const down = (vector: tf.Tensor) => tf.reshape(vector, [count, 1]);
  const place = tf.range(0, count, 1, 'int32');
  const repeats = tf.logicalAnd(tf.equal(down(index), across(index)), tf.less(down(place), across(place)));
  return tf.logicalNot(tf.any(repeats, 1, true));
}
