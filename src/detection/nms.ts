import { angleDifference, wrapAngle } from '../geometry/angle.ts';
import type { Box3 } from '../geometry/box.ts';
import { birdsEyeIou, imageIou } from '../geometry/box-overlap.ts';
import type { ImageBox } from '../geometry/box-projection.ts';

/** How much may overlap, and how many are kept (all by default). */
export interface NmsOptions {
  /** A box that overlaps a kept one by more than this (intersection over union) is dropped. */
  readonly maxIou: number;
  readonly maxKept?: number;
}

/**
 * Greedy non-maximum suppression of image boxes: the indices of those kept, by falling score, ties by index.
 *
 * @example
 * const boxes: ImageBox[] = [[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]];
 * nonMaximumSuppression(boxes, [0.6, 0.9, 0.3], { maxIou: 0.5 }); // [1, 2]
 */
export function nonMaximumSuppression(
  boxes: readonly ImageBox[],
  scores: ArrayLike<number>,
  options: NmsOptions,
): Int32Array<ArrayBuffer> {
  return suppress(boxes, scores, imageIou, options);
}

/**
 * Greedy non-maximum suppression of boxes as seen from above: the indices of those kept, by falling score, ties by
 * index.
 *
 * @example
 * const car: Box3 = { center: [10, 0, -1], sizeM: [4, 2, 1.5], yaw: 0 };
 * const boxes = [car, { ...car, yaw: 0.1 }, { ...car, center: [20, 0, -1] as const }];
 * rotatedNonMaximumSuppression(boxes, [0.6, 0.9, 0.3], { maxIou: 0.5 }); // [1, 2]
 */
export function rotatedNonMaximumSuppression(
  boxes: readonly Box3[],
  scores: ArrayLike<number>,
  options: NmsOptions,
): Int32Array<ArrayBuffer> {
  return suppress(boxes, scores, birdsEyeIou, options);
}

function suppress<Box>(
  boxes: readonly Box[],
  scores: ArrayLike<number>,
  overlap: (a: Box, b: Box) => number,
  { maxIou, maxKept = boxes.length }: NmsOptions,
): Int32Array<ArrayBuffer> {
  if (boxes.length !== scores.length)
    throw new RangeError(`${scores.length} scores for ${boxes.length} boxes`);
  const order = boxes.map((_, i) => i).sort((i, j) => scores[j] - scores[i] || i - j);
  const kept: number[] = [];
  for (const i of order) {
    if (kept.length >= maxKept) break;
    if (kept.every((k) => !(overlap(boxes[k], boxes[i]) > maxIou))) kept.push(i);
  }
  return Int32Array.from(kept);
}

/**
 * Boxes joined with those that agree with them: each of `kept` becomes the mean, weighted by score, of all boxes that overlap it by
 * at least `minIou` as seen from above (itself among them). A heading that points the other way counts as the same one turned round.
 *
 * @example
 * const car: Box3 = { center: [10, 0, -1], sizeM: [4, 2, 1.5], yaw: 0 };
 * const boxes = [car, { ...car, center: [10.4, 0, -1] as const }];
 * averageOverlapping(boxes, [0.9, 0.3], { kept: [0], minIou: 0.5 })[0].center[0]; // 10.1
 */
export function averageOverlapping(
  boxes: readonly Box3[],
  scores: ArrayLike<number>,
  { kept, minIou }: { readonly kept: ArrayLike<number>; readonly minIou: number },
): Box3[] {
  return Array.from(kept, (k) => {
    const best = boxes[k];
    const center = [0, 0, 0];
    const sizeM = [0, 0, 0];
    let [turn, total] = [0, 0];
    boxes.forEach((box, i) => {
      if (i !== k && birdsEyeIou(best, box) < minIou) return;
      const weight = scores[i];
      total += weight;
      for (let c = 0; c < 3; c++) {
        center[c] += weight * box.center[c];
        sizeM[c] += weight * box.sizeM[c];
      }
      // Half turns apart are the same box from the other end.
      const apart = angleDifference(box.yaw, best.yaw);
      turn += weight * (Math.abs(apart) > Math.PI / 2 ? wrapAngle(apart + Math.PI) : apart);
    });
    const mean = (sums: readonly number[]) => sums.map((sum) => sum / total) as [number, number, number];
    return { center: mean(center), sizeM: mean(sizeM), yaw: wrapAngle(best.yaw + turn / total) };
  });
}
