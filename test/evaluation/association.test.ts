import { describe, expect, it } from 'vitest';
import type { ObjectLabel } from '../../src/datasets/frame.ts';
import { KittiRaw } from '../../src/datasets/kitti-raw.ts';
import { associationQueries, measureAssociation } from '../../src/evaluation/association.ts';
import {
  byConstantVelocity,
  byEgoMotion,
  byFollowing,
  byNearestNeighbor,
  byStaying,
} from '../../src/evaluation/association-baselines.ts';
import type { Box3 } from '../../src/geometry/box.ts';
import { rotationZ, translation } from '../../src/geometry/rigid-transform.ts';
import { boxAt, carAt, type MovingBox, sweepOf } from '../pointcloud/segments/box-world.ts';
import { describeWithRealData, realData } from '../real-data.ts';

function labelOf(trackId: number, box3: Box3): ObjectLabel {
  return { type: 'Car', truncation: 0, occlusion: 0, alpha: 0, box2: [0, 0, 1, 1], box3, trackId };
}

describe('associationQueries', () => {
  // The car that carries the sensor drives 2 m along x; track 1 turns left, track 2 stands.
  const turning: Box3 = { center: [10, 0, 0], sizeM: [4, 2, 1.5], yaw: 0 };
  const turned: Box3 = { center: [10, 5, 0], sizeM: [4, 2, 1.5], yaw: Math.PI / 2 };
  const standing: Box3 = { center: [10, -9, 0], sizeM: [4, 2, 1.5], yaw: 0 };
  const passed: Box3 = { ...standing, center: [8, -9, 0] };
  // In the turning box, in its foot, beside it, in the standing box.
  const points = Float32Array.of(11, 0.5, 0.2, 0, 11, 0.5, -0.7, 0, 11, 1.5, 0.2, 0, 9, -9, 0, 0);
  const sweeps = [
    { points, worldFromLidar: translation(0, 0, 0), timeS: 0 },
    { points: new Float32Array(0), worldFromLidar: translation(2, 0, 0), timeS: 1 },
  ];
  const labels = [
    [labelOf(1, turning), labelOf(2, standing), labelOf(3, { ...turning, center: [11, 1.5, 0] })],
    [labelOf(2, passed), labelOf(1, turned)],
  ];

  it('moves points as their boxes move, and says which boxes move in the world', () => {
    const { rows, places, moving, tracks } = associationQueries({ sweeps, from: 0, to: 1 }, labels);
    // Track 3 is not there any more: its points are not asked for.
    expect([...rows]).toEqual([0, 3]);
    expect([...tracks]).toEqual([1, 2]);
    expect([...moving]).toEqual([1, 0]);
    // 1 m ahead and 0.5 m left of the middle, before and after the turn.
    [9.5, 6, 0.2, 7, -9, 0].forEach((value, k) => {
      expect(places[k]).toBeCloseTo(value, 6);
    });
  });

  it('says which sweeps there are', () => {
    expect(() => associationQueries({ sweeps, from: 0, to: 2 }, labels)).toThrow(
      'association: to: expected the index of one of 2 sweeps, found 2',
    );
    expect(() => associationQueries({ sweeps, from: 0, to: 1 }, labels.slice(1))).toThrow(
      'associationQueries: labels: expected those of 2 sweeps, found those of 1',
    );
  });
});

describe('measureAssociation', () => {
  const sweeps = [0, 1].map((timeS) => ({
    points: new Float32Array(0),
    worldFromLidar: translation(0, 0, 0),
    timeS,
  }));
  const queries = {
    ...{ sweeps, from: 0, to: 1 },
    rows: Int32Array.of(0, 1, 2, 3, 4),
    places: new Float32Array(15),
    moving: Uint8Array.of(0, 0, 0, 0, 1),
    tracks: new Int32Array(5),
  };
  const shifted = (...along: number[]) => Float32Array.from(along.flatMap((x) => [x, 0, 0]));

  it('has the median distance and the share within half a metre, of standing and moving points apart', () => {
    const predict = () => shifted(0.1, -0.5, 3, 0.3, -2);
    expect(measureAssociation([queries], predict)).toEqual({
      standing: { points: 4, medianM: expect.closeTo(0.4, 6), recall: 0.75 },
      moving: { points: 1, medianM: 2, recall: 0 },
    });
  });

  it('takes the points of all pairs together, and has no numbers for none', () => {
    const still = { ...queries, moving: new Uint8Array(5) };
    const { standing, moving } = measureAssociation([still, still], () => shifted(0, 0, 0, 9, 9));
    expect(standing).toEqual({ points: 10, medianM: 0, recall: 0.6 });
    expect(moving).toEqual({ points: 0, medianM: null, recall: null });
  });

  it('refuses too few places and those that are none', () => {
    expect(() => measureAssociation([queries], () => shifted(0, 0))).toThrow(
      'measureAssociation: sweep 0 to 1: expected 5 predicted places with finite x, y, z, found 6 numbers',
    );
    expect(() => measureAssociation([queries], () => shifted(0, 0, Number.NaN, 0, 0))).toThrow(
      'found one that is not finite, of point 2',
    );
  });
});

describe('baselines', () => {
  // Ahead at our speed; across at 5 m/s; and one that stands.
  const boxes: MovingBox[] = [
    (t) => carAt(12 + 8 * t, 0),
    (t) => boxAt(16, -6 + 5 * t, [1.8, 0.6, 1.8], Math.PI / 2),
    () => carAt(20, 7),
  ];
  const pose = (timeS: number) => translation(8 * timeS, 0, 0);
  const times = Array.from({ length: 10 }, (_, k) => 0.1 * k);
  const sweeps = times.map((timeS) => sweepOf(boxes, { timeS, worldFromLidar: pose(timeS) }));
  const labels = times.map((timeS) =>
    boxes.map((box, track) => {
      const { center, sizeM, yaw } = box(timeS);
      // Walls of boxes are where points are: a little room for their noise.
      const room = sizeM.map((size) => size + 0.1) as [number, number, number];
      return labelOf(track, { center: [center[0] - 8 * timeS, center[1], center[2]], sizeM: room, yaw });
    }),
  );
  const pair = { sweeps, from: 6, to: 9 };
  const queries = associationQueries(pair, labels);
  const only = (track: number) => {
    const kept = [...queries.rows.keys()].filter((i) => queries.tracks[i] === track);
    return {
      ...queries,
      rows: Int32Array.from(kept, (i) => queries.rows[i]),
      places: Float32Array.from(kept.flatMap((i) => [...queries.places.subarray(3 * i, 3 * i + 3)])),
      moving: Uint8Array.from(kept, (i) => queries.moving[i]),
      tracks: Int32Array.from(kept, () => track),
    };
  };

  it('have points of each box to place', () => {
    for (const track of [0, 1, 2]) expect(only(track).rows.length).toBeGreaterThan(20);
    expect([0, 1, 2].map((track) => only(track).moving[0])).toEqual([1, 1, 0]);
  });

  it('that stay are right for what drives as we do, and off by our drive for what stands', () => {
    expect(measureAssociation([only(0)], byStaying).moving.medianM).toBeLessThan(1e-4);
    expect(measureAssociation([only(2)], byStaying).standing.medianM).toBeCloseTo(8 * 0.3, 4);
  });

  it('by ego motion are right for what stands, and off by its own motion for what moves', () => {
    expect(measureAssociation([only(2)], byEgoMotion).standing.medianM).toBeLessThan(1e-4);
    expect(measureAssociation([only(1)], byEgoMotion).moving.medianM).toBeCloseTo(5 * 0.3, 4);
  });

  it('by the nearest neighbour give points of the other sweep, the nearest to the ego-motion place', () => {
    const rows = queries.rows.subarray(0, 40);
    const places = byNearestNeighbor(rows, pair);
    const from = byEgoMotion(rows, pair);
    const { points } = sweeps[9];
    rows.forEach((_, i) => {
      const distanceTo = (x: number, y: number, z: number) =>
        Math.hypot(x - from[3 * i], y - from[3 * i + 1], z - from[3 * i + 2]);
      let nearest = Infinity;
      for (let at = 0; at < points.length; at += 4)
        nearest = Math.min(nearest, distanceTo(points[at], points[at + 1], points[at + 2]));
      expect(distanceTo(places[3 * i], places[3 * i + 1], places[3 * i + 2])).toBeCloseTo(nearest, 5);
    });
  });

  it('by constant velocity are right for what goes on as it did', () => {
    const { standing, moving } = measureAssociation([queries], byConstantVelocity());
    expect(standing.medianM).toBeLessThan(1e-4);
    // The foot of a box counts as ground: a beam or two of some ten stand still.
    expect(moving.recall).toBeGreaterThan(0.9);
    // 0.3 s at a velocity that is right to 0.7 m/s.
    expect(moving.medianM).toBeLessThan(0.2);
  });

  it('by following move what is seen in both sweeps as it moved', () => {
    const { standing, moving } = measureAssociation([queries], byFollowing());
    expect(standing.medianM).toBeLessThan(1e-4);
    expect(moving.recall).toBeGreaterThan(0.9);
    // The ends of a shape are known as well as its points are dense.
    expect(moving.medianM).toBeLessThan(0.1);
    const blind = sweeps.map((sweep, k) => (k > 6 ? { ...sweep, points: new Float32Array(0) } : sweep));
    const lost = byFollowing()(queries.rows, { ...pair, sweeps: blind });
    expect(lost).not.toEqual(byFollowing()(queries.rows, pair));
    expect(lost).not.toEqual(byEgoMotion(queries.rows, pair));
  });

  it('by constant velocity read nothing after the sweep that the points are of', () => {
    const blind = sweeps.map((sweep, k) => (k > 6 ? { ...sweep, points: new Float32Array(0) } : sweep));
    const predict = byConstantVelocity();
    expect(predict(queries.rows, { ...pair, sweeps: blind })).toEqual(predict(queries.rows, pair));
    const turned = { ...sweeps[9], worldFromLidar: rotationZ(1) };
    expect(predict(queries.rows, { ...pair, sweeps: [...sweeps.slice(0, 9), turned] })).not.toEqual(
      predict(queries.rows, pair),
    );
  });
});

const tracksFile = 'kitti-tracking/training/label_02/0000.txt';

describeWithRealData('association on a real drive', 'kitti-raw/2011_09_26', (date) => {
  it.skipIf(realData(tracksFile) === undefined)(
    'has errors as large as what moves moved',
    async () => {
      const drive = await KittiRaw.open(date, { tracks: realData(tracksFile) });
      const moments = Array.from({ length: 10 }, (_, k) => k);
      const sweeps = await Promise.all(
        moments.map(async (k) => {
          const { worldFromLidar, timeS } = drive.moments[k];
          const all = await drive.sweep(k);
          // Every fourth point: as many as another scanner has.
          const points = all.filter((_, i) => Math.floor(i / 4) % 4 === 0);
          return { points, worldFromLidar: worldFromLidar!, timeS: timeS! };
        }),
      );
      const labels = await Promise.all(moments.map((k) => drive.labels(k)));
      const queries = [5, 6].map((from) => associationQueries({ sweeps, from, to: from + 3 }, labels));
      const stays = measureAssociation(queries, byEgoMotion);
      // Of the van at 40 m, which waits, and of a van at 5 m/s and a cyclist at 3.4 m/s, for 0.31 s.
      expect(stays.standing.points).toBeGreaterThan(5);
      expect(stays.standing.recall).toBe(1);
      expect(stays.moving.points).toBeGreaterThan(500);
      expect(stays.moving.medianM).toBeGreaterThan(3.2 * 0.31);
      expect(stays.moving.medianM).toBeLessThan(5.1 * 0.31);
      // The nearest point is mostly another one of the same surface: it finds less than half.
      expect(measureAssociation(queries, byNearestNeighbor).moving.recall).toBeLessThan(0.5);
      const goesOn = measureAssociation(queries, byConstantVelocity());
      expect(goesOn.standing.recall).toBe(1);
      expect(goesOn.moving.recall).toBeGreaterThan(0.9);
      expect(goesOn.moving.medianM).toBeLessThan(0.35);
    },
    60_000,
  );
});
