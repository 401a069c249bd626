import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BallQueryOptions, ballQueries, ballQuery } from '../../src/pointcloud/ball-query.ts';
import { farthestPointSample } from '../../src/pointcloud/farthest-points.ts';
import { readKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import { gatherRows } from '../../src/pointcloud/point-rows.ts';
import { buildPointTree } from '../../src/pointcloud/point-tree.ts';
import { filterRange } from '../../src/pointcloud/range-filter.ts';
import { describeWithRealData } from '../real-data.ts';
import { cloudOf, squaredDistance, widened } from './clouds.ts';

/** The definition, word for word. */
function byDefinition(points: Float32Array, centers: Float32Array, options: BallQueryOptions): number[] {
  const { radiusM, minRadiusM = 0, maxNeighbors } = options;
  const total = points.length / 3;
  return Array.from({ length: centers.length / 3 }, (_, center) => {
    const distances = Array.from({ length: total }, (_, i) => squaredDistance(points, i, centers, center));
    const hits: number[] = [];
    for (let i = 0; i < total && hits.length < maxNeighbors; i++) {
      const d = distances[i];
      if (d < radiusM * radiusM && (d >= minRadiusM * minRadiusM || d === 0)) hits.push(i);
    }
    const filler = hits[0] ?? distances.indexOf(distances.reduce((a, b) => Math.min(a, b)));
    while (hits.length < maxNeighbors) hits.push(filler);
    return hits;
  }).flat();
}

describe('ballQuery', () => {
  test('is its definition, in index order, for balls and shells', () => {
    const radius = fc.oneof(
      fc.double({ min: 1e-3, max: 3, noNaN: true }),
      fc.constantFrom(1e-9, 0.05, 0.5, 1, Math.SQRT2, 2, 100, 1e10, 1e19),
    );
    fc.assert(
      fc.property(
        cloudOf(),
        cloudOf({ max: 30 }),
        radius,
        fc.constantFrom(0, 0, 0.3, 0.5, 0.99),
        fc.integer({ min: 1, max: 250 }),
        (points, others, radiusM, inner, maxNeighbors) => {
          const centers = Float32Array.of(...others, ...points.subarray(0, 60));
          const options = { radiusM, minRadiusM: inner * radiusM, maxNeighbors };
          const expected = byDefinition(points, centers, options);
          expect([...ballQuery(points, centers, options)]).toEqual(expected);
          const wide = { ...options, stride: 5, centerStride: 5 };
          expect([...ballQuery(widened(points), widened(centers), wide)]).toEqual(expected);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('repeats the first hit, keeps the centre itself in a shell and answers an empty ball with the nearest point', () => {
    const line = Float32Array.of(3, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 2.5, 0, 0);
    const at = (x: number) => Float32Array.of(x, 0, 0);
    expect([...ballQuery(line, at(0), { radiusM: 2, maxNeighbors: 4 })]).toEqual([1, 2, 1, 1]);
    expect([...ballQuery(line, at(0), { radiusM: 3, minRadiusM: 2, maxNeighbors: 4 })]).toEqual([1, 3, 4, 1]);
    expect([...ballQuery(line, at(2), { radiusM: 9, maxNeighbors: 2 })]).toEqual([0, 1]);
    expect([...ballQuery(line, at(40), { radiusM: 1, maxNeighbors: 2 })]).toEqual([0, 0]);
    expect([...ballQuery(line, at(-40), { radiusM: 1, maxNeighbors: 2 })]).toEqual([1, 1]);
    expect([...ballQuery(line, new Float32Array(0), { radiusM: 1, maxNeighbors: 2 })]).toEqual([]);
  });

  test.each([
    ['no points', new Float32Array(0), { radiusM: 1, maxNeighbors: 1 }, 'points'],
    ['no neighbours', new Float32Array(3), { radiusM: 1, maxNeighbors: 0 }, 'maxNeighbors'],
    ['a radius of 0', new Float32Array(3), { radiusM: 0, maxNeighbors: 1 }, 'radii'],
    ['a radius that is no number', new Float32Array(3), { radiusM: Number.NaN, maxNeighbors: 1 }, 'radii'],
    ['a shell inside out', new Float32Array(3), { radiusM: 1, minRadiusM: 1, maxNeighbors: 1 }, 'radii'],
    ['NaN', Float32Array.of(0, 0, Number.NaN), { radiusM: 1, maxNeighbors: 1 }, 'point 0'],
  ])('refuses %s', (_, points, options, message) => {
    expect(() => ballQuery(points, new Float32Array(3), options)).toThrow(
      expect.objectContaining({ name: 'InputError', message: expect.stringContaining(message) }),
    );
  });
});

describe('ballQueries', () => {
  test('gives for every scale what ballQuery gives, with a tree of any leaves', () => {
    const scale = fc.record({
      radiusM: fc.constantFrom(1e-9, 0.05, 0.5, 1, 2, 30, 1e10),
      inner: fc.constantFrom(0, 0, 0.5, 0.99),
      maxNeighbors: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(
        cloudOf(),
        cloudOf({ max: 30 }),
        fc.array(scale, { maxLength: 4 }),
        fc.integer({ min: 1, max: 40 }),
        (points, others, drawn, leafSize) => {
          const centers = Float32Array.of(...others, ...points.subarray(0, 60));
          const scales = drawn.map(({ inner, ...rest }) => ({ ...rest, minRadiusM: inner * rest.radiusM }));
          const tree = buildPointTree(points, { stride: 3, leafSize });
          expect(ballQueries(points, centers, scales, { tree })).toEqual(
            scales.map((options) => Int32Array.from(byDefinition(points, centers, options))),
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});

describeWithRealData('ballQuery of a KITTI frame', 'kitti-object/training/velodyne/000002.bin', (path) => {
  test.each([
    [0.2, 0, 32],
    [0.8, 0.4, 64],
    [4.8, 3.2, 16],
  ])('is its definition at radius %d from %d with %d neighbours', (radiusM, minRadiusM, maxNeighbors) => {
    const frame = filterRange(readKittiBin(readFileSync(path)), { min: [0, -40, -3], max: [70.4, 40, 1] });
    const every30th = Array.from({ length: Math.floor(frame.length / 120) }, (_, i) => 30 * i);
    const rows = gatherRows(frame, every30th);
    const xyz = Float32Array.from(
      { length: 3 * every30th.length },
      (_, i) => rows[4 * Math.floor(i / 3) + (i % 3)],
    );
    const centers = gatherRows(xyz, farthestPointSample(xyz, 300), { stride: 3 });
    const options = { radiusM, minRadiusM, maxNeighbors };
    expect([...ballQuery(rows, centers, { ...options, stride: 4 })]).toEqual(
      byDefinition(xyz, centers, options),
    );
  });
});
