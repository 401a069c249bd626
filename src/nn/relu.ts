import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom-gradient.ts';

/** max(x, 0). Its gradient needs the output alone, so that the input need not be held in memory until then. */
export function relu(x: tf.Tensor): tf.Tensor {
  return withGradient(
    [x],
    () => {
      const y = tf.relu(x);
      return { value: y, saved: [y] };
    },
    (dy, [y]) => [tf.mul(dy, tf.step(y))],
  );
}
