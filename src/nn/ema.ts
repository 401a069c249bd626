import * as tf from '@tensorflow/tfjs-core';
import { leavesOf, mapTree, type Tree } from '../engine/tree.ts';
import { mapOperands } from './joined-vectors.ts';

/** momentum·average + (1 − momentum)·current for every leaf, as a momentum encoder follows its online twin. Throws where the trees differ. */
export function exponentialMovingAverage(
  average: Tree<tf.Tensor>,
  current: Tree<tf.Tensor>,
  momentum: number | tf.Tensor,
): Tree<tf.Tensor> {
  const values = new Map(leavesOf(current));
  const pairs = leavesOf(average).map(([path, leaf]) => {
    const value = values.get(path);
    if (value === undefined) throw new Error(`the averaged tree has '${path}', the current one has not`);
    values.delete(path);
    const pair: [tf.Tensor, tf.Tensor] = [leaf, value];
    return pair;
  });
  const [extra] = values.keys();
  if (extra !== undefined) throw new Error(`the current tree has '${extra}', the averaged one has not`);
  const rest = tf.sub(1, momentum);
  const blend = (leaf: tf.Tensor, value: tf.Tensor) => [tf.add(tf.mul(leaf, momentum), tf.mul(value, rest))];
  const moved = mapOperands(pairs, blend, { joinVectors: true });
  const at = new Map(leavesOf(average).map(([path], i) => [path, moved[i][0]]));
  return mapTree(average, (_, path) => at.get(path)!);
}
