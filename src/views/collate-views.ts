import { type HostTensor, int32 } from '../engine/host-tensor.ts';
import { leavesOf, type Tree, treeOf } from '../engine/tree.ts';
import { collatePointPairs } from './collate-point-pairs.ts';
import type { DrawnSample } from './draw-views.ts';
import type { ViewConfig, Views } from './view-config.ts';

/**
 * Samples as a batch of B: under each view's name what its kind has (names with `/` are branches), and `index` int32 [B],
 * the places of the frames in the selection.
 */
export function collateViews(samples: readonly DrawnSample[], views: Views): Tree<HostTensor> {
  const batch: { [name: string]: Tree<HostTensor> } = {};
  for (const [name, view] of Object.entries(views)) batch[name] = collateView(samples, name, view);
  return {
    ...treeOf(leavesOf<HostTensor>(batch)),
    index: int32(
      Int32Array.from(samples, ({ index }) => index),
      [samples.length],
    ),
  };
}

function collateView(samples: readonly DrawnSample[], name: string, view: ViewConfig): Tree<HostTensor> {
  return collatePointPairs(
    samples.map(({ views }) => views[name]),
    view,
  );
}
