import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Matrix44, multiply44, transformPoint } from '../../src/geometry/matrix.ts';
import { rotationZ, translation } from '../../src/geometry/rigid-transform.ts';
import { lidarFromLidar, neighboursOf } from '../../src/viewer/neighbours.ts';
import type { FrameInfo } from '../../src/viewer/protocol.ts';

interface Known {
  readonly timeS?: number;
  readonly pose?: Matrix44;
  readonly parts?: FrameInfo['parts'];
}

const frameOf = (id: string, { timeS, pose, parts = ['sweep'] }: Known = {}): FrameInfo => ({
  id,
  timeS,
  worldFromLidar: pose && [...pose],
  parts,
  pictures: [],
  notes: [],
  sets: [],
});

const poses = fc
  .tuple(...[50, 50, 3, 3].map((max) => fc.double({ min: -max, max, noNaN: true })))
  .map(([x, y, z, yaw]) => multiply44(translation(x, y, z), rotationZ(yaw)));

describe('lidarFromLidar', () => {
  it('takes a point from one sweep to the same place of the world in the other', () => {
    const coordinate = fc.double({ min: -80, max: 80, noNaN: true });
    fc.assert(
      fc.property(poses, poses, fc.tuple(coordinate, coordinate, coordinate), (to, from, point) => {
        const moved = transformPoint(
          lidarFromLidar(frameOf('to', { pose: to }), frameOf('from', { pose: from }))!,
          point,
        );
        const [world, same] = [transformPoint(from, point), transformPoint(to, moved)];
        same.forEach((value, i) => {
          expect(value).toBeCloseTo(world[i], 8);
        });
      }),
    );
  });

  it('moves what stands still against the way of the car', () => {
    const [here, later] = [
      frameOf('0', { pose: translation(0, 0, 0) }),
      frameOf('1', { pose: translation(5, 0, 0) }),
    ];
    // A pole 20 m ahead is 15 m ahead of the car when it has driven 5 m.
    expect(transformPoint(lidarFromLidar(here, later)!, [15, 2, 0])).toEqual([20, 2, 0]);
    expect(transformPoint(lidarFromLidar(later, here)!, [20, 2, 0])).toEqual([15, 2, 0]);
  });

  it('is not known without both poses', () => {
    const known = frameOf('a', { pose: translation(1, 2, 3) });
    expect(lidarFromLidar(known, frameOf('b'))).toBeUndefined();
    expect(lidarFromLidar(frameOf('b'), known)).toBeUndefined();
  });
});

describe('neighboursOf', () => {
  const drive = Array.from({ length: 8 }, (_, i) =>
    frameOf(String(i), {
      timeS: 0.1 * i,
      pose: i === 5 ? undefined : translation(i, 0, 0),
      parts: i === 2 ? ['picture'] : ['sweep', 'picture'],
    }),
  );
  const indices = (index: number, reach: number, steady: boolean) =>
    neighboursOf(drive, index, { reach, steady }).neighbours.map((each) => each.index);

  it('are the frames before and after that have a sweep', () => {
    expect(indices(3, 2, false)).toEqual([1, 4, 5]);
    expect(indices(0, 3, false)).toEqual([1, 3]);
    expect(indices(7, 2, false)).toEqual([5, 6]);
    expect(indices(3, 0, false)).toEqual([]);
    expect(indices(3, 20, false)).toEqual([0, 1, 4, 5, 6, 7]);
  });

  it('are moved to where the frame was taken, and named where they cannot be', () => {
    const { neighbours, unplaced } = neighboursOf(drive, 3, { reach: 2, steady: true });
    expect(neighbours.map(({ index }) => index)).toEqual([1, 4]);
    expect(unplaced).toEqual(['5']);
    expect(neighbours.map(({ matrix }) => transformPoint(matrix!, [10, 0, 0])[0])).toEqual([8, 11]);
    expect(neighbours.map(({ afterS }) => afterS)).toEqual([expect.closeTo(-0.2, 9), expect.closeTo(0.1, 9)]);
    // From a frame without a pose, none can be placed.
    expect(neighboursOf(drive, 5, { reach: 1, steady: true })).toEqual({
      neighbours: [],
      unplaced: ['4', '6'],
    });
  });

  it('lie as they were measured where they are not to be moved', () => {
    const { neighbours, unplaced } = neighboursOf(drive, 4, { reach: 1, steady: false });
    expect(neighbours.map(({ matrix }) => matrix)).toEqual([undefined, undefined]);
    expect(unplaced).toEqual([]);
  });

  it('are counted in frames where there is no clock', () => {
    const clouds = ['a', 'b', 'c'].map((id) => frameOf(id));
    const { neighbours } = neighboursOf(clouds, 1, { reach: 5, steady: false });
    expect(neighbours.map(({ afterS }) => afterS)).toEqual([-1, 1]);
  });
});
