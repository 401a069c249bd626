import type { Frames } from '../datasets/open-frames.ts';
import { Recent } from '../datasets/recent.ts';
import type { Stopwatch } from '../datasets/stopwatch.ts';
import { sweepParts } from '../pointcloud/segments/sweep-parts.ts';
import type { PosedSweep } from './point-clip.ts';

/** As many bytes of sweeps are kept, at most: 70 of KITTI, or 200 of small generated drives. */
const limitBytes = 256 * 2 ** 20;

/** Clips of one frame share sweeps: where there is no more room, the last ones are kept. */
const latest = 16;

/** The sweeps of frames that have a time and a pose, read and clustered once as long as there is room. */
export function rememberSweeps(
  frames: Pick<Frames, 'sweep' | 'sequences' | 'place' | 'ids'>,
  limit = limitBytes,
): (index: number, stopwatch?: Stopwatch) => Promise<PosedSweep> {
  const kept = new Map<number, PosedSweep>();
  const recent = new Recent<PosedSweep>(latest, () => 1);
  let bytes = 0;
  const open = async (index: number, stopwatch?: Stopwatch): Promise<PosedSweep> => {
    const { sequence, moment } = frames.place(index);
    const { timeS, worldFromLidar } = frames.sequences[sequence].moments[moment];
    const points = await frames.sweep!(index, stopwatch);
    return {
      id: frames.ids[index],
      points,
      timeS: timeS!,
      worldFromLidar: worldFromLidar!,
      parts: sweepParts(points),
    };
  };
  return async (index, stopwatch) => {
    const before = kept.get(index);
    if (before !== undefined) return before;
    const sweep = await recent.get(`${index}`, () => open(index, stopwatch));
    // The points, a cluster for each, and a range image.
    const size = 1.25 * sweep.points.byteLength + 0.7 * 2 ** 20;
    if (!kept.has(index) && bytes + size <= limit) {
      bytes += size;
      kept.set(index, sweep);
    }
    return sweep;
  };
}
