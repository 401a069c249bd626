/** A box standing on the ground plane's normal, in the LiDAR frame (x forward, y left, z up; metres, radians). */
export interface Box3 {
  /** The centre of the volume, not of the bottom. */
  readonly center: readonly [x: number, y: number, z: number];
  /** Length along the heading, width across it, height. */
  readonly sizeM: readonly [length: number, width: number, height: number];
  /** Rotation about +z; 0 looks along +x. */
  readonly yaw: number;
}

/** Half lengths of the corners along (heading, left of it, up), in the order of `cornersOf`. */
export const BOX_CORNERS = [
  [1, 1, -1],
  [-1, 1, -1],
  [-1, -1, -1],
  [1, -1, -1],
  [1, 1, 1],
  [-1, 1, 1],
  [-1, -1, 1],
  [1, -1, 1],
] as const;

/** The 12 edges of a box as pairs of corners of `cornersOf`: bottom, top, uprights. */
export const BOX_EDGES: ReadonlyArray<readonly [from: number, to: number]> = [
  ...([0, 1, 2, 3] as const).map((k) => [k, (k + 1) % 4] as const),
  ...([0, 1, 2, 3] as const).map((k) => [k + 4, ((k + 1) % 4) + 4] as const),
  ...([0, 1, 2, 3] as const).map((k) => [k, k + 4] as const),
];

/**
 * The 8 corners as rows of x, y, z (24 numbers): the bottom from front left on as seen from above against the clock
 * (front left, rear left, rear right, front right), then the top in the same order.
 *
 * @example
 * const corners = cornersOf({ center: [10, 0, 0], sizeM: [4, 2, 1], yaw: 0 });
 * corners.subarray(0, 3); // [12, 1, -0.5]
 */
export function cornersOf(box: Box3): Float64Array {
  const [x, y, z] = box.center;
  const [length, width, height] = box.sizeM;
  const c = Math.cos(box.yaw);
  const s = Math.sin(box.yaw);
  const corners = new Float64Array(24);
  BOX_CORNERS.forEach(([ahead, left, up], k) => {
    const along = (ahead * length) / 2;
    const across = (left * width) / 2;
    corners[k * 3] = x + c * along - s * across;
    corners[k * 3 + 1] = y + s * along + c * across;
    corners[k * 3 + 2] = z + (up * height) / 2;
  });
  return corners;
}

/** Whether a point lies in the box, its surface included. */
export function pointInBox(box: Box3, x: number, y: number, z: number): boolean {
  const dx = x - box.center[0];
  const dy = y - box.center[1];
  const c = Math.cos(box.yaw);
  const s = Math.sin(box.yaw);
  return (
    Math.abs(z - box.center[2]) <= box.sizeM[2] / 2 &&
    Math.abs(c * dx + s * dy) <= box.sizeM[0] / 2 &&
    Math.abs(c * dy - s * dx) <= box.sizeM[1] / 2
  );
}
