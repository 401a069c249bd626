import { float32, type HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import type { Candidates } from './candidates.ts';
import type { PointTargets } from './point-targets.ts';
import { stackFloats, stackTables } from './stack-points.ts';

/**
 * Stacks candidates of an encoder's `levels`: `places` float32 [R, 3] of all R of them, `nearest` int32 and `nearestWeights` float32
 * [R·3], counting through the stacked centres of the last level.
 */
export function collateCandidates(
  samples: readonly Candidates[],
  levels: ReadonlyArray<{ readonly points: number }>,
) {
  const nearest = stackTables(
    samples.map((sample) => sample.nearest),
    levels[levels.length - 1].points,
  );
  const places = stackFloats(samples, (sample) => sample.candidates);
  const nearestWeights = stackFloats(samples, (sample) => sample.nearestWeights);
  return {
    places: float32(places, [places.length / 3, 3]),
    nearest,
    nearestWeights: float32(nearestWeights, [nearestWeights.length]),
  } satisfies Tree<HostTensor>;
}

/** Stacks what candidates are to say: of R of them float32 [R], or [R, columns] of classes, offsets, sizes and bins. */
export function collateTargets(targets: readonly PointTargets[]) {
  const rows = targets.length * targets[0].weights.length;
  const stacked = (name: keyof PointTargets) => stackFloats(targets, (each) => each[name]);
  const row = (name: keyof PointTargets) => float32(stacked(name), [rows]);
  const columns = (name: keyof PointTargets) => {
    const data = stacked(name);
    return float32(data, [rows, data.length / rows]);
  };
  return {
    classes: columns('classes'),
    weights: row('weights'),
    positive: row('positive'),
    offset: columns('offset'),
    logSize: columns('logSize'),
    headingBin: columns('headingBin'),
    headingResidual: row('headingResidual'),
  } satisfies Tree<HostTensor>;
}
