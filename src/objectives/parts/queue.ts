import * as tf from '@tensorflow/tfjs-core';
import { float32, type HostTensor } from '../../engine/host-tensor.ts';
import { InputError } from '../../engine/input-error.ts';
import type { Random } from '../../engine/random.ts';

/** A queue of `size` normally distributed rows of length one: float32 [size, width], the oldest first. */
export function initQueue(
  random: Random,
  { size, width }: { readonly size: number; readonly width: number },
): HostTensor {
  const data = new Float32Array(size * width);
  for (let row = 0; row < size; row++) {
    let sum = 0;
    for (let i = row * width; i < (row + 1) * width; i++) {
      data[i] = random.normal();
      sum += data[i] ** 2;
    }
    for (let i = row * width; i < (row + 1) * width; i++) data[i] /= Math.sqrt(sum);
  }
  return float32(data, [size, width]);
}

/** The queue [K, D] with rows [N, D] at its end, and as many of the oldest gone. N is at most K. */
export function enqueued(queue: tf.Tensor, rows: tf.Tensor): tf.Tensor {
  const [size, width] = queue.shape as [number, number];
  const [count] = rows.shape as [number];
  if (count === size) return rows;
  return tf.concat([tf.slice(queue, [count, 0], [size - count, width]), rows], 0);
}

/** A queue in which nothing has been put yet: zeros, float32 [size, width]. */
export function emptyQueue({ size, width }: { readonly size: number; readonly width: number }): HostTensor {
  return float32(new Float32Array(size * width), [size, width]);
}

/** 1 where a queue that began empty has a row of length one in its oldest place, so in every place; 0 before. */
export function isFull(queue: tf.Tensor): tf.Scalar {
  const [, width] = queue.shape as [number, number];
  const oldest = tf.slice(queue, [0, 0], [1, width]);
  return tf.step(tf.sub(tf.sum(tf.square(oldest)), 0.5)) as tf.Scalar;
}

/** Throws an InputError where a queue does not take a whole number of batches; `place` is its option. */
export function requireWholeBatches(size: number, batchSize: number, place: string): void {
  if (size % batchSize === 0) return;
  const expected = `a multiple of the batch, ${batchSize}`;
  throw new InputError({ file: 'configuration', place, expected, found: `${size}` });
}
