import { describe, expect, it } from 'vitest';
import {
  type PnpCells,
  type UncertainPose,
  uncertaintyPnp,
} from '../../../src/detection/pnp/uncertainty-pnp.ts';
import { Random } from '../../../src/engine/random.ts';
import { angleDifference } from '../../../src/geometry/angle.ts';
import { choleskyFactor, solveCholesky } from '../../../src/geometry/small-solve.ts';

type UprightPose = Pick<UncertainPose, 'yaw' | 'translation'>;

const intrinsics = { fx: 721.5, fy: 721.5, cx: 609.6, cy: 172.9 };

/** Points of a car's box surface, its origin at the middle of the bottom; `planar` keeps to one side. */
function carPoints(random: Random, count: number, planar = false): Float64Array {
  const points = new Float64Array(3 * count);
  for (let i = 0; i < count; i++) {
    const side = planar ? 0 : random.integer(3);
    const [a, b, c] = [random.uniform(-2, 2), random.uniform(-1.5, 0), random.uniform(-0.8, 0.8)];
    points.set(side === 0 ? [a, b, 0.8] : side === 1 ? [2, b, c] : [a, -1.5, c], 3 * i);
  }
  return points;
}

function drawPose(random: Random): UprightPose {
  const z = random.uniform(5, 60);
  return {
    yaw: random.uniform(-Math.PI, Math.PI),
    translation: [random.uniform(-0.6, 0.6) * z, random.uniform(1.2, 2), z],
  };
}

/** Where the points of an object are seen. */
function pixelsOf(points: Float64Array, { yaw, translation }: UprightPose): Float64Array {
  const pixels = new Float64Array((points.length / 3) * 2);
  const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
  for (let i = 0; i < points.length / 3; i++) {
    const [x, y, z] = points.subarray(3 * i, 3 * i + 3);
    const depth = -s * x + c * z + translation[2];
    pixels[2 * i] = intrinsics.cx + (intrinsics.fx * (c * x + s * z + translation[0])) / depth;
    pixels[2 * i + 1] = intrinsics.cy + (intrinsics.fy * (y + translation[1])) / depth;
  }
  return pixels;
}

function errorOf(found: UprightPose, truth: UprightPose): number[] {
  return [
    angleDifference(found.yaw, truth.yaw),
    ...found.translation.map((value, k) => value - truth.translation[k]),
  ];
}

const flat = (count: number) => new Float64Array(2 * count);

describe('a pose without noise', () => {
  it.each([false, true])('is found exactly, with points in a plane: %s', (planar) => {
    const random = Random.fromSeed(planar ? 1 : 2);
    for (let trial = 0; trial < 60; trial++) {
      const truth = drawPose(random);
      const objectPoints = carPoints(random, 40, planar);
      const pixels = pixelsOf(objectPoints, truth);
      const found = uncertaintyPnp(
        { objectPoints, pixels, logStd: flat(40) },
        { intrinsics, inlierThresholdPx: 2, random: random.fork(trial) },
      )!;
      expect(Math.hypot(...errorOf(found, truth))).toBeLessThan(1e-5);
      expect(found.converged).toBe(true);
    }
  });

  it('is found when three in ten points are somewhere else', () => {
    const random = Random.fromSeed(3);
    for (let trial = 0; trial < 40; trial++) {
      const truth = drawPose(random);
      const objectPoints = carPoints(random, 100);
      const pixels = pixelsOf(objectPoints, truth);
      const wrong = new Set(Array.from(random.permutation(100).subarray(0, 30)));
      for (const i of wrong) {
        pixels[2 * i] += random.uniform(20, 90);
        pixels[2 * i + 1] -= random.uniform(20, 90);
      }
      const found = uncertaintyPnp(
        { objectPoints, pixels, logStd: flat(100) },
        { intrinsics, inlierThresholdPx: 4, random: random.fork(trial) },
      )!;
      expect(Math.hypot(...errorOf(found, truth))).toBeLessThan(1e-4);
      expect([...found.rows].filter((i) => wrong.has(i))).toEqual([]);
    }
  });
});

/** Cells whose errors have deviations of their own, which they tell. */
function noisyCells(
  random: Random,
  truth: UprightPose,
  count: number,
): PnpCells & { objectPoints: Float64Array } {
  const objectPoints = carPoints(random, count);
  const pixels = pixelsOf(objectPoints, truth);
  const logStd = Float64Array.from({ length: 2 * count }, () => Math.log(random.uniform(0.3, 3)));
  const noisy = pixels.map((pixel, i) => pixel + Math.exp(logStd[i]) * random.normal());
  return { objectPoints, pixels: noisy, logStd };
}

describe('the covariance', () => {
  const trials = 500;
  /** Squared Mahalanobis distances of the errors, of found poses against true ones. */
  function distances(hessian: 'gauss-newton' | 'exact'): number[] {
    const random = Random.fromSeed(6);
    return Array.from({ length: trials }, (_, trial) => {
      const truth = {
        ...drawPose(random),
        translation: [random.uniform(-6, 6), 1.6, random.uniform(8, 25)] as const,
      };
      const cells = noisyCells(random, truth, 80);
      const options = {
        intrinsics,
        inlierThresholdPx: 30,
        random: random.fork(trial),
        leastWeight: 0,
        hessian,
      };
      const { covariance, ...found } = uncertaintyPnp(cells, options)!;
      const error = errorOf(found, truth);
      const solved = solveCholesky(choleskyFactor(covariance, 4)!, Float64Array.from(error));
      return error.reduce((sum, e, k) => sum + e * solved[k], 0);
    });
  }

  it.each(['gauss-newton', 'exact'] as const)('holds the errors at the rate that it says, %s', (hessian) => {
    const d2 = distances(hessian);
    const share = (limit: number) => d2.filter((value) => value <= limit).length / trials;
    const mean = d2.reduce((sum, value) => sum + value, 0) / trials;
    // Chi-square with 4 degrees of freedom: mean 4, half within 3.357, nine tenths within 7.779; four deviations of a share of 500.
    expect(Math.abs(mean - 4)).toBeLessThan(4 * Math.sqrt(8 / trials));
    expect(Math.abs(share(3.357) - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / trials));
    expect(Math.abs(share(7.779) - 0.9)).toBeLessThan(4 * Math.sqrt(0.09 / trials));
  });

  it('is nearly the same from the exact Hessian where errors are small', () => {
    const random = Random.fromSeed(7);
    const cells = noisyCells(random, { yaw: 0.4, translation: [1, 1.6, 12] }, 200);
    const both = (['gauss-newton', 'exact'] as const).map(
      (hessian) =>
        uncertaintyPnp(cells, { intrinsics, inlierThresholdPx: 30, random: random.fork(1), hessian })!
          .covariance,
    );
    both[0].forEach((value, i) => {
      const scale = Math.sqrt(both[0][5 * Math.floor(i / 4)] * both[0][5 * (i % 4)]);
      expect(Math.abs(value - both[1][i])).toBeLessThan(0.1 * scale);
    });
  });

  it('comes from weights that pay: errors are smaller than with all cells alike', () => {
    const random = Random.fromSeed(8);
    let [weighted, alike] = [0, 0];
    for (let trial = 0; trial < 100; trial++) {
      const truth = { yaw: random.uniform(-3, 3), translation: [0, 1.6, 20] as const };
      const cells = noisyCells(random, truth, 60);
      const options = { intrinsics, inlierThresholdPx: 30, leastWeight: 0 };
      const depthError = (logStd: Float64Array) => {
        const found = uncertaintyPnp({ ...cells, logStd }, { ...options, random: random.fork(trial) })!;
        return (found.translation[2] - 20) ** 2;
      };
      weighted += depthError(cells.logStd as Float64Array);
      alike += depthError(flat(60));
    }
    expect(weighted).toBeLessThan(0.75 * alike);
  });
});

describe('what fixes no pose', () => {
  const random = Random.fromSeed(9);
  const options = { intrinsics, inlierThresholdPx: 4, random };
  const objectPoints = carPoints(random, 30);
  const pixels = pixelsOf(objectPoints, { yaw: 0, translation: [0, 1.6, 15] });
  it('is told by finding none: too few cells, cells that are no numbers, points of one place', () => {
    const few = {
      objectPoints: objectPoints.subarray(0, 12),
      pixels: pixels.subarray(0, 8),
      logStd: flat(4),
    };
    expect(uncertaintyPnp(few, options)).toBeUndefined();
    const broken = { objectPoints: objectPoints.map(() => Number.NaN), pixels, logStd: flat(30) };
    expect(uncertaintyPnp(broken, options)).toBeUndefined();
    const place = {
      objectPoints: new Float64Array(90),
      pixels: new Float64Array(60).fill(100),
      logStd: flat(30),
    };
    expect(uncertaintyPnp(place, options)).toBeUndefined();
  });

  it('leaves out the cells that are much less sure than the others', () => {
    const logStd = flat(30);
    logStd.fill(3, 0, 20);
    const spoilt = pixels.map((pixel, i) => (i < 20 ? pixel + 500 : pixel));
    const found = uncertaintyPnp({ objectPoints, pixels: spoilt, logStd }, options)!;
    expect([...found.rows].every((i) => i >= 10)).toBe(true);
    expect(found.translation[2]).toBeCloseTo(15, 4);
  });
});
