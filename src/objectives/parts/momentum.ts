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

/** The follower after one more step: parameters move by 1 - momentum towards the model's; statistics are its own. */
export function followed(
  follower: Tensors,
  { params }: Pick<Model, 'params'>,
  momentum: Parameters<typeof exponentialMovingAverage>[2],
): { readonly params: Tensors; readonly stats: Tensors } {
  const own = branchAt(follower, 'params');
  const names = Object.keys(own);
  return {
    params: exponentialMovingAverage(own, branchesOf(params, names), momentum),
    stats: 'stats' in follower ? branchAt(follower, 'stats') : {},
  };
}

/** A momentum that rises from `begin` to 1 over the run along half a cosine (BYOL): 1 - (1 - begin)·(cos(π·progress) + 1)/2. */
export function risingMomentum(begin: number, progress: number): number {
  return 1 - ((1 - begin) * (Math.cos(Math.PI * progress) + 1)) / 2;
}
