import type { PointFrame } from '../datasets/frame.ts';
import { Stopwatch } from '../datasets/stopwatch.ts';
import { InputError } from '../engine/input-error.ts';
import type { Random } from '../engine/random.ts';
import type { Box3 } from '../geometry/box.ts';
import { type Matrix34, multiply34by44 } from '../geometry/matrix.ts';
import { indicesInImage, projectPoints } from '../geometry/projection.ts';
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
import { nearestNeighbors } from '../pointcloud/nearest-neighbors.ts';
import { gatherRows } from '../pointcloud/point-rows.ts';
import { indicesInRange } from '../pointcloud/range-filter.ts';
import { type LevelTables, sampleLevels } from '../pointcloud/sample-levels.ts';
import { requireLabels, sortLabels } from './detection-frames.ts';
import type { PointDetectorConfig } from './point-config.ts';
import { type PointTargets, pointTargets } from '../views/point-targets.ts';

/** The points of one frame as a detector sees them, and what its candidates are to say. */
export interface PointSample {
  readonly id: string;
  /** Rows of x, y, z, reflectance in the view's frame. */
  readonly points: Float32Array;
  readonly levels: readonly LevelTables[];
  /** What was done to the points; nothing, unless for training. */
  readonly view: ViewTransform;
  /** Rows of x, y, z of the candidates, in the view's frame. */
  readonly candidates: Float32Array;
  /** For each candidate, the three nearest centres of the last level, and their weights by inverse distance. */
  readonly nearest: Int32Array;
  readonly nearestWeights: Float32Array;
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

/** A candidate's features come from this many centres of the last level. */
export const NEAREST = 3;

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
  const { image, pixelFromCamera, cameraFromLidar } = frame.cameras[0];
  const pixelFromLidar = multiply34by44(pixelFromCamera, cameraFromLidar);
  const near = indicesInRange(frame.points, config.points.range);
  const seen = config.points.cropToImage
    ? indicesInImage(frame.points, 4, pixelFromLidar, { image, among: near })
    : near;
  if (seen.length === 0) {
    const { min, max } = config.points.range;
    throw new InputError({
      file: `frame ${frame.id}`,
      place: 'points',
      expected: `some within (${min}) to (${max}) m${config.points.cropToImage ? ' that the camera sees' : ''}`,
      found: `none of ${frame.points.length / 4}`,
    });
  }
  const candidatePoints = gatherRows(frame.points, seen);
  const { groundShare, points: drawing } = config;
  const rows = sampleMostlyAboveGround(candidatePoints, random.fork('points'), {
    count: drawing.count,
    groundShare,
  });
  const drawn = gatherRows(candidatePoints, rows);
  const view = training ? sampleViewTransform(random.fork('view'), { ...config.view, pivot: [0, 0, 0] }) : [];
  const points = applyView(drawn, 4, view);
  stopwatch.lap('augment');
  const { levels, last } = sampleLevels(points, config.pointEncoder);
  const rowsOfCandidates = rowsAt(levels, config.candidateLevel);
  const candidates = xyzOf(gatherRows(points, rowsOfCandidates));
  const { indices, squaredDistances } = nearestNeighbors(xyzOf(last), candidates, {
    count: Math.min(NEAREST, last.length / 4),
  });
  const surroundings =
    config.surroundings === null
      ? undefined
      : { centers: rowsOfCandidates, neighbors: ballsAround(candidates, points, config.surroundings) };
  const ground = config.heightFrom === 'ground' ? groundUnder(candidates, candidatePoints, view) : undefined;
  stopwatch.lap('sample');
  return {
    id: frame.id,
    points,
    levels,
    view,
    candidates,
    nearest: indices,
    nearestWeights: inverseDistanceWeights(squaredDistances, candidates.length / 3),
    surroundings,
    ground,
    pixelFromLidar,
    cameraFromLidar,
    image: { width: image.width, height: image.height },
    ...(training ? { targets: targetsOf(frame, { config, view, candidates, ground, pixelFromLidar }) } : {}),
  };
}

/** Which of the points a level's centres are. */
function rowsAt(levels: readonly LevelTables[], level: number): Int32Array {
  return levels
    .slice(1, level + 1)
    .reduce((rows, { centers }) => centers.map((at) => rows[at]), levels[0].centers);
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

function xyzOf(rows: Float32Array): Float32Array {
  const xyz = new Float32Array((rows.length / 4) * 3);
  for (let i = 0; i < rows.length / 4; i++) xyz.set(rows.subarray(4 * i, 4 * i + 3), 3 * i);
  return xyz;
}

/** Weights by inverse squared distance that sum to 1 (PointNet++'s feature propagation; Qi et al. 2017). */
function inverseDistanceWeights(squaredDistances: Float32Array, rows: number): Float32Array {
  const each = squaredDistances.length / rows;
  const weights = squaredDistances.map((d2) => 1 / (d2 + 1e-4));
  for (let r = 0; r < rows; r++) {
    const own = weights.subarray(r * each, (r + 1) * each);
    const sum = own.reduce((total, weight) => total + weight, 0);
    for (let k = 0; k < each; k++) own[k] /= sum;
  }
  return weights;
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
