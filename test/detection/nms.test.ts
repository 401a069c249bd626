import { describe, expect, it } from 'vitest';
import { nonMaximumSuppression, rotatedNonMaximumSuppression } from '../../src/detection/nms.ts';
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
