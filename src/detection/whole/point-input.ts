import type * as tf from '@tensorflow/tfjs-core';
import type { Tracer } from '../../engine/capture.ts';
import type { Graph, Value } from '../../engine/graph.ts';
import { handMade } from '../../engine/hand-made.ts';
import type { Tree } from '../../engine/tree.ts';
import { GROUND_HEIGHT } from '../../pointcloud/ground-height.ts';
import {
  ballsInGraph,
  type Columns,
  columnsOf,
  farthestInGraph,
  groundInGraph,
  nearestInGraph,
  resampledInGraph,
  SWEEP,
  takenColumns,
} from '../../pointcloud/tables-in-graph.ts';
import { NEAREST } from '../../views/candidates.ts';
import type { PointDetectorConfig } from '../point-config.ts';

/** The axes of what such a file is given. */
export const POINT_AXES = { points: ['points', 4] } as const;

/** A batch of one sample, as `collatePoints` stacks it, and what candidates are decoded with. */
export interface PointInput {
  readonly batch: Tree<tf.Tensor>;
  /** [R, 3]. */
  readonly candidates: tf.Tensor;
  /** [R, 1], where boxes are measured from the ground. */
  readonly ground?: tf.Tensor;
  /** [3, 4]; [2] (width, height). */
  readonly pixelFromLidar: tf.Tensor;
  readonly imageSize: tf.Tensor;
  /** The same and the candidates' columns in double precision. */
  readonly exact: { readonly candidates: Columns; readonly pixelFromLidar: Value };
}

interface Level {
  readonly centers: Value;
  readonly neighbors: readonly Value[];
}

/**
 * The inputs `points` float32 [points, 4], `rows` int64 (which of them are drawn), `pixel_from_lidar` float64 [3, 4] and `image_size`
 * int64 [2], and all that `pointSample` settles with a frame from there on.
 */
export function pointInput({ graph, tensorOf }: Tracer, config: PointDetectorConfig): PointInput {
  const h = handMade(graph);
  const points = graph.input('points', 'float32', [SWEEP, 4]);
  const rows = graph.input('rows', 'int64', [config.points.count]);
  const pixelFromLidar = graph.input('pixel_from_lidar', 'float64', [3, 4]);
  const imageSize = graph.input('image_size', 'int64', [2]);
  const drawn = h.taken(points, rows); // [count, 4]
  const [xyz, reflectance] = [h.part(drawn, 1, 0, 3), h.part(drawn, 1, 3, 4)];
  const columns = columnsOf(graph, drawn);
  const { levels, last } = levelsInGraph(graph, columns, config);
  const own = levels
    .slice(1, config.candidateLevel + 1)
    .reduce((before, { centers }) => h.taken(before, centers), levels[0].centers);
  const at = takenColumns(graph, columns, own);
  const candidates = tensorOf(h.taken(xyz, own));
  const nearest = nearestInGraph(graph, last, at, Math.min(NEAREST, last.x.shape[0]));
  const ground =
    config.heightFrom === 'ground'
      ? tensorOf(
          h.shaped(groundInGraph(graph, columnsOf(graph, points), at, GROUND_HEIGHT), [own.shape[0], 1]),
        )
      : undefined;
  const tables = ({ centers, neighbors }: Level): Tree<tf.Tensor> => ({
    centers: tensorOf(h.cast(centers, 'int32')),
    neighbors: Object.fromEntries(neighbors.map((table, s) => [`${s}`, tensorOf(table)])),
  });
  const { surroundings } = config;
  const batch: Tree<tf.Tensor> = {
    points: {
      features: tensorOf(reflectance),
      xyz: tensorOf(xyz),
      levels: Object.fromEntries(levels.map((level, l) => [`${l}`, tables(level)])),
    },
    places: candidates,
    nearest: tensorOf(nearest.indices),
    nearestWeights: tensorOf(inverseDistances(graph, nearest.squaredDistances)),
    ...(surroundings && {
      surroundings: tables({
        centers: own,
        neighbors: ballsInGraph(graph, columns, at, scalesOf(surroundings, false)),
      }),
    }),
    ...(ground && { ground }),
  };
  return {
    batch,
    candidates,
    ground,
    pixelFromLidar: tensorOf(h.cast(pixelFromLidar, 'float32')),
    imageSize: tensorOf(h.cast(imageSize, 'float32')),
    exact: { candidates: at, pixelFromLidar },
  };
}

/** `sampleLevels`, and the columns of the last level's centres. */
function levelsInGraph(graph: Graph, points: Columns, { pointEncoder }: PointDetectorConfig) {
  const levels: Level[] = [];
  let before = points;
  for (const level of pointEncoder.levels) {
    const sample = levels.at(-1)?.centers;
    const centers =
      sample === undefined
        ? farthestInGraph(graph, before, level.points)
        : resampledInGraph(graph, sample, level.points);
    const at = takenColumns(graph, before, centers);
    levels.push({
      centers,
      neighbors: ballsInGraph(graph, before, at, scalesOf(level, pointEncoder.dilated)),
    });
    before = at;
  }
  return { levels, last: before };
}

function scalesOf(
  { radii, neighbors }: { readonly radii: readonly number[]; readonly neighbors: readonly number[] },
  dilated: boolean,
) {
  return radii.map((radiusM, scale) => ({
    radiusM,
    minRadiusM: dilated && scale > 0 ? radii[scale - 1] : 0,
    maxNeighbors: neighbors[scale],
  }));
}

/** Weights by inverse squared distance [R, each] that sum to 1, float32 [R·each], as `pointSample` rounds them. */
function inverseDistances(graph: Graph, squaredDistances: Value): Value {
  const h = handMade(graph);
  const [rows, each] = squaredDistances.shape;
  const one = graph.scalar(1, 'float64');
  const raw = h.cast(h.div(one, h.add(h.cast(squaredDistances, 'float64'), 1e-4)), 'float32');
  const weights = h.cast(raw, 'float64');
  return h.shaped(h.cast(h.div(weights, h.sum(weights, 1)), 'float32'), [rows * each]);
}
