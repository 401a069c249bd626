import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { multiply34by44 } from '../../../../src/geometry/matrix.ts';
import { rigidTransform } from '../../../../src/geometry/rigid-transform.ts';
import { DEFAULT_POSE, eyeOf, type Pose } from '../../../../src/viewer/app/scene/pose.ts';
import { metresPerPixel, pictureRectangle } from '../../../../src/viewer/app/scene/projection.ts';
import { placeUnder, projectOn, viewsOf } from '../../../../src/viewer/app/scene/views.ts';

/** With skew, unequal focal lengths, an offset of its own and a scale, which all must not matter. */
const PIXEL_FROM_CAMERA = Float64Array.of(700, 3, 600, 45, 0, 720, 180, 0.2, 0, 0, 1, 0.5).map(
  (v) => v * 1.7,
);
const CAMERA_FROM_LIDAR = rigidTransform([0, -1, 0, 0, 0, -1, 1, 0, 0], [0.02, -0.08, -0.27]);
const P = multiply34by44(PIXEL_FROM_CAMERA, CAMERA_FROM_LIDAR);
const CAMERA = { pixelFromLidar: P, width: 1242, height: 375 };
const THROUGH: Pose = { ...DEFAULT_POSE, view: 'camera' };
const WHOLE = { width: 1280, height: 720, split: false };

describe("a camera's view", () => {
  it('puts points on the pixels that the projection gives them, magnified or not', () => {
    const near = fc.record({
      zoom: fc.double({ min: 1, max: 8, noNaN: true }),
      center: fc.tuple(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
      ),
    });
    const place = fc.tuple(
      fc.integer({ min: 2, max: 60 }),
      fc.integer({ min: -9, max: 9 }),
      fc.integer({ min: -2, max: 3 }),
    );
    fc.assert(
      fc.property(near, place, ({ zoom, center }, point) => {
        const pose = { ...THROUGH, zoom, center };
        const [view] = viewsOf(WHOLE, pose, CAMERA);
        const picture = pictureRectangle(pose, view, CAMERA);
        const [uw, vw, w] = [0, 4, 8].map((at) =>
          [...point, 1].reduce((sum, value, k) => sum + P[at + k] * value, 0),
        );
        const { x, y } = projectOn(view, point);
        expect(x).toBeCloseTo(picture.left + ((uw / w + 0.5) / CAMERA.width) * picture.width, 6);
        expect(y).toBeCloseTo(picture.top + ((vw / w + 0.5) / CAMERA.height) * picture.height, 6);
      }),
    );
  });

  it('fits the whole picture in the middle, in each half of a split canvas', () => {
    for (const view of viewsOf({ ...WHOLE, split: true }, THROUGH, CAMERA)) {
      const { left, top, width, height } = pictureRectangle(THROUGH, view, CAMERA);
      expect([left, width]).toEqual([0, 640]);
      expect(top + height / 2).toBe(360);
      expect(width / height).toBeCloseTo(CAMERA.width / CAMERA.height);
    }
  });

  it('has a w of exactly the distance ahead, as perspective has', () => {
    const [view] = viewsOf(WHOLE, THROUGH, CAMERA);
    expect(view.projection.clipFromView.elements[11]).toBe(-1);
  });

  it('is the free view while there is no camera', () => {
    const [view] = viewsOf(WHOLE, THROUGH, undefined);
    expect(view.projection).toEqual(viewsOf(WHOLE, DEFAULT_POSE, undefined)[0].projection);
  });
});

describe('viewsOf', () => {
  it('gives halves the same eye and places them side by side', () => {
    const [left, right] = viewsOf({ width: 801, height: 600, split: true }, DEFAULT_POSE, undefined);
    expect([left.left, left.width, right.left, right.width]).toEqual([0, 401, 401, 400]);
    const target = DEFAULT_POSE.target;
    expect(projectOn(left, target)).toMatchObject({ x: 200.5, y: 300, visible: true });
    expect(projectOn(right, target)).toMatchObject({ x: 601, y: 300, visible: true });
  });

  it('has nothing to show on a canvas without area', () => {
    expect(viewsOf({ width: 0, height: 600, split: false }, DEFAULT_POSE, undefined)).toEqual([]);
  });
});

describe('projectOn', () => {
  it('does not see what is behind', () => {
    const [view] = viewsOf(WHOLE, DEFAULT_POSE, undefined);
    expect(projectOn(view, [-60, 0, 20]).visible).toBe(false);
  });

  it('keeps scale from above', () => {
    const pose: Pose = { ...DEFAULT_POSE, view: 'birds-eye', target: [10, 0, 0] };
    const [view] = viewsOf(WHOLE, pose, undefined);
    const metre = 1 / metresPerPixel(pose, view);
    const { x, y } = projectOn(view, [15, -4, 1]);
    expect(x).toBeCloseTo(640 + 4 * metre);
    expect(y).toBeCloseTo(360 - 5 * metre);
  });
});

describe('placeUnder', () => {
  it('finds the ground in every view', () => {
    for (const pose of [DEFAULT_POSE, { ...DEFAULT_POSE, view: 'birds-eye' as const }, THROUGH]) {
      const [view] = viewsOf(WHOLE, pose, CAMERA);
      const ground = [14, 1, -1.73] as const;
      const { x, y } = projectOn(view, ground);
      placeUnder(view, x, y, -1.73).forEach((value, k) => {
        expect(value).toBeCloseTo(ground[k], 3);
      });
    }
  });

  it('is as far away as the target in the sky', () => {
    const pose = { ...DEFAULT_POSE, elevation: 0 };
    const [view] = viewsOf(WHOLE, pose, undefined);
    const eye = eyeOf(pose);
    const place = placeUnder(view, 640, 10, -1.73);
    expect(Math.hypot(...place.map((value, k) => value - eye[k]))).toBeCloseTo(32, 0);
  });
});
