import * as tf from '@tensorflow/tfjs-core';
import type { Tracer } from '../../engine/capture.ts';
import { meanSizeOf } from '../../geometry/mean-sizes.ts';
import type { PointDetectorConfig } from '../point-config.ts';
import type { PointPredictions } from '../point-head.ts';
import { best, type FoundBoxes } from './found.ts';
import { seenBoxes } from './seen-boxes.ts';
import { suppressed } from './suppress.ts';
import { likeliestHeading } from './wrapped.ts';

/** `decodePoints` in tensors: `candidates` [R, 3], the `ground` under them [R, 1] where boxes are measured from it. */
export function pointBoxes(
  tracer: Tracer,
  predictions: PointPredictions,
  options: {
    readonly config: PointDetectorConfig;
    readonly candidates: tf.Tensor;
    readonly ground?: tf.Tensor;
    readonly pixelFromLidar: tf.Tensor;
    readonly imageSize: tf.Tensor;
  },
): FoundBoxes {
  const { config, pixelFromLidar, imageSize } = options;
  const sure = tf.mul(tf.sigmoid(predictions.classes), tf.sqrt(tf.sigmoid(predictions.quality))); // [R, K]
  const each = config.classes.map((name, k) => {
    const own = tf.reshape(tf.slice(sure, [0, k], [sure.shape[0] as number, 1]), [-1]);
    const none = tf.fill(own.shape, -1);
    const scores = tf.where(tf.greaterEqual(own, config.scoreThreshold), own, none);
    return suppressed(tracer, { boxes: boxesOf(name, predictions, options), scores }, config);
  });
  const boxes = tf.concat(
    each.map((found) => found.boxes),
    0,
  );
  const scores = tf.concat(
    each.map((found) => found.scores),
    0,
  ) as tf.Tensor1D;
  const classes = tf.concat(
    each.map((found, k) => tf.fill([found.scores.size], k, 'int32')),
    0,
  );
  const { boxes: imageBoxes, seen } = seenBoxes(boxes, pixelFromLidar, imageSize);
  const shown = tf.where(seen, scores, tf.fill(scores.shape, -1)) as tf.Tensor1D;
  return best({ boxes, scores: shown, classes, imageBoxes }, config.maxDetections);
}

/** The boxes of all candidates as if they were of one class: [R, 7]. */
function boxesOf(
  name: string,
  { offset, logSize, headingBin, headingResidual }: PointPredictions,
  { candidates, ground }: { readonly candidates: tf.Tensor; readonly ground?: tf.Tensor },
): tf.Tensor {
  const size = tf.mul(tf.exp(tf.clipByValue(logSize, -3, 3)), tf.tensor2d([...meanSizeOf(name)], [1, 3]));
  const center = tf.add(candidates, offset);
  const yaw = likeliestHeading(headingBin, headingResidual);
  if (ground === undefined) return tf.concat([center, size, yaw], 1);
  const [flat] = tf.split(center, [2, 1], 1);
  const [, above] = tf.split(offset, [2, 1], 1);
  const [, height] = tf.split(size, [2, 1], 1);
  return tf.concat([flat, tf.add(tf.add(ground, above), tf.div(height, 2)), size, yaw], 1);
}
