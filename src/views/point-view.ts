import type { PointEncoderConfig } from '../encoders/encoder-config.ts';
import type { Random } from '../engine/random.ts';
import { applyView, inverseView, type ViewTransform } from '../geometry/view-transform.ts';
import { sampleMostlyAboveGround } from '../pointcloud/ground.ts';
import { sampleRows } from '../pointcloud/range-filter.ts';
import { type LevelTables, sampleLevels } from '../pointcloud/sample-levels.ts';

/** The levels of a point encoder that are sampled. */
export type SampledLevels = Pick<PointEncoderConfig, 'levels' | 'useXyz' | 'dilated'>;

/** How many points are drawn of a sweep, and how much of them may be ground. */
export interface DrawnFrom {
  readonly points: { readonly count: number };
  readonly groundShare?: number;
}

/** One view of a sample's points. */
export interface PointView {
  /** Rows of x, y, z, reflectance, in the view's own frame. */
  readonly points: Float32Array;
  readonly levels: readonly LevelTables[];
  /** Rows of x, y, z of the last level's centres, in the LiDAR frame: what was done to the view is undone. */
  readonly centers: Float32Array;
}

/** A random choice of the points of a sweep (rows of 4) by their row, with less ground where that is asked for. Throws InputError for a sweep without points. */
export function drawRows(points: Float32Array, random: Random, config: DrawnFrom): Int32Array {
  const {
    groundShare,
    points: { count },
  } = config;
  return groundShare === undefined
    ? sampleRows(count, points.length / 4, random)
    : sampleMostlyAboveGround(points, random, { count, groundShare });
}

/** The rows of the last level's centres among the points that the first level was sampled from. */
export function rowsOfCenters(levels: readonly LevelTables[]): Int32Array {
  return levels.reduceRight(
    (rows: Int32Array | undefined, { centers }) => (rows ? rows.map((row) => centers[row]) : centers),
    undefined,
  )!;
}

/** Samples and neighbours of every level, and the last centres with the view undone. */
export function pointView(
  points: Float32Array,
  view: ViewTransform,
  config: { readonly pointEncoder: SampledLevels },
): PointView {
  const { levels, last } = sampleLevels(points, config.pointEncoder);
  const count = last.length / 4;
  const xyz = new Float32Array(count * 3);
  for (let i = 0; i < count; i++) for (let k = 0; k < 3; k++) xyz[3 * i + k] = last[4 * i + k];
  return { points, levels, centers: applyView(xyz, 3, inverseView(view)) };
}
