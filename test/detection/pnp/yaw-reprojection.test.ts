import { describe, expect, it } from 'vitest';
import { descend } from '../../../src/detection/pnp/yaw-levenberg-marquardt.ts';
import {
  emptySum,
  type ReprojectionSum,
  sumReprojection,
  type YawReprojection,
} from '../../../src/detection/pnp/yaw-reprojection.ts';
import { Random } from '../../../src/engine/random.ts';
import { carPoints, intrinsics, noisyCells, projectCar, randomPose } from './pnp-scene.ts';

function randomProblem(random: Random, pose: readonly [number, number, number, number]): YawReprojection {
  const points = noisyCells(random, carPoints(random, 60, 'solid'), pose, 3);
  const rows = Int32Array.from({ length: 50 }, (_, k) => 59 - k);
  return {
    points,
    istd: points.logStd.map((log) => Math.exp(-log)) as Float64Array,
    rows,
    intrinsics,
    minDepthM: 0.5,
  };
}

function at(problem: YawReprojection, pose: Float64Array, derivatives: 'gauss-newton' | 'exact' = 'exact') {
  const sum = emptySum();
  sumReprojection(problem, pose, derivatives, sum);
  return sum;
}

/** Central differences of a function of the pose by each of its numbers. */
function differences(pose: Float64Array, value: (pose: Float64Array) => ArrayLike<number>): number[][] {
  return [0, 1, 2, 3].map((k) => {
    const step = 1e-5;
    const [above, below] = [1, -1].map((sign) => value(pose.with(k, pose[k] + sign * step)));
    return Array.from(above, (high, n) => (high - below[n]) / (2 * step));
  });
}

/** Poses a little off from the true one, and poses where part of the car is nearer than the least depth. */
const situations = ['in front', 'partly behind'] as const;

function situation(
  kind: (typeof situations)[number],
  random: Random,
): { problem: YawReprojection; pose: Float64Array } {
  const truth = randomPose(random, 15);
  const problem = randomProblem(random, truth);
  const off = truth.map((value, k) => value + random.normal(0, [0.2, 0.3, 0.3, 1][k]));
  return {
    problem,
    pose: Float64Array.from(kind === 'in front' ? off : [off[0], 0.4, 0.3, random.uniform(0, 1)]),
  };
}

describe('the sum of weighted reprojection errors', () => {
  it('is ½ Σ ((u - û)/σ)²', () => {
    const random = Random.fromSeed('cost');
    for (let trial = 0; trial < 20; trial++) {
      const truth = randomPose(random);
      const problem = randomProblem(random, truth);
      const off = truth.map((value) => value + random.normal(0, 0.1)) as unknown as typeof truth;
      const predicted = projectCar(problem.points.objectPoints, off);
      let cost = 0;
      for (const row of problem.rows) {
        for (const k of [2 * row, 2 * row + 1])
          cost += ((problem.points.pixels[k] - predicted[k]) * problem.istd[k]) ** 2 / 2;
      }
      const sum = at(problem, Float64Array.from(off));
      expect(sum.cost / cost).toBeCloseTo(1, 10);
      expect(sum.inFront).toBe(50);
    }
  });

  it.each(situations)('has the gradient and the Hessian that differences have: %s', (kind) => {
    const random = Random.fromSeed(`differences ${kind}`);
    let clipped = 0;
    for (let trial = 0; trial < 20; trial++) {
      const { problem, pose } = situation(kind, random);
      const { gradient, hessian, inFront } = at(problem, pose);
      clipped += 50 - inFront;
      const slopes = differences(pose, (near) => [at(problem, near).cost]).map(([slope]) => slope);
      const curves = differences(pose, (near) => at(problem, near).gradient.slice());
      const steep = Math.max(...gradient.map(Math.abs));
      const curved = Math.max(...hessian.map(Math.abs));
      for (let i = 0; i < 4; i++) {
        expect(Math.abs(slopes[i] - gradient[i])).toBeLessThan(1e-6 * steep);
        for (let j = 0; j < 4; j++)
          expect(Math.abs(curves[i][j] - hessian[4 * i + j])).toBeLessThan(1e-6 * curved);
      }
    }
    if (kind === 'partly behind') expect(clipped).toBeGreaterThan(100);
    else expect(clipped).toBe(0);
  });

  it('has JᵀJ for a Hessian where nothing is left over', () => {
    const random = Random.fromSeed('no residual');
    const truth = randomPose(random);
    const problem = randomProblem(random, truth);
    const exact = {
      ...problem,
      points: { ...problem.points, pixels: projectCar(problem.points.objectPoints, truth) },
    };
    const full = at(exact, Float64Array.from(truth));
    at(exact, Float64Array.from(truth), 'gauss-newton').hessian.forEach((value, k) => {
      expect(Math.abs(value - full.hessian[k])).toBeLessThan(
        1e-9 * full.hessian[15] + 1e-9 * Math.abs(value),
      );
    });
  });
});

describe('the descent', () => {
  it.each(situations)('never raises the cost, and ends where the gradient is 0: %s', (kind) => {
    const random = Random.fromSeed(`descent ${kind}`);
    for (let trial = 0; trial < 20; trial++) {
      const { problem, pose } = situation(kind, random);
      let before: ReprojectionSum = at(problem, pose);
      for (let steps = 0; steps <= 30; steps++) {
        const descent = descend(problem, pose, steps);
        if (descent === undefined) break;
        expect(descent.sum.cost).toBeLessThanOrEqual(before.cost);
        expect(at(problem, descent.pose).cost).toBeCloseTo(descent.sum.cost, 9);
        before = descent.sum;
      }
      const end = descend(problem, pose, 200);
      if (kind === 'partly behind') continue;
      expect(end!.converged).toBe(true);
      const scaled = end!.sum.gradient.map((slope, k) => slope / Math.sqrt(end!.sum.hessian[5 * k]));
      expect(Math.hypot(...scaled)).toBeLessThan(1e-3);
    }
  });
});
