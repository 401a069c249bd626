import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  basisOf,
  between,
  DEFAULT_POSE,
  eyeOf,
  FIELD_OF_VIEW,
  fitted,
  flown,
  lookedAround,
  magnified,
  type Pose,
  panned,
  shifted,
  type Triple,
  turned,
  withAllInSight,
  zoomedAbout,
} from '../../../../src/viewer/app/scene/pose.ts';
import { projectOn, viewsOf } from '../../../../src/viewer/app/scene/views.ts';

const ABOVE: Pose = { ...DEFAULT_POSE, view: 'birds-eye', target: [10, 2, 0], distanceM: 40 };
const CAMERA: Pose = { ...DEFAULT_POSE, view: 'camera' };

const poses = fc.record({
  view: fc.constantFrom('perspective' as const, 'birds-eye' as const),
  target: fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: -50, max: 50 }), fc.constant(-1)),
  distanceM: fc.integer({ min: 5, max: 100 }),
  azimuth: fc.double({ min: -3, max: 3, noNaN: true }),
  elevation: fc.double({ min: -1.3, max: 1.5, noNaN: true }),
  heading: fc.double({ min: -3, max: 3, noNaN: true }),
  zoom: fc.constant(1),
  center: fc.constant<readonly [number, number]>([0.5, 0.5]),
});

function onScreen(pose: Pose, place: Triple) {
  const [view] = viewsOf({ width: 800, height: 600, split: false }, pose, undefined);
  return projectOn(view, place);
}

describe('basisOf', () => {
  it('looks along the road from behind, with left on the left', () => {
    const { right, up, ahead } = basisOf({ ...DEFAULT_POSE, elevation: 0 });
    expect(ahead[0]).toBeCloseTo(1);
    expect(right[1]).toBeCloseTo(-1);
    expect(up[2]).toBeCloseTo(1);
  });

  it('has x up on the screen from above, or what the heading says', () => {
    expect(basisOf(ABOVE).up[0]).toBeCloseTo(1);
    expect(basisOf(ABOVE).ahead[2]).toBeCloseTo(-1);
    expect(basisOf({ ...ABOVE, heading: Math.PI / 2 }).up[1]).toBeCloseTo(1);
  });

  it('is a right-handed frame of unit vectors wherever one looks from', () => {
    fc.assert(
      fc.property(poses, (pose) => {
        const { right, up, ahead } = basisOf(pose);
        const cross = [
          right[1] * up[2] - right[2] * up[1],
          right[2] * up[0] - right[0] * up[2],
          right[0] * up[1] - right[1] * up[0],
        ];
        cross.forEach((value, k) => {
          expect(value).toBeCloseTo(-ahead[k], 9);
        });
        expect(Math.hypot(...ahead)).toBeCloseTo(1, 9);
      }),
    );
  });
});

describe('moves', () => {
  it('turn about the target, and not over the top', () => {
    const pose = turned(DEFAULT_POSE, 0.3, 10);
    expect(pose.target).toEqual(DEFAULT_POSE.target);
    expect(pose.elevation).toBeLessThan(Math.PI / 2);
    expect(turned(ABOVE, 0.3, 10)).toEqual({ ...ABOVE, heading: 0.3 });
  });

  it('look around from where the eye is', () => {
    const pose = lookedAround(DEFAULT_POSE, 0.4, -0.2);
    eyeOf(pose).forEach((value, k) => {
      expect(value).toBeCloseTo(eyeOf(DEFAULT_POSE)[k], 9);
    });
    expect(pose.azimuth).not.toBe(DEFAULT_POSE.azimuth);
  });

  it('pan level with the ground', () => {
    const [x, y, z] = panned(DEFAULT_POSE, 3, 2).target;
    expect(y).toBeCloseTo(DEFAULT_POSE.target[1] - 3);
    expect(x).toBeGreaterThan(DEFAULT_POSE.target[0] + 2);
    expect(z).toBe(DEFAULT_POSE.target[2]);
    expect(panned({ ...DEFAULT_POSE, elevation: 0 }, 0, 1).target.every(Number.isFinite)).toBe(true);
  });

  it('fly along the direction of sight, and straight up', () => {
    const level = { ...DEFAULT_POSE, elevation: 0, target: [0, 0, 0] as const };
    const [x, y, z] = flown(level, 1, 2, 3).target;
    expect([x, y, z].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([3, -1, 2]);
  });

  it('zoom without moving what is under the cursor', () => {
    const anchors = fc.tuple(
      fc.integer({ min: -3, max: 3 }),
      fc.integer({ min: -3, max: 3 }),
      fc.constant(0),
    );
    fc.assert(
      fc.property(poses, anchors, fc.double({ min: 0.5, max: 2, noNaN: true }), (pose, offset, factor) => {
        const anchor = pose.target.map((value, k) => value + offset[k]) as unknown as Triple;
        const before = onScreen(pose, anchor);
        const after = onScreen(zoomedAbout(pose, anchor, factor), anchor);
        expect(after.x).toBeCloseTo(before.x, 5);
        expect(after.y).toBeCloseTo(before.y, 5);
      }),
    );
  });

  it('magnify a picture about a place, keep to it, and come back to the whole', () => {
    const near = magnified(CAMERA, [0.75, 0.5], 2);
    expect(near).toMatchObject({ zoom: 2, center: [0.625, 0.5] });
    expect(shifted(near, 9, 0.1).center).toEqual([1, 0.6]);
    expect(magnified(near, [0, 0], 0.1)).toMatchObject({ zoom: 1, center: [0.5, 0.5] });
    expect(shifted(CAMERA, 1, 1)).toBe(CAMERA);
  });
});

describe('fitted', () => {
  const corners: Triple[] = [0, 40].flatMap((x) =>
    [-20, 20].flatMap((y) => [-2, 3].map((z): Triple => [x, y, z])),
  );

  it('shows the whole region in every view', () => {
    for (const pose of [DEFAULT_POSE, ABOVE, { ...ABOVE, heading: 0.7 }]) {
      const fit = fitted(pose, [0, -20, -2], [40, 20, 3], 800 / 600);
      for (const corner of corners) expect(onScreen(fit, corner).visible).toBe(true);
      expect(fit.target).toEqual([20, 0, 0.5]);
    }
  });
});

describe('between', () => {
  it('ends at its ends and turns by the shorter way', () => {
    const from = { ...DEFAULT_POSE, azimuth: 3 };
    const to = { ...DEFAULT_POSE, azimuth: -3, distanceM: 8 };
    expect(between(from, to, 0)).toEqual(from);
    expect(between(from, to, 1).distanceM).toBeCloseTo(8);
    expect(Math.abs(between(from, to, 0.5).azimuth)).toBeCloseTo(Math.PI);
    expect(between(from, to, 0.5).distanceM).toBeCloseTo(16);
  });
});

describe('the pose with all in sight', () => {
  const aspect = 1.6;
  const slopes = [Math.tan(FIELD_OF_VIEW / 2) * aspect, Math.tan(FIELD_OF_VIEW / 2)];
  /** Where points are on the screen: -1 to 1 across and up. */
  const onScreen = (pose: Pose, points: Float32Array) => {
    const { right, up, ahead } = basisOf(pose);
    const eye = eyeOf(pose);
    return Array.from({ length: points.length / 3 }, (_, i) => {
      const from = [0, 1, 2].map((c) => points[3 * i + c] - eye[c]);
      const along = (axis: Triple) => axis.reduce((sum, value, c) => sum + value * from[c], 0);
      return [right, up].map((axis, k) => along(axis) / (along(ahead) * slopes[k]));
    });
  };
  it('has every point within the margin, and one on each side of the axis that is tight', () => {
    const points = (seed: number) =>
      Float32Array.from({ length: 300 }, (_, i) => 40 * Math.sin(seed + 7.3 * i) * (i % 3 === 2 ? 0.05 : 1));
    const clouds = [points(1), points(2)];
    const pose = withAllInSight({ ...DEFAULT_POSE, elevation: 0.7, azimuth: 2.5 }, clouds, {
      aspect,
      margin: 0.05,
    });
    const places = clouds.flatMap((cloud) => onScreen(pose, cloud));
    const ends = [0, 1]
      .map((k) => places.map((place) => place[k]))
      .map((all) => [Math.min(...all), Math.max(...all)]);
    for (const [low, high] of ends) {
      expect(low).toBeGreaterThanOrEqual(-0.9001);
      expect(high).toBeLessThanOrEqual(0.9001);
    }
    const tight = ends.find(([low, high]) => high - low > 1.7999)!;
    expect(tight[0]).toBeCloseTo(-0.9, 3);
    expect(tight[1]).toBeCloseTo(0.9, 3);
  });

  it('stays where it is without points', () => {
    expect(withAllInSight(DEFAULT_POSE, [], { aspect })).toBe(DEFAULT_POSE);
  });
});
