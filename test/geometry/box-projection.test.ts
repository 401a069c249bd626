import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOX_EDGES, type Box3, cornersOf } from '../../src/geometry/box.ts';
import { projectBox, projectBoxEdges } from '../../src/geometry/box-projection.ts';
import { multiply34by44 } from '../../src/geometry/matrix.ts';
import { projectPoints } from '../../src/geometry/projection.ts';
import { rigidTransform } from '../../src/geometry/rigid-transform.ts';

const NEAR_M = 0.1;
/** A camera that looks along +x of the LiDAR. */
const PIXEL_FROM_LIDAR = multiply34by44(
  Float64Array.of(700, 0, 600, 45, 0, 700, 180, 0.2, 0, 0, 1, 0.003),
  rigidTransform([0, -1, 0, 0, 0, -1, 1, 0, 0], [0.02, -0.08, -0.27]),
);
const IMAGE = { width: 1242, height: 375 };

const coordinate = fc.double({ min: -15, max: 15, noNaN: true });
const size = fc.double({ min: 0.1, max: 12, noNaN: true });
const boxes: fc.Arbitrary<Box3> = fc.record({
  center: fc.tuple(coordinate, coordinate, coordinate),
  sizeM: fc.tuple(size, size, size),
  yaw: fc.double({ min: -4, max: 4, noNaN: true }),
});

const rowsOf = (edges: Float64Array) =>
  Array.from({ length: edges.length / 4 }, (_, k) => [...edges.subarray(4 * k, 4 * k + 4)]);

describe('projectBoxEdges', () => {
  it('is the picture of every edge, of boxes before the camera', () => {
    const box: Box3 = { center: [12, 3, -1], sizeM: [4, 1.8, 1.5], yaw: 0.4 };
    const edges = rowsOf(projectBoxEdges(box, PIXEL_FROM_LIDAR));
    const { u, v } = projectPoints(cornersOf(box), 3, PIXEL_FROM_LIDAR);
    expect(edges).toHaveLength(12);
    BOX_EDGES.forEach(([from, to], k) => {
      const expected = [u[from], v[from], u[to], v[to]];
      expected.forEach((value, i) => {
        expect(edges[k][i]).toBeCloseTo(value, 3);
      });
    });
  });

  it('leaves out the edges behind the camera and cuts those that come from there', () => {
    const behind: Box3 = { center: [-12, 3, -1], sizeM: [4, 1.8, 1.5], yaw: 0.4 };
    expect(projectBoxEdges(behind, PIXEL_FROM_LIDAR)).toHaveLength(0);
    // The four edges of the end that is behind are left out; the four along the box are cut.
    const beside: Box3 = { center: [1, -4, -1], sizeM: [6, 1, 1], yaw: 0 };
    const edges = rowsOf(projectBoxEdges(beside, PIXEL_FROM_LIDAR));
    expect(edges).toHaveLength(8);
    const { u, v, inFront } = projectPoints(cornersOf(beside), 3, PIXEL_FROM_LIDAR);
    const seen = BOX_EDGES.filter(([from, to]) => inFront[from] + inFront[to] > 0);
    seen.forEach(([from, to], k) => {
      const [fromU, fromV, toU, toV] = edges[k];
      if (inFront[from])
        expect([fromU, fromV]).toEqual([expect.closeTo(u[from], 3), expect.closeTo(v[from], 3)]);
      else {
        // Where the edge, which runs straight ahead, meets the plane 0.1 m before the camera.
        const y = cornersOf(beside)[3 * from + 1];
        expect(fromU).toBeCloseTo((700 * (-y + 0.02) + 600 * (NEAR_M - 0.003) + 45) / NEAR_M, 3);
      }
      if (inFront[to]) expect([toU, toV]).toEqual([expect.closeTo(u[to], 3), expect.closeTo(v[to], 3)]);
    });
  });

  it('has the extent that projectBox has, wherever the box is', () => {
    fc.assert(
      fc.property(boxes, (box) => {
        const edges = projectBoxEdges(box, PIXEL_FROM_LIDAR);
        expect(edges.every(Number.isFinite)).toBe(true);
        const us = edges.filter((_, i) => i % 2 === 0);
        const vs = edges.filter((_, i) => i % 2 === 1);
        const [left, right] = [Math.min(...us), Math.max(...us)];
        const [top, bottom] = [Math.min(...vs), Math.max(...vs)];
        const rectangle = projectBox(box, PIXEL_FROM_LIDAR, IMAGE);
        const isSeen = right >= 0 && bottom >= 0 && left <= IMAGE.width - 1 && top <= IMAGE.height - 1;
        expect(rectangle !== undefined).toBe(isSeen);
        if (rectangle === undefined) return;
        const clipped = [
          Math.max(left, 0),
          Math.max(top, 0),
          Math.min(right, IMAGE.width - 1),
          Math.min(bottom, IMAGE.height - 1),
        ];
        rectangle.forEach((value, i) => {
          expect(value).toBeCloseTo(clipped[i], 4);
        });
      }),
      { numRuns: 500 },
    );
  });

  it('has no end behind the plane that edges are cut at', () => {
    // With u and v swapped for the depth itself, every end shows how deep it lies.
    const depth = [...PIXEL_FROM_LIDAR.subarray(8, 12)];
    const one = Float64Array.of(0, 0, 0, 1, 0, 0, 0, 1, ...depth);
    fc.assert(
      fc.property(boxes, (box) => {
        for (const inverseDepth of projectBoxEdges(box, one)) {
          expect(inverseDepth).toBeGreaterThan(0);
          expect(1 / inverseDepth).toBeGreaterThanOrEqual(NEAR_M - 1e-9);
        }
      }),
    );
  });
});
