import * as tf from '@tensorflow/tfjs-core';
import { BOX_CORNERS, BOX_EDGES } from '../../geometry/box.ts';
import { NEAR_M } from '../../geometry/box-projection.ts';

/** Beyond every pixel. */
const FAR = 1e30;

/**
 * `projectBox` of boxes [n, 7] by a matrix [3, 4] into a picture of a size [2] (width, height): `boxes` [n, 4] in its pixels, and `seen` bool [n].
 */
export function seenBoxes(
  boxes: tf.Tensor,
  pixelFromLidar: tf.Tensor,
  size: tf.Tensor,
): { readonly boxes: tf.Tensor; readonly seen: tf.Tensor } {
  const corners = homogeneousCorners(boxes, pixelFromLidar);
  const isFront = tf.greaterEqual(corners.w, NEAR_M);
  const atCorners = {
    u: tf.div(corners.uw, safe(corners.w, isFront)),
    v: tf.div(corners.vw, safe(corners.w, isFront)),
    counts: isFront,
  };
  const ends = [0, 1].map((end) => {
    const index = tf.tensor1d(
      BOX_EDGES.map((edge) => edge[end]),
      'int32',
    );
    const each = (part: tf.Tensor) => tf.gather(part, index, 1);
    return {
      uw: each(corners.uw),
      vw: each(corners.vw),
      w: each(corners.w),
      front: each(tf.cast(isFront, 'int32')),
    };
  });
  const [a, b] = ends;
  const crosses = tf.notEqual(a.front, b.front);
  const t = tf.div(tf.sub(NEAR_M, a.w), safe(tf.sub(b.w, a.w), crosses)); // [n, 12]
  const cut = (from: tf.Tensor, to: tf.Tensor) => tf.div(tf.add(from, tf.mul(t, tf.sub(to, from))), NEAR_M);
  const atEdges = { u: cut(a.uw, b.uw), v: cut(a.vw, b.vw), counts: crosses };
  const counts = tf.concat([atCorners.counts, atEdges.counts], 1);
  const range = (part: 'u' | 'v') => {
    const all = tf.concat([atCorners[part], atEdges[part]], 1); // [n, 20]
    const far = tf.fill(all.shape, FAR);
    return [tf.min(tf.where(counts, all, far), 1, true), tf.max(tf.where(counts, all, tf.neg(far)), 1, true)];
  };
  const [[left, right], [top, bottom]] = [range('u'), range('v')];
  const [lastX, lastY] = tf.split(tf.sub(tf.reshape(size, [1, 2]), 1), 2, 1); // [1, 1]
  const seen = [
    tf.greaterEqual(right, 0),
    tf.greaterEqual(bottom, 0),
    tf.lessEqual(left, lastX),
    tf.lessEqual(top, lastY),
  ].reduce((both, each) => tf.logicalAnd(both, each));
  const within = [
    tf.maximum(left, 0),
    tf.maximum(top, 0),
    tf.minimum(right, lastX),
    tf.minimum(bottom, lastY),
  ];
  return { boxes: tf.concat(within, 1), seen: tf.reshape(seen, [-1]) };
}

/** u·w, v·w and w of the eight corners of boxes, [n, 8] each. */
function homogeneousCorners(boxes: tf.Tensor, matrix: tf.Tensor) {
  const [x, y, z, length, width, height, yaw] = tf.split(boxes, 7, 1); // [n, 1]
  const half = (axis: 0 | 1 | 2, side: tf.Tensor) => {
    const halves = BOX_CORNERS.map((corner) => corner[axis] / 2);
    return tf.mul(side, tf.tensor2d(halves, [1, 8]));
  };
  const [along, across] = [half(0, length), half(1, width)];
  const [c, s] = [tf.cos(yaw), tf.sin(yaw)];
  const cornersX = tf.add(x, tf.sub(tf.mul(c, along), tf.mul(s, across)));
  const cornersY = tf.add(y, tf.add(tf.mul(s, along), tf.mul(c, across)));
  const cornersZ = tf.add(z, half(2, height));
  const [uw, vw, w] = tf.split(matrix, 3, 0).map((row) => {
    const [a, b, d, e] = tf.split(row, 4, 1); // [1, 1]
    return tf.add(tf.add(tf.add(tf.mul(a, cornersX), tf.mul(b, cornersY)), tf.mul(d, cornersZ)), e);
  });
  return { uw, vw, w };
}

/** The numbers where a condition holds, 1 elsewhere, to divide by. */
function safe(x: tf.Tensor, condition: tf.Tensor): tf.Tensor {
  return tf.where(condition, x, tf.onesLike(x));
}
