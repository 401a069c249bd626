import { BOX_EDGES, type Box3, cornersOf } from './box.ts';
import type { Matrix34 } from './matrix.ts';

/** A rectangle in an image, pixels. */
export type ImageBox = readonly [left: number, top: number, right: number, bottom: number];

/** Edges are cut here, before they reach the camera's own plane, metres. */
export const NEAR_M = 0.1;

/**
 * The smallest rectangle around a box's picture, clipped to the pixels 0 … width - 1 and 0 … height - 1 as KITTI's
 * labels are; undefined where nothing of it is in the picture. Boxes that reach behind the camera are cut 0.1 m
 * before it.
 *
 * @example
 * // 100 pixels of focal length, at the LiDAR's place, in the middle of a picture of 200 x 100.
 * const pixelFromLidar = Float64Array.of(100, -100, 0, 0, 50, 0, -100, 0, 1, 0, 0, 0);
 * const car: Box3 = { center: [22, 0, 0], sizeM: [4, 2, 1], yaw: 0 };
 * projectBox(car, pixelFromLidar, { width: 200, height: 100 }); // [95.0, 47.5, 105.0, 52.5]
 */
export function projectBox(
  box: Box3,
  pixelFromLidar: Matrix34,
  image: { readonly width: number; readonly height: number },
): ImageBox | undefined {
  const corners = homogeneousPixels(cornersOf(box), pixelFromLidar);
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  const include = (uw: number, vw: number, w: number) => {
    left = Math.min(left, uw / w);
    right = Math.max(right, uw / w);
    top = Math.min(top, vw / w);
    bottom = Math.max(bottom, vw / w);
  };
  for (const [uw, vw, w] of corners) if (w >= NEAR_M) include(uw, vw, w);
  for (const [from, to] of BOX_EDGES) {
    const a = corners[from];
    const b = corners[to];
    if (a[2] < NEAR_M === b[2] < NEAR_M) continue;
    const t = (NEAR_M - a[2]) / (b[2] - a[2]);
    include(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), NEAR_M);
  }
  const outside = !(right >= 0 && bottom >= 0 && left <= image.width - 1 && top <= image.height - 1);
  if (outside) return undefined;
  return [
    Math.max(left, 0),
    Math.max(top, 0),
    Math.min(right, image.width - 1),
    Math.min(bottom, image.height - 1),
  ];
}

/**
 * The edges of a box's picture as rows of u, v, u, v in pixels, which may lie outside of the picture; edges are cut 0.1 m
 * before the camera, and those behind it are left out.
 */
export function projectBoxEdges(box: Box3, pixelFromLidar: Matrix34): Float64Array<ArrayBuffer> {
  const corners = homogeneousPixels(cornersOf(box), pixelFromLidar);
  const rows: number[] = [];
  for (const [from, to] of BOX_EDGES) {
    const ends = [corners[from], corners[to]];
    if (ends.every(([, , w]) => w < NEAR_M)) continue;
    ends.forEach(([uw, vw, w], k) => {
      const [ou, ov, ow] = ends[1 - k];
      const t = w < NEAR_M ? (NEAR_M - w) / (ow - w) : 0;
      const depth = w + t * (ow - w);
      rows.push((uw + t * (ou - uw)) / depth, (vw + t * (ov - vw)) / depth);
    });
  }
  return Float64Array.from(rows);
}

function homogeneousPixels(
  points: Float64Array,
  m: Matrix34,
): Array<readonly [uw: number, vw: number, w: number]> {
  return Array.from({ length: points.length / 3 }, (_, k) => {
    const [x, y, z] = points.subarray(k * 3, k * 3 + 3);
    const row = (r: number) => m[r] * x + m[r + 1] * y + m[r + 2] * z + m[r + 3];
    return [row(0), row(4), row(8)] as const;
  });
}
