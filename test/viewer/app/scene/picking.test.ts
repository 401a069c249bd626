import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Pick, pickAmong } from '../../../../src/viewer/app/scene/picker.ts';
import { Cloud, type CloudOptions } from '../../../../src/viewer/app/scene/point-cloud.ts';
import { createPointUniforms } from '../../../../src/viewer/app/scene/point-material.ts';
import { DEFAULT_POSE, eyeOf, type Pose, type Triple } from '../../../../src/viewer/app/scene/pose.ts';
import { projectOn, type View, viewsOf } from '../../../../src/viewer/app/scene/views.ts';

const WIDE = { width: 1280, height: 720 };
const SIZING = { pointSize: 2, attenuation: false };
const CAMERA = {
  pixelFromLidar: Float64Array.of(600, -700, 0, 45, 180, 0, -700, 0.2, 1, 0, 0, 0),
  width: 1242,
  height: 375,
};

function cloudOf(points: readonly Triple[], options: Partial<CloudOptions> = {}, alphas?: number[]): Cloud {
  const owner = { uniforms: createPointUniforms(), changed: () => {}, removed: () => {} };
  const cloud = new Cloud({ capacity: points.length, ...options }, owner);
  const colours = Uint8Array.from(points.flatMap((_, k) => [9, 9, 9, alphas?.[k] ?? 255]));
  cloud.append(Float32Array.from(points.flat()), colours);
  return cloud;
}

function viewOf(pose: Pose, half: 'left' | 'right' | 'whole' = 'whole'): View {
  const views = viewsOf({ ...WIDE, split: half !== 'whole' }, pose, CAMERA);
  return views.find((view) => view.half === half) ?? views[0];
}

function pickAt(clouds: Cloud[], view: View, place: Triple, right = 0, sizing = SIZING): Pick | undefined {
  const { x, y } = projectOn(view, place);
  return pickAmong(clouds, view, { x: x + right, y, radiusPx: 8, sizing });
}

describe('picking', () => {
  const poses: Pose[] = [
    DEFAULT_POSE,
    { ...DEFAULT_POSE, view: 'birds-eye', heading: 0.4 },
    { ...DEFAULT_POSE, view: 'camera', zoom: 2, center: [0.4, 0.6] },
  ];

  it('finds a point where it is seen, in every view and half', () => {
    const place = fc.tuple(
      fc.integer({ min: 3, max: 40 }),
      fc.integer({ min: -8, max: 8 }),
      fc.integer({ min: -2, max: 2 }),
    );
    fc.assert(
      fc.property(
        place,
        fc.constantFrom(...poses),
        fc.constantFrom('whole', 'left', 'right'),
        (at, pose, half) => {
          const found = pickAt([cloudOf([at])], viewOf(pose, half), at);
          expect(found?.point).toEqual(at);
          expect(found?.side).toBe(half === 'right' ? 'right' : 'left');
        },
      ),
    );
  });

  it('finds nothing farther from the cursor than the radius and the half of the point', () => {
    const cloud = cloudOf([[10, 0, 0]]);
    expect(pickAt([cloud], viewOf(DEFAULT_POSE), [10, 0, 0], 8.9)).toBeDefined();
    expect(pickAt([cloud], viewOf(DEFAULT_POSE), [10, 0, 0], 9.1)).toBeUndefined();
  });

  it('prefers what is in front, and what is near the cursor where the depths are alike', () => {
    const level = { ...DEFAULT_POSE, target: [0, 0, 0] as const, elevation: 0 };
    const wall = cloudOf([
      [20, 0, 0],
      [2, 0.1, 0],
      [2, 0, 0],
    ]);
    expect(pickAt([wall], viewOf(level), [20, 0, 0])?.index).toBe(2);
    expect(pickAt([wall], viewOf(level), [2, 0.1, 0])?.index).toBe(1);
  });

  it('takes the point that covers the cursor with its disc before one behind that is nearer to it', () => {
    const level = { ...DEFAULT_POSE, target: [0, 0, 0] as const, elevation: 0, distanceM: 5 };
    const cloud = cloudOf([
      [0, 0.03, 0],
      [0.2, 0, 0],
    ]);
    const large = { pointSize: 5, attenuation: true };
    expect(pickAt([cloud], viewOf(level), [0.2, 0, 0], 0, large)?.index).toBe(0);
  });

  it('takes the upper one from above', () => {
    const pose = { ...DEFAULT_POSE, view: 'birds-eye' as const };
    const cloud = cloudOf([
      [10, 0, -1.7],
      [10, 0, 3],
    ]);
    expect(pickAt([cloud], viewOf(pose), [10, 0, 0])?.index).toBe(1);
  });

  it('sees neither hidden points nor what is behind the eye, nor points without a place', () => {
    const hidden = cloudOf([[10, 0, 0]], {}, [0]);
    expect(pickAt([hidden], viewOf(DEFAULT_POSE), [10, 0, 0])).toBeUndefined();
    const eye = eyeOf(DEFAULT_POSE);
    const behind = DEFAULT_POSE.target.map((value, k) => 2 * eye[k] - value) as unknown as Triple;
    const cloud = cloudOf([behind, [Number.NaN, 0, 0]]);
    expect(pickAt([cloud], viewOf(DEFAULT_POSE), DEFAULT_POSE.target)).toBeUndefined();
  });

  it('looks only in clouds that are there, through their matrices', () => {
    const moved = cloudOf([[1, 0, 0]], { matrix: [0, -1, 0, 12, 1, 0, 0, 0, 0, 0, 1, 0] });
    const wrongSide = cloudOf([[12, 1, 0]], { side: 'right' });
    const asleep = cloudOf([[12, 1, 0]], { pickable: false });
    const invisible = cloudOf([[12, 1, 0]]);
    invisible.visible = false;
    const view = viewOf(DEFAULT_POSE);
    expect(pickAt([wrongSide, asleep, invisible], view, [12, 1, 0])).toBeUndefined();
    const found = pickAt([wrongSide, asleep, invisible, moved], view, [12, 1, 0]);
    expect(found?.cloud).toBe(moved);
    expect(found?.point).toEqual([12, 1, 0]);
  });
});

describe('picking within a clip', () => {
  it('passes over what is outside in the world, wherever the cloud lies', () => {
    const clip = {
      nearM: 0,
      farM: Infinity,
      low: [-Infinity, -Infinity, -Infinity],
      high: [11, 9, 9],
    } as const;
    const view = viewOf(DEFAULT_POSE);
    const pick = (cloud: Cloud, place: Triple) =>
      pickAmong([cloud], view, { ...projectOn(view, place), radiusPx: 8, sizing: SIZING, clip });
    const cloud = cloudOf([
      [10, 1, 0],
      [12, 1, 0],
    ]);
    expect(pick(cloud, [10, 1, 0])?.index).toBe(0);
    expect(pick(cloud, [12, 1, 0])).toBeUndefined();
    const moved = cloudOf([[10, 1, 0]], { matrix: [1, 0, 0, 2, 0, 1, 0, 0, 0, 0, 1, 0] });
    expect(pick(moved, [12, 1, 0])).toBeUndefined();
    expect(
      pickAmong([moved], view, { ...projectOn(view, [12, 1, 0]), radiusPx: 8, sizing: SIZING })?.index,
    ).toBe(0);
  });
});

describe('Cloud', () => {
  it('takes points in pieces, and uploads only these', () => {
    const cloud = cloudOf([[1, 2, 3]], { capacity: 3 });
    const position = cloud.points.geometry.getAttribute('position');
    expect('updateRanges' in position && position.updateRanges).toEqual([{ start: 0, count: 3 }]);
    if ('clearUpdateRanges' in position) position.clearUpdateRanges();
    cloud.append(Float32Array.of(-1, 5, Number.NaN), Uint8Array.of(1, 2, 3, 4));
    expect('updateRanges' in position && position.updateRanges).toEqual([{ start: 3, count: 3 }]);
    expect(cloud.count).toBe(2);
    expect(cloud.points.geometry.drawRange).toEqual({ start: 0, count: 2 });
  });

  it('refuses what does not fit', () => {
    const cloud = cloudOf([[1, 2, 3]]);
    expect(() => cloud.append(new Float32Array(3), new Uint8Array(4))).toThrow(
      '2 points in a cloud with room for 1',
    );
    expect(() => cloud.append(new Float32Array(3), new Uint8Array(3))).toThrow(RangeError);
    expect(() => cloud.setColours(new Uint8Array(8))).toThrow('2 colours for 1 points');
  });
});
