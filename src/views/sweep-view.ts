import { Stopwatch } from '../datasets/stopwatch.ts';
import type { Random } from '../engine/random.ts';
import {
  applyView,
  applyViewToBox,
  sampleViewTransform,
  type ViewDraw,
  type ViewTransform,
} from '../geometry/view-transform.ts';
import { gatherRows } from '../pointcloud/point-rows.ts';
import type { PointRange } from '../pointcloud/range-filter.ts';
import { sampleLevels } from '../pointcloud/sample-levels.ts';
import { type ClusterBox, clusterBoxes, clusterClasses } from '../pointcloud/segments/cluster-boxes.ts';
import { type Candidates, candidatesOf } from './candidates.ts';
import { type PointTargets, pointTargets } from './point-targets.ts';
import { type DrawnFrom, drawRows, type SampledLevels } from './point-view.ts';
import { pointsInView, type SeenSweep } from './points-in-view.ts';
import type { SampledPoints } from './stack-points.ts';
import { drawQueries, type RayOptions, type SweepQueries } from './sweep-queries.ts';

/** What candidates are to say of the boxes of clusters. */
export interface BoxOptions {
  /** Bins of the heading over half a turn: which end of a box is its front is not known. */
  readonly headingBins: number;
  /** Candidates this far outside of a box still count as of it, metres; up to `ignoreMarginM` they are neither. */
  readonly insideMarginM: number;
  readonly ignoreMarginM: number;
  /** In boxes of a lower score candidates count neither as of an object nor as of none. */
  readonly leastScore: number;
}

/** How one sweep is drawn, and what is to be said of places in it: plain data. */
export interface SweepView extends DrawnFrom {
  readonly kind: 'sweep';
  /** Points, the region that is kept (metres, LiDAR frame), and whether what the camera does not see is left out. */
  readonly points: { readonly count: number; readonly range: PointRange; readonly cropToImage: boolean };
  /** How far it is turned, scaled and mirrored; boxes and rays are with it. */
  readonly view: ViewDraw;
  /** The levels that are sampled. */
  readonly pointEncoder: SampledLevels;
  /** The level whose centres are the candidates, counted from 0. */
  readonly candidateLevel: number;
  /** Boxes of clusters, as targets of the candidates. */
  readonly boxes?: BoxOptions;
  /** Places along rays, of which is to be said whether there is something. */
  readonly rays?: RayOptions;
}

/** A sweep as it was drawn. */
export interface DrawnSweep extends SampledPoints, Candidates {
  readonly kind: 'sweep';
  readonly view: ViewTransform;
  readonly targets?: PointTargets;
  readonly queries?: SweepQueries;
}

/**
 * Draws a sweep, turned, scaled and mirrored, and with it what is to be said. `boxes` has those of its clusters in the LiDAR frame, where they
 * are known already. The stopwatch gets `augment`, `sample` (farthest points and neighbours) and `pair` (targets, queries). Throws an InputError
 * where no point is in the range and in the picture.
 */
export function drawSweep(
  sweep: SeenSweep,
  random: Random,
  config: SweepView,
  { boxes, stopwatch = new Stopwatch() }: { boxes?: readonly ClusterBox[]; stopwatch?: Stopwatch } = {},
): DrawnSweep {
  const seen = gatherRows(sweep.points, pointsInView(sweep, config.points));
  const rows = drawRows(seen, random.fork('points'), config);
  const view = sampleViewTransform(random.fork('view'), config.view);
  const points = applyView(gatherRows(seen, rows), 4, view);
  stopwatch.lap('augment');
  const sampled = sampleLevels(points, config.pointEncoder);
  const { rows: _, ...found } = candidatesOf(points, sampled, config.candidateLevel);
  stopwatch.lap('sample');
  const drawn: DrawnSweep = { kind: 'sweep', points, levels: sampled.levels, view, ...found };
  const targets = config.boxes && boxTargets(drawn, boxes ?? clusterBoxes(sweep.points), config.boxes);
  const queries =
    config.rays && drawQueries(applyView(seen, 4, view), drawn, random.fork('rays'), config.rays);
  stopwatch.lap('pair');
  return { ...drawn, ...(targets && { targets }), ...(queries && { queries }) };
}

/** What the candidates are to say of boxes in the LiDAR frame, which are moved as the view was. */
function boxTargets(
  { candidates, view }: DrawnSweep,
  boxes: readonly ClusterBox[],
  { leastScore, ...options }: BoxOptions,
): PointTargets {
  const moved = boxes.map((box) => ({ ...box, box3: applyViewToBox(box.box3, view) }));
  const isSure = ({ score }: ClusterBox) => score >= leastScore;
  return pointTargets(candidates, {
    ...options,
    classes: clusterClasses,
    axes: true,
    objects: moved
      .filter(isSure)
      .map(({ type, box3 }) => ({ box3, classIndex: clusterClasses.indexOf(type) })),
    ignored: moved.filter((box) => !isSure(box)).map(({ box3 }) => box3),
  });
}
