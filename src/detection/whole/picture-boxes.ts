import * as tf from '@tensorflow/tfjs-core';
import { meanSizeOf } from '../../geometry/mean-sizes.ts';
import { gatherRows } from '../../pointcloud/grouping.ts';
import { type CenterGrid, SIDE_UNIT } from '../center-targets.ts';
import type { Image3dConfig } from '../image3d-config.ts';
import { DEPTH_UNIT, gridOf, LEAST_LOG_DEVIATION } from '../image3d-sample.ts';
import { softplus } from '../losses.ts';
import { best, type FoundBoxes } from './found.ts';
import { likeliestHeading, wrapped } from './wrapped.ts';

/** What no logit is as low as. */
const NONE = -1e30;

/** The camera of a canvas, and how it lies in its picture: x' = scale·x + offset, [x, y] each. */
export interface CanvasCamera {
  /** [3, 4]: pixels of the canvas from the camera's frame. */
  readonly canvasFromCamera: tf.Tensor;
  readonly scale: readonly tf.Tensor[];
  readonly offset: readonly tf.Tensor[];
  /** Of the picture, pixels. */
  readonly size: readonly tf.Tensor[];
}

/**
 * `decodeImage3d` in tensors, of one picture: `peaks` [H·W, K] and the features [H·W, C] of cells, of which `say` says something.
 * Boxes are rows of x, y, z of the bottom's centre, length, height, width, rotation_y in the camera's frame.
 */
export function pictureBoxes(
  { peaks, features }: { readonly peaks: tf.Tensor; readonly features: tf.Tensor },
  say: (features: tf.Tensor) => { readonly [name: string]: tf.Tensor },
  { config, camera }: { readonly config: Image3dConfig; readonly camera: CanvasCamera },
): FoundBoxes {
  const grid = gridOf(config);
  const { length: kinds } = config.classes;
  const only = highest(peaks, grid, Math.log(config.scoreThreshold / (1 - config.scoreThreshold)));
  const { values, indices } = tf.topk(only, Math.min(config.maxDetections, only.size));
  const [cells, classes] = divided(indices, kinds);
  const said = say(gatherRows(features, cells));
  const [row, column] = divided(cells, grid.width);
  const [x, y] = [column, row].map((place) => tf.reshape(tf.cast(place, 'float32'), [-1, 1])); // [n, 1]
  const boxes = boxesInSpace({ x, y, classes }, said, { config, camera });
  const deviation = tf.exp(tf.add(LEAST_LOG_DEVIATION, softplus(aboveFloor(said.depthLogDeviation))));
  // Logarithms of scores: those of very unsure depths would all be 0.
  const sure = tf.neg(tf.add(softplus(tf.neg(values)), tf.reshape(deviation, [-1])));
  const scores = tf.where(tf.greater(values, NONE), sure, tf.fill(values.shape, NONE));
  const imageBoxes = boxesInPicture({ x, y }, said.sides, { grid, camera });
  const found = best({ boxes, scores, classes, imageBoxes }, scores.size);
  const isNone = tf.lessEqual(found.scores, NONE);
  return { ...found, scores: tf.where(isNone, tf.fill(values.shape, -1), tf.exp(found.scores)) };
}

/** Whole numbers divided by another: quotients, and what is left. */
function divided(numbers: tf.Tensor, by: number): [quotients: tf.Tensor, rest: tf.Tensor] {
  const divisor = tf.scalar(by, 'int32');
  const quotients = tf.floorDiv(numbers, divisor);
  return [quotients, tf.sub(numbers, tf.mul(quotients, divisor))];
}

/** The logits [H·W·K] of cells that are the highest of the 3x3 around them and at least `least`; of equals the first. */
function highest(logits: tf.Tensor, { width, height }: CenterGrid, least: number): tf.Tensor1D {
  const kinds = logits.shape[1] as number;
  const map = tf.reshape(logits, [height, width, kinds]) as tf.Tensor3D;
  const around = tf.pad(
    map,
    [
      [1, 1],
      [1, 1],
      [0, 0],
    ],
    NONE,
  );
  let isPeak = tf.greaterEqual(map, least);
  for (let place = 0; place < 9; place++) {
    const other = tf.slice(around, [Math.floor(place / 3), place % 3, 0], [height, width, kinds]);
    if (place < 4) isPeak = tf.logicalAnd(isPeak, tf.greater(map, other));
    if (place > 4) isPeak = tf.logicalAnd(isPeak, tf.greaterEqual(map, other));
  }
  return tf.reshape(tf.where(isPeak, map, tf.fill(map.shape, NONE)), [-1]);
}

/** How far a logarithm of a deviation lies above its soft floor, held as in `decodeImage3d`. */
function aboveFloor(said: tf.Tensor): tf.Tensor {
  return tf.minimum(tf.sub(tf.clipByValue(said, -20, 20), LEAST_LOG_DEVIATION), 20);
}

function boxesInSpace(
  at: { readonly x: tf.Tensor; readonly y: tf.Tensor; readonly classes: tf.Tensor },
  said: { readonly [name: string]: tf.Tensor },
  { config, camera }: { readonly config: Image3dConfig; readonly camera: CanvasCamera },
): tf.Tensor {
  const { stride } = gridOf(config);
  const means = tf.tensor2d(config.classes.map((name) => [...meanSizeOf(name)]));
  const size = tf.mul(tf.exp(tf.clipByValue(said.logSize, -3, 3)), gatherRows(means, at.classes));
  const [length, width, height] = tf.split(size, 3, 1); // [n, 1]
  const [right, down, ahead] = tf.split(camera.canvasFromCamera, 3, 0).map((row) => tf.split(row, 4, 1)); // [1, 1] each
  const z = tf.mul(tf.exp(tf.clipByValue(said.depth, -6, 6)), tf.div(right[0], DEPTH_UNIT));
  const [offsetX, offsetY] = tf.split(said.offset, 2, 1);
  const [u, v] = [tf.add(at.x, offsetX), tf.add(at.y, offsetY)].map((cell) => toPixels(cell, stride));
  // From u·(P₂₂·z + P₂₃) = P₀₀·x + P₀₂·z + P₀₃; the differences first, so that little is lost.
  const away = (pixel: tf.Tensor, row: readonly tf.Tensor[], own: number) =>
    tf.div(
      tf.add(tf.mul(tf.sub(tf.mul(pixel, ahead[2]), row[2]), z), tf.sub(tf.mul(pixel, ahead[3]), row[3])),
      row[own],
    );
  const [x, y] = [away(u, right, 0), away(v, down, 1)];
  const alpha = likeliestHeading(said.headingBin, said.headingResidual);
  // z is above 0.
  const rotation = wrapped(tf.add(alpha, tf.atan(tf.div(x, z))));
  return tf.concat([x, tf.add(y, tf.div(height, 2)), z, length, height, width, rotation], 1);
}

/** Sides around peaks, in pixels of the picture and cut to it: [n, 4]. */
function boxesInPicture(
  { x, y }: { readonly x: tf.Tensor; readonly y: tf.Tensor },
  sides: tf.Tensor,
  { grid, camera }: { readonly grid: CenterGrid; readonly camera: CanvasCamera },
): tf.Tensor {
  const [left, top, right, bottom] = tf.split(sides, 4, 1).map((side) => tf.mul(side, SIDE_UNIT));
  const inPicture = (cell: tf.Tensor, axis: 0 | 1) => {
    const pixel = tf.div(tf.sub(toPixels(cell, grid.stride), camera.offset[axis]), camera.scale[axis]);
    return tf.maximum(tf.minimum(pixel, tf.sub(camera.size[axis], 1)), 0);
  };
  const [x1, x2] = [inPicture(tf.sub(x, left), 0), inPicture(tf.add(x, right), 0)];
  const [y1, y2] = [inPicture(tf.sub(y, top), 1), inPicture(tf.add(y, bottom), 1)];
  return tf.concat([tf.minimum(x1, x2), tf.minimum(y1, y2), tf.maximum(x1, x2), tf.maximum(y1, y2)], 1);
}

/** Places of a map in pixels of the canvas, as `toPixels` of centre targets has them. */
function toPixels(cell: tf.Tensor, stride: number): tf.Tensor {
  return tf.sub(tf.mul(tf.add(cell, 0.5), stride), 0.5);
}
