import { choleskyFactor, solveCholesky } from '../../geometry/small-solve.ts';
import { emptySum, type ReprojectionSum, sumReprojection, type YawReprojection } from './yaw-reprojection.ts';

/** Where a descent ended. */
export interface Descent {
  /** yaw, tx, ty, tz. */
  readonly pose: Float64Array;
  readonly sum: ReprojectionSum;
  /** Steps tried, taken or not. */
  readonly iterations: number;
  /** Whether no step could lower the cost by more than a part of 1e-10. */
  readonly converged: boolean;
}

const TOLERANCE = 1e-10;
/** Costs below this are those of rounding. */
const NO_COST = 1e-20;

/**
 * Levenberg-Marquardt on the weighted reprojection error, from a pose (yaw, tx, ty, tz): steps of
 * (JᵀJ + λ·diag JᵀJ)·δ = -Jᵀr that are taken only where they lower the cost, λ after Nielsen's rule. The sum at the end
 * holds JᵀJ. Undefined where the cost of the start is not finite or JᵀJ leaves a direction open, as it does where the
 * points do not settle the pose.
 * Madsen, Nielsen and Tingleff, Methods for non-linear least squares problems (2004), section 3.2.
 */
export function descend(
  problem: YawReprojection,
  start: Float64Array,
  maxIterations: number,
): Descent | undefined {
  let pose = start.slice();
  let next = start.slice();
  let sum = emptySum();
  let nextSum = emptySum();
  const damped = new Float64Array(16);
  const step = new Float64Array(4);
  let lambda = 1e-4;
  let growth = 2;
  let iterations = 0;
  let converged = false;
  sumReprojection(problem, pose, 'gauss-newton', sum);
  while (Number.isFinite(sum.cost)) {
    converged ||= sum.cost <= NO_COST;
    if (converged || iterations >= maxIterations) break;
    iterations++;
    damped.set(sum.hessian);
    for (let k = 0; k < 4; k++) {
      damped[5 * k] *= 1 + lambda;
      step[k] = -sum.gradient[k];
    }
    const factor = choleskyFactor(damped, 4);
    if (factor === undefined) return undefined;
    solveCholesky(factor, step);
    let promised = 0;
    for (let k = 0; k < 4; k++) {
      next[k] = pose[k] + step[k];
      promised += (step[k] * (lambda * sum.hessian[5 * k] * step[k] - sum.gradient[k])) / 2;
    }
    sumReprojection(problem, next, 'gauss-newton', nextSum);
    const gained = sum.cost - nextSum.cost;
    converged = promised <= TOLERANCE * sum.cost;
    if (gained > 0) {
      [pose, next] = [next, pose];
      [sum, nextSum] = [nextSum, sum];
      lambda = Math.max(1e-12, lambda * Math.max(1 / 3, 1 - (2 * (gained / promised) - 1) ** 3));
      growth = 2;
    } else {
      lambda *= growth;
      growth *= 2;
    }
  }
  return Number.isFinite(sum.cost) ? { pose, sum, iterations, converged } : undefined;
}
