import { describe, expect, it } from 'vitest';
import { imageIou } from '../../../src/geometry/box-overlap.ts';
import type { ImageBox } from '../../../src/geometry/box-projection.ts';
import { chosenBoxes, proposeBoxes } from '../../../src/image/proposals/propose-boxes.ts';
import { drawnPicture, noisyPicture } from './drawn-picture.ts';

const options = { leastSide: 0.3, mostAspect: 3, mostOverlap: 0.5, most: 100 };

describe('boxes that are proposed', () => {
  it('have the objects of a drawn picture, to a pixel, at any size of the picture', () => {
    for (const by of [1, 2, 12]) {
      const at = (box: ImageBox): ImageBox => box.map((side) => side * by) as unknown as ImageBox;
      const objects = [
        { box: at([3, 4, 14, 16]), colour: [220, 50, 40] },
        { box: at([18, 8, 30, 26]), colour: [50, 80, 230] },
        { box: at([2, 20, 15, 30]), colour: [240, 220, 60] },
      ] as const;
      const picture = drawnPicture({ width: 32 * by, height: 32 * by, ground: [70, 75, 70] }, objects);
      const found = proposeBoxes(picture, options);
      for (const { box } of objects) {
        const nearest = found.reduce((best, each) =>
          imageIou(each, box) > imageIou(best, box) ? each : best,
        );
        const off = nearest.map((side, i) => Math.abs(side - box[i]));
        // Smoothing moves an edge by up to two pixels of the picture that is cut into regions, of 200 x 200 for one of 384.
        expect(Math.max(...off), `${box}: ${nearest}`).toBeLessThanOrEqual(by === 12 ? 4 : 1);
      }
    }
  });

  it('keep to their limits', () => {
    const picture = noisyPicture('limits', 40, 30);
    const found = proposeBoxes(picture, options);
    expect(found.length).toBeGreaterThan(1);
    found.forEach((box, i) => {
      const [left, top, right, bottom] = box;
      expect(box.every(Number.isInteger)).toBe(true);
      expect(left >= 0 && top >= 0 && right <= 40 && bottom <= 30).toBe(true);
      const [across, down] = [right - left, bottom - top];
      expect(Math.min(across, down)).toBeGreaterThanOrEqual(9);
      expect(Math.max(across / down, down / across)).toBeLessThanOrEqual(3);
      for (const other of found.slice(0, i)) expect(imageIou(box, other)).toBeLessThanOrEqual(0.5);
    });
    expect(proposeBoxes(picture, { ...options, most: 2 })).toEqual(found.slice(0, 2));
    expect(proposeBoxes(picture, options)).toEqual(found);
  });

  it('are chosen in their order: by side, aspect and what they share with those before', () => {
    const size = { width: 100, height: 60 };
    const box = (left: number, top: number, width: number, height: number): ImageBox => [
      left,
      top,
      left + width,
      top + height,
    ];
    const tall = box(0, 0, 18, 60); // 60 / 18 > 3
    const long = box(0, 0, 54, 18); // exactly 3, and 18 = 0.3 · 60
    const thin = box(0, 0, 40, 17);
    const half = box(0, 0, 27, 18); // IoU with `long`: exactly 1/2
    const more = box(0, 0, 28, 18);
    const far = box(60, 20, 30, 30);
    expect(chosenBoxes([tall, long, thin, more, half, far], size, options)).toEqual([long, half, far]);
    expect(chosenBoxes([tall, long, half, far], size, { ...options, most: 2 })).toEqual([long, half]);
    expect(chosenBoxes([tall, thin], size, options)).toEqual([[0, 0, 100, 60]]);
  });

  it('are the whole picture where it is flat', () => {
    const flat = drawnPicture({ width: 20, height: 16, ground: [90, 90, 90] }, []);
    expect(proposeBoxes(flat, options)).toEqual([[0, 0, 20, 16]]);
  });
});
