import type { SequenceInfo } from '../../protocol.ts';
import type { Stage } from '../scene/stage.ts';
import type { Sweep } from './sweep.ts';
import { extentOf } from './sweep-extent.ts';

/** Puts the points of a sweep on the screen, those aside that are far from the others (`extentOf`); the ground goes under those of a mere point cloud. */
export function fitSweep(stage: Stage, sweep: Sweep | undefined, { kind }: Pick<SequenceInfo, 'kind'>): void {
  const extent = sweep && extentOf(sweep);
  if (extent === undefined) return;
  const { low, high } = extent;
  if (isCloud({ kind })) stage.setGround([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]]);
  stage.fit(low, high);
}

/** The unit of places: files of points have numbers and no unit. */
export function lengthUnitOf(sequence: Pick<SequenceInfo, 'kind'>): 'm' | '' {
  return isCloud(sequence) ? '' : 'm';
}

/** Whether a sequence is of point clouds alone, which may have any extent and no sensor in their middle. */
export function isCloud({ kind }: Pick<SequenceInfo, 'kind'>): boolean {
  return kind.startsWith('point cloud');
}
