import { describe, expect, it } from 'vitest';
import { angleDifference } from '../../../src/geometry/angle.ts';
import type { Box3 } from '../../../src/geometry/box.ts';
import { birdsEyeIou } from '../../../src/geometry/box-overlap.ts';
import { compose, transformPoint } from '../../../src/geometry/matrix.ts';
import { inverseRigid, rotationZ, translation } from '../../../src/geometry/rigid-transform.ts';
import { clusterBoxes } from '../../../src/pointcloud/segments/cluster-boxes.ts';
import type { Sweep } from '../../../src/pointcloud/segments/sweep.ts';
import { trackBoxes } from '../../../src/pointcloud/segments/track-boxes.ts';
import { boxAt, carAt, type MovingBox, sweepOf } from './box-world.ts';

/** A car that drives along x at 8 m/s and turns left a little. */
const poseAt = (timeS: number) => compose(translation(8 * timeS, 0, 0), rotationZ(0.1 * timeS));

const parked = [() => carAt(18, 6), () => carAt(14, -7, 1.4)];
const ahead: MovingBox = (t) => carAt(16 + 9 * t, -1);
const oncoming: MovingBox = (t) => carAt(40 - 10 * t, 2.5, Math.PI);
const walker: MovingBox = (t) => boxAt(11, -5 + 1.4 * t, [0.6, 0.6, 1.75], Math.PI / 2);
const boxes = [...parked, ahead, oncoming, walker];
const types = ['Car', 'Car', 'Car', 'Car', 'Pedestrian'];

const sweeps = Array.from({ length: 14 }, (_, k) =>
  sweepOf(boxes, { timeS: 0.1 * k, worldFromLidar: poseAt(0.1 * k) }),
);

/** Where a box of the world is in the frame of a sweep. */
function inSweep(box: MovingBox, { worldFromLidar, timeS }: Sweep): Box3 {
  const { center, sizeM, yaw } = box(timeS);
  const turned = yaw - Math.atan2(worldFromLidar[4], worldFromLidar[0]);
  const [x, y, z] = transformPoint(inverseRigid(worldFromLidar), center);
  return { center: [x, y, z], sizeM, yaw: turned };
}

/** The one of some boxes that overlaps most with another, as seen from above. */
function nearest<Each extends { readonly box3: Box3 }>(found: readonly Each[], box: Box3) {
  const overlaps = found.map(({ box3 }) => birdsEyeIou(box3, box));
  const best = overlaps.indexOf(Math.max(...overlaps));
  return { ...found[best], overlap: overlaps[best] };
}

describe('trackBoxes', () => {
  const tracked = trackBoxes(sweeps);
  const ofBox = boxes.map((box) => sweeps.map((sweep, k) => nearest(tracked[k], inSweep(box, sweep))));

  it('gives each thing one number and one class in all sweeps', () => {
    ofBox.forEach((found, i) => {
      expect(new Set(found.map(({ trackId }) => trackId))).toHaveProperty('size', 1);
      expect(new Set(found.map(({ type }) => type))).toEqual(new Set([types[i]]));
    });
    const numbers = ofBox.map(([{ trackId }]) => trackId);
    expect(new Set(numbers).size).toBe(boxes.length);
  });

  it('tells what moves from what stands, and knows the front of what moves', () => {
    expect(ofBox.map((found) => found.every(({ moving }) => moving))).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
    for (const i of [2, 3, 4])
      ofBox[i].forEach(({ box3 }, k) => {
        const expected = inSweep(boxes[i], sweeps[k]).yaw;
        expect(Math.abs(angleDifference(box3.yaw, expected))).toBeLessThan(i === 4 ? 0.4 : 0.15);
      });
  });

  it('has boxes that lie where the things are, on the whole better than those of single sweeps', () => {
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
    const together = ofBox.map((found) => mean(found.map(({ overlap }) => overlap)));
    const alone = boxes.map((box) =>
      mean(sweeps.map((sweep) => nearest(clusterBoxes(sweep.points), inSweep(box, sweep)).overlap)),
    );
    together.forEach((overlap, i) => {
      expect(overlap).toBeGreaterThan(i === 4 ? 0.6 : 0.85);
      expect(overlap).toBeGreaterThan(alone[i] - 0.02);
    });
    expect(mean(together)).toBeGreaterThan(mean(alone) + 0.02);
  });

  it('has one place and size for what stands', () => {
    for (const i of [0, 1]) {
      const sizes = ofBox[i].map(({ box3 }) => box3.sizeM.map((size) => size.toFixed(6)).join());
      expect(new Set(sizes).size).toBe(1);
      for (const [k, { box3 }] of ofBox[i].entries()) {
        const [x, y] = transformPoint(sweeps[k].worldFromLidar, box3.center);
        const [firstX, firstY] = ofBox[i][0].box3.center;
        expect(Math.hypot(x - firstX, y - firstY)).toBeLessThan(1e-6);
      }
    }
  });

  it('trusts what moves more than what stands', () => {
    const scores = ofBox.map((found) => found[0].score);
    for (const score of scores.slice(0, 2)) {
      expect(score).toBeGreaterThan(0.65);
      expect(score).toBeLessThanOrEqual(0.75);
    }
    expect(scores[2]).toBeGreaterThan(0.95);
  });

  it.each<readonly [name: string, type: string, box: MovingBox]>([
    ['a pedestrian at 0.3 m/s', 'Pedestrian', (t) => boxAt(9, -3 + 0.3 * t, [0.6, 0.6, 1.75], Math.PI / 2)],
    ['a pedestrian at 0.9 m/s', 'Pedestrian', (t) => boxAt(9, -3 + 0.9 * t, [0.6, 0.6, 1.75], Math.PI / 2)],
    ['a car at 0.6 m/s', 'Car', (t) => carAt(12 + 0.6 * t, 3)],
    ['a car that comes at 0.9 m/s', 'Car', (t) => carAt(16 - 0.9 * t, 3, Math.PI)],
  ])('has %s where it is, however long it is watched', (_, type, box) => {
    const watched = Array.from({ length: 40 }, (_, k) =>
      sweepOf([box], { timeS: 0.1 * k, worldFromLidar: translation(0, 0, 0) }),
    );
    const found = trackBoxes(watched).map((each, k) => nearest(each, inSweep(box, watched[k])));
    expect(new Set(found.map((each) => each.type))).toEqual(new Set([type]));
    const mean = found.reduce((sum, { overlap }) => sum + overlap / found.length, 0);
    expect(mean).toBeGreaterThan(type === 'Car' ? 0.8 : 0.5);
    for (const { box3 } of type === 'Car' ? found : [])
      expect(Math.abs(angleDifference(box3.yaw, box(0).yaw))).toBeLessThan(0.2);
  });

  it('turns with what turns', () => {
    // 3 m/s along a circle of 6 m.
    const turning: MovingBox = (t) => carAt(10 + 6 * Math.sin(0.5 * t), 9 - 6 * Math.cos(0.5 * t), 0.5 * t);
    const watched = Array.from({ length: 30 }, (_, k) =>
      sweepOf([turning], { timeS: 0.1 * k, worldFromLidar: translation(0, 0, 0) }),
    );
    const found = trackBoxes(watched).map((each, k) => nearest(each, inSweep(turning, watched[k])));
    // In the first second its velocity is not yet known well, and little of its flank is seen.
    for (const [k, { box3, overlap }] of found.entries()) {
      if (k < 10) continue;
      expect(Math.abs(angleDifference(box3.yaw, turning(0.1 * k).yaw))).toBeLessThan(0.05);
      expect(overlap).toBeGreaterThan(0.9);
    }
  });

  it('gives nothing for no sweeps', () => {
    expect(trackBoxes([])).toEqual([]);
  });
});
