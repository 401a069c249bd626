import * as tf from '@tensorflow/tfjs-core';
import { leavesOf, mapTree, type Tree } from '../engine/tree.ts';

/** momentum·average + (1 − momentum)·current for every leaf, as a momentum encoder follows its online twin. Throws where the trees differ. */
export function exponentialMovingAverage(
  average: Tree<tf.Tensor>,
  current: Tree<tf.Tensor>,
  momentum: number | tf.Tensor,
): Tree<tf.Tensor> {
  const values = new Map(leavesOf(current));
  const rest = tf.sub(1, momentum);
  const moved = mapTree(average, (leaf, path) => {
    const value = values.get(path);
    if (value === undefined) throw new Error(`the averaged tree has '${path}', the current one has not`);
    values.delete(path);
    return tf.add(tf.mul(leaf, momentum), tf.mul(value, rest));
  });
  const [extra] = values.keys();
  if (extra !== undefined) throw new Error(`the current tree has '${extra}', the averaged one has not`);
  return moved;
}
