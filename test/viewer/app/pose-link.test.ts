import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numbersOfPose, poseOf } from '../../../src/viewer/app/pose-link.ts';
import { DEFAULT_POSE, type Pose } from '../../../src/viewer/app/scene/pose.ts';
import { defaultState, linkOf, stateOfLink } from '../../../src/viewer/app/view-state.ts';

const coordinate = fc.double({ min: -500, max: 500, noNaN: true });
const angle = fc.double({ min: -3.2, max: 3.2, noNaN: true });
const poses: fc.Arbitrary<Pose> = fc.record({
  view: fc.constantFrom('perspective' as const, 'birds-eye' as const),
  target: fc.tuple(coordinate, coordinate, coordinate),
  distanceM: fc.double({ min: 0.3, max: 5000, noNaN: true }),
  azimuth: angle,
  elevation: angle,
  heading: angle,
  zoom: fc.double({ min: 0.1, max: 60, noNaN: true }),
  center: fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
});

describe('a pose', () => {
  it('is the same again from its numbers', () => {
    fc.assert(
      fc.property(poses, (pose) => {
        expect(poseOf({ pose: numbersOfPose(pose), view: pose.view }, DEFAULT_POSE)).toEqual(pose);
      }),
    );
  });

  it('comes through a link to the millimetre', () => {
    fc.assert(
      fc.property(poses, (pose) => {
        const link = linkOf({ ...defaultState, view: pose.view, pose: numbersOfPose(pose) });
        const again = poseOf(stateOfLink(link), DEFAULT_POSE);
        expect(again.view).toBe(pose.view);
        const [numbers, expected] = [numbersOfPose(again), numbersOfPose(pose)];
        numbers.forEach((value, i) => {
          expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(0.000501);
        });
      }),
    );
  });

  it('is another one where a state has none, or none that can be', () => {
    const numbers = numbersOfPose(DEFAULT_POSE);
    const base: Pose = { ...DEFAULT_POSE, distanceM: 77 };
    expect(poseOf({ pose: numbers, view: 'perspective' }, base)).toEqual(DEFAULT_POSE);
    const wrong = [
      [],
      [1, 2, 3],
      [...numbers, 1],
      numbers.with(3, 0),
      numbers.with(3, -5),
      numbers.with(7, 0),
    ];
    for (const pose of wrong) {
      expect(poseOf({ pose, view: 'perspective' }, base)).toBe(base);
      expect(poseOf({ pose, view: 'birds-eye' }, base)).toEqual({ ...base, view: 'birds-eye' });
      expect(poseOf({ pose, view: 'camera' }, base)).toBe(base);
    }
  });

  it('is a free one where no camera is known yet that could be looked through', () => {
    const numbers = numbersOfPose(DEFAULT_POSE);
    expect(poseOf({ pose: numbers, view: 'camera' }, DEFAULT_POSE)).toEqual(DEFAULT_POSE);
  });
});
