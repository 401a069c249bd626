import { describe, expect, it } from 'vitest';
import { nearestYaw } from '../../../src/detection/pnp/pnp-points.ts';
import { ransacPnp } from '../../../src/detection/pnp/ransac-pnp.ts';
import { Random } from '../../../src/engine/random.ts';
import { angleDifference } from '../../../src/geometry/angle.ts';
import { carPoints, exactCells, intrinsics, noisyCells, randomPose, spoil } from './pnp-scene.ts';

describe('ransacPnp', () => {
  it.each(['solid', 'side'] as const)(
    'finds the pose and the true cells among three in ten outliers: %s',
    (shape) => {
      const random = Random.fromSeed(`ransac ${shape}`);
      for (let trial = 0; trial < 60; trial++) {
        const pose = randomPose(random);
        const cells = exactCells(carPoints(random, 200, shape), pose);
        const spoiled = spoil(cells, random, 0.3);
        const { pose: found, inliers } = ransacPnp(cells, {
          intrinsics,
          inlierThresholdPx: 3,
          random,
          iterations: 100,
        })!;
        const right = Array.from({ length: 200 }, (_, row) => row).filter((row) => !spoiled.has(row));
        expect([...inliers]).toEqual(right);
        expect(Math.abs(angleDifference(nearestYaw(found.rotation), pose[0]))).toBeLessThan(1e-6);
        for (let k = 0; k < 3; k++) expect(Math.abs(found.translation[k] - pose[k + 1])).toBeLessThan(1e-5);
      }
    },
  );

  it('is near with errors and outliers', () => {
    const random = Random.fromSeed('ransac noise');
    for (let trial = 0; trial < 60; trial++) {
      const pose = randomPose(random, 40);
      const cells = noisyCells(random, carPoints(random, 300, 'corner'), pose, 0.7);
      spoil(cells, random, 0.3);
      const { pose: found, inliers } = ransacPnp(cells, { intrinsics, inlierThresholdPx: 4, random })!;
      expect(inliers.length).toBeGreaterThan(120);
      expect(Math.abs(found.translation[2] - pose[3]) / pose[3]).toBeLessThan(0.1);
    }
  });

  it('is the same for a seed, also with sets of four, and never leaves the rows that it was given', () => {
    const random = Random.fromSeed('ransac seed');
    const cells = noisyCells(random, carPoints(random, 80, 'side'), [0.3, 2, 1.6, 14], 1);
    spoil(cells, random, 0.3);
    const rows = Int32Array.from({ length: 40 }, (_, k) => 2 * k);
    const options = { intrinsics, inlierThresholdPx: 3, rows, setSize: 4 } as const;
    const found = ransacPnp(cells, { ...options, random: Random.fromSeed(5) })!;
    expect(found).toEqual(ransacPnp(cells, { ...options, random: Random.fromSeed(5) }));
    expect([...found.inliers].every((row) => row % 2 === 0)).toBe(true);
    expect(found.inliers.length).toBeGreaterThan(15);
    expect(found.pose.translation[2]).toBeCloseTo(14, 0);
  });

  it('has no answer where nothing agrees', () => {
    const random = Random.fromSeed('ransac none');
    const cells = exactCells(carPoints(random, 20, 'solid'), randomPose(random));
    const options = { intrinsics, inlierThresholdPx: 2 };
    expect(ransacPnp(cells, { ...options, rows: [1, 2, 3, 4] })).toBeUndefined();
    expect(ransacPnp(cells, { ...options, rows: [1, 1, 1, 1, 1] })).toBeUndefined();
    expect(ransacPnp(cells, { ...options, iterations: 0 })).toBeUndefined();
    expect(ransacPnp(cells, { ...options, inlierThresholdPx: Number.NaN })).toBeUndefined();
    const lost = { ...cells, pixels: cells.pixels.map(() => random.uniform(0, 1200)) };
    expect(ransacPnp(lost, { ...options, inlierThresholdPx: 0.01 })).toBeUndefined();
  });
});
