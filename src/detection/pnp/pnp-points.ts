/** A pinhole camera without distortion, pixels: u = fx·X/Z + cx, v = fy·Y/Z + cy. */
export interface Intrinsics {
  readonly fx: number;
  readonly fy: number;
  readonly cx: number;
  readonly cy: number;
}

/** Points of an object and where the image shows them; row i of one belongs to row i of the other. */
export interface PnpPoints {
  /** Rows of x, y, z in the object's own frame, metres. */
  readonly objectPoints: Float64Array | Float32Array;
  /** Rows of u, v, pixels. */
  readonly pixels: Float64Array | Float32Array;
}

/** A rotation and a shift: X_camera = rotation·X_object + translation (camera: x right, y down, z forward; metres). */
export interface RigidPose {
  /** 3x3, row-major. */
  readonly rotation: Float64Array;
  readonly translation: Float64Array;
}

/** The number of points; throws RangeError where the arrays do not have as many rows as one another. */
export function countPoints({ objectPoints, pixels }: PnpPoints): number {
  const count = pixels.length / 2;
  if (objectPoints.length !== count * 3) {
    throw new RangeError(
      `${objectPoints.length} coordinates and ${pixels.length} pixel numbers are not rows of 3 and 2`,
    );
  }
  return count;
}

/** The squared distance between a pixel and where a pose puts its point, pixels²; Infinity for a point that is not in front of the camera. */
export function squaredPixelError(
  { objectPoints, pixels }: PnpPoints,
  row: number,
  { rotation: r, translation: t }: RigidPose,
  { fx, fy, cx, cy }: Intrinsics,
): number {
  const x = objectPoints[3 * row];
  const y = objectPoints[3 * row + 1];
  const z = objectPoints[3 * row + 2];
  const depth = r[6] * x + r[7] * y + r[8] * z + t[2];
  if (!(depth > 0)) return Number.POSITIVE_INFINITY;
  const du = (fx * (r[0] * x + r[1] * y + r[2] * z + t[0])) / depth + cx - pixels[2 * row];
  const dv = (fy * (r[3] * x + r[4] * y + r[5] * z + t[1])) / depth + cy - pixels[2 * row + 1];
  return du * du + dv * dv;
}

/**
 * The turn about the camera's y axis that is nearest to a rotation (3x3, row-major) in Frobenius norm, as KITTI's
 * rotation_y: R_y(θ) = [[c, 0, s], [0, 1, 0], [-s, 0, c]], radians in [-π, π].
 */
export function nearestYaw(rotation: ArrayLike<number>): number {
  return Math.atan2(rotation[2] - rotation[6], rotation[0] + rotation[8]);
}
