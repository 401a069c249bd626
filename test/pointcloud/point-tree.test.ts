import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildPointTree, squaredDistanceToNode } from '../../src/pointcloud/point-tree.ts';
import { cloudOf, squaredDistance } from './clouds.ts';

describe('buildPointTree', () => {
  test('has every point in one leaf, small leaves, and boxes that are never farther than their points', () => {
    fc.assert(
      fc.property(
        cloudOf(),
        cloudOf({ max: 3 }),
        fc.integer({ min: 1, max: 40 }),
        (points, places, leafSize) => {
          const tree = buildPointTree(points, { stride: 3, leafSize });
          expect(Int32Array.from(tree.order).sort()).toEqual(Int32Array.from(tree.order, (_, i) => i));
          for (let leaf = 0; leaf < tree.leaves; leaf++) {
            const members = tree.order.subarray(tree.leafStart[leaf], tree.leafStart[leaf + 1]);
            expect(members.length).toBeLessThanOrEqual(leafSize);
            expect(members).toEqual(Int32Array.from(members).sort());
            for (let node = tree.leaves + leaf; node >= 1; node >>= 1)
              for (const i of members)
                for (let p = 0; p < places.length / 3; p++) {
                  const [x, y, z] = places.subarray(3 * p);
                  expect(squaredDistanceToNode(tree.bounds, node, x, y, z)).toBeLessThanOrEqual(
                    squaredDistance(points, i, places, p),
                  );
                }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('splits every node along its axis', () => {
    fc.assert(
      fc.property(cloudOf(), fc.integer({ min: 1, max: 40 }), (points, leafSize) => {
        const { leaves, axis, bounds } = buildPointTree(points, { stride: 3, leafSize });
        for (let node = 1; node < leaves; node++) {
          const endOfLeft = bounds[6 * (2 * node) + 3 + axis[node]];
          const startOfRight = bounds[6 * (2 * node + 1) + axis[node]];
          // An empty child has a box from Infinity to -Infinity.
          expect(endOfLeft).toBeLessThanOrEqual(startOfRight);
        }
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ['ascending', (i: number) => i],
    ['descending', (i: number) => -i],
    ['organ pipes', (i: number) => Math.min(i, 60000 - i)],
    ['a saw', (i: number) => i % 17],
    ['all equal', () => 1],
  ])('is built without delay from %s values', (_, value) => {
    const points = Float32Array.from({ length: 180000 }, (_, i) => (i % 3 === 0 ? value(i / 3) : 0));
    const tree = buildPointTree(points, { stride: 3, leafSize: 16 });
    expect(
      Int32Array.from(tree.order)
        .sort()
        .every((index, i) => index === i),
    ).toBe(true);
  });
});
