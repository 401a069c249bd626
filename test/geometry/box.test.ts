import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { angleDifference, wrapAngle } from '../../src/geometry/angle.ts';
import { BOX_EDGES, type Box3, cornersOf, pointInBox } from '../../src/geometry/box.ts';
import { projectBox } from '../../src/geometry/box-projection.ts';
import { boxFromKitti, kittiFromBox } from '../../src/geometry/kitti-box.ts';
import { compose, multiply34by44, transformPoint } from '../../src/geometry/matrix.ts';
import { rigidTransform, rotationZ, translation } from '../../src/geometry/rigid-transform.ts';

const coordinate = fc.double({ min: -60, max: 60, noNaN: true });
const size = fc.double({ min: 0.1, max: 12, noNaN: true });
const angle = fc.double({ min: -20, max: 20, noNaN: true });
const box: fc.Arbitrary<Box3> = fc.record({
  center: fc.tuple(coordinate, coordinate, coordinate),
  sizeM: fc.tuple(size, size, size),
  yaw: angle,
});

/** Camera axes (right, down, forward) from LiDAR axes, looking along +x. */
const CAMERA_FROM_LIDAR = rigidTransform([0, -1, 0, 0, 0, -1, 1, 0, 0], [0.02, -0.08, -0.27]);
const PIXEL_FROM_CAMERA = Float64Array.of(700, 0, 600, 45, 0, 700, 180, 0.2, 0, 0, 1, 0.003);
const PIXEL_FROM_LIDAR = multiply34by44(PIXEL_FROM_CAMERA, CAMERA_FROM_LIDAR);
const IMAGE = { width: 1242, height: 375 };

/** A LiDAR that is turned and tilted against the camera by up to some degrees. */
const tilted = fc
  .tuple(...[0, 0, 0].map(() => fc.double({ min: -0.1, max: 0.1, noNaN: true })))
  .map(([a, b, c]) => {
    const roundTheAxes = rigidTransform([0, 0, 1, 1, 0, 0, 0, 1, 0]);
    const turn = compose(rotationZ(a), roundTheAxes, rotationZ(b), roundTheAxes, rotationZ(c), roundTheAxes);
    return compose(CAMERA_FROM_LIDAR, turn, translation(0.3, -0.2, 0.1));
  });

describe('angles', () => {
  it('wrap into [-π, π) and keep their direction', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e4, max: 1e4, noNaN: true }), (value) => {
        const wrapped = wrapAngle(value);
        expect(wrapped).toBeGreaterThanOrEqual(-Math.PI);
        expect(wrapped).toBeLessThan(Math.PI);
        expect(Math.cos(wrapped)).toBeCloseTo(Math.cos(value), 9);
        expect(Math.sin(wrapped)).toBeCloseTo(Math.sin(value), 9);
      }),
    );
    expect(wrapAngle(Math.PI)).toBe(-Math.PI);
    expect(wrapAngle(-Math.PI)).toBe(-Math.PI);
    expect(wrapAngle(3 * Math.PI)).toBeCloseTo(-Math.PI, 12);
    for (const near of [Math.PI - 1e-16, 3 * Math.PI - 1e-15, -Math.PI - 1e-16, -1e-300]) {
      expect(wrapAngle(near)).toBeGreaterThanOrEqual(-Math.PI);
      expect(wrapAngle(near)).toBeLessThan(Math.PI);
    }
  });

  it('differ by the shorter turn', () => {
    expect(angleDifference(3, -3)).toBeCloseTo(6 - 2 * Math.PI, 12);
    expect(angleDifference(-3, 3)).toBeCloseTo(2 * Math.PI - 6, 12);
  });
});

describe('cornersOf', () => {
  it('goes round the bottom from front left, then round the top', () => {
    const corners = cornersOf({ center: [10, 20, 30], sizeM: [4, 2, 1], yaw: Math.PI / 2 });
    // Facing +y, left is -x.
    const expected = [
      ...[9, 22, 29.5, 9, 18, 29.5, 11, 18, 29.5, 11, 22, 29.5],
      ...[9, 22, 30.5, 9, 18, 30.5, 11, 18, 30.5, 11, 22, 30.5],
    ];
    corners.forEach((value, k) => {
      expect(value).toBeCloseTo(expected[k], 12);
    });
  });

  it('has four edges of each size', () => {
    fc.assert(
      fc.property(box, (any) => {
        const corners = cornersOf(any);
        const lengths = BOX_EDGES.map(([a, b]) =>
          Math.hypot(...[0, 1, 2].map((k) => corners[a * 3 + k] - corners[b * 3 + k])),
        );
        const expected = [0, 1, 2].flatMap((k) => new Array(4).fill(any.sizeM[k]));
        const ascending = (a: number, b: number) => a - b;
        lengths.sort(ascending).forEach((length, k) => {
          expect(length).toBeCloseTo(expected.sort(ascending)[k], 9);
        });
      }),
    );
  });
});

describe('pointInBox', () => {
  it('holds for mixtures of the corners and not beyond', () => {
    const share = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(box, share, share, share, (any, a, b, c) => {
        fc.pre([a, b, c].every((value) => Math.abs(Math.abs(value) - 1) > 1e-6));
        const ahead = transformPoint(rotationZ(any.yaw), [
          (a * any.sizeM[0]) / 2,
          (b * any.sizeM[1]) / 2,
          (c * any.sizeM[2]) / 2,
        ]);
        const [x, y, z] = any.center.map((value, k) => value + ahead[k]);
        expect(pointInBox(any, x, y, z)).toBe(Math.max(Math.abs(a), Math.abs(b), Math.abs(c)) < 1);
      }),
    );
  });
});

describe('KITTI boxes', () => {
  it('stand where the label says', () => {
    // 20 m ahead, 3 m to the right, bottom 1.7 m below the camera, driving away from it.
    const label = { sizeM: [1.5, 1.6, 4] as const, location: [3, 1.7, 20] as const, rotationY: -Math.PI / 2 };
    const found = boxFromKitti(label, CAMERA_FROM_LIDAR);
    expect(found.sizeM).toEqual([4, 1.6, 1.5]);
    [20.27, -2.98, -1.03].forEach((value, k) => {
      expect(found.center[k]).toBeCloseTo(value, 9);
    });
    expect(found.yaw).toBeCloseTo(0, 12);
    const rightward = boxFromKitti({ ...label, rotationY: 0 }, CAMERA_FROM_LIDAR);
    expect(rightward.yaw).toBeCloseTo(-Math.PI / 2, 12);
  });

  it('turn as -rotation_y - π/2 where the uprights agree', () => {
    fc.assert(
      fc.property(angle, (rotationY) => {
        const { yaw } = boxFromKitti({ sizeM: [1, 1, 1], location: [0, 0, 9], rotationY }, CAMERA_FROM_LIDAR);
        expect(angleDifference(yaw, -rotationY - Math.PI / 2)).toBeCloseTo(0, 9);
      }),
    );
  });

  it('come back from the LiDAR frame as they were, and go there again', () => {
    fc.assert(
      fc.property(box, tilted, (any, rectFromLidar) => {
        const label = kittiFromBox(any, rectFromLidar);
        expect(label.rotationY).toBeGreaterThanOrEqual(-Math.PI);
        expect(label.rotationY).toBeLessThan(Math.PI);
        const back = boxFromKitti(label, rectFromLidar);
        back.center.forEach((value, k) => {
          expect(value).toBeCloseTo(any.center[k], 9);
        });
        expect(back.sizeM).toEqual(any.sizeM);
        expect(angleDifference(back.yaw, any.yaw)).toBeCloseTo(0, 9);
        const again = kittiFromBox(back, rectFromLidar);
        expect(angleDifference(again.rotationY, label.rotationY)).toBeCloseTo(0, 9);
      }),
    );
  });
});

describe('projectBox', () => {
  it('surrounds the pictures of all points of the box, and no more', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 12, max: 60, noNaN: true }),
        fc.double({ min: -5, max: 5, noNaN: true }),
        angle,
        (x, y, yaw) => {
          const car: Box3 = { center: [x, y, -1], sizeM: [4, 1.7, 1.5], yaw };
          const pictures: Array<[u: number, v: number]> = [];
          const corners = cornersOf(car);
          for (let k = 0; k < 24; k += 3) {
            const [a, b, w] = transformPoint(PIXEL_FROM_LIDAR, [corners[k], corners[k + 1], corners[k + 2]]);
            pictures.push([a / w, b / w]);
          }
          const us = pictures.map(([u]) => u);
          const vs = pictures.map(([, v]) => v);
          const expected = [Math.min(...us), Math.min(...vs), Math.max(...us), Math.max(...vs)];
          const found = projectBox(car, PIXEL_FROM_LIDAR, { width: 1e4, height: 1e4 });
          const clipped = expected.map((value) => Math.max(value, 0));
          found?.forEach((value, k) => {
            expect(value).toBeCloseTo(clipped[k], 6);
          });
          expect(found).toBeDefined();
        },
      ),
    );
  });

  it('clips to the picture, and is nothing outside it', () => {
    const wall: Box3 = { center: [10, 0, 0], sizeM: [1, 80, 40], yaw: 0 };
    expect(projectBox(wall, PIXEL_FROM_LIDAR, IMAGE)).toEqual([0, 0, 1241, 374]);
    const car: Box3 = { center: [10, 0, 0], sizeM: [4, 2, 1.5], yaw: 0 };
    expect(projectBox({ ...car, center: [-10, 0, 0] }, PIXEL_FROM_LIDAR, IMAGE)).toBeUndefined();
    expect(projectBox({ ...car, center: [10, 30, 0] }, PIXEL_FROM_LIDAR, IMAGE)).toBeUndefined();
    expect(projectBox({ ...car, center: [10, 0, 30] }, PIXEL_FROM_LIDAR, IMAGE)).toBeUndefined();
  });

  it('cuts a box that reaches behind the camera', () => {
    // A lorry beside us on the left, from 5 m behind to 15 m ahead: its far end is seen, its near end is not.
    const lorry: Box3 = { center: [5, 4, 0], sizeM: [20, 2, 3], yaw: 0 };
    const found = projectBox(lorry, PIXEL_FROM_LIDAR, IMAGE);
    expect(found?.slice(0, 2)).toEqual([0, 0]);
    expect(found?.[3]).toBe(374);
    const [u, , w] = transformPoint(PIXEL_FROM_LIDAR, [15, 3, 0]);
    expect(found?.[2]).toBeCloseTo(u / w, 6);
    // All around the camera: the whole picture.
    expect(projectBox({ ...lorry, center: [0, 0, 0] }, PIXEL_FROM_LIDAR, IMAGE)).toEqual([0, 0, 1241, 374]);
  });
});
