import type { Random } from '../../engine/random.ts';
import { wrapAngle } from '../../geometry/angle.ts';
import { inverseSymmetric } from '../../geometry/small-solve.ts';
import { mirroredPose } from './mirrored-pose.ts';
import { countPoints, type Intrinsics, nearestYaw, squaredPixelError } from './pnp-points.ts';
import { ransacPnp } from './ransac-pnp.ts';
import { type Descent, descend } from './yaw-levenberg-marquardt.ts';
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

/** Costs that differ by less, as a part of them and at all, are those of the same pose. */
const SAME_COST = 1e-6;
const NO_COST = 1e-12;

/**
 * MonoRUn's uncertainty-aware PnP (Chen et al., CVPR 2021): the pose that minimises ½ Σ ((u - û)/σ_u)² + ((v - v̂)/σ_v)² over
 * the surer cells, and its covariance. It starts from EPnP in RANSAC laid upright, and once more from where that led with
 * the object mirrored in depth, which from afar looks nearly the same.
 * Undefined where fewer than five cells are sure, where no pose agrees with some of them, where what they say does not fix
 * a pose, and where less than half of those that agreed with the start are within its tolerance of the upright pose (as of
 * an object upside down). There is no robust loss: the covariance is right for cells whose errors have their
 * σ, and too small where outliers lie within the inlier threshold.
 * Throws RangeError where the arrays do not have as many rows as one another.
 *
 * @example
 * // Six cells that see an object 10 m before a camera of 100 pixels of focal length, each to half a pixel.
 * const objectPoints = Float64Array.of(-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0, 0, 0, 2.5, 0, 0, 0);
 * const pixels = Float64Array.of(-10, -10, 10, -10, 10, 10, -10, 10, 0, 0, 0, 0);
 * const logStd = new Float64Array(12).fill(Math.log(0.5));
 * const intrinsics = { fx: 100, fy: 100, cx: 0, cy: 0 };
 * const pose = uncertaintyPnp({ objectPoints, pixels, logStd }, { intrinsics, inlierThresholdPx: 2 });
 * pose?.translation; // [0.00, 0.00, 10.00]
 * pose && Math.sqrt(pose.covariance[15]) < 1; // true
 */
export function uncertaintyPnp(cells: PnpCells, options: UncertaintyPnpOptions): UncertainPose | undefined {
  const { intrinsics, inlierThresholdPx, random, leastWeight = 0.6, inliersOnly = true } = options;
  const istd = inverseDeviations(cells);
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
  const descent = descendTwice(problem, from, options.maxIterations ?? 50);
  if (descent === undefined || descent.sum.inFront < LEAST_CELLS) return undefined;
  if (!isMet({ ...problem, rows: start.inliers }, descent.pose, inlierThresholdPx)) return undefined;
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

/** The lower of two descents: from a pose, and from the one in which the object looks nearly the same where that ended. */
function descendTwice(problem: YawReprojection, from: Float64Array, steps: number): Descent | undefined {
  const first = descend(problem, from, steps);
  if (first === undefined) return undefined;
  const second = descend(problem, mirroredPose(problem.points, problem.rows, first.pose), steps);
  if (second === undefined || second.sum.inFront < first.sum.inFront) return first;
  return second.sum.cost < (1 - SAME_COST) * first.sum.cost - NO_COST ? second : first;
}

/** Whether half of the rows at least are seen within a distance of where an upright pose puts them. */
function isMet({ points, rows, intrinsics }: YawReprojection, pose: Float64Array, withinPx: number): boolean {
  const c = Math.cos(pose[0]);
  const s = Math.sin(pose[0]);
  const rigid = { rotation: Float64Array.of(c, 0, s, 0, 1, 0, -s, 0, c), translation: pose.subarray(1) };
  let met = 0;
  for (const row of rows) {
    if (squaredPixelError(points, row, rigid, intrinsics) <= withinPx * withinPx) met++;
  }
  return 2 * met >= rows.length;
}

function inverseDeviations(cells: PnpCells): Float64Array {
  const count = countPoints(cells);
  if (cells.logStd.length !== 2 * count) {
    throw new RangeError(`${cells.logStd.length} deviations are not rows of 2 for ${count} cells`);
  }
  const istd = new Float64Array(2 * count);
  for (let at = 0; at < istd.length; at++) istd[at] = Math.exp(-cells.logStd[at]);
  return istd;
}

/**
 * The cells whose weights are at least a share of the mean weight, in u and in v. Those with a number that is not finite
 * (a weight of 0 is none either) neither count nor weigh in the mean.
 */
function surerCells({ objectPoints, pixels }: PnpCells, istd: Float64Array, share: number): Int32Array {
  const finite = new Int32Array(istd.length / 2);
  let count = 0;
  let meanU = 0;
  let meanV = 0;
  for (let i = 0; i < finite.length; i++) {
    const place = objectPoints[3 * i] + objectPoints[3 * i + 1] + objectPoints[3 * i + 2];
    const sum = place + pixels[2 * i] + pixels[2 * i + 1] + istd[2 * i] + istd[2 * i + 1];
    if (!Number.isFinite(sum) || istd[2 * i] === 0 || istd[2 * i + 1] === 0) continue;
    finite[count++] = i;
    meanU += istd[2 * i];
    meanV += istd[2 * i + 1];
  }
  meanU /= count;
  meanV /= count;
  return finite
    .subarray(0, count)
    .filter((i) => istd[2 * i] >= share * meanU && istd[2 * i + 1] >= share * meanV);
}
