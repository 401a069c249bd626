import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/engine/random.ts';
import { type Box3, pointInBox } from '../../../src/geometry/box.ts';
import { birdsEyeIou } from '../../../src/geometry/box-overlap.ts';
import { clusterBoxes, fitRectangle } from '../../../src/pointcloud/segments/cluster-boxes.ts';
import { road, seenSides } from '../../detection/street.ts';

describe('fitRectangle', () => {
  it('lies along the sides of what is seen of a box, whatever its heading', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -3.1, max: 3.1, noNaN: true }),
        fc.integer({ min: 0, max: 999 }),
        (yaw, seed) => {
          const box: Box3 = { center: [14, 5, -0.9], sizeM: [4.2, 1.7, 1.5], yaw };
          const points = seenSides(box, 240, Random.fromSeed(seed));
          const places = Array.from({ length: 240 }, (_, i) => [points[4 * i], points[4 * i + 1]] as const);
          const found = fitRectangle(places);
          const apart = Math.abs(Math.sin(2 * (found.yaw - yaw)));
          // Two degrees apart at most, by quarters of a turn; a single side has no corner to go by, but a direction.
          expect(apart).toBeLessThan(Math.sin((2 * 3 * Math.PI) / 180));
          const [c, s] = [Math.cos(found.yaw), Math.sin(found.yaw)];
          for (const [x, y] of places) {
            expect(c * x + s * y).toBeGreaterThanOrEqual(found.along[0] - 1e-9);
            expect(c * x + s * y).toBeLessThanOrEqual(found.along[1] + 1e-9);
            expect(c * y - s * x).toBeGreaterThanOrEqual(found.across[0] - 1e-9);
            expect(c * y - s * x).toBeLessThanOrEqual(found.across[1] + 1e-9);
          }
          expect(found.along[1] - found.along[0]).toBeGreaterThanOrEqual(found.across[1] - found.across[0]);
          expect(found.yaw).toBeGreaterThanOrEqual(-Math.PI / 2);
          expect(found.yaw).toBeLessThan(Math.PI / 2);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('clusterBoxes', () => {
  const groundM = -1.7;
  const onRoad = (x: number, y: number, sizeM: Box3['sizeM'], yaw: number): Box3 => ({
    center: [x, y, groundM + sizeM[2] / 2],
    sizeM,
    yaw,
  });
  const things: ReadonlyArray<readonly [type: string, box: Box3]> = [
    ['Car', onRoad(12, 4, [4, 1.65, 1.5], 0.1)],
    ['Car', onRoad(22, -6, [4, 1.65, 1.5], 1.2)],
    ['Car', onRoad(30, 3, [4, 1.65, 1.5], 0)],
    ['Pedestrian', onRoad(9, -5, [0.6, 0.6, 1.75], 0.7)],
    ['Cyclist', onRoad(16, 9, [1.75, 0.6, 1.75], 0.3)],
  ];
  const random = Random.fromSeed(8);
  const wall = Array.from({ length: 4000 }, () => [
    random.uniform(5, 40),
    -11.5,
    random.uniform(groundM, groundM + 5),
    0.3,
  ]).flat();
  const points = Float32Array.from([
    ...road(groundM),
    ...things.flatMap(([, box]) => seenSides(box, 400, random)),
    ...wall,
  ]);
  const found = clusterBoxes(points);

  it('finds what stands on the road by its extent, and no wall', () => {
    expect(found.map(({ type }) => type).sort()).toEqual(things.map(([type]) => type).sort());
  });

  it.each(things)(
    'gives a %s, of which two sides are seen or one, a box where the whole of it is',
    (type, box) => {
      const best = found
        .filter((each) => each.type === type)
        .reduce((a, b) => (birdsEyeIou(a.box3, box) > birdsEyeIou(b.box3, box) ? a : b));
      expect(birdsEyeIou(best.box3, box)).toBeGreaterThan(type === 'Pedestrian' ? 0.4 : 0.6);
      expect(best.box3.center[2] - best.box3.sizeM[2] / 2).toBeCloseTo(groundM, 1);
      expect(pointInBox(best.box3, ...box.center)).toBe(true);
      expect(best.score).toBeGreaterThan(0.99);
    },
  );
});
