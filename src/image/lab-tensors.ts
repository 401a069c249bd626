import * as tf from '@tensorflow/tfjs-core';
import { xyzFromRgb } from './lab.ts';
import type { ImageNormalization } from './normalize-image.ts';

/** Pictures in CIE L*a*b* (D65), as `labOf` has them. */
export interface LabTensors {
  /** L*, 0 to 100, [N, H, W, 1]. */
  readonly lightness: tf.Tensor;
  /** a* and b*, [N, H, W, 2]. */
  readonly ab: tf.Tensor;
  /** The light of each pixel, 0 to 1: CIE's Y, [N, H, W, 1]. */
  readonly luminance: tf.Tensor;
}

/** X, Y and Z, each divided by the white's, of rows of linear red, green and blue. */
const toXyz = [0, 1, 2].map((channel) => xyzFromRgb.map((row) => row[channel]));
/** L* (without its -16), a* and b* of rows of compressed X, Y and Z. */
const toLab = [
  [0, 500, 0],
  [116, -500, 200],
  [0, 0, -200],
];

/** The colours of pictures [N, H, W, 3] that are normalised as `normalization` says. */
export function labOfNormalized(pictures: tf.Tensor, { mean, std, order }: ImageNormalization): LabTensors {
  const [count, height, width] = pictures.shape as number[];
  const rows = tf.reshape(pictures, [count * height * width, 3]);
  const stored = tf.div(tf.add(tf.mul(rows, tf.tensor1d([...std])), tf.tensor1d([...mean])), 255);
  const values = tf.clipByValue(stored, 0, 1);
  const bright = tf.pow(tf.div(tf.add(values, 0.055), 1.055), 2.4);
  const linear = tf.where(tf.greater(values, 0.04045), bright, tf.div(values, 12.92)) as tf.Tensor2D;
  const xyz = tf.matMul(linear, tf.tensor2d(order === 'rgb' ? toXyz : [...toXyz].reverse()));
  // CIE's cube root with a straight piece near black.
  const root = tf.pow(tf.maximum(xyz, 0.008856), 1 / 3);
  const straight = tf.add(tf.mul(xyz, 7.787), 16 / 116);
  const compressed = tf.where(tf.greater(xyz, 0.008856), root, straight) as tf.Tensor2D;
  const lab = tf.add(tf.matMul(compressed, tf.tensor2d(toLab)), tf.tensor1d([-16, 0, 0]));
  const [lightness, ab] = tf.split(lab, [1, 2], 1);
  const placed = (columns: tf.Tensor) =>
    tf.reshape(columns, [count, height, width, columns.shape[1] as number]);
  const luminance = tf.slice(xyz, [0, 1], [count * height * width, 1]);
  return { lightness: placed(lightness), ab: placed(ab), luminance: placed(luminance) };
}

/** Grey pictures of some light [N, H, W, 1], normalised as `normalization` says, [N, H, W, 3]. */
export function greyOf(luminance: tf.Tensor, { mean, std }: ImageNormalization): tf.Tensor {
  const encoded = tf.sub(tf.mul(tf.pow(tf.maximum(luminance, 1e-6), 1 / 2.4), 1.055), 0.055);
  const level = tf.where(tf.greater(luminance, 0.0031308), encoded, tf.mul(luminance, 12.92));
  return tf.div(tf.sub(tf.mul(level, 255), tf.tensor1d([...mean])), tf.tensor1d([...std]));
}
