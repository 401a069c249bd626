import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './custom-gradient.ts';

const LOWEST = -3.4028234663852886e38;

/**
 * Max pooling of [N, C, H, W] with a kernel of 3, stride 2 and padding 1, to [N, C, ⌈H/2⌉, ⌈W/2⌉].
 * It goes over rows, then over columns, each as a maximum of slices; the gradient goes to one maximal element.
 */
export function maxPool3x3Stride2(x: tf.Tensor): tf.Tensor {
  const [n, c, height, width] = x.shape;
  const evenHeight = height + (height % 2);
  const evenWidth = width + (width % 2);
  const padded = padEnd(x, [0, 0, evenHeight - height, evenWidth - width]);
  const h = evenHeight / 2;
  const w = evenWidth / 2;
  // Two successive rows side by side: the upper one's pixels, then the lower one's.
  const rows = highestOfThree(tf.reshape(padded, [n * c, h, 2 * evenWidth]), 2, 1);
  // Transposed as pairs of pixels, the even columns come first and all the odd ones after them.
  const pairs = tf.transpose(tf.reshape(rows, [n * c * h * w, 2]), [1, 0]);
  const columns = highestOfThree(tf.reshape(pairs, [2, n * c * h, w]), 0, 2);
  return tf.reshape(columns, [n, c, h, w]);
}

/**
 * `axis` holds the even elements of a line in its first half and the odd ones in its second; along `line` they follow
 * each other. Output i is the highest of odd i−1, even i and odd i.
 */
function highestOfThree(pairs: tf.Tensor, axis: number, line: number): tf.Tensor {
  const [even, odd] = tf.split(pairs, 2, axis);
  const highest = higher(even, odd);
  if (odd.shape[line] === 1) return highest;
  const begin = odd.shape.map(() => 0);
  const size = odd.shape.map((length, i) => (i === line ? length - 1 : length));
  const padding = odd.shape.map((_, i): [number, number] => (i === line ? [1, 0] : [0, 0]));
  const before = tf.pad(tf.slice(odd, begin, size), padding, LOWEST);
  return higher(highest, before);
}

/** The element-wise maximum, whose gradient goes to `a` where they are equal. */
function higher(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  return withGradient(
    [a, b],
    () => ({ value: tf.maximum(a, b), saved: [a, b] }),
    (dy, [a, b]) => {
      const toA = tf.mul(dy, tf.cast(tf.greaterEqual(a, b), 'float32'));
      return [toA, tf.sub(dy, toA)];
    },
  );
}

function padEnd(x: tf.Tensor, lengths: readonly number[]): tf.Tensor {
  if (lengths.every((length) => length === 0)) return x;
  return tf.pad(
    x,
    lengths.map((length): [number, number] => [0, length]),
    LOWEST,
  );
}
