import * as tf from '@tensorflow/tfjs-core';

/** The angles of the same directions in [-π, π), radians, as `wrapAngle` has them. */
export function wrapped(angles: tf.Tensor): tf.Tensor {
  const turns = tf.floor(tf.div(tf.add(angles, Math.PI), 2 * Math.PI));
  return tf.sub(angles, tf.mul(turns, 2 * Math.PI));
}

/** The headings of the likeliest bins from logits and residuals [R, bins], as `headingOf` has them: [R, 1]. */
export function likeliestHeading(logits: tf.Tensor, residuals: tf.Tensor): tf.Tensor {
  const bins = logits.shape[1] as number;
  const width = (2 * Math.PI) / bins;
  const best = tf.argMax(logits, 1);
  const within = tf.sum(tf.mul(residuals, tf.cast(tf.oneHot(best, bins), 'float32')), 1, true);
  const middle = tf.mul(tf.reshape(tf.cast(best, 'float32'), [-1, 1]), width);
  return wrapped(tf.add(middle, tf.mul(within, width / 2)));
}
