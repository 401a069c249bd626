import { float32, type HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { collateCandidates, collateTargets } from './collate-candidates.ts';
import { stackFloats, stackPointViews, stackTables } from './stack-points.ts';
import type { SweepQueries } from './sweep-queries.ts';
import type { DrawnSweep, SweepView } from './sweep-view.ts';

/**
 * Stacks sweeps to a batch: `points` as an encoder takes them, the candidates as `collateCandidates` gives them, and, as the view asks for them,
 * `targets` (as `collateTargets` gives them) and `queries` of Q places in all: `nearest` int32 [Q·K] (counting through the stacked
 * candidates), `offsets` float32 [Q·K, 3], `occupied`, `surface` and `reflectance` float32 [Q].
 */
export function collateSweeps(
  sweeps: readonly DrawnSweep[],
  { pointEncoder }: Pick<SweepView, 'pointEncoder'>,
): Tree<HostTensor> {
  const targets = sweeps.flatMap((sweep) => sweep.targets ?? []);
  const queries = sweeps.flatMap((sweep) => sweep.queries ?? []);
  const candidates = sweeps[0].candidates.length / 3;
  return {
    points: stackPointViews(sweeps, pointEncoder),
    ...collateCandidates(sweeps, pointEncoder.levels),
    ...(targets.length > 0 && { targets: collateTargets(targets) }),
    ...(queries.length > 0 && { queries: collateQueries(queries, candidates) }),
  };
}

function collateQueries(queries: readonly SweepQueries[], candidates: number): Tree<HostTensor> {
  const offsets = stackFloats(queries, (each) => each.offsets);
  const row = (name: 'occupied' | 'surface' | 'reflectance') => {
    const data = stackFloats(queries, (each) => each[name]);
    return float32(data, [data.length]);
  };
  return {
    nearest: stackTables(
      queries.map(({ nearest }) => nearest),
      candidates,
    ),
    offsets: float32(offsets, [offsets.length / 3, 3]),
    occupied: row('occupied'),
    surface: row('surface'),
    reflectance: row('reflectance'),
  };
}
