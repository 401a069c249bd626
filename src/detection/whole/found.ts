import * as tf from '@tensorflow/tfjs-core';
import type { Tracer } from '../../engine/capture.ts';
import { handMade } from '../../engine/hand-made.ts';
import type { Dimension, ModelOutput } from '../../engine/onnx-model.ts';
import type { ScoredBoxes } from './suppress.ts';

/** What a detector finds, by falling score; rows of a score below 0 are none. */
export interface FoundBoxes extends ScoredBoxes {
  /** int32 [n]: the class of each, as its place among the detector's. */
  readonly classes: tf.Tensor;
  /** [n, 4]: left, top, right, bottom in pixels of the picture. */
  readonly imageBoxes: tf.Tensor;
}

/** The axes of what is found. */
export const FOUND_AXES: { readonly [name: string]: readonly Dimension[] } = {
  boxes: ['objects', 7],
  scores: ['objects'],
  classes: ['objects'],
  image_boxes: ['objects', 4],
};

/** The `count` best of boxes, by falling score; of equals the first. */
export function best(found: FoundBoxes, count: number): FoundBoxes {
  const { values, indices } = tf.topk(found.scores as tf.Tensor1D, Math.min(count, found.scores.size));
  const rows = (x: tf.Tensor) => tf.gather(x, indices);
  return {
    boxes: rows(found.boxes),
    scores: values,
    classes: rows(found.classes),
    imageBoxes: rows(found.imageBoxes),
  };
}

/** What is found as the outputs of a file, with as many rows as there are objects: `boxes`, `scores`, `classes` (int64), `image_boxes`. */
export function foundOutputs({ graph, asValue }: Tracer, found: FoundBoxes): ModelOutput[] {
  const { rowsWhere, atLeast, cast } = handMade(graph);
  const scores = asValue(found.scores);
  const isFound = atLeast(scores, 0);
  const values = {
    boxes: asValue(found.boxes),
    scores,
    classes: cast(asValue(found.classes), 'int64'),
    image_boxes: asValue(found.imageBoxes),
  };
  return Object.entries(values).map(([name, value]) => ({ name, value: rowsWhere(value, isFound) }));
}
