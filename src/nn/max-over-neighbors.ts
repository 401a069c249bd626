import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom-gradient.ts';

/**
 * The maximum over each group of `neighbors` successive rows, channel by channel: [M·neighbors, C] to [M, C].
 * The gradient is split evenly among ties, so that a neighbour which fills several slots gets it once in all.
 */
export function maxOverNeighbors(x: tf.Tensor, neighbors: number): tf.Tensor {
  const [rows, channels] = x.shape;
  if (rows % neighbors !== 0) throw new Error(`${rows} rows are no whole number of groups of ${neighbors}`);
  const groups = rows / neighbors;
  return withGradient(
    [x],
    () => {
      const grouped = tf.reshape(x, [groups, neighbors, channels]);
      const highest = tf.max(grouped, 1, true);
      return { value: tf.reshape(highest, [groups, channels]), saved: [grouped, highest] };
    },
    (dy, [grouped, highest]) => {
      const ties = tf.cast(tf.equal(grouped, highest), 'float32');
      const share = tf.div(tf.reshape(dy, [groups, 1, channels]), tf.sum(ties, 1, true));
      return [tf.reshape(tf.mul(ties, share), [rows, channels])];
    },
  );
}
