import type { Random } from '../engine/random.ts';
import { applyView, type ViewTransform } from '../geometry/view-transform.ts';
import { nearestNeighbors } from '../pointcloud/nearest-neighbors.ts';
import { gatherRows } from '../pointcloud/point-rows.ts';
import { rayQueries } from '../pointcloud/ray-queries.ts';

/** Which places along rays are drawn. */
export interface RayOptions {
  /** So many places a sweep, a multiple of 3. */
  readonly count: number;
  /** Where the sensor is in the LiDAR frame, metres. */
  readonly sensor: readonly [x: number, y: number, z: number];
  /** How far behind and before its point a place lies at most, metres. */
  readonly marginM: number;
  /** Rays end at points that lie this near to a candidate, metres: of surfaces far from all of them no feature says anything. */
  readonly reachM: number;
  /** So many candidates, the nearest ones, say something of a place. */
  readonly neighbors: number;
}

/** Places along the rays of a sweep, seen from the candidates nearest to them; Q places, K candidates each. */
export interface SweepQueries {
  /** int32 [Q·K]: the candidates, nearest first. */
  readonly nearest: Int32Array;
  /** float32 [Q·K·3]: from the candidate to the place, metres in the view's frame. */
  readonly offsets: Float32Array;
  /** float32 [Q]: 1 where there is something, else 0. */
  readonly occupied: Float32Array;
  /** float32 [Q]: 1 where the place lies just behind or before its point, 0 where it is anywhere on the ray. */
  readonly surface: Float32Array;
  /** float32 [Q]: the reflectance of the point at the ray's end. */
  readonly reflectance: Float32Array;
}

/** Draws places along the rays of the points of a view (rows of x, y, z, reflectance, those that the encoder gets and all others); the sensor moves with the points. */
export function drawQueries(
  points: Float32Array,
  { candidates, view }: { readonly candidates: Float32Array; readonly view: ViewTransform },
  random: Random,
  { reachM, neighbors, sensor, ...options }: RayOptions,
): SweepQueries {
  const { squaredDistances } = nearestNeighbors(candidates, points, { count: 1, queryStride: 4 });
  const near = Array.from(squaredDistances.keys()).filter((i) => squaredDistances[i] <= reachM * reachM);
  const ends = gatherRows(points, near);
  const [x, y, z] = applyView(Float64Array.from(sensor), 3, view);
  const { places, occupied, rows } = rayQueries(ends, random, { ...options, sensor: [x, y, z] });
  const { indices } = nearestNeighbors(candidates, places, { count: neighbors });
  const offsets = Float32Array.from({ length: 3 * indices.length }, (_, i) => {
    const row = Math.floor(i / 3);
    return places[3 * Math.floor(row / neighbors) + (i % 3)] - candidates[3 * indices[row] + (i % 3)];
  });
  return {
    nearest: indices,
    offsets,
    occupied,
    surface: new Float32Array(rows.length).fill(1, 0, (2 * rows.length) / 3),
    reflectance: Float32Array.from(rows, (row) => ends[4 * row + 3]),
  };
}
