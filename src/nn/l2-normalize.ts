import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom-gradient.ts';

/**
 * Rows [R, C] of length one: x/max(‖x‖, 1e-12), as PyTorch's F.normalize; a row of zeros stays one.
 * The gradient, (dy − y·⟨dy, y⟩)/‖x‖, is finite there too.
 *
 * @example
 * import '@tensorflow/tfjs-backend-cpu';
 * l2Normalize(tf.tensor2d([[3, 4], [0, 0]])).arraySync(); // [[0.6, 0.8], [0, 0]]
 */
export function l2Normalize(x: tf.Tensor): tf.Tensor {
  return withGradient(
    [x],
    () => {
      const norm = tf.sqrt(tf.sum(tf.square(x), 1, true));
      const divisor = tf.maximum(norm, 1e-12);
      const y = tf.div(x, divisor);
      // 0 where the divisor is the constant, which then has no gradient of its own.
      return { value: y, saved: [y, divisor, tf.step(tf.sub(norm, 1e-12))] };
    },
    (dy, [y, divisor, moves]) => {
      const along = tf.mul(tf.sum(tf.mul(dy, y), 1, true), moves);
      return [tf.div(tf.sub(dy, tf.mul(y, along)), divisor)];
    },
  );
}
