import { describe, expect, it } from 'vitest';
import type { ImageBox } from '../../../src/geometry/box-projection.ts';
import { hsvOf } from '../../../src/image/colour-space.ts';
import { segmentPicture } from '../../../src/image/proposals/graph-segmentation.ts';
import { hierarchyBoxes } from '../../../src/image/proposals/region-hierarchy.ts';
import type { RgbImage } from '../../../src/image/rgb-image.ts';
import { drawnPicture, noisyPicture } from './drawn-picture.ts';

type Pixels = readonly number[];

function boxOf(pixels: Pixels, width: number): ImageBox {
  const [xs, ys] = [pixels.map((p) => p % width), pixels.map((p) => Math.floor(p / width))];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
}

/** Grouping from the pixels anew at every step: no histogram, box or neighbour is carried on. */
function restated({ width, height, data }: RgbImage, of: Int32Array): ImageBox[] {
  const count = Math.max(...of) + 1;
  let live = Array.from({ length: count }, (_, region) => [...of.keys()].filter((p) => of[p] === region));
  const boxes = live.map((pixels) => boxOf(pixels, width));
  const histogram = (pixels: Pixels) => {
    const shares = new Array<number>(75).fill(0);
    for (const p of pixels) {
      const hsv = hsvOf(data[3 * p] / 255, data[3 * p + 1] / 255, data[3 * p + 2] / 255);
      for (const [c, value] of hsv.entries())
        shares[25 * c + Math.min(24, Math.floor(25 * value))] += 1 / (3 * pixels.length);
    }
    return shares;
  };
  const touch = (a: Pixels, b: Pixels) =>
    a.some((p) =>
      b.some((q) => {
        const [dx, dy] = [
          Math.abs((p % width) - (q % width)),
          Math.abs(Math.floor(p / width) - Math.floor(q / width)),
        ];
        return dx + dy === 1;
      }),
    );
  const similarity = (a: Pixels, b: Pixels) => {
    const [x, y] = [histogram(a), histogram(b)];
    const colour = x.reduce((sum, share, bin) => sum + Math.min(share, y[bin]), 0);
    const size = 1 - (a.length + b.length) / (width * height);
    const [l, t, r, bottom] = boxOf([...a, ...b], width);
    const fill = 1 - ((r - l) * (bottom - t) - a.length - b.length) / (width * height);
    return colour + size + fill;
  };
  while (live.length > 1) {
    let best: [Pixels, Pixels] | undefined;
    let highest = -Infinity;
    for (const a of live) {
      for (const b of live) {
        if (a === b || !touch(a, b) || similarity(a, b) <= highest + 1e-9) continue;
        highest = similarity(a, b);
        best = [a, b];
      }
    }
    const [a, b] = best!;
    const joined = [...a, ...b];
    boxes.push(boxOf(joined, width));
    live = [...live.filter((region) => region !== a && region !== b), joined];
  }
  return boxes.reverse();
}

describe('the boxes of a hierarchy of regions', () => {
  it('are those that plain grouping of pixels gives', () => {
    for (const seed of ['one', 'two', 'three']) {
      const picture = noisyPicture(seed, 12, 10);
      const regions = segmentPicture(picture, { scale: 60, least: 4, sigma: 0 });
      expect(regions.count).toBeGreaterThan(5);
      const boxes = hierarchyBoxes(picture, regions);
      expect(boxes).toHaveLength(2 * regions.count - 1);
      expect(boxes[0]).toEqual([0, 0, 12, 10]);
      expect(boxes, seed).toEqual(restated(picture, regions.of));
    }
  });

  it('have an object of two parts of like colours as one before it meets the ground', () => {
    // A body and a head of two reds on green: their box is that of both.
    const picture = drawnPicture({ width: 32, height: 24, ground: [40, 160, 60] }, [
      { box: [8, 10, 20, 20], colour: [200, 40, 40] },
      { box: [11, 5, 17, 10], colour: [210, 60, 52] },
    ]);
    const regions = segmentPicture(picture, { scale: 1, least: 1, sigma: 0 });
    expect(regions.count).toBe(3);
    expect(hierarchyBoxes(picture, regions)[1]).toEqual([8, 5, 20, 20]);
  });
});
