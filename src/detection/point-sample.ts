import type { PointFrame } from '../datasets/frame.ts';
import { Stopwatch } from '../datasets/stopwatch.ts';
import type { Random } from '../engine/random.ts';
import type { Box3 } from '../geometry/box.ts';
import type { Matrix34 } from '../geometry/matrix.ts';
import { projectPoints } from '../geometry/projection.ts';
import {
  applyView,
  applyViewToBox,
  inverseView,
  sampleViewTransform,
  type ViewTransform,
} from '../geometry/view-transform.ts';
import { ballQueries } from '../pointcloud/ball-query.ts';
import { sampleMostlyAboveGround } from '../pointcloud/ground.ts';
import { groundHeights } from '../pointcloud/ground-height.ts';
import { gatherRows } from '../pointcloud/point-rows.ts';
import { type LevelTables, sampleLevels } from '../pointcloud/sample-levels.ts';
import { type Candidates, candidatesOf } from '../views/candidates.ts';
import { type PointTargets, pointTargets } from '../views/point-targets.ts';
import { pixelFromLidarOf, pointsInView } from '../views/points-in-view.ts';
import { requireLabels, sortLabels } from './detection-frames.ts';
import type { PointDetectorConfig } from './point-config.ts';

/** The points of one frame as a detector sees them, and what its candidates are to say. */
export interface PointSample extends Candidates {
  readonly id: string;
  /** Rows of x, y, z, reflectance in the view's frame. */
  readonly points: Float32Array;
  readonly levels: readonly LevelTables[];
  /** What was done to the points; nothing, unless for training. */
  readonly view: ViewTransform;
  /** Balls of the points around each candidate, where the head looks at them itself. */
  readonly surroundings?: LevelTables;
  /** The height of the ground under each candidate in the view's frame, metres, where boxes are measured from it. */
  readonly ground?: Float32Array;
  /** How LiDAR points reach the picture, and its size in pixels. */
  readonly pixelFromLidar: Matrix34;
  readonly cameraFromLidar: Float64Array;
  readonly image: { readonly width: number; readonly height: number };
  /** For training alone. */
  readonly targets?: PointTargets;
}

/**
 * Draws the points of a frame: for training, from labelled frames, turned, scaled and mirrored at random. The stopwatch
 * gets `augment` and `sample`. Throws an InputError where no point is in the range and in the picture.
 */
export function pointSample(
  frame: PointFrame,
  random: Random,
  options: {
    readonly config: PointDetectorConfig;
    readonly training: boolean;
    readonly stopwatch?: Stopwatch;
  },
): PointSample {
  const { config, training, stopwatch = new Stopwatch() } = options;
  const { image, cameraFromLidar } = frame.cameras[0];
  const pixelFromLidar = pixelFromLidarOf(frame.cameras[0]);
  const candidatePoints = gatherRows(frame.points, pointsInView(frame, config.points));
  const { groundShare, points: drawing } = config;
  const rows = sampleMostlyAboveGround(candidatePoints, random.fork('points'), {
    count: drawing.count,
    groundShare,
  });
  const drawn = gatherRows(candidatePoints, rows);
  const view = training ? sampleViewTransform(random.fork('view'), { ...config.view, pivot: [0, 0, 0] }) : [];
  const points = applyView(drawn, 4, view);
  stopwatch.lap('augment');
  const sampled = sampleLevels(points, config.pointEncoder);
  const { rows: rowsOfCandidates, ...found } = candidatesOf(points, sampled, config.candidateLevel);
  const { candidates } = found;
  const surroundings =
    config.surroundings === null
      ? undefined
      : { centers: rowsOfCandidates, neighbors: ballsAround(candidates, points, config.surroundings) };
  const ground = config.heightFrom === 'ground' ? groundUnder(candidates, candidatePoints, view) : undefined;
  stopwatch.lap('sample');
  return {
    id: frame.id,
    points,
    levels: sampled.levels,
    view,
    ...found,
    surroundings,
    ground,
    pixelFromLidar,
    cameraFromLidar,
    image: { width: image.width, height: image.height },
    ...(training ? { targets: targetsOf(frame, { config, view, candidates, ground, pixelFromLidar }) } : {}),
  };
}

function ballsAround(
  candidates: Float32Array,
  points: Float32Array,
  { radii, neighbors }: NonNullable<PointDetectorConfig['surroundings']>,
) {
  const scales = radii.map((radiusM, scale) => ({ radiusM, maxNeighbors: neighbors[scale] }));
  return ballQueries(points, candidates, scales, { stride: 4 });
}

/** The ground under candidates of a view, from the points before it. */
function groundUnder(candidates: Float32Array, points: Float32Array, view: ViewTransform): Float32Array {
  const places = applyView(candidates, 3, inverseView(view));
  groundHeights(points, places).forEach((height, n) => {
    places[3 * n + 2] = height;
  });
  return applyView(places, 3, view).filter((_, i) => i % 3 === 2);
}

function targetsOf(
  frame: PointFrame,
  options: {
    readonly config: PointDetectorConfig;
    readonly view: ViewTransform;
    readonly candidates: Float32Array;
    readonly ground: Float32Array | undefined;
    readonly pixelFromLidar: Matrix34;
  },
): PointTargets {
  const { config, view, candidates, ground, pixelFromLidar } = options;
  const { objects, ignored } = sortLabels(requireLabels(frame), config.classes);
  const moved = (box: Box3) => applyViewToBox(box, view);
  const regions = ignored.filter(({ box3 }) => box3 === undefined).map(({ box2 }) => box2);
  return pointTargets(candidates, {
    ...config,
    ground,
    objects: objects.map(({ box3, classIndex }) => ({ box3: moved(box3), classIndex })),
    ignored: ignored.flatMap(({ box3 }) => (box3 === undefined ? [] : [moved(box3)])),
    alsoIgnored: seenIn(regions, candidates, { view, pixelFromLidar }),
  });
}

/** 1 for each candidate that the camera sees in one of the regions. */
function seenIn(
  regions: ReadonlyArray<readonly [number, number, number, number]>,
  candidates: Float32Array,
  { view, pixelFromLidar }: { readonly view: ViewTransform; readonly pixelFromLidar: Matrix34 },
): Uint8Array {
  const original = applyView(candidates, 3, inverseView(view));
  const { u, v } = projectPoints(original, 3, pixelFromLidar);
  return Uint8Array.from(u, (x, i) =>
    regions.some(([left, top, right, bottom]) => x >= left && x <= right && v[i] >= top && v[i] <= bottom)
      ? 1
      : 0,
  );
}
