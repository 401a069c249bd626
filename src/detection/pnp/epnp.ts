import { symmetricEigen } from '../../geometry/symmetric-eigen.ts';
import { type ControlPoints, controlPointsOf, rayEquations } from './control-points.ts';
import { proposeBetas } from './epnp-betas.ts';
import {
  countPoints,
  type Intrinsics,
  type PnpPoints,
  type RigidPose,
  squaredPixelError,
} from './pnp-points.ts';

/** The camera, and which rows count (all by default). */
export interface EpnpOptions {
  readonly intrinsics: Intrinsics;
  readonly rows?: ArrayLike<number>;
}

/** A pose and how well it fits: the root of the mean squared distance of the pixels, pixels. */
export interface EpnpResult extends RigidPose {
  readonly errorPx: number;
}

/** Where the third spread is below this part of the widest, the object is tried as a plane as well. */
const NEARLY_PLANAR = 0.15;

/**
 * The pose of an object from four of its points or more and their pixels: its control points (four, or three where all
 * points lie in a plane) in the camera frame, as the combination of the smallest eigenvectors of the ray equations that
 * keeps their distances. Of several combinations the one with the least reprojection error that has every point in front
 * of the camera. Undefined where there is none, or with fewer than four points, points in a line, or numbers that are not
 * finite. All points weigh alike.
 * Lepetit, Moreno-Noguer and Fua, EPnP: an accurate O(n) solution to the PnP problem (IJCV 2009).
 *
 * @example
 * // Five points of an object, 10 m before a camera of 100 pixels of focal length.
 * const objectPoints = Float64Array.of(-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0, 0, 0, 2.5);
 * const pixels = Float64Array.of(-10, -10, 10, -10, 10, 10, -10, 10, 0, 0);
 * const pose = epnp({ objectPoints, pixels }, { intrinsics: { fx: 100, fy: 100, cx: 0, cy: 0 } });
 * pose?.translation; // [0.00, 0.00, 10.00]
 */
export function epnp(points: PnpPoints, { intrinsics, rows }: EpnpOptions): EpnpResult | undefined {
  const count = countPoints(points);
  const chosen = rows ?? Int32Array.from({ length: count }, (_, row) => row);
  if (chosen.length < 4) return undefined;
  const control = controlPointsOf(points, chosen);
  if (control === undefined) return undefined;
  const flatness = control.scales[2] / control.scales[0];
  let best: EpnpResult | undefined;
  for (const controls of [4, 3] as const) {
    if (controls === 4 ? flatness === 0 : flatness > NEARLY_PLANAR) continue;
    const { vectors } = rayEquations(points, chosen, control, intrinsics, controls);
    for (const betas of proposeBetas(vectors, squaredDistances(control, controls), controls)) {
      const pose = poseOf(betas, vectors, control);
      const errorPx = pixelError(points, chosen, pose, intrinsics);
      if (errorPx < (best?.errorPx ?? Number.POSITIVE_INFINITY)) best = { ...pose, errorPx };
    }
  }
  return best;
}

/** The squared distances of control points 01, 02, 12, 03, 13, 23: they lie at right angles about the first. */
function squaredDistances({ scales }: ControlPoints, controls: 3 | 4): Float64Array {
  const [a, b, c] = scales.map((scale) => scale * scale);
  return controls === 3 ? Float64Array.of(a, b, a + b) : Float64Array.of(a, b, a + b, c, a + c, b + c);
}

/**
 * The pose that brings the control points nearest to those in the camera frame. For the control points come from principal
 * axes, this is the least-squares pose of all the points (Horn 1987, by unit quaternions: never a mirroring).
 */
function poseOf(betas: Float64Array, vectors: Float64Array, control: ControlPoints): RigidPose {
  const controls = betas.length;
  const width = 3 * controls;
  const inCamera = new Float64Array(width);
  for (let k = 0; k < controls; k++) {
    for (let d = 0; d < width; d++) inCamera[d] += betas[k] * vectors[k * width + d];
  }
  // Both signs keep the distances; the object is in front of the camera.
  if (inCamera[2] < 0) for (let d = 0; d < width; d++) inCamera[d] = -inCamera[d];
  const s = new Float64Array(9);
  for (let k = 1; k < controls; k++) {
    for (let i = 0; i < 3; i++) {
      const along = control.scales[k - 1] * control.directions[3 * k - 3 + i];
      for (let j = 0; j < 3; j++) s[3 * i + j] += along * (inCamera[3 * k + j] - inCamera[j]);
    }
  }
  const rotation = nearestRotation(s);
  const [x, y, z] = control.centroid;
  const translation = new Float64Array(3);
  for (let i = 0; i < 3; i++) {
    translation[i] = inCamera[i] - (rotation[3 * i] * x + rotation[3 * i + 1] * y + rotation[3 * i + 2] * z);
  }
  return { rotation, translation };
}

/** The rotation R with the greatest Σ (R·a)·b, from Σ a·bᵀ (3x3, row-major). */
function nearestRotation([xx, xy, xz, yx, yy, yz, zx, zy, zz]: Float64Array): Float64Array {
  const { vectors } = symmetricEigen(
    [
      ...[xx + yy + zz, yz - zy, zx - xz, xy - yx],
      ...[0, xx - yy - zz, xy + yx, zx + xz],
      ...[0, 0, yy - xx - zz, yz + zy],
      ...[0, 0, 0, zz - xx - yy],
    ],
    4,
  );
  const [w, x, y, z] = vectors.subarray(12);
  return Float64Array.of(
    ...[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    ...[2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    ...[2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  );
}

function pixelError(
  points: PnpPoints,
  rows: ArrayLike<number>,
  pose: RigidPose,
  intrinsics: Intrinsics,
): number {
  let sum = 0;
  for (let n = 0; n < rows.length; n++) sum += squaredPixelError(points, rows[n], pose, intrinsics);
  return Math.sqrt(sum / rows.length);
}
