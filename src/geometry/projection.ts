import { checkRows, type Matrix34, type Matrix44, to44, transformPoint } from './matrix.ts';
import { inverseAffine } from './rigid-transform.ts';

/** Pixels of points, one entry for each. */
export interface ProjectedPoints {
  /** Columns, pixels from the left edge's pixel centre; NaN for points that are not in front. */
  readonly u: Float32Array;
  /** Rows, pixels from the top edge's pixel centre; NaN for points that are not in front. */
  readonly v: Float32Array;
  /** The third homogeneous coordinate, metres: what u and v were divided by. */
  readonly depth: Float32Array;
  /** 1 where the depth is above the least one, else 0. */
  readonly inFront: Uint8Array;
}

/**
 * Pixels of LiDAR points (rows of `stride` numbers that begin with x, y, z, metres): (u·w, v·w, w) = P · (x, y, z, 1),
 * divided by the w of P itself, which for KITTI's P2 is some millimetres more than the depth in the rectified frame.
 * In front is what has w > `minDepthM`, 0 by default. Throws if the rows do not come out even.
 *
 * @example
 * // 100 pixels of focal length, at the LiDAR's place, in the middle of a picture of 200 x 100.
 * const pixelFromLidar = Float64Array.of(100, -100, 0, 0, 50, 0, -100, 0, 1, 0, 0, 0);
 * const { u, v, depth } = projectPoints(Float32Array.of(10, -2, 1), 3, pixelFromLidar);
 * [u[0], v[0], depth[0]]; // [120, 40, 10]
 */
export function projectPoints(
  points: Float32Array | Float64Array,
  stride: number,
  pixelFromLidar: Matrix34,
  options: { minDepthM?: number } = {},
): ProjectedPoints {
  const count = checkRows(points.length, stride);
  const minDepthM = Math.max(0, options.minDepthM ?? 0);
  const [a, b, c, d, e, f, g, h, i, j, k, l] = pixelFromLidar;
  const u = new Float32Array(count);
  const v = new Float32Array(count);
  const depth = new Float32Array(count);
  const inFront = new Uint8Array(count);
  for (let n = 0, at = 0; n < count; n++, at += stride) {
    const x = points[at];
    const y = points[at + 1];
    const z = points[at + 2];
    const w = i * x + j * y + k * z + l;
    const front = w > minDepthM;
    depth[n] = w;
    inFront[n] = front ? 1 : 0;
    u[n] = front ? (a * x + b * y + c * z + d) / w : Number.NaN;
    v[n] = front ? (e * x + f * y + g * z + h) / w : Number.NaN;
  }
  return { u, v, depth, inFront };
}

/**
 * Those of the rows `among`, in their order, that `projectPoints` puts on an image of `width` x `height` pixels, whose
 * outermost pixels reach half a pixel beyond their centres.
 */
export function indicesInImage(
  points: Float32Array,
  stride: number,
  pixelFromLidar: Matrix34,
  options: {
    readonly image: { readonly width: number; readonly height: number };
    readonly among: Int32Array;
  },
): Int32Array<ArrayBuffer> {
  const [a, b, c, d, e, f, g, h, i, j, k, l] = pixelFromLidar;
  const { among } = options;
  const right = options.image.width - 0.5;
  const bottom = options.image.height - 0.5;
  const kept = new Int32Array(among.length);
  let found = 0;
  for (let n = 0; n < among.length; n++) {
    const at = among[n] * stride;
    const x = points[at];
    const y = points[at + 1];
    const z = points[at + 2];
    const w = i * x + j * y + k * z + l;
    if (!(w > 0)) continue;
    // Rounded as projected points are.
    const u = Math.fround((a * x + b * y + c * z + d) / w);
    const v = Math.fround((e * x + f * y + g * z + h) / w);
    if (u >= -0.5 && u < right && v >= -0.5 && v < bottom) kept[found++] = among[n];
  }
  return kept.slice(0, found);
}

/** The map that takes (u·w, v·w, w) back to LiDAR coordinates; throws RangeError for a P without an inverse. */
export function lidarFromPixel(pixelFromLidar: Matrix34): Matrix44 {
  return inverseAffine(to44(pixelFromLidar));
}

/** The LiDAR point that is seen at pixel (u, v) with `depth` w metres; undoes `projectPoints`. */
export function unprojectPixel(
  lidarFromPixel: Matrix44,
  u: number,
  v: number,
  depth: number,
): [x: number, y: number, z: number] {
  return transformPoint(lidarFromPixel, [u * depth, v * depth, depth]);
}
