import * as tf from '@tensorflow/tfjs-core';
import type { ImageNormalization } from '../../image/normalize-image.ts';

/** Pixels in CIE L*a*b* (D65), as `labOf` has them, and a grey of the same lightness. */
export interface LabPixels {
  /** L*, 0 to 100, [B, H, W, 1]. */
  readonly lightness: tf.Tensor;
  /** a* and b*, [B, H, W, 2]. */
  readonly ab: tf.Tensor;
  /** The picture without its colour, normalised as it was, [B, H, W, 3]. */
  readonly grey: tf.Tensor;
}

/** XYZ from linear red, green and blue, each divided by the white's; columns are X, Y and Z. */
const xyzOfRgb = [
  [0.412453 / 0.95047, 0.212671, 0.019334 / 1.08883],
  [0.35758 / 0.95047, 0.71516, 0.119193 / 1.08883],
  [0.180423 / 0.95047, 0.072169, 0.950227 / 1.08883],
];
/** L* (without its -16), a* and b* of compressed X, Y and Z. */
const labOfXyz = [
  [0, 500, 0],
  [116, -500, 200],
  [0, 0, -200],
];

/** Colours of normalised pictures [B, H, W, 3], without gradient. */
export function labPixels(pictures: tf.Tensor, { mean, std, order }: ImageNormalization): LabPixels {
  const [batch, height, width] = pictures.shape as [number, number, number, number];
  const rows = tf.reshape(pictures, [batch * height * width, 3]) as tf.Tensor2D;
  const values = tf.div(tf.add(tf.mul(rows, tf.tensor1d([...std])), tf.tensor1d([...mean])), 255);
  const bright = tf.pow(tf.div(tf.add(tf.maximum(values, 0), 0.055), 1.055), 2.4);
  const linear = tf.where(tf.greater(values, 0.04045), bright, tf.div(values, 12.92)) as tf.Tensor2D;
  const toXyz = order === 'rgb' ? xyzOfRgb : [...xyzOfRgb].reverse();
  const xyz = tf.matMul(linear, tf.tensor2d(toXyz));
  const root = tf.pow(tf.maximum(xyz, 1e-6), 1 / 3);
  const compressed = tf.where(tf.greater(xyz, 0.008856), root, tf.add(tf.mul(xyz, 7.787), 16 / 116));
  const lab = tf.add(tf.matMul(compressed as tf.Tensor2D, tf.tensor2d(labOfXyz)), tf.tensor1d([-16, 0, 0]));
  const luminance = tf.slice(xyz, [0, 1], [xyz.shape[0], 1]); // [P, 1]
  const encoded = tf.sub(tf.mul(tf.pow(tf.maximum(luminance, 1e-6), 1 / 2.4), 1.055), 0.055);
  const level = tf.where(tf.greater(luminance, 0.0031308), encoded, tf.mul(luminance, 12.92));
  const grey = tf.div(tf.sub(tf.mul(level, 255), tf.tensor1d([...mean])), tf.tensor1d([...std]));
  const pixels = (columns: tf.Tensor) =>
    tf.reshape(columns, [batch, height, width, columns.shape[1] as number]);
  const [lightness, ab] = tf.split(lab, [1, 2], 1);
  return { lightness: pixels(lightness), ab: pixels(ab), grey: pixels(grey) };
}
