import type { Random } from '../../engine/random.ts';
import { wrapAngle } from '../../geometry/angle.ts';
import { type Intrinsics, nearestYaw } from './pnp-points.ts';
import { ransacPnp } from './ransac-pnp.ts';
import { inverseSymmetric } from './small-solve.ts';
import { descend } from './yaw-levenberg-marquardt.ts';
import { emptySum, sumReprojection, type YawReprojection } from './yaw-reprojection.ts';

/** Predicted coordinates of an object and where they are seen, with how sure each is; row i of each belongs together. */
export interface PnpCells {
  /** Rows of x, y, z in the object's frame, metres. */
  readonly objectPoints: Float64Array | Float32Array;
  /** Rows of u, v, pixels. */
  readonly pixels: Float64Array | Float32Array;
  /** Rows of log σ of the errors in u and v, pixels. */
  readonly logStd: Float64Array | Float32Array;
}

/** How a pose is worked out from cells. */
export interface UncertaintyPnpOptions {
  readonly intrinsics: Intrinsics;
  /** The tolerance of the search for a first pose, pixels; MonoRUn takes a fifth of the height of the object's box. */
  readonly inlierThresholdPx: number;
  readonly random?: Random;
  /** Cells count where 1/σ is at least this share of its mean, in u and in v (0.6). */
  readonly leastWeight?: number;
  /** Whether only the cells that agree with the first pose count (true). */
  readonly inliersOnly?: boolean;
  /** What the covariance is the inverse of: JᵀJ (the default, as released), or the whole second derivative of the cost. */
  readonly hessian?: 'gauss-newton' | 'exact';
  /** Steps of the descent at most (50). */
  readonly maxIterations?: number;
  /** Nearer points are projected as if they were this far, metres (0.5). */
  readonly minDepthM?: number;
}

/** The pose of an upright object: X_camera = R_y(yaw)·X_object + translation (camera: x right, y down, z forward; metres, radians). */
export interface UncertainPose {
  /** KITTI's rotation_y, in [-π, π). */
  readonly yaw: number;
  readonly translation: readonly [x: number, y: number, z: number];
  /** 4x4, row-major, of yaw, x, y, z. */
  readonly covariance: Float64Array;
  /** ½ Σ of the squared weighted errors of the cells that counted. */
  readonly cost: number;
  readonly iterations: number;
  readonly converged: boolean;
  /** The rows that counted. */
  readonly rows: Int32Array;
}

/** With fewer cells a pose of four parameters says nothing of its uncertainty. */
const LEAST_CELLS = 5;

/**
 * MonoRUn's uncertainty-aware PnP (Chen et al., CVPR 2021): the pose that minimises ½ Σ ((u - û)/σ_u)² + ((v - v̂)/σ_v)² over
 * the surer cells, started from EPnP in RANSAC laid upright, and its covariance. Undefined where fewer than five cells are
 * sure, where no pose agrees with some of them, and where what they say does not fix a pose.
 */
export function uncertaintyPnp(cells: PnpCells, options: UncertaintyPnpOptions): UncertainPose | undefined {
  const { intrinsics, inlierThresholdPx, random, leastWeight = 0.6, inliersOnly = true } = options;
  const istd = Float64Array.from(cells.logStd, (log) => Math.exp(-log));
  const sure = surerCells(cells, istd, leastWeight);
  if (sure.length < LEAST_CELLS) return undefined;
  const start = ransacPnp(cells, { intrinsics, inlierThresholdPx, rows: sure, random });
  if (start === undefined) return undefined;
  const rows = inliersOnly && start.inliers.length >= LEAST_CELLS ? start.inliers : sure;
  const problem: YawReprojection = {
    points: cells,
    istd,
    rows,
    intrinsics,
    minDepthM: options.minDepthM ?? 0.5,
  };
  const { rotation, translation } = start.pose;
  const from = Float64Array.of(nearestYaw(rotation), ...translation);
  const descent = descend(problem, from, options.maxIterations ?? 50);
  if (descent === undefined || descent.sum.inFront < LEAST_CELLS) return undefined;
  let { hessian } = descent.sum;
  if (options.hessian === 'exact') {
    const whole = emptySum();
    sumReprojection(problem, descent.pose, 'exact', whole);
    hessian = whole.hessian;
  }
  const covariance = inverseSymmetric(hessian, 4);
  if (covariance === undefined) return undefined;
  const [yaw, x, y, z] = descent.pose;
  const { sum, iterations, converged } = descent;
  return {
    yaw: wrapAngle(yaw),
    translation: [x, y, z],
    covariance,
    cost: sum.cost,
    iterations,
    converged,
    rows,
  };
}

/** The cells whose weights are at least a share of the mean weight, in u and in v, and that are finite numbers. */
function surerCells({ objectPoints, pixels }: PnpCells, istd: Float64Array, share: number): Int32Array {
  const count = istd.length / 2;
  const least = [0, 0];
  for (let i = 0; i < istd.length; i++) least[i % 2] += (share * istd[i]) / count;
  const kept: number[] = [];
  for (let i = 0; i < count; i++) {
    const sum =
      objectPoints[3 * i] +
      objectPoints[3 * i + 1] +
      objectPoints[3 * i + 2] +
      pixels[2 * i] +
      pixels[2 * i + 1];
    if (istd[2 * i] >= least[0] && istd[2 * i + 1] >= least[1] && Number.isFinite(sum)) kept.push(i);
  }
  return Int32Array.from(kept);
}
