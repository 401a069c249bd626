import { nearestNeighbors } from '../pointcloud/nearest-neighbors.ts';
import { gatherRows } from '../pointcloud/point-rows.ts';
import type { LevelTables } from '../pointcloud/sample-levels.ts';

/** The centres of one of an encoder's levels, of which something is to be said, and where their features of the last level come from. */
export interface Candidates {
  /** Rows of x, y, z of the candidates, in the view's frame. */
  readonly candidates: Float32Array;
  /** For each candidate, the three nearest centres of the last level, and their weights by inverse distance. */
  readonly nearest: Int32Array;
  readonly nearestWeights: Float32Array;
}

/** A candidate's features come from this many centres of the last level. */
export const NEAREST = 3;

/**
 * The candidates among the points of a view (rows of x, y, z, reflectance) that `sampleLevels` sampled: the centres of a level counted
 * from 0. `rows` are their rows among the points.
 */
export function candidatesOf(
  points: Float32Array,
  { levels, last }: { readonly levels: readonly LevelTables[]; readonly last: Float32Array },
  level: number,
): Candidates & { readonly rows: Int32Array } {
  const rows = levels
    .slice(1, level + 1)
    .reduce((before, { centers }) => centers.map((at) => before[at]), levels[0].centers);
  const candidates = xyzOf(gatherRows(points, rows));
  const { indices, squaredDistances } = nearestNeighbors(xyzOf(last), candidates, {
    count: Math.min(NEAREST, last.length / 4),
  });
  const nearestWeights = inverseDistanceWeights(squaredDistances, rows.length);
  return { candidates, nearest: indices, nearestWeights, rows };
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
