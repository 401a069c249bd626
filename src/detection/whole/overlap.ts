import * as tf from '@tensorflow/tfjs-core';

/**
 * Intersection over union of one box [1, 7] with each of R [R, 7], seen from above: [R]. Boxes are rows of x, y, z, length, width, height,
 * yaw. It is `birdsEyeIou` without branches: in the first one's frame, the area that it shares with another is the integral along the other's sides of
 * their height, held between the first one's sides (Green's theorem), which is exact, since a side held so is three straight pieces.
 */
export function overlapWith(box: tf.Tensor, boxes: tf.Tensor): tf.Tensor {
  const [x, y, , length, width, , yaw] = tf.split(boxes, 7, 1); // [R, 1]
  const [ownX, ownY, , ownLength, ownWidth, , ownYaw] = tf.split(box, 7, 1); // [1, 1]
  const [dx, dy] = [tf.sub(x, ownX), tf.sub(y, ownY)];
  const [ca, sa] = [tf.cos(ownYaw), tf.sin(ownYaw)];
  const middleX = tf.add(tf.mul(ca, dx), tf.mul(sa, dy));
  const middleY = tf.sub(tf.mul(ca, dy), tf.mul(sa, dx));
  const turn = tf.sub(yaw, ownYaw);
  const [c, s] = [tf.cos(turn), tf.sin(turn)];
  // Corners against the clock, and each one's next.
  const u = tf.mul(length, tf.tensor2d([0.5, -0.5, -0.5, 0.5], [1, 4])); // [R, 4]
  const v = tf.mul(width, tf.tensor2d([0.5, 0.5, -0.5, -0.5], [1, 4]));
  const cornersX = tf.add(middleX, tf.sub(tf.mul(c, u), tf.mul(s, v)));
  const cornersY = tf.add(middleY, tf.add(tf.mul(s, u), tf.mul(c, v)));
  const next = tf.tensor1d([1, 2, 3, 0], 'int32');
  const [nextX, nextY] = [cornersX, cornersY].map((corners) => tf.gather(corners, next, 1));
  const [halfX, halfY] = [ownLength, ownWidth].map((side) => tf.mul(side, 0.5));
  // Where each side enters and leaves the strip of the first one's length, as shares of the side.
  const held = (value: tf.Tensor, half: tf.Tensor) => tf.minimum(tf.maximum(value, tf.neg(half)), half);
  const share = (value: tf.Tensor, from: tf.Tensor, to: tf.Tensor) =>
    tf.clipByValue(tf.div(tf.sub(value, from), nonZero(tf.sub(to, from))), 0, 1);
  const [fromX, toX] = [held(cornersX, halfX), held(nextX, halfX)];
  const rise = tf.sub(nextY, cornersY);
  const [fromY, toY] = [fromX, toX].map((end) => tf.add(cornersY, tf.mul(share(end, cornersX, nextX), rise)));
  // Where it crosses the first one's sides.
  const crossings = [tf.neg(halfY), halfY].map((level) => share(level, fromY, toY));
  const [first, second] = [tf.minimum(crossings[0], crossings[1]), tf.maximum(crossings[0], crossings[1])];
  const heightAt = (at: tf.Tensor) => held(tf.add(fromY, tf.mul(at, tf.sub(toY, fromY))), halfY);
  const ends = [tf.zerosLike(first), first, second, tf.onesLike(first)];
  const pieces = [0, 1, 2].map((k) =>
    tf.mul(tf.sub(ends[k + 1], ends[k]), tf.add(heightAt(ends[k]), heightAt(ends[k + 1]))),
  );
  const under = tf.mul(tf.mul(tf.sub(toX, fromX), 0.5), tf.add(tf.add(pieces[0], pieces[1]), pieces[2]));
  const [area, ownArea] = [tf.mul(length, width), tf.mul(ownLength, ownWidth)];
  const shared = tf.minimum(tf.neg(tf.sum(under, 1, true)), tf.minimum(area, ownArea));
  const overlap = tf.div(shared, tf.sub(tf.add(area, ownArea), shared));
  return tf.reshape(tf.clipByValue(overlap, 0, 1), [-1]);
}

/** The number, or 1 where it is 0, to divide by. */
function nonZero(x: tf.Tensor): tf.Tensor {
  return tf.add(x, tf.cast(tf.equal(x, 0), 'float32'));
}
