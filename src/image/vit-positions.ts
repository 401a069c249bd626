import * as tf from '@tensorflow/tfjs-core';
import { float32, type HostTensor } from '../engine/host-tensor.ts';

/** Patches of a picture: rows from top to bottom, columns from left to right. */
export interface PatchGrid {
  readonly rows: number;
  readonly columns: number;
}

/**
 * Fixed positions of patches [rows·columns, width], row by row (MoCo v3): sine and cosine of the row, then of the column,
 * each at width/4 rates from 1 down towards 1/10,000. Throws where the width is no multiple of 4.
 */
export function sinePositions({ rows, columns }: PatchGrid, width: number): HostTensor {
  const rates = width / 4;
  if (!Number.isInteger(rates)) throw new Error(`sine positions need a width that 4 divides, not ${width}`);
  const data = new Float32Array(rows * columns * width);
  for (let patch = 0; patch < rows * columns; patch++) {
    [Math.floor(patch / columns), patch % columns].forEach((place, axis) => {
      for (let i = 0; i < rates; i++) {
        const angle = place / 10_000 ** (i / rates);
        const at = patch * width + 2 * axis * rates + i;
        data[at] = Math.sin(angle);
        data[at + rates] = Math.cos(angle);
      }
    });
  }
  return float32(data, [rows * columns, width]);
}

/**
 * Learned positions [rows·columns, D] of one grid for another one, by bicubic interpolation of each number as DINO does it:
 * in each direction with the scale (length + 0.1)/own length, as released. The same grid gives them as they are.
 */
export function resizedPositions(positions: tf.Tensor, own: PatchGrid, to: PatchGrid): tf.Tensor {
  if (own.rows === to.rows && own.columns === to.columns) return positions;
  const width = positions.shape[1] as number;
  const down = cubicWeights(own.rows, to.rows); // [to rows, rows]
  const along = cubicWeights(own.columns, to.columns); // [to columns, columns]
  const tall = tf.matMul(down, tf.reshape(positions, [own.rows, own.columns * width]));
  const turned = tf.transpose(tf.reshape(tall, [to.rows, own.columns, width]), [1, 0, 2]);
  const wide = tf.matMul(along, tf.reshape(turned, [own.columns, to.rows * width]));
  const back = tf.transpose(tf.reshape(wide, [to.columns, to.rows, width]), [1, 0, 2]);
  return tf.reshape(back, [to.rows * to.columns, width]);
}

/** What each of `from` places weighs in each of `to`: the cubic kernel with a = -0.75, places beyond the ends taken for the last. */
function cubicWeights(from: number, to: number): tf.Tensor2D {
  const weights = new Float32Array(to * from);
  const step = from / (to + 0.1);
  for (let place = 0; place < to; place++) {
    const at = (place + 0.5) * step - 0.5;
    const before = Math.floor(at);
    for (let k = -1; k <= 2; k++) {
      const source = Math.min(from - 1, Math.max(0, before + k));
      weights[place * from + source] += cubic(Math.abs(at - before - k));
    }
  }
  return tf.tensor2d(weights, [to, from]);
}

function cubic(x: number, a = -0.75): number {
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}
