import type { Intrinsics, PnpPoints } from './pnp-points.ts';

/** What a pose of four parameters is judged by. */
export interface YawReprojection {
  readonly points: PnpPoints;
  /** Rows of 1/σ_u, 1/σ_v, 1/pixels. */
  readonly istd: Float64Array;
  /** The rows that count. */
  readonly rows: Int32Array;
  readonly intrinsics: Intrinsics;
  /** Points nearer than this, or behind the camera, are projected as if they were this far, metres. */
  readonly minDepthM: number;
}

/** The sum of weighted errors at a pose, and its derivatives by (yaw, tx, ty, tz). */
export interface ReprojectionSum {
  /** ½ Σ r². */
  cost: number;
  /** Jᵀr. */
  readonly gradient: Float64Array;
  /** 4x4, row-major: JᵀJ, or the whole second derivative JᵀJ + Σ r·∇²r. */
  readonly hessian: Float64Array;
  /** How many points are beyond the least depth. */
  inFront: number;
}

/** A sum with nothing in it, to be filled by `sumReprojection`. */
export function emptySum(): ReprojectionSum {
  return { cost: 0, gradient: new Float64Array(4), hessian: new Float64Array(16), inFront: 0 };
}

/**
 * Fills `sum` with the weighted reprojection errors r = ((u - û)/σ_u, (v - v̂)/σ_v), û - cx = fx·X/Z and v̂ - cy = fy·Y/Z
 * of X = R_y(yaw)·X_object + t (as KITTI's rotation_y), and with their analytic derivatives: `gauss-newton` gives JᵀJ,
 * `exact` the whole Hessian, `cost` neither gradient nor Hessian. Where Z is clipped it is a constant: its derivative is 0
 * there, and the point still draws on yaw, tx and ty by X and Y.
 */
export function sumReprojection(
  { points, istd, rows, intrinsics, minDepthM }: YawReprojection,
  pose: Float64Array,
  derivatives: 'cost' | 'gauss-newton' | 'exact',
  sum: ReprojectionSum,
): void {
  const { objectPoints, pixels } = points;
  const { fx, fy, cx, cy } = intrinsics;
  const { gradient: g, hessian: h } = sum;
  const [yaw, tx, ty, tz] = pose;
  const c = Math.cos(yaw);
  const s = Math.sin(yaw);
  sum.cost = 0;
  sum.inFront = 0;
  g.fill(0);
  h.fill(0);
  for (let n = 0; n < rows.length; n++) {
    const row = rows[n];
    const ox = objectPoints[3 * row];
    const oz = objectPoints[3 * row + 2];
    // The turned point, which is also what yaw's derivatives are made of: ∂X = turnedZ, ∂Z = -turnedX.
    const turnedX = c * ox + s * oz;
    const turnedZ = c * oz - s * ox;
    const x = turnedX + tx;
    const y = objectPoints[3 * row + 1] + ty;
    const isClipped = !(turnedZ + tz > minDepthM);
    const inverse = 1 / (isClipped ? minDepthM : turnedZ + tz);
    const wu = fx * istd[2 * row];
    const wv = fy * istd[2 * row + 1];
    const ru = wu * x * inverse + (cx - pixels[2 * row]) * istd[2 * row];
    const rv = wv * y * inverse + (cy - pixels[2 * row + 1]) * istd[2 * row + 1];
    sum.cost += (ru * ru + rv * rv) / 2;
    if (!isClipped) sum.inFront++;
    if (derivatives === 'cost') continue;

    const slide = isClipped ? 0 : inverse;
    const uX = wu * inverse;
    const vY = wv * inverse;
    const uZ = -uX * x * slide;
    const vZ = -vY * y * slide;
    const uYaw = uX * turnedZ - uZ * turnedX;
    const vYaw = -vZ * turnedX;
    g[0] += uYaw * ru + vYaw * rv;
    g[1] += uX * ru;
    g[2] += vY * rv;
    g[3] += uZ * ru + vZ * rv;
    h[0] += uYaw * uYaw + vYaw * vYaw;
    h[1] += uYaw * uX;
    h[2] += vYaw * vY;
    h[3] += uYaw * uZ + vYaw * vZ;
    h[5] += uX * uX;
    h[7] += uX * uZ;
    h[10] += vY * vY;
    h[11] += vY * vZ;
    h[15] += uZ * uZ + vZ * vZ;
    if (derivatives === 'gauss-newton') continue;

    const uXZ = -uX * slide;
    const vYZ = -vY * slide;
    const uZZ = -2 * uZ * slide;
    const vZZ = -2 * vZ * slide;
    const uYawYaw = -uX * turnedX - uZ * turnedZ - 2 * uXZ * turnedX * turnedZ + uZZ * turnedX * turnedX;
    const vYawYaw = -vZ * turnedZ + vZZ * turnedX * turnedX;
    h[0] += ru * uYawYaw + rv * vYawYaw;
    h[1] -= ru * uXZ * turnedX;
    h[2] -= rv * vYZ * turnedX;
    h[3] += ru * (uXZ * turnedZ - uZZ * turnedX) - rv * vZZ * turnedX;
    h[7] += ru * uXZ;
    h[11] += rv * vYZ;
    h[15] += ru * uZZ + rv * vZZ;
  }
  for (let i = 1; i < 4; i++) for (let j = 0; j < i; j++) h[4 * i + j] = h[4 * j + i];
}
