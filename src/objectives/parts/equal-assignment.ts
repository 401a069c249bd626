import * as tf from '@tensorflow/tfjs-core';
import { gatherRows, ownRows } from '../../engine/ranks/collectives.ts';
import { stopGradient } from '../../nn/stop-gradient.ts';

/** How samples are assigned to prototypes. */
export interface AssignmentOptions {
  /** How soft: 0.05 is SwAV's. */
  readonly epsilon: number;
  /** Rounds of scaling. */
  readonly iterations: number;
  /** Scores [Q, K] of further samples to assign together with these; they count where `count` is 1, not where it is 0. */
  readonly beside?: { readonly scores: tf.Tensor; readonly count: tf.Scalar };
}

/**
 * What part of each sample belongs to each prototype, so that prototypes are used about alike, from scores [R, K]: exp(scores/ε),
 * in each round its columns scaled to equal sums, and then its rows to sums of one (Sinkhorn and Knopp). Rows sum to one;
 * columns only come near R/K, after three rounds not very near. In logarithms, so that nothing overflows. Carries no gradient.
 * Over ranks the samples of all are assigned together, and each rank gets the parts of its own.
 */
export function equalAssignment(
  scores: tf.Tensor,
  { epsilon, iterations, beside }: AssignmentOptions,
): tf.Tensor {
  const own = gatherRows(stopGradient(scores));
  const [rows, columns] = own.shape as [number, number];
  const all = beside === undefined ? own : tf.concat([own, beside.scores], 0);
  // Added to a logarithm: nothing, or what makes 0 of its exponential.
  const absence = beside === undefined ? 0 : absenceOf(beside, rows);
  let logs = tf.div(stopGradient(all), epsilon);
  for (let round = 0; round < iterations; round++) {
    logs = tf.sub(logs, tf.logSumExp(tf.add(logs, absence), 0, true)); // columns
    logs = tf.sub(logs, tf.logSumExp(logs, 1, true)); // rows
  }
  return ownRows(tf.exp(tf.slice(logs, [0, 0], [rows, columns])));
}

function absenceOf({ scores, count }: NonNullable<AssignmentOptions['beside']>, rows: number): tf.Tensor {
  const [further] = scores.shape;
  return tf.concat([tf.zeros([rows, 1]), tf.mul(tf.fill([further, 1], 1e9), tf.sub(count, 1))], 0);
}
