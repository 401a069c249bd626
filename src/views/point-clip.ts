import type { ClipOptions } from '../datasets/clips.ts';
import { Stopwatch } from '../datasets/stopwatch.ts';
import type { Random } from '../engine/random.ts';
import { multiply44, transformPoints } from '../geometry/matrix.ts';
import { inverseRigid } from '../geometry/rigid-transform.ts';
import { applyView, sampleViewTransform, type ViewDraw } from '../geometry/view-transform.ts';
import { gatherRows } from '../pointcloud/point-rows.ts';
import type { PointRange } from '../pointcloud/range-filter.ts';
import { followSegments } from '../pointcloud/segments/follow-segments.ts';
import type { Sweep } from '../pointcloud/segments/sweep.ts';
import { sharedCells } from './cell-pairs.ts';
import { type PlaceGroup, type PlacePairs, pairTables } from './place-pairs.ts';
import {
  type DrawnFrom,
  drawRows,
  type PointView,
  pointView,
  rowsOfCenters,
  type SampledLevels,
} from './point-view.ts';
import { pointsInView } from './points-in-view.ts';
import { sharedSegments } from './segment-pairs.ts';

/** Which places of the first and the last sweep belong together. */
export interface PairOptions {
  /** At most so many pairs. */
  readonly most: number;
  /** Of the places on each side of a pair at most so many. */
  readonly perPair: number;
  /** The side of the bird's-eye cells that are paired where they have places of both, metres; absent, no cells are. */
  readonly cellM?: number;
  /**
   * Segments that were followed over the clip are paired: all of them, or those that move (at most half of the pairs, so that
   * cells, which are places that stand, have the other half). Absent, none.
   */
  readonly segments?: 'all' | 'moving';
}

/** How several sweeps of a drive are drawn, and which of their places belong together: plain data. */
export interface PointClipView extends DrawnFrom {
  readonly kind: 'point-clip';
  readonly clip: Omit<ClipOptions, 'posed'>;
  /** Points a sweep, and the region that is kept (metres, LiDAR frame). */
  readonly points: { readonly count: number; readonly range: PointRange };
  /** How far each sweep is turned, scaled and mirrored, by itself. */
  readonly view: ViewDraw;
  /** The levels that are sampled. */
  readonly pointEncoder: SampledLevels;
  readonly pairs: PairOptions;
}

/** A sweep at a moment whose pose is known. */
export interface PosedSweep extends Sweep {
  readonly id: string;
}

/** The first and the last sweep of a clip as they were drawn. */
export interface PointClip {
  readonly kind: 'point-clip';
  readonly sweeps: readonly [first: PointView, last: PointView];
  /** Of each of the two, rows of x, y, z of its last centres, in the LiDAR frame of the first: ego motion is undone. */
  readonly places: readonly [first: Float32Array, last: Float32Array];
  readonly pairs: PlacePairs;
}

/**
 * Draws the first and the last sweep of a clip, each with random numbers and a view of its own, and pairs their places; the sweeps
 * between them are for following segments. The stopwatch gets `augment`, `sample` (farthest points and neighbours) and `pair`.
 * Throws InputError where one of the two has no point in the range.
 */
export function drawPointClip(
  clip: readonly PosedSweep[],
  random: Random,
  config: PointClipView,
  stopwatch = new Stopwatch(),
): PointClip {
  const firstFromWorld = inverseRigid(clip[0].worldFromLidar);
  const drawn = [0, clip.length - 1].map((moment) => {
    const sweep = clip[moment];
    const own = random.fork('moment', moment);
    const near = pointsInView(sweep, { ...config.points, cropToImage: false });
    const inRange = gatherRows(sweep.points, near);
    const rows = drawRows(inRange, own.fork('points'), config);
    const view = sampleViewTransform(own.fork('view'), config.view);
    const moved = applyView(gatherRows(inRange, rows), 4, view);
    stopwatch.lap('augment');
    const seen = pointView(moved, view, config);
    stopwatch.lap('sample');
    const firstFromThis = multiply44(firstFromWorld, sweep.worldFromLidar);
    return {
      moment,
      seen,
      places: transformPoints(firstFromThis, seen.centers, 3),
      /** Of each place, its row in the sweep. */
      rows: rowsOfCenters(seen.levels).map((row) => near[rows[row]]),
    };
  });
  const [first, last] = drawn;
  const groups = groupsOf(clip, drawn, random.fork('pairs'), config.pairs);
  const pairs = pairTables(groups, random.fork('places'), config.pairs);
  stopwatch.lap('pair');
  return {
    kind: 'point-clip',
    sweeps: [first.seen, last.seen],
    places: [first.places, last.places],
    pairs,
  };
}

interface DrawnSweep {
  readonly moment: number;
  readonly places: Float32Array;
  readonly rows: Int32Array;
}

/** The places that belong together: what moves first, then what stands. */
function groupsOf(
  clip: readonly PosedSweep[],
  [first, last]: readonly DrawnSweep[],
  random: Random,
  { most, cellM, segments }: PairOptions,
): PlaceGroup[] {
  const groups: PlaceGroup[] = [];
  if (segments !== undefined) {
    const followed = followSegments(clip);
    const labels = ({ moment, rows }: DrawnSweep) => rows.map((row) => followed.moments[moment].segment[row]);
    const isMoving = (segment: number) => followed.segments[segment].moving;
    const shared = sharedSegments(labels(first), labels(last), random.fork('segments'), { isMoving });
    const moving = shared.filter((group) => group.moving);
    groups.push(...(segments === 'all' ? shared : moving.slice(0, Math.floor(most / 2))));
  }
  if (cellM !== undefined)
    groups.push(...sharedCells(first.places, last.places, random.fork('cells'), { cellM }));
  return groups;
}
