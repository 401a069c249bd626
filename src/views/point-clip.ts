import type { ClipOptions } from '../datasets/clips.ts';
import { Stopwatch } from '../datasets/stopwatch.ts';
import { InputError } from '../engine/input-error.ts';
import type { Random } from '../engine/random.ts';
import { type Matrix44, multiply44, transformPoints } from '../geometry/matrix.ts';
import { inverseRigid } from '../geometry/rigid-transform.ts';
import { applyView, sampleViewTransform, type ViewDraw } from '../geometry/view-transform.ts';
import { gatherRows } from '../pointcloud/point-rows.ts';
import { indicesInRange, type PointRange } from '../pointcloud/range-filter.ts';
import { type CellPairOptions, type CellPairs, pairCells } from './cell-pairs.ts';
import { type DrawnFrom, drawPoints, type PointView, pointView, type SampledLevels } from './point-view.ts';

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
  /** Which bird's-eye cells of the first and the last sweep are paired; absent, none. */
  readonly cells?: CellPairOptions;
}

/** A sweep at a moment whose pose is known. */
export interface PosedSweep {
  readonly id: string;
  /** Rows of x, y, z, reflectance in the LiDAR frame. */
  readonly points: Float32Array;
  readonly timeS: number;
  readonly worldFromLidar: Matrix44;
}

/** Several sweeps as they were drawn. */
export interface PointClip {
  readonly kind: 'point-clip';
  /** In the order of their times. */
  readonly sweeps: readonly PointView[];
  /** Of each sweep, rows of x, y, z of its last centres, in the LiDAR frame of the first: ego motion is undone. */
  readonly places: readonly Float32Array[];
  readonly cells?: CellPairs;
}

/**
 * Draws the sweeps of a clip, each with random numbers and a view of its own. The stopwatch gets `augment`, `sample` (farthest
 * points and neighbours) and `pair`. Throws InputError where a sweep has no point in the range.
 */
export function drawPointClip(
  clip: readonly PosedSweep[],
  random: Random,
  config: PointClipView,
  stopwatch = new Stopwatch(),
): PointClip {
  const firstFromWorld = inverseRigid(clip[0].worldFromLidar);
  const drawn = clip.map((sweep, moment) => {
    const own = random.fork('moment', moment);
    const near = indicesInRange(sweep.points, config.points.range);
    if (near.length === 0) {
      const { min, max } = config.points.range;
      const expected = `some within (${min}) to (${max}) m`;
      const found = `none of ${sweep.points.length / 4}`;
      throw new InputError({ file: `frame ${sweep.id}`, place: 'points', expected, found });
    }
    const chosen = drawPoints(gatherRows(sweep.points, near), own.fork('points'), config);
    const view = sampleViewTransform(own.fork('view'), config.view);
    const moved = applyView(chosen, 4, view);
    stopwatch.lap('augment');
    const seen = pointView(moved, view, config);
    stopwatch.lap('sample');
    const firstFromThis = multiply44(firstFromWorld, sweep.worldFromLidar);
    return { seen, places: transformPoints(firstFromThis, seen.centers, 3) };
  });
  const places = drawn.map((each) => each.places);
  const cells =
    config.cells && pairCells(places[0], places[places.length - 1], random.fork('cells'), config.cells);
  stopwatch.lap('pair');
  return { kind: 'point-clip', sweeps: drawn.map(({ seen }) => seen), places, ...(cells && { cells }) };
}
