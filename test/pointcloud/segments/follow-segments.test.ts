import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import { multiply44, transformPoint } from '../../../src/geometry/matrix.ts';
import { rotationZ, translation } from '../../../src/geometry/rigid-transform.ts';
import { type FollowedSegments, followSegments } from '../../../src/pointcloud/segments/follow-segments.ts';
import { type BoxSweep, boxAt, carAt, type MovingBox, sweepOf } from './box-world.ts';

const times = (count: number) => Array.from({ length: count }, (_, k) => 0.1 * k);

/** Sweeps of boxes from a car that drives along x at a speed, m/s. */
function drive(boxes: readonly MovingBox[], egoMps: number, at: readonly number[] = times(12)): BoxSweep[] {
  return at.map((timeS) => sweepOf(boxes, { timeS, worldFromLidar: translation(egoMps * timeS, 0, 0) }));
}

/** For each moment the segment that most points of a box are of, with the share of them, and the share of its points that are the box's. */
function segmentOf(box: number, sweeps: readonly BoxSweep[], { moments }: FollowedSegments) {
  return sweeps.map(({ boxOf }, k) => {
    const counts = new Map<number, number>();
    boxOf.forEach((each, i) => {
      const id = moments[k].segment[i];
      if (each === box) counts.set(id, (counts.get(id) ?? 0) + 1);
    });
    const [id, held] = [...counts].toSorted((a, b) => b[1] - a[1])[0] ?? [-1, 0];
    const points = boxOf.filter((each) => each === box).length;
    const size = moments[k].segment.filter((each) => each === id).length;
    return { id, ofBox: held / points, ofSegment: held / size };
  });
}

/** The one segment of a box, in which most of its points are at every moment, and nothing else. */
function onlySegmentOf(box: number, sweeps: readonly BoxSweep[], followed: FollowedSegments) {
  const seen = segmentOf(box, sweeps, followed);
  expect([...new Set(seen.map(({ id }) => id))]).toHaveLength(1);
  for (const { ofBox, ofSegment } of seen) {
    // The foot of a box counts as ground.
    expect(ofBox).toBeGreaterThan(0.5);
    expect(ofSegment).toBeGreaterThan(0.98);
  }
  return followed.segments[seen[0].id];
}

const standing = [() => carAt(14, 4), () => carAt(22, -5, 0.3), () => boxAt(9, -6, [0.5, 0.6, 1.7])];

describe('followSegments', () => {
  it('keeps what stands for one segment that does not move, from a car that drives', () => {
    const sweeps = drive(standing, 8);
    const followed = followSegments(sweeps);
    standing.forEach((_, box) => {
      const { moving, track } = onlySegmentOf(box, sweeps, followed);
      expect(moving).toBe(false);
      expect(track.map(({ moment }) => moment)).toEqual(times(12).map((_, k) => k));
    });
    expect(followed.segments.filter(({ moving }) => moving)).toEqual([]);
  });

  it('does not take a wall for moving of which always another part is seen', () => {
    // A wall behind a gap between two vans: what is seen of it slides against the drive; and one without an end in reach.
    const vans = [() => boxAt(6, 5, [6, 2, 2.4]), () => boxAt(17, 5, [6, 2, 2.4])];
    const walls = [() => boxAt(12, 14, [60, 0.3, 4]), () => boxAt(100, -8, [400, 0.3, 4])];
    const sweeps = drive([...vans, ...walls], 12, times(10));
    const followed = followSegments(sweeps);
    for (const wall of [2, 3]) {
      const seen = segmentOf(wall, sweeps, followed);
      for (const { id, ofBox } of seen) {
        expect(ofBox).toBeGreaterThan(0.4);
        expect(followed.segments[id].moving).toBe(false);
      }
    }
    expect(followed.segments.filter(({ moving }) => moving)).toEqual([]);
  });

  it('follows two cars that pass each other, with their velocities', () => {
    const cars: MovingBox[] = [(t) => carAt(12 + 10 * t, -1.9), (t) => carAt(26 - 9 * t, 1.9, Math.PI)];
    const sweeps = drive(cars, 4);
    const followed = followSegments(sweeps);
    const [there, back] = [0, 1].map((box) => onlySegmentOf(box, sweeps, followed));
    expect(there.id).not.toBe(back.id);
    for (const [{ moving, track }, speed] of [
      [there, 10],
      [back, -9],
    ] as const) {
      expect(moving).toBe(true);
      for (const { velocityMps } of track.slice(2, -2)) {
        // The scanner's steps are 0.1 m apart at 12 m, and seven sweeps lie in the window of 0.7 s.
        expect(Math.abs(velocityMps[0] - speed)).toBeLessThan(1);
        expect(Math.abs(velocityMps[1])).toBeLessThan(0.5);
      }
    }
  });

  it('never takes a car for one that passes before it', () => {
    const cars: MovingBox[] = [(t) => carAt(12 + 10 * t, 3.2), (t) => carAt(26 - 9 * t, 6.4, Math.PI)];
    const sweeps = drive(cars, 4);
    const followed = followSegments(sweeps);
    const near = onlySegmentOf(0, sweeps, followed);
    expect(near.moving).toBe(true);
    const far = segmentOf(1, sweeps, followed).map(({ id }) => id);
    expect(far).not.toContain(near.id);
    // Once it is out of its shadow, it is one segment.
    expect(new Set(far.slice(6)).size).toBe(1);
    expect(followed.segments[far[11]].moving).toBe(true);
  });

  it('keeps a car that stops', () => {
    const stops: MovingBox = (t) => carAt(10 + (t < 0.6 ? 8 * t : 4.8), 3);
    const sweeps = drive([stops], 0, times(16));
    const { moving, track } = onlySegmentOf(0, sweeps, followSegments(sweeps));
    expect(moving).toBe(true);
    expect(track[2].velocityMps[0]).toBeGreaterThan(6.5);
    expect(Math.abs(track[14].velocityMps[0])).toBeLessThan(0.5);
  });

  it('tells what moves from a car that stands, and from one that follows it', () => {
    const ahead: MovingBox = (t) => carAt(12 + 7 * t, 0);
    const walks: MovingBox = (t) => boxAt(9, -4 + 1.4 * t, [0.5, 0.5, 1.75]);
    for (const egoMps of [0, 7]) {
      const sweeps = drive([ahead, walks, ...standing.slice(0, 2)], egoMps);
      const followed = followSegments(sweeps);
      const moving = [0, 1, 2, 3].map((box) => onlySegmentOf(box, sweeps, followed).moving);
      expect(moving).toEqual([true, true, false, false]);
      expect(followed.segments.filter((segment) => segment.moving)).toHaveLength(2);
    }
  });

  it('bridges two sweeps in which nothing is seen, and no gap in time', () => {
    const car: MovingBox = (t) => carAt(12 + 8 * t, 3);
    const sweeps = drive([car], 0);
    const blind = sweeps.map((sweep, k) =>
      k === 5 || k === 6 ? { ...sweep, points: new Float32Array(0), boxOf: new Int32Array(0) } : sweep,
    );
    const bridged = followSegments(blind).segments.find(({ track }) => track.length > 1)!;
    expect(bridged.track.map(({ moment }) => moment)).toEqual([0, 1, 2, 3, 4, 7, 8, 9, 10, 11]);
    expect(bridged.moving).toBe(true);

    // The same car in successive sweeps, but after 0.5 s it is not known for the same.
    const gap = drive([car], 0, [0, 0.1, 0.2, 0.7, 0.8]);
    const ids = segmentOf(0, gap, followSegments(gap)).map(({ id }) => id);
    expect(ids.slice(0, 3)).toEqual([ids[0], ids[0], ids[0]]);
    expect(ids.slice(3)).toEqual([ids[3], ids[3]]);
    expect(ids[3]).not.toBe(ids[0]);
  });

  it('has nothing to follow in empty sweeps, nor in none', () => {
    const empty = times(3).map((timeS) => ({
      points: new Float32Array(0),
      worldFromLidar: translation(0, 0, 0),
      timeS,
    }));
    expect(followSegments([])).toEqual({ moments: [], segments: [] });
    const { moments, segments } = followSegments(empty);
    expect(segments).toEqual([]);
    expect(moments.map(({ segment }) => segment.length)).toEqual([0, 0, 0]);
  });

  it('gives the same segments in any world, and their tracks in it', () => {
    const cars: MovingBox[] = [(t) => carAt(12 + 10 * t, 3.2), () => carAt(14, -4)];
    const sweeps = drive(cars, 4, times(6));
    const otherFromWorld = multiply44(translation(457_000, 5_428_000, 112), rotationZ(2.1));
    const elsewhere = sweeps.map((sweep) => ({
      ...sweep,
      worldFromLidar: multiply44(otherFromWorld, sweep.worldFromLidar),
    }));
    const [here, there] = [followSegments(sweeps), followSegments(elsewhere)];
    expect(there.moments).toEqual(here.moments);
    here.segments.forEach(({ track, moving }, id) => {
      expect(there.segments[id].moving).toBe(moving);
      track.forEach(({ centroid, velocityMps }, k) => {
        const other = there.segments[id].track[k];
        transformPoint(otherFromWorld, centroid).forEach((value, axis) => {
          expect(Math.abs(other.centroid[axis] - value)).toBeLessThan(1e-2);
        });
        const turned = transformPoint(rotationZ(2.1), velocityMps);
        turned.forEach((value, axis) => {
          expect(Math.abs(other.velocityMps[axis] - value)).toBeLessThan(1e-2);
        });
      });
    });
  });

  it('says what cannot be followed', () => {
    const sweep = { points: new Float32Array(4), worldFromLidar: translation(0, 0, 0), timeS: 1 };
    const follow = (...sweeps: Array<Partial<typeof sweep>>) =>
      followSegments(sweeps.map((each) => ({ ...sweep, ...each })));
    expect(() => follow({}, {})).toThrow(
      'followSegments: sweep 1: timeS: expected a time after that of the sweep before, 1 s, found 1',
    );
    expect(() => follow({ timeS: Number.NaN })).toThrow('sweep 0: timeS: expected a finite time, found NaN');
    expect(() => follow({ points: new Float32Array(5) })).toThrow(
      'followSegments sweep 0: expected rows of 4 floats, found 5 floats',
    );
    expect(() => follow({ worldFromLidar: new Float64Array(12) })).toThrow('expected 16 finite numbers');
    expect(() => follow({ worldFromLidar: new Float64Array(16).fill(Number.NaN) })).toThrow(InputError);
  });
});
