import type { ObjectLabel } from '../../datasets/frame.ts';
import type { Frames } from '../../datasets/open-frames.ts';
import { type AssociationQueries, associationQueries } from '../../evaluation/association.ts';
import type { Sweep } from '../../pointcloud/segments/sweep.ts';
import { sweepParts } from '../../pointcloud/segments/sweep-parts.ts';
import type { DriveMoment } from './drive-places.ts';

/** Labels by moment. */
export type DriveLabels = ReadonlyMap<DriveMoment, readonly ObjectLabel[]>;

/** Pairs of sweeps of drives with the points of labelled tracks in them, and which moment each sweep is of. */
export interface DrivePairs {
  readonly queries: readonly AssociationQueries[];
  readonly momentOf: ReadonlyMap<Sweep, DriveMoment>;
}

/** Sweeps before the first of a pair, from which a velocity can be known. */
const HISTORY = 3;

/** The labels of all moments that have some; undefined where no object has a track. */
export async function driveLabels(
  { sequences, place }: Frames,
  moments: readonly DriveMoment[],
): Promise<DriveLabels | undefined> {
  const labels = new Map<DriveMoment, readonly ObjectLabel[]>();
  for (const moment of moments) {
    if (moment.moment.files.labels === undefined) continue;
    const at = place(moment.index);
    labels.set(moment, await sequences[at.sequence].labels(at.moment));
  }
  const tracked = [...labels.values()].some((all) => all.some(({ trackId }) => trackId !== undefined));
  return tracked ? labels : undefined;
}

/** Pairs of sweeps `gapS` apart with the sweeps between them and three before, where all of them are there. */
export async function drivePairs(
  frames: Frames,
  moments: readonly DriveMoment[],
  { labels, gapS }: { readonly labels: DriveLabels; readonly gapS: number },
): Promise<DrivePairs> {
  // Sweeps are in several clips: each is read once.
  const known = new Map<DriveMoment, Sweep>();
  const sweepOf = async (moment: DriveMoment): Promise<Sweep> => {
    const { timeS, worldFromLidar } = moment.moment;
    const before = known.get(moment);
    if (before !== undefined) return before;
    const points = await frames.sweep!(moment.index);
    // Every rule and every encoder is asked about the same clusters.
    const parts = sweepParts(points);
    const sweep = { points, timeS: timeS!, worldFromLidar: worldFromLidar!, parts };
    known.set(moment, sweep);
    return sweep;
  };
  const queries: AssociationQueries[] = [];
  for (const drive of byDrive(moments)) {
    const gap = stepsIn(drive, gapS);
    const numbers = new Map(drive.map((moment) => [moment.number, moment]));
    // Pairs that begin right after one another are nearly the same: each begins a gap after the one before.
    for (const from of drive.filter((_, i) => i % gap === 0)) {
      const clip = Array.from({ length: HISTORY + gap + 1 }, (_, i) => numbers.get(from.number + i));
      const whole = clip.filter((each) => each !== undefined && labels.has(each)) as DriveMoment[];
      if (whole.length < clip.length) continue;
      const sweeps: Sweep[] = [];
      for (const each of whole) sweeps.push(await sweepOf(each));
      const all = whole.map((each) => labels.get(each)!);
      queries.push(associationQueries({ sweeps, from: HISTORY, to: HISTORY + gap }, all));
    }
  }
  return { queries, momentOf: new Map([...known].map(([moment, sweep]) => [sweep, moment])) };
}

/** The moments of each drive in the order of their times. */
export function byDrive(moments: readonly DriveMoment[]): DriveMoment[][] {
  const drives = new Map<number, DriveMoment[]>();
  for (const moment of moments) drives.set(moment.drive, [...(drives.get(moment.drive) ?? []), moment]);
  return [...drives.values()].map((own) => own.sort((a, b) => a.number - b.number));
}

/** How many moments of a drive such a time is; one at least. */
export function stepsIn(drive: readonly DriveMoment[], gapS: number): number {
  const [first, last] = [drive[0], drive[drive.length - 1]];
  const steps = last.number - first.number;
  if (steps === 0) return 1;
  return Math.max(1, Math.round((gapS * steps) / (last.moment.timeS! - first.moment.timeS!)));
}
