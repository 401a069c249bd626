import type * as tf from '@tensorflow/tfjs-core';
import type { Model, Tensors } from '../../encoders/trainable.ts';
import type { HostTensor } from '../../engine/host-tensor.ts';
import type { Tree } from '../../engine/tree.ts';
import { exponentialMovingAverage } from '../../nn/ema.ts';
import { branchAt } from '../../nn/layer.ts';

/** A copy of some of a model's networks that follows them slowly, in the memory: `params` and `stats`. */
type Follower<Leaf> = { readonly params: Tree<Leaf>; readonly stats: Tree<Leaf> };

/** The branches of a tree that are named; those that it lacks (networks without statistics) are left out. */
export function branchesOf<Leaf>(tree: Tree<Leaf>, names: readonly string[]): Tree<Leaf> {
  return Object.fromEntries(names.flatMap((name) => (name in tree ? [[name, branchAt(tree, name)]] : [])));
}

/** A follower that begins as a copy of these networks, for the memory. */
export function followerOf(model: Pick<Model<HostTensor>, 'params' | 'stats'>, names: readonly string[]) {
  return { params: branchesOf(model.params, names), stats: branchesOf(model.stats, names) };
}

/** The follower that a memory has under a name. */
export function followerIn(memory: Tensors, name: string): Follower<tf.Tensor> {
  const follower = branchAt(memory, name);
  return {
    params: branchAt(follower, 'params'),
    stats: 'stats' in follower ? branchAt(follower, 'stats') : {},
  };
}

/** The follower after one more step: parameters move by 1 - momentum towards the model's; statistics are its own. */
export function followed(
  { params: own, stats }: Follower<tf.Tensor>,
  { params }: Pick<Model, 'params'>,
  momentum: Parameters<typeof exponentialMovingAverage>[2],
): Follower<tf.Tensor> {
  const current = branchesOf(params, Object.keys(own));
  return { params: exponentialMovingAverage(own, current, momentum), stats };
}

/** A momentum that rises from `begin` to 1 over the run along half a cosine (BYOL): 1 - (1 - begin)·(cos(π·progress) + 1)/2. */
export function risingMomentum(begin: number, progress: number): number {
  return 1 - ((1 - begin) * (Math.cos(Math.PI * progress) + 1)) / 2;
}
