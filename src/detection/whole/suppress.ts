import * as tf from '@tensorflow/tfjs-core';
import type { Tracer } from '../../engine/capture.ts';
import { tensorLoop } from '../../engine/loop.ts';
import type { PointDetectorConfig } from '../point-config.ts';
import { overlapWith } from './overlap.ts';
import { wrapped } from './wrapped.ts';

/** Boxes of one class, and how sure each is: -1 where there is none. */
export interface ScoredBoxes {
  /** [n, 7]: x, y, z of the centre, length, width, height, yaw. */
  readonly boxes: tf.Tensor;
  /** [n]. */
  readonly scores: tf.Tensor;
}

/**
 * `rotatedNonMaximumSuppression` of boxes of one class, and `averageOverlapping` where it is asked for: rounds that each keep the best box that
 * is left, until none is, at most `maxDetections`. Gives as many rows, by falling score.
 */
export function suppressed(
  tracer: Tracer,
  { boxes, scores }: ScoredBoxes,
  { nmsIou, averageIou, maxDetections }: Pick<PointDetectorConfig, 'nmsIou' | 'averageIou' | 'maxDetections'>,
): ScoredBoxes {
  const count = Math.min(maxDetections, scores.size);
  const numbers = tf.range(0, scores.size, 1, 'int32');
  const places = tf.range(0, count, 1, 'int32');
  const [keptBoxes, keptScores] = tensorLoop(tracer, {
    rounds: count,
    carried: [tf.zeros([count, 7]), tf.fill([count], -1), scores],
    given: [boxes, scores, numbers, places],
    body: (round, [sofar, sofarScores, left], [all, ownScores, rows, slots]) => {
      const best = tf.argMax(left);
      const score = tf.gather(left, tf.reshape(best, [1]) as tf.Tensor1D);
      const box = tf.gather(all, tf.reshape(best, [1]) as tf.Tensor1D); // [1, 7]
      const itself = tf.equal(rows, best);
      const overlap = overlapWith(box, all);
      const gone = tf.logicalOr(tf.greater(overlap, nmsIou), itself);
      const after = tf.where(gone, tf.fill([scores.size], -1), left);
      const slot = tf.equal(slots, round);
      const final =
        averageIou === null
          ? box
          : averaged(box, all, {
              weights: tf.mul(
                tf.relu(ownScores),
                tf.cast(tf.logicalOr(tf.greaterEqual(overlap, averageIou), itself), 'float32'),
              ),
            });
      const column = tf.cast(tf.reshape(slot, [count, 1]), 'float32');
      return {
        carried: [
          tf.add(tf.mul(sofar, tf.sub(1, column)), tf.mul(final, column)),
          tf.where(slot, tf.mul(tf.ones([count]), score), sofarScores),
          after,
        ],
        goOn: tf.greaterEqual(tf.max(after), 0),
      };
    },
  });
  return { boxes: keptBoxes, scores: keptScores };
}

/** The mean of boxes [n, 7] by weights [n], as `averageOverlapping` has it: headings as turns from the best one's [1, 7], half turns undone. */
function averaged(
  best: tf.Tensor,
  boxes: tf.Tensor,
  { weights }: { readonly weights: tf.Tensor },
): tf.Tensor {
  const share = tf.reshape(tf.div(weights, tf.sum(weights)), [-1, 1]); // [n, 1]
  const [straight, yaw] = tf.split(boxes, [6, 1], 1);
  const [ownStraight, ownYaw] = tf.split(best, [6, 1], 1);
  // As differences from the best one, so that places far away lose nothing.
  const moved = tf.sum(tf.mul(tf.sub(straight, ownStraight), share), 0, true);
  const apart = wrapped(tf.sub(yaw, ownYaw));
  const turned = tf.where(tf.greater(tf.abs(apart), Math.PI / 2), wrapped(tf.add(apart, Math.PI)), apart);
  const turn = tf.sum(tf.mul(turned, share), 0, true);
  return tf.concat([tf.add(ownStraight, moved), wrapped(tf.add(ownYaw, turn))], 1);
}
