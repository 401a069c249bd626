import type { Frames } from '../../datasets/open-frames.ts';
import type { Moment } from '../../datasets/sequence.ts';
import { InputError } from '../../engine/input-error.ts';
import { Random } from '../../engine/random.ts';
import type { SweepEncoder } from '../../evaluation/frozen-features.ts';
import { gatherRows } from '../../pointcloud/point-rows.ts';
import { indicesInRange } from '../../pointcloud/range-filter.ts';
import { drawRows, type PointView, pointView } from '../../views/point-view.ts';

/** One moment of a drive as it is measured. */
export interface DriveMoment {
  /** Its frame among those of the data set. */
  readonly index: number;
  /** The number of the drive, and of the moment in it: by time, so that missing frames leave a gap. */
  readonly drive: number;
  readonly number: number;
  readonly moment: Moment;
}

/** The moments of all drives that have a time and a pose, numbered by the usual time between two. Throws an InputError where there are none. */
export function driveMoments({ sequences, place, length, kind }: Frames, root: string): DriveMoment[] {
  const found: DriveMoment[] = [];
  const periods = sequences.map(({ moments }) => usualStep(moments.flatMap(({ timeS }) => timeS ?? [])));
  for (let index = 0; index < (sequences.length === 0 ? 0 : length); index++) {
    const { sequence, moment: at } = place(index);
    const moment = sequences[sequence].moments[at];
    if (moment.timeS === undefined || moment.worldFromLidar === undefined) continue;
    const number = Math.round(moment.timeS / periods[sequence]);
    found.push({ index, drive: sequence, number, moment });
  }
  if (found.length > 0) return found;
  throw new InputError({ file: root, expected: 'drives with times and poses', found: kind });
}

/** The median time between one moment and the next, seconds; 1 where there is none. */
function usualStep(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  const steps = sorted.slice(1).map((time, i) => time - sorted[i]);
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length / 2)] ?? 1;
}

/** The places of a sweep as an encoder samples it, nothing moved; drawn by the frame's name alone. Throws an InputError where it has no point in the range. */
export function placesOfSweep(points: Float32Array, encoder: SweepEncoder, id: string): PointView {
  const { count, range } = encoder.input;
  const near = indicesInRange(points, range);
  if (near.length === 0) {
    const expected = `points within (${range.min}) to (${range.max}) m`;
    throw new InputError({
      file: `frame ${id}`,
      place: 'points',
      expected,
      found: `none of ${points.length / 4}`,
    });
  }
  const inRange = gatherRows(points, near);
  const rows = drawRows(inRange, Random.fromSeed(`measure ${id}`), { points: { count } });
  return pointView(gatherRows(inRange, rows), [], { pointEncoder: encoder });
}
