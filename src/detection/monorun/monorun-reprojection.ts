import * as tf from '@tensorflow/tfjs-core';
import { allReduceMean, allReduceSum } from '../../engine/ranks/collectives.ts';
import { stopGradient } from '../../nn/stop-gradient.ts';
import { weightedSum } from '../losses.ts';
import { COORDINATE_MEAN, COORDINATE_STD } from './monorun-units.ts';

/**
 * MonoRUn's self-supervision (Chen et al., CVPR 2021): a network says of every cell of an object's picture which point of
 * the object it shows, in coordinates normalised by the object's size. No coordinates are given to learn from: put where the label's pose
 * has the object, and projected, each point has to fall on its own cell.
 */

/** Nothing is projected from nearer than this, metres. */
const NEAREST_M = 0.5;
/** Points are held within this many pixels of the picture. */
const BORDER_PX = 200;
/** The Huber threshold of the robust loss, in deviations. */
const HUBER = Math.SQRT2;
/** The most that a weight 1/σ counts in the moving average. */
const MOST_WEIGHT = 1e4;
const MEAN_MOMENTUM = 0.1;

/** Coded coordinates [R, S, 3] and sizes [R, 3] (length, height, width; metres) as points of the object [R, S, 3], metres. */
export function objectPoints(coded: tf.Tensor, sizes: tf.Tensor): tf.Tensor {
  const normalised = tf.add(
    tf.mul(coded, tf.tensor(COORDINATE_STD, [1, 1, 3])),
    tf.tensor(COORDINATE_MEAN, [1, 1, 3]),
  );
  return tf.mul(normalised, tf.reshape(sizes, [-1, 1, 3]));
}

/** Where objects are: R of them, in the frame of a camera without a shift (its P is K alone). */
export interface ObjectPoses {
  /** [R, 1]: cosine and sine of rotation_y. */
  readonly cos: tf.Tensor;
  readonly sin: tf.Tensor;
  /** [R, 3], metres. */
  readonly translation: tf.Tensor;
  /** [R, 4]: fx, fy, cx, cy in pixels. */
  readonly camera: tf.Tensor;
}

/** Pixels [R, S, 2] of points of objects [R, S, 3]: X = R_y·x + t, u = cx + fx·X/Z with Z at least 0.5 m. */
export function projectObjects(points: tf.Tensor, poses: ObjectPoses): tf.Tensor {
  const [rows, cells] = points.shape as [number, number];
  const axis = (k: number) => tf.reshape(tf.slice(points, [0, 0, k], [rows, cells, 1]), [rows, cells]);
  const shift = (k: number) => tf.slice(poses.translation, [0, k], [rows, 1]);
  const lens = (k: number) => tf.slice(poses.camera, [0, k], [rows, 1]);
  const [x, y, z] = [axis(0), axis(1), axis(2)];
  const cameraX = tf.add(tf.add(tf.mul(poses.cos, x), tf.mul(poses.sin, z)), shift(0));
  const cameraY = tf.add(y, shift(1));
  const cameraZ = tf.add(tf.sub(tf.mul(poses.cos, z), tf.mul(poses.sin, x)), shift(2));
  const depth = tf.maximum(cameraZ, NEAREST_M);
  const u = tf.add(tf.mul(lens(0), tf.div(cameraX, depth)), lens(2));
  const v = tf.add(tf.mul(lens(1), tf.div(cameraY, depth)), lens(3));
  return tf.stack([u, v], 2);
}

/** What the self-supervised loss compares. */
export interface Reprojection {
  /** Points that were predicted, [R, S, 3], metres in the objects' frames; and the pixels [R, S, 2] of the cells. */
  readonly points: tf.Tensor;
  readonly cells: tf.Tensor;
  readonly poses: ObjectPoses;
  /** [R, 1]: `errorUnitPx` of each object. */
  readonly unitPx: tf.Tensor;
  /** Width and height of the picture, pixels. */
  readonly picture: readonly [width: number, height: number];
}

/** Errors of the reprojection [R, S, 2] in units of `errorUnitPx`; what falls far outside of the picture is held at its border. */
export function reprojectionError({ points, cells, poses, unitPx, picture }: Reprojection): tf.Tensor {
  const pixels = projectObjects(points, poses);
  const held = tf.minimum(
    tf.maximum(pixels, -BORDER_PX),
    tf.tensor([picture[0] + BORDER_PX, picture[1] + BORDER_PX], [1, 1, 2]),
  );
  return tf.div(tf.sub(held, cells), tf.reshape(unitPx, [-1, 1, 1]));
}

/**
 * MonoRUn's robust KL loss, element by element: (ρ(|e|/σ) + log σ)/m̄, ρ quadratic below δ = √2 and linear beyond, and m̄ the
 * moving average of the mean weight 1/σ, which keeps the gradient's size while σ falls. Weights are taken as they are;
 * in training m̄ moves before it divides, and carries no gradient; over ranks it moves by the weights of all.
 *
 * `meanWeight` [1] is m̄ so far (1 at first); `counted` is 1 for the elements that count, and broadcasts to `error`.
 */
export function robustKl(
  error: tf.Tensor,
  logStd: tf.Tensor,
  options: { readonly meanWeight: tf.Tensor; readonly counted: tf.Tensor; readonly training: boolean },
): { readonly loss: tf.Tensor; readonly meanWeight: tf.Tensor } {
  const { counted, training } = options;
  // Cut before the exponential, which would overflow and give gradients that are no numbers.
  const weight = tf.exp(tf.minimum(tf.neg(logStd), Math.log(MOST_WEIGHT)));
  const d = tf.mul(tf.abs(error), weight);
  const inner = tf.minimum(d, HUBER);
  const rho = tf.add(tf.mul(tf.square(inner), 0.5), tf.mul(tf.sub(d, inner), HUBER));
  const observed = tf.reshape(allReduceMean(stopGradient(meanOver(weight, counted))), [1]);
  // A batch in which nothing counts says nothing of the mean.
  const share = tf.mul(tf.minimum(allReduceSum(tf.sum(counted)), 1), MEAN_MOMENTUM);
  const meanWeight = training
    ? tf.add(options.meanWeight, tf.mul(tf.sub(observed, options.meanWeight), share))
    : options.meanWeight;
  const divisor = stopGradient(tf.maximum(meanWeight, 1e-6));
  return { loss: tf.div(tf.add(rho, logStd), divisor), meanWeight };
}

/** The mean over the elements that count, over ranks on all of them, of values [R, S, D] with `counted` [R, 1, 1]; 0 where none does. */
export function meanOver(values: tf.Tensor, counted: tf.Tensor): tf.Scalar {
  const each = values.size / counted.size;
  return weightedSum(values, counted, tf.mul(tf.sum(counted), each));
}

/** What a score is to say of a box that overlaps its label by this much in 3D: 2·IoU - 0.5, from 0 to 1. */
export function scoreTarget(iou: number): number {
  return Math.min(1, Math.max(0, 2 * iou - 0.5));
}

/**
 * The loss of four factors that a pose's deviations are multiplied by, row by row: ρ(d) + Σ log factor, d the length of the
 * error (yaw, x, y, z) in scaled deviations, d² = (e/f)ᵀ·Σ⁻¹·(e/f), and ρ quadratic below 2√2 (√2 an axis) and linear beyond.
 *
 * `errors` [N, 4], `precisions` [N, 4, 4] the inverse covariances, `logScales` [4]; gives [N].
 */
export function poseKl(errors: tf.Tensor, precisions: tf.Tensor, logScales: tf.Tensor): tf.Tensor {
  const scaled = tf.mul(errors, tf.exp(tf.neg(logScales)));
  const turned = tf.sum(tf.mul(precisions, tf.reshape(scaled, [-1, 1, 4])), 2);
  const d = tf.sqrt(tf.add(tf.sum(tf.mul(turned, scaled), 1), 1e-12));
  const most = 2 * HUBER;
  const inner = tf.minimum(d, most);
  const rho = tf.add(tf.mul(tf.square(inner), 0.5), tf.mul(tf.sub(d, inner), most));
  return tf.add(rho, tf.sum(logScales));
}
