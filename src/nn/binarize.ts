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
    () => {
      const turned = tf.neg(x);
      // The way back needs the size alone, and what the sign is made of is in memory already.
      return { value: signOfTurned(turned), saved: [turned] };
    },
    (dy, [turned]) => [tf.mul(dy, tf.relu(tf.sub(2, tf.mul(tf.abs(turned), 2))))],
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
      return { value: tf.mul(signOfTurned(tf.neg(weight)), scale), saved: [weight] };
    },
    (dy, [weight]) => [tf.mul(dy, tf.sub(1, tf.step(tf.sub(tf.abs(weight), 1))))],
  );
}

/** The sign of -x: 1 less twice whether x is above 0. Exact, and never 0 as tfjs's own sign of 0 is. */
function signOfTurned(x: tf.Tensor): tf.Tensor {
  return tf.sub(1, tf.mul(tf.step(x), 2));
}
