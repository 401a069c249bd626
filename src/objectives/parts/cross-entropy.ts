import * as tf from '@tensorflow/tfjs-core';
import { stopGradient } from '../../nn/stop-gradient.ts';

/** log softmax of rows [R, C], from the highest of each row. */
export function logSoftmax(logits: tf.Tensor): tf.Tensor {
  const shifted = tf.sub(logits, tf.max(stopGradient(logits), 1, true));
  return tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), 1, true)));
}

/** The mean over rows [R, C] of -Σ target·log softmax(logits). Gradient flows to the logits alone. */
export function softCrossEntropy(logits: tf.Tensor, target: tf.Tensor): tf.Scalar {
  const [rows] = logits.shape;
  return tf.div(tf.sum(tf.mul(stopGradient(target), logSoftmax(logits))), -rows) as tf.Scalar;
}

/** The cross-entropy of a teacher's softmax and a student's, from logits [R, C] each. Gradient flows to the student's alone. */
export function distillation(student: tf.Tensor, teacher: tf.Tensor): tf.Scalar {
  return softCrossEntropy(student, tf.softmax(stopGradient(teacher)));
}

/** The mean over rows [R, C] of -log softmax(logits) in the first column, where the right answer stands. */
export function firstCrossEntropy(logits: tf.Tensor): tf.Scalar {
  const [rows] = logits.shape;
  return tf.div(tf.sum(tf.slice(logSoftmax(logits), [0, 0], [rows, 1])), -rows) as tf.Scalar;
}

/** The mean over rows [R, C] of -log softmax(logits) at each row's label, int32 [R]. */
export function labelCrossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Scalar {
  const [, columns] = logits.shape as [number, number];
  return softCrossEntropy(logits, tf.cast(tf.oneHot(labels, columns), 'float32'));
}

/** How often the first column is the highest of its row; a tie is a miss, as of a network that says the same of all. */
export function firstIsHighest(logits: tf.Tensor): tf.Scalar {
  const [rows, columns] = logits.shape as [number, number];
  const first = tf.slice(logits, [0, 0], [rows, 1]);
  const others = tf.max(tf.slice(logits, [0, 1], [rows, columns - 1]), 1, true);
  return tf.mean(tf.cast(tf.greater(first, tf.add(others, 1e-4)), 'float32'));
}

/** How often a row's highest column is that of its label, int32 [R]; a tie is a miss. */
export function labelIsHighest(logits: tf.Tensor, labels: tf.Tensor): tf.Scalar {
  const [, columns] = logits.shape as [number, number];
  const right = tf.cast(tf.oneHot(labels, columns), 'float32');
  const first = tf.sum(tf.mul(logits, right), 1, true);
  return firstIsHighest(tf.concat([first, tf.sub(logits, tf.mul(right, 1e9))], 1));
}

/** The mean over rows of probabilities [R, C] of -Σ p·ln p, without gradient; ln C where all are alike. */
export function entropyOf(probabilities: tf.Tensor): tf.Scalar {
  const p = stopGradient(probabilities);
  const [rows] = p.shape;
  return tf.div(tf.sum(tf.mul(p, tf.log(tf.maximum(p, 1e-30)))), -rows) as tf.Scalar;
}
