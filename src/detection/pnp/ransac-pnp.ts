import { Random } from '../../engine/random.ts';
import { epnp } from './epnp.ts';
import {
  countPoints,
  type Intrinsics,
  type PnpPoints,
  type RigidPose,
  squaredPixelError,
} from './pnp-points.ts';

/** How a pose is searched for in random minimal sets. */
export interface RansacPnpOptions {
  readonly intrinsics: Intrinsics;
  /** Pixels no farther than this from where a pose puts their points agree with it. */
  readonly inlierThresholdPx: number;
  /** Which rows count (all by default). */
  readonly rows?: ArrayLike<number>;
  /** The most minimal sets that are tried (30); fewer where the agreement found makes a better one unlikely. */
  readonly iterations?: number;
  /** The points of a minimal set: 5, or 4, which EPnP solves less surely. */
  readonly setSize?: 4 | 5;
  /** Where the minimal sets are drawn from; a generator of a fixed seed by default. */
  readonly random?: Random;
}

/** A pose and the rows that agree with it, in the order given. */
export interface RansacPnpResult {
  readonly pose: RigidPose;
  readonly inliers: Int32Array;
}

/** No more sets are drawn once one without an outlier was among them with this probability. */
const CONFIDENCE = 0.99;

/**
 * The pose that most points agree with: EPnP of random minimal sets, the one with the most inliers (the least error among
 * equals), fitted again to all of them where that loses none. Undefined where no minimal set has a pose that at least as
 * many points agree with as the set has.
 * Fischler and Bolles, Random sample consensus (1981).
 *
 * @example
 * // Six points of an object 10 m before a camera of 100 pixels of focal length; the last pixel is wrong.
 * const objectPoints = Float64Array.of(-1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 1, 0, 0, 0, 2.5, 0, 1, 0);
 * const pixels = Float64Array.of(-10, -10, 10, -10, 10, 10, -10, 10, 0, 0, 70, 70);
 * const intrinsics = { fx: 100, fy: 100, cx: 0, cy: 0 };
 * const found = ransacPnp({ objectPoints, pixels }, { intrinsics, inlierThresholdPx: 1 });
 * found?.inliers; // [0, 1, 2, 3, 4]
 * found?.pose.translation; // [0.00, 0.00, 10.00]
 */
export function ransacPnp(points: PnpPoints, options: RansacPnpOptions): RansacPnpResult | undefined {
  const { intrinsics, inlierThresholdPx, iterations = 30, setSize = 5 } = options;
  const count = countPoints(points);
  const rows = options.rows ?? Int32Array.from({ length: count }, (_, row) => row);
  if (rows.length < setSize || !(inlierThresholdPx > 0)) return undefined;
  const random = options.random ?? Random.fromSeed('ransac pnp');
  const score = (pose: RigidPose) => agreement(points, rows, pose, intrinsics, inlierThresholdPx ** 2);
  const chosen = new Int32Array(setSize);
  let best: Agreement | undefined;
  let needed = iterations;
  for (let tried = 0; tried < needed; tried++) {
    drawSet(chosen, rows, random);
    const pose = epnp(points, { intrinsics, rows: chosen });
    if (pose === undefined) continue;
    const found = score(pose);
    if (found.count < setSize || !isBetter(found, best)) continue;
    best = found;
    needed = Math.min(needed, setsNeeded(found.count / rows.length, setSize));
  }
  if (best === undefined) return undefined;
  const refitted = epnp(points, { intrinsics, rows: inliersOf(points, rows, best, intrinsics) });
  if (refitted !== undefined) {
    const again = score(refitted);
    if (isBetter(again, best)) best = again;
  }
  return { pose: best.pose, inliers: inliersOf(points, rows, best, intrinsics) };
}

interface Agreement {
  readonly pose: RigidPose;
  readonly count: number;
  /** Σ of the squared errors of those that agree, pixels². */
  readonly error: number;
  readonly limit: number;
}

function agreement(
  points: PnpPoints,
  rows: ArrayLike<number>,
  pose: RigidPose,
  intrinsics: Intrinsics,
  limit: number,
): Agreement {
  let count = 0;
  let error = 0;
  for (let n = 0; n < rows.length; n++) {
    const squared = squaredPixelError(points, rows[n], pose, intrinsics);
    if (!(squared <= limit)) continue;
    count++;
    error += squared;
  }
  return { pose, count, error, limit };
}

function isBetter(a: Agreement, b: Agreement | undefined): boolean {
  return b === undefined || a.count > b.count || (a.count === b.count && a.error < b.error);
}

function inliersOf(
  points: PnpPoints,
  rows: ArrayLike<number>,
  { pose, count, limit }: Agreement,
  intrinsics: Intrinsics,
): Int32Array {
  const inliers = new Int32Array(count);
  let at = 0;
  for (let n = 0; n < rows.length; n++) {
    if (squaredPixelError(points, rows[n], pose, intrinsics) <= limit) inliers[at++] = rows[n];
  }
  return inliers;
}

/** Different places of `rows`, each set of them as likely as another (Floyd's sampling), and the rows there. */
function drawSet(chosen: Int32Array, rows: ArrayLike<number>, random: Random): void {
  const size = chosen.length;
  for (let k = 0; k < size; k++) {
    const last = rows.length - size + k;
    const place = random.integer(last + 1);
    const isTaken = chosen.subarray(0, k).includes(place);
    chosen[k] = isTaken ? last : place;
  }
  for (let k = 0; k < size; k++) chosen[k] = rows[chosen[k]];
}

function setsNeeded(share: number, setSize: number): number {
  if (share >= 1) return 0;
  return Math.ceil(Math.log(1 - CONFIDENCE) / Math.log1p(-(share ** setSize)));
}
