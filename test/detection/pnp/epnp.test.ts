import { describe, expect, it } from 'vitest';
import { epnp } from '../../../src/detection/pnp/epnp.ts';
import { nearestYaw } from '../../../src/detection/pnp/pnp-points.ts';
import { Random } from '../../../src/engine/random.ts';
import { angleDifference } from '../../../src/geometry/angle.ts';
import { carPoints, exactCells, intrinsics, projectCar, randomPose } from './pnp-scene.ts';

/** A rotation by any angle about any axis (Rodrigues' formula). */
function randomRotation(random: Random): number[] {
  const axis = [random.normal(), random.normal(), random.normal()];
  const [x, y, z] = axis.map((component) => component / Math.hypot(...axis));
  const angle = random.uniform(0, Math.PI);
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const o = 1 - c;
  return [
    ...[c + o * x * x, o * x * y - s * z, o * x * z + s * y],
    ...[o * x * y + s * z, c + o * y * y, o * y * z - s * x],
    ...[o * x * z - s * y, o * y * z + s * x, c + o * z * z],
  ];
}

describe('epnp', () => {
  it.each([
    ['solid', 784],
    ['solid', 6],
    ['solid', 5],
    ['corner', 784],
    ['side', 784],
    ['side', 5],
    ['side', 4],
  ] as const)('finds cars exactly: %s, %i points', (shape, count) => {
    const random = Random.fromSeed(`epnp ${shape} ${count}`);
    for (let trial = 0; trial < 100; trial++) {
      const pose = randomPose(random);
      const found = epnp(exactCells(carPoints(random, count, shape), pose), { intrinsics })!;
      expect(found.errorPx).toBeLessThan(1e-6);
      expect(Math.abs(angleDifference(nearestYaw(found.rotation), pose[0]))).toBeLessThan(1e-7);
      for (let k = 0; k < 3; k++) expect(Math.abs(found.translation[k] - pose[k + 1])).toBeLessThan(1e-6);
    }
  });

  it('finds any rotation, also of points far from their origin, from 32-bit numbers as far as these go', () => {
    const random = Random.fromSeed('epnp rotations');
    const { fx, fy, cx, cy } = intrinsics;
    for (let trial = 0; trial < 100; trial++) {
      const r = randomRotation(random);
      const t = [random.uniform(-2, 2), random.uniform(-2, 2), random.uniform(15, 25)];
      const objectPoints = carPoints(random, 30, trial % 2 === 0 ? 'solid' : 'side').map((x) => x + 2);
      const pixels = new Float64Array(60);
      for (let n = 0; n < 30; n++) {
        const p = objectPoints.subarray(3 * n, 3 * n + 3);
        const [x, y, z] = [0, 1, 2].map(
          (i) => r[3 * i] * p[0] + r[3 * i + 1] * p[1] + r[3 * i + 2] * p[2] + t[i],
        );
        pixels.set([(fx * x) / z + cx, (fy * y) / z + cy], 2 * n);
      }
      const found = epnp({ objectPoints, pixels }, { intrinsics })!;
      found.rotation.forEach((value, at) => {
        expect(Math.abs(value - r[at])).toBeLessThan(1e-7);
      });
      found.translation.forEach((value, at) => {
        expect(Math.abs(value - t[at])).toBeLessThan(1e-6);
      });
      const single = { objectPoints: Float32Array.from(objectPoints), pixels: Float32Array.from(pixels) };
      expect(epnp(single, { intrinsics })!.errorPx).toBeLessThan(1e-3);
    }
  });

  it('is near with pixel errors, and takes the rows that it is told to', () => {
    const random = Random.fromSeed('epnp noise');
    for (let trial = 0; trial < 50; trial++) {
      const pose = randomPose(random, 30);
      const cells = exactCells(carPoints(random, 200, 'corner'), pose);
      const pixels = cells.pixels.map((pixel, at) =>
        at < 200 ? pixel + random.normal() : random.uniform(0, 300),
      );
      const rows = Int32Array.from({ length: 100 }, (_, row) => row);
      const found = epnp({ ...cells, pixels }, { intrinsics, rows })!;
      expect(found.errorPx).toBeLessThan(2);
      expect(Math.abs(found.translation[2] - pose[3]) / pose[3]).toBeLessThan(0.05);
      expect(Math.abs(angleDifference(nearestYaw(found.rotation), pose[0]))).toBeLessThan(0.15);
    }
  });

  it('has no answer where there is none', () => {
    const random = Random.fromSeed('epnp degenerate');
    const points = carPoints(random, 20, 'solid');
    const pose = randomPose(random);
    const of = (objectPoints: Float64Array) => ({ objectPoints, pixels: projectCar(objectPoints, pose) });
    expect(epnp(of(points.slice(0, 9)), { intrinsics })).toBeUndefined();
    expect(epnp(of(new Float64Array(0)), { intrinsics })).toBeUndefined();
    expect(
      epnp(of(points.map((_, at) => Math.floor(at / 3) * [0.1, 0.2, -0.1][at % 3])), { intrinsics }),
    ).toBeUndefined();
    expect(epnp(of(points.map((_, at) => at % 3)), { intrinsics })).toBeUndefined();
    expect(epnp(of(points.with(7, Number.NaN)), { intrinsics })).toBeUndefined();
    expect(
      epnp({ objectPoints: points, pixels: new Float64Array(40).fill(Number.NaN) }, { intrinsics }),
    ).toBeUndefined();
  });

  it('refuses arrays that do not belong together', () => {
    const points = { objectPoints: new Float64Array(15), pixels: new Float64Array(8) };
    expect(() => epnp(points, { intrinsics })).toThrow(RangeError);
  });
});

describe('nearestYaw', () => {
  it('is the angle of a turn about y, and the nearest of all where the rotation leans', () => {
    const random = Random.fromSeed('nearest yaw');
    for (let trial = 0; trial < 50; trial++) {
      const yaw = random.uniform(-Math.PI, Math.PI);
      const about = (angle: number) => {
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        return [c, 0, s, 0, 1, 0, -s, 0, c];
      };
      expect(Math.abs(angleDifference(nearestYaw(about(yaw)), yaw))).toBeLessThan(1e-12);
      const leaning = randomRotation(random);
      const apart = (angle: number) => Math.hypot(...about(angle).map((value, at) => value - leaning[at]));
      const least = apart(nearestYaw(leaning));
      for (let k = 0; k < 64; k++) expect(apart((k * Math.PI) / 32)).toBeGreaterThanOrEqual(least - 1e-12);
    }
  });
});
