import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom-gradient.ts';

/**
 * +1 where x ≥ 0, −1 elsewhere: the activations of a binary network. Its gradient is that of two parabolas that lead from −1 to
 * +1 within [−1, 1] (Liu et al. 2018, Bi-Real Net): 2 + 2x below 0, 2 − 2x from 0 on, and exactly 0 outside.
 *
 * @example
 * import '@tensorflow/tfjs-backend-cpu';
 * binarySign(tf.tensor1d([-3, -0.5, 0, 2])).arraySync(); // [-1, -1, 1, 1]
 */
export function binarySign(x: tf.Tensor): tf.Tensor {
  return withGradient(
    [x],
    () => ({ value: signOf(x), saved: [x] }),
    (dy, [x]) => [tf.mul(dy, tf.relu(tf.sub(2, tf.mul(tf.abs(x), 2))))],
  );
}

/**
 * Weights [outputs, inputs, kernel, kernel] as two values for each output: ±mean|w|, with the sign of w, + where it is 0
 * (Rastegari et al. 2016, XNOR-Net). A gradient passes as it comes where |w| ≤ 1, and none elsewhere; the means carry none.
 */
export function binaryWeights(weight: tf.Tensor): tf.Tensor {
  return withGradient(
    [weight],
    () => {
      const scale = tf.mean(tf.abs(weight), [1, 2, 3], true); // [outputs, 1, 1, 1]
      return { value: tf.mul(signOf(weight), scale), saved: [weight] };
    },
    (dy, [weight]) => [tf.mul(dy, tf.sub(1, tf.step(tf.sub(tf.abs(weight), 1))))],
  );
}

/** 1 less twice whether −x is above 0: exact, and never 0 as tfjs's own sign of 0 is. */
function signOf(x: tf.Tensor): tf.Tensor {
  return tf.sub(1, tf.mul(tf.step(tf.neg(x)), 2));
}
