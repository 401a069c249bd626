import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { multiply34by44 } from '../../../../src/geometry/matrix.ts';
import { indicesInImage, projectPoints } from '../../../../src/geometry/projection.ts';
import { rigidTransform } from '../../../../src/geometry/rigid-transform.ts';
import { pixelOf, pointAtPixel, projectSweep } from '../../../../src/viewer/app/picture/projected-points.ts';
import { columnsOf, sweepToCome, wholeSweep } from '../sweep/streamed-sweep.ts';

const PIXEL_FROM_LIDAR = multiply34by44(
  Float64Array.of(700, 0, 600, 45, 0, 700, 180, 0.2, 0, 0, 1, 0.003),
  rigidTransform([0, -1, 0, 0, 0, -1, 1, 0, 0], [0.02, -0.08, -0.27]),
);
const IMAGE = { width: 1242, height: 375 };
const camera = { pixelFromLidar: [...PIXEL_FROM_LIDAR], ...IMAGE };

const coordinate = fc.double({ min: -40, max: 40, noNaN: true });
const rows = fc.array(fc.tuple(coordinate, coordinate, fc.double({ min: -3, max: 2, noNaN: true })), {
  maxLength: 80,
});

describe('projectSweep', () => {
  it('has the points that a camera sees, where it sees them', () => {
    fc.assert(
      fc.property(rows, (some) => {
        const sweep = wholeSweep(columnsOf(some));
        const all = projectPoints(sweep.positions, 3, PIXEL_FROM_LIDAR);
        const seen = projectSweep(sweep, camera);
        const among = Int32Array.from(some, (_, i) => i);
        const expected = indicesInImage(sweep.positions, 3, PIXEL_FROM_LIDAR, { image: IMAGE, among });
        expect([...seen.rows]).toEqual([...expected]);
        seen.rows.forEach((row, i) => {
          expect([seen.u[i], seen.v[i], seen.depth[i]]).toEqual([all.u[row], all.v[row], all.depth[row]]);
        });
      }),
    );
  });

  it('has no more than what has come, and nothing without a place', () => {
    const some = Array.from({ length: 65_600 }, (_, i) => [10, i % 2 === 0 ? 0 : Number.NaN, 0] as const);
    const { sweep, passes } = sweepToCome(columnsOf(some));
    expect(projectSweep(sweep, camera).rows).toHaveLength(0);
    sweep.append(passes[0]);
    expect(projectSweep(sweep, camera).rows).toHaveLength(32_800);
    sweep.append(passes[1]);
    expect(projectSweep(sweep, camera).rows).toHaveLength(32_800);
  });
});

describe('the border of a picture', () => {
  // Pixels are 20 - 30 y/x and 10 - 30 z/x: at 30 m, 20 - y and 10 - z.
  const small = { pixelFromLidar: [20, -30, 0, 0, 10, 0, -30, 0, 1, 0, 0, 0], width: 40, height: 20 };
  const isSeen = (y: number, z: number) =>
    projectSweep(wholeSweep(columnsOf([[30, y, z]])), small).rows.length === 1;

  it('is half a pixel beyond the middle of the outermost ones', () => {
    expect([20.5, 20.51, -19.49, -19.5].map((y) => isSeen(y, 0))).toEqual([true, false, true, false]);
    expect([10.5, 10.51, -9.49, -9.5].map((z) => isSeen(0, z))).toEqual([true, false, true, false]);
  });
});

describe('pixelOf', () => {
  it('is where a point of a sweep is', () => {
    const place = fc.tuple(coordinate, coordinate, coordinate);
    fc.assert(
      fc.property(place, (point) => {
        const { u, v, depth } = projectPoints(Float64Array.from(point), 3, PIXEL_FROM_LIDAR, {
          minDepthM: 0.1,
        });
        const pixel = pixelOf(point, camera.pixelFromLidar);
        expect(pixel !== undefined).toBe(depth[0] > 0.1);
        if (pixel === undefined) return;
        expect(Math.fround(pixel.u)).toBe(u[0]);
        expect(Math.fround(pixel.v)).toBe(v[0]);
        expect(Math.fround(pixel.depth)).toBe(depth[0]);
      }),
    );
  });
});

describe('pointAtPixel', () => {
  const at = (...points: ReadonlyArray<readonly [u: number, v: number, depth: number]>) => ({
    rows: Int32Array.from(points, (_, i) => 100 + i),
    u: Float32Array.from(points, ([u]) => u),
    v: Float32Array.from(points, ([, v]) => v),
    depth: Float32Array.from(points, ([, , depth]) => depth),
  });

  it('is the row of the nearest on the picture within the radius', () => {
    const points = at([10, 10, 20], [14, 10, 20], [200, 10, 20]);
    expect(pointAtPixel(points, [11, 10], 8)).toBe(100);
    expect(pointAtPixel(points, [13.5, 11], 8)).toBe(101);
    expect(pointAtPixel(points, [100, 10], 8)).toBeUndefined();
    expect(pointAtPixel(points, [208, 10], 8)).toBe(102);
    expect(pointAtPixel(points, [208.1, 10], 8)).toBeUndefined();
    expect(pointAtPixel(at(), [0, 0], 8)).toBeUndefined();
  });

  it('is what hides the others, where several lie under the cursor', () => {
    expect(pointAtPixel(at([10, 10, 40], [10.5, 10, 5], [10, 10.5, 80]), [10, 10], 8)).toBe(101);
    // Two pixels weigh as much as lying twice as far away.
    expect(pointAtPixel(at([10, 10, 20], [11.9, 10, 10]), [10, 10], 8)).toBe(101);
    expect(pointAtPixel(at([10, 10, 20], [12.1, 10, 10]), [10, 10], 8)).toBe(100);
  });
});
