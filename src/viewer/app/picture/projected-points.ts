import { projectPoints } from '../../../geometry/projection.ts';
import { type Clip, isInside } from '../../clip.ts';
import type { CameraInfo } from '../../protocol.ts';
import type { Sweep } from '../sweep/sweep.ts';

/** The points of a sweep that a camera sees, one entry each. */
export interface ProjectedPoints {
  /** Rows of the sweep. */
  readonly rows: Int32Array;
  /** Pixels. */
  readonly u: Float32Array;
  readonly v: Float32Array;
  /** Metres. */
  readonly depth: Float32Array;
}

/** Those points of a sweep that lie on a picture of the camera's size, and within a clip. */
export function projectSweep(
  sweep: Sweep,
  { pixelFromLidar, width, height }: Pick<CameraInfo, 'pixelFromLidar'> & { width: number; height: number },
  clip?: Clip,
): ProjectedPoints {
  const all = projectPoints(
    sweep.positions.subarray(0, 3 * sweep.filled),
    3,
    Float64Array.from(pixelFromLidar),
  );
  const seen: number[] = [];
  for (let row = 0; row < sweep.filled; row++) {
    const [u, v] = [all.u[row], all.v[row]];
    if (!(u >= -0.5 && v >= -0.5 && u < width - 0.5 && v < height - 0.5)) continue;
    if (clip === undefined || isInside(clip, ...sweep.position(row))) seen.push(row);
  }
  const rows = Int32Array.from(seen);
  const taken = (values: Float32Array) => Float32Array.from(rows, (row) => values[row]);
  return { rows, u: taken(all.u), v: taken(all.v), depth: taken(all.depth) };
}

/** The row of the point that one means at a pixel: the nearest on the picture within the radius, nearer to the camera among equals; undefined where there is none. */
export function pointAtPixel(
  points: ProjectedPoints,
  pixel: readonly [u: number, v: number],
  radiusPx: number,
): number | undefined {
  let best: number | undefined;
  let least = Infinity;
  for (let i = 0; i < points.rows.length; i++) {
    const distance = Math.hypot(points.u[i] - pixel[0], points.v[i] - pixel[1]);
    if (distance > radiusPx) continue;
    // Two pixels nearer to the cursor weigh as much as lying twice as far away.
    const cost = distance + 2 * Math.log2(Math.max(points.depth[i], 0.1));
    if (cost >= least) continue;
    least = cost;
    best = points.rows[i];
  }
  return best;
}

/** Where a place of the LiDAR frame is seen, in pixels; undefined where it is not in front of the camera. */
export function pixelOf(
  point: readonly [x: number, y: number, z: number],
  pixelFromLidar: readonly number[],
): { readonly u: number; readonly v: number; readonly depth: number } | undefined {
  const row = (r: number) =>
    pixelFromLidar[r] * point[0] +
    pixelFromLidar[r + 1] * point[1] +
    pixelFromLidar[r + 2] * point[2] +
    pixelFromLidar[r + 3];
  const depth = row(8);
  return depth > 0.1 ? { u: row(0) / depth, v: row(4) / depth, depth } : undefined;
}
