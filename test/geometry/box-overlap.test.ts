import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { type Box3, pointInBox } from '../../src/geometry/box.ts';
import { birdsEyeIou, footprintOf, imageIou, iou3d } from '../../src/geometry/box-overlap.ts';
import type { ImageBox } from '../../src/geometry/box-projection.ts';
import { intersectionArea } from '../../src/geometry/oriented-rectangle.ts';

const box = (center: Box3['center'], sizeM: Box3['sizeM'], yaw = 0): Box3 => ({ center, sizeM, yaw });
const car = box([10, 2, -1], [4, 2, 1.5], 0.3);

const finite = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const boxes = fc
  .tuple(
    finite(-3, 3),
    finite(-3, 3),
    finite(-1, 1),
    finite(0.1, 6),
    finite(0.1, 3),
    finite(0.1, 3),
    finite(-7, 7),
  )
  .map(([x, y, z, length, width, height, yaw]) => box([x, y, z], [length, width, height], yaw));
const imageBoxes = fc
  .tuple(finite(-50, 50), finite(-50, 50), finite(0.1, 80), finite(0.1, 80))
  .map(([x, y, width, height]): ImageBox => [x, y, x + width, y + height]);

function moved({ center: [x, y, z], sizeM, yaw }: Box3, turn: number, by: number): Box3 {
  const [c, s] = [Math.cos(turn), Math.sin(turn)];
  return box([c * x - s * y + by, s * x + c * y - by, z + by / 1000], sizeM, yaw + turn);
}

describe('overlaps of boxes', () => {
  it('are 1 with themselves, whichever way they face along their length', () => {
    fc.assert(
      fc.property(boxes, (a) => {
        for (const other of [a, { ...a, yaw: a.yaw + Math.PI }, { ...a, yaw: a.yaw - 2 * Math.PI }]) {
          expect(birdsEyeIou(a, other)).toBeCloseTo(1, 9);
          expect(iou3d(a, other)).toBeCloseTo(1, 9);
        }
      }),
    );
  });

  it('count height in space alone', () => {
    const raised = box([10, 2, -0.25], [4, 2, 1.5], 0.3);
    expect(birdsEyeIou(car, raised)).toBeCloseTo(1, 12);
    expect(iou3d(car, raised)).toBeCloseTo(1 / 3, 12);
    expect(iou3d(car, box([10, 2, 0.5], [4, 2, 1.5], 0.3))).toBe(0);
  });

  it('are the share of the larger box where one is inside of the other', () => {
    const inner = box([10.1, 2.1, -1.1], [1, 0.5, 0.3], 1.2);
    expect(birdsEyeIou(car, inner)).toBeCloseTo(0.5 / 8, 12);
    expect(iou3d(car, inner)).toBeCloseTo(0.15 / 12, 12);
  });

  it('are 0 for boxes that touch, that are apart, and that have no size', () => {
    const beside = box([0, 0, 0], [2, 2, 2]);
    for (const center of [
      [2, 0, 0],
      [2, 2, 0],
      [9, 0, 0],
    ] as const) {
      expect(birdsEyeIou(beside, box(center, [2, 2, 2]))).toBeCloseTo(0, 12);
      expect(iou3d(beside, box(center, [2, 2, 2]))).toBeCloseTo(0, 12);
    }
    const nothing = box([10, 2, -1], [0, 0, 0]);
    for (const pair of [
      [nothing, nothing],
      [car, nothing],
    ] as const) {
      expect([birdsEyeIou(...pair), iou3d(...pair)]).toEqual([0, 0]);
    }
  });

  it('are the same in either order to the last bit, from 0 to 1, and never more in space than the overlap in height', () => {
    fc.assert(
      fc.property(boxes, boxes, (a, b) => {
        for (const iou of [birdsEyeIou, iou3d]) {
          expect(iou(a, b)).toBe(iou(b, a));
          expect(iou(a, b)).toBeGreaterThanOrEqual(0);
          expect(iou(a, b)).toBeLessThanOrEqual(1);
        }
        const lower = Math.min(a.sizeM[2], b.sizeM[2]) / Math.max(a.sizeM[2], b.sizeM[2]);
        expect(iou3d(a, b)).toBeLessThanOrEqual(lower + 1e-9);
      }),
    );
  });

  it('do not change when both are turned and moved, as far as 100 km away', () => {
    fc.assert(
      fc.property(boxes, boxes, finite(-7, 7), finite(-1e5, 1e5), (a, b, turn, by) => {
        for (const iou of [birdsEyeIou, iou3d]) {
          expect(Math.abs(iou(moved(a, turn, by), moved(b, turn, by)) - iou(a, b))).toBeLessThan(1e-6);
        }
      }),
    );
  });

  it('are what points thrown into the air find', () => {
    const random = Random.fromSeed(11);
    for (let trial = 0; trial < 6; trial++) {
      const draw = () =>
        box(
          [random.uniform(-1, 1), random.uniform(-0.5, 0.5), random.uniform(-0.3, 0.3)],
          [random.uniform(2, 4), random.uniform(1, 2), random.uniform(1, 2)],
          random.uniform(-4, 4),
        );
      const [a, b] = [draw(), draw()];
      let [both, either] = [0, 0];
      for (let i = 0; i < 40_000; i++) {
        const point = [random.uniform(-4, 4), random.uniform(-4, 4), random.uniform(-1.5, 1.5)] as const;
        const [inA, inB] = [pointInBox(a, ...point), pointInBox(b, ...point)];
        if (inA && inB) both++;
        if (inA || inB) either++;
      }
      // Some 4,000 points are in either: one standard deviation is below 0.008.
      expect(Math.abs(iou3d(a, b) - both / either)).toBeLessThan(0.03);
    }
  });

  it('see a box from above as its length along the heading', () => {
    const footprint = footprintOf(car);
    expect(footprint).toEqual({ x: 10, y: 2, length: 4, width: 2, yaw: 0.3 });
    expect(intersectionArea(footprint, footprint)).toBeCloseTo(8, 12);
  });
});

describe('the overlap of rectangles in an image', () => {
  it('is known, without the pixel that some add', () => {
    expect(imageIou([0, 0, 10, 10], [5, 0, 15, 10])).toBeCloseTo(1 / 3, 12);
    expect(imageIou([0, 0, 10, 10], [2, 2, 4, 4])).toBeCloseTo(0.04, 12);
    expect(imageIou([0, 0, 10, 10], [10, 0, 20, 10])).toBe(0);
    expect(imageIou([0, 0, 0, 0], [0, 0, 0, 0])).toBe(0);
  });

  it('is that of the same rectangles without a turn', () => {
    const flat = ([left, top, right, bottom]: ImageBox) =>
      box([(left + right) / 2, (top + bottom) / 2, 0], [right - left, bottom - top, 1]);
    fc.assert(
      fc.property(imageBoxes, imageBoxes, (a, b) => {
        expect(imageIou(a, b)).toBeCloseTo(birdsEyeIou(flat(a), flat(b)), 9);
        expect(imageIou(a, b)).toBe(imageIou(b, a));
        expect(imageIou(a, a)).toBe(1);
      }),
    );
  });
});
