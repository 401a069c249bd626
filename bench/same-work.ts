import { type HostTensor, sizeOf } from '../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../src/engine/tree.ts';
import type { Peer } from './peer.ts';

/** Throws where a peer's network learns another number of parameters than ours: it would not do the same work. */
export function requireSameSize(params: Tree<HostTensor>, peer: Peer): void {
  const ours = leavesOf(params).reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
  const { parameters } = peer.facts;
  if (parameters !== ours) {
    throw new Error(
      `${peer.name} learns ${parameters} parameters where ours has ${ours}: the networks differ`,
    );
  }
}
