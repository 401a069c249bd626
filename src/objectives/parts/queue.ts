import * as tf from '@tensorflow/tfjs-core';
import { float32, type HostTensor } from '../../engine/host-tensor.ts';
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
