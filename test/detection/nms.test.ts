import { describe, expect, it } from 'vitest';
import {
  averageOverlapping,
  nonMaximumSuppression,
  rotatedNonMaximumSuppression,
} from '../../src/detection/nms.ts';
import { Random } from '../../src/engine/random.ts';
import type { Box3 } from '../../src/geometry/box.ts';
import { birdsEyeIou, imageIou } from '../../src/geometry/box-overlap.ts';
import type { ImageBox } from '../../src/geometry/box-projection.ts';

/** What non-maximum suppression is: the best of those left is kept, and what overlaps it is taken out, until nothing is left. */
function plain<Box>(boxes: Box[], scores: number[], maxIou: number, iou: (a: Box, b: Box) => number) {
  let left = boxes.map((_, i) => i);
  const kept: number[] = [];
  while (left.length > 0) {
    const best = left.reduce((a, b) => (scores[b] > scores[a] ? b : a));
    kept.push(best);
    left = left.filter((i) => i !== best && iou(boxes[best], boxes[i]) <= maxIou);
  }
  return kept;
}

describe('non-maximum suppression', () => {
  const random = Random.fromSeed(1);
  const scores = Array.from({ length: 60 }, () => Math.round(random.uniform() * 20) / 20);

  it.each([0, 0.3, 0.7, 1])('keeps of image boxes what a plain restatement keeps, at %s', (maxIou) => {
    const boxes = scores.map((): ImageBox => {
      const [x, y] = [random.uniform(0, 100), random.uniform(0, 50)];
      return [x, y, x + random.uniform(5, 40), y + random.uniform(5, 40)];
    });
    expect([...nonMaximumSuppression(boxes, scores, { maxIou })]).toEqual(
      plain(boxes, scores, maxIou, imageIou),
    );
  });

  it.each([0, 0.2, 0.5])('keeps of turned boxes what a plain restatement keeps, at %s', (maxIou) => {
    const boxes = scores.map(
      (): Box3 => ({
        center: [random.uniform(0, 20), random.uniform(0, 10), 0],
        sizeM: [4, 1.7, 1.5],
        yaw: random.uniform(-3, 3),
      }),
    );
    const kept = rotatedNonMaximumSuppression(boxes, scores, { maxIou });
    expect([...kept]).toEqual(plain(boxes, scores, maxIou, birdsEyeIou));
    expect([...rotatedNonMaximumSuppression(boxes, scores, { maxIou, maxKept: 3 })]).toEqual([
      ...kept.subarray(0, 3),
    ]);
  });

  it('takes the first of equal scores, and as many as are asked for', () => {
    const same: ImageBox[] = [
      [0, 0, 10, 10],
      [1, 0, 11, 10],
      [50, 0, 60, 10],
    ];
    expect([...nonMaximumSuppression(same, [0.5, 0.5, 0.5], { maxIou: 0.5 })]).toEqual([0, 2]);
    expect([...nonMaximumSuppression(same, [0.4, 0.5, 0.9], { maxIou: 0.5 })]).toEqual([2, 1]);
    expect([...nonMaximumSuppression(same, [0.4, 0.5, 0.9], { maxIou: 0.5, maxKept: 0 })]).toEqual([]);
  });

  it('takes nothing, and refuses scores of other boxes', () => {
    expect(nonMaximumSuppression([], [], { maxIou: 0.5 })).toHaveLength(0);
    expect(() => nonMaximumSuppression([[0, 0, 1, 1]], [], { maxIou: 0.5 })).toThrow('0 scores for 1 boxes');
  });
});

describe('averageOverlapping', () => {
  const car: Box3 = { center: [10, 0, -1], sizeM: [4, 2, 1.5], yaw: 0.2 };
  const far: Box3 = { ...car, center: [30, 0, -1] };

  it('gives each kept box the mean of those that agree with it, by their scores', () => {
    const other: Box3 = { center: [10.3, 0.2, -0.8], sizeM: [4.4, 1.8, 1.7], yaw: 0.3 };
    const [first, second] = averageOverlapping([car, other, far], [0.6, 0.2, 0.5], {
      kept: [0, 2],
      minIou: 0.5,
    });
    expect(first.center.map((each) => Math.round(1e9 * each) / 1e9)).toEqual([10.075, 0.05, -0.95]);
    expect(first.sizeM.map((each) => Math.round(1e9 * each) / 1e9)).toEqual([4.1, 1.95, 1.55]);
    expect(first.yaw).toBeCloseTo(0.225, 12);
    expect(second.center).toEqual(far.center);
  });

  it('takes a box that is turned round for the same one, and keeps the heading of the best', () => {
    const round: Box3 = { ...car, yaw: 0.4 - Math.PI };
    const [box] = averageOverlapping([car, round], [0.5, 0.5], { kept: [0], minIou: 0.5 });
    expect(box.yaw).toBeCloseTo(0.3, 12);
    const [turned] = averageOverlapping([round, car], [0.5, 0.5], { kept: [0], minIou: 0.5 });
    expect(turned.yaw).toBeCloseTo(0.3 - Math.PI, 12);
  });

  it('leaves boxes alone that nothing else agrees with', () => {
    const beside: Box3 = { ...car, center: [10, 1.5, -1] };
    const [box] = averageOverlapping([car, beside], [0.9, 0.8], { kept: [0], minIou: 0.5 });
    expect(box.center).toEqual(car.center);
    expect(box.yaw).toBeCloseTo(car.yaw, 12);
  });
});
