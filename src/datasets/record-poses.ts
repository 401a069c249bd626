import { identity44, type Matrix44, multiply44 } from '../geometry/matrix.ts';
import { interpolatePose } from '../geometry/oxts.ts';
import { inverseRigid } from '../geometry/rigid-transform.ts';
import type { LineRecords } from './line-records.ts';

/** The poses that a sequence's file of poses gives its frames. */
export interface FramePoses {
  /** By frame, worldFromLidar: the LiDAR frame of the first of `numbers` that has a pose from the frame's own. */
  readonly poses: ReadonlyMap<number, Matrix44>;
  /** By frame, why its pose is another than its line's. */
  readonly faults: ReadonlyMap<number, string>;
  /** What concerns the whole sequence. */
  readonly notes: readonly string[];
}

/**
 * The poses of frames out of records, one a frame. A line that is empty or damaged is bridged by its neighbours where times are known
 * (`interpolatePose`). A file with more or fewer lines than the `count` frames of the sequence is told, and line k stays frame k.
 */
export function framePoses(
  records: LineRecords<Matrix44>,
  frames: {
    readonly numbers: readonly number[];
    readonly count: number;
    readonly timeOf: (number: number) => number | undefined;
  },
): FramePoses {
  const { numbers, count, timeOf } = frames;
  const { name, values } = records;
  const faults = new Map<number, string>();
  if (records.fault !== undefined)
    return { poses: new Map(), faults, notes: [`${records.fault}: poses are not known`] };
  const notes: string[] = [];
  if (records.count !== count) {
    const few = records.count < count;
    const rest = few ? missingPoses(records.count, count - 1) : 'the lines after those are not used';
    notes.push(`${name} has ${records.count} lines for ${count} frames: line k is of frame k, and ${rest}`);
  }
  const timed = [...values]
    .flatMap(([number, pose]) => {
      const timeS = timeOf(number);
      return timeS === undefined ? [] : [{ timeS, pose }];
    })
    .sort((a, b) => a.timeS - b.timeS);
  const trajectory = timed.filter(({ timeS }, i) => timed[i - 1]?.timeS !== timeS);
  const poses = new Map<number, Matrix44>();
  let origin: Matrix44 | undefined;
  for (const number of numbers) {
    if (number >= records.count) break;
    const timeS = timeOf(number);
    const own = values.get(number);
    const pose = own ?? (timeS === undefined ? undefined : interpolatePose(trajectory, timeS));
    if (own === undefined) {
      const fault = records.faults.get(number) ?? `${name} has no pose for the frame`;
      faults.set(number, `${fault}: the pose is ${pose ? 'interpolated between others' : 'not known'}`);
    }
    if (pose === undefined) continue;
    // The first pose times its own inverse is the identity but for rounding.
    poses.set(number, origin === undefined ? identity44() : multiply44(origin, pose));
    origin ??= inverseRigid(pose);
  }
  return { poses, faults, notes };
}

function missingPoses(first: number, last: number): string {
  return first === last ? `frame ${first} has no pose` : `frames ${first} to ${last} have no pose`;
}
