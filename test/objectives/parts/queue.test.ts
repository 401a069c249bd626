import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/engine/random.ts';
import { enqueued, initQueue } from '../../../src/objectives/parts/queue.ts';
import { valuesOf } from '../../nn/tensors.ts';

describe('a queue', () => {
  it('begins with rows of length one', () => {
    const { data, shape } = initQueue(Random.fromSeed(1), { size: 5, width: 3 });
    expect(shape).toEqual([5, 3]);
    for (let i = 0; i < 5; i++) expect(Math.hypot(...data.slice(3 * i, 3 * i + 3))).toBeCloseTo(1, 6);
  });

  it('has the last K keys, the oldest first', () => {
    let queue: tf.Tensor = tf.zeros([6, 1]);
    const found: number[][] = [];
    for (let step = 0; step < 4; step++) {
      queue = enqueued(queue, tf.tensor2d([2 * step + 1, 2 * step + 2], [2, 1]));
      found.push(valuesOf(queue));
    }
    expect(found).toEqual([
      [0, 0, 0, 0, 1, 2],
      [0, 0, 1, 2, 3, 4],
      [1, 2, 3, 4, 5, 6],
      [3, 4, 5, 6, 7, 8],
    ]);
    expect(valuesOf(enqueued(tf.zeros([2, 1]), tf.tensor2d([5, 6], [2, 1])))).toEqual([5, 6]);
  });
});
