import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nearestNeighbors } from '../../src/pointcloud/nearest-neighbors.ts';
import { cloudOf, squaredDistance, widened } from './clouds.ts';

function byDefinition(points: Float32Array, queries: Float32Array, count: number) {
  const rows = Array.from({ length: queries.length / 3 }, (_, q) =>
    Array.from({ length: points.length / 3 }, (_, i) => ({ i, d: squaredDistance(points, i, queries, q) }))
      .sort((a, b) => a.d - b.d || a.i - b.i)
      .slice(0, count),
  ).flat();
  return { indices: rows.map(({ i }) => i), squaredDistances: rows.map(({ d }) => Math.fround(d)) };
}

describe('nearestNeighbors', () => {
  test('is its definition for queries among the points and elsewhere', () => {
    fc.assert(
      fc.property(cloudOf(), cloudOf({ max: 20 }), fc.nat(), (points, others, size) => {
        const total = points.length / 3;
        const count = 1 + (size % total);
        const queries = Float32Array.of(...others, ...points.subarray(0, 30));
        const expected = byDefinition(points, queries, count);
        const found = nearestNeighbors(points, queries, { count });
        expect([...found.indices]).toEqual(expected.indices);
        expect([...found.squaredDistances]).toEqual(expected.squaredDistances);
        const wide = nearestNeighbors(widened(points), widened(queries), {
          count,
          stride: 5,
          queryStride: 5,
        });
        expect(wide).toEqual(found);
      }),
      { numRuns: 200 },
    );
  });

  test('has no queries, or refuses a count that cannot be', () => {
    const points = new Float32Array(6);
    expect(nearestNeighbors(points, new Float32Array(0), { count: 2 }).indices).toHaveLength(0);
    expect(() => nearestNeighbors(points, points, { count: 3 })).toThrow('from 1 to 2, found 3');
    expect(() => nearestNeighbors(points, points, { count: 0 })).toThrow('found 0');
    expect(() => nearestNeighbors(new Float32Array(0), points, { count: 1 })).toThrow('count');
    expect(() => nearestNeighbors(points, Float32Array.of(0, 0, Number.NaN), { count: 1 })).toThrow(
      'point 0',
    );
  });
});
