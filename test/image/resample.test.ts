import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { resample } from '../../src/image/resample.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';

/** The triangle filter in two dimensions at once, in doubles, over every pixel of the image. */
function reference(image: RgbImage, width: number, height: number): number[] {
  const weight = (to: number, from: number, scale: number) =>
    Math.max(0, 1 - Math.abs((to + 0.5) * scale - 0.5 - from) / Math.max(1, scale));
  const [sx, sy] = [image.width / width, image.height / height];
  const values: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const sums = [0, 0, 0, 0];
      for (let v = 0; v < image.height; v++) {
        for (let u = 0; u < image.width; u++) {
          const w = weight(x, u, sx) * weight(y, v, sy);
          sums[3] += w;
          for (let c = 0; c < 3; c++) sums[c] += w * image.data[(v * image.width + u) * 3 + c];
        }
      }
      for (let c = 0; c < 3; c++) values.push(sums[c] / sums[3]);
    }
  }
  return values;
}

const side = fc.integer({ min: 1, max: 24 });

describe('resample', () => {
  test('agrees with the filter worked out in full', () => {
    fc.assert(
      fc.property(side, side, side, side, fc.nat(), (fromWidth, fromHeight, width, height, seed) => {
        const random = Random.fromSeed(seed);
        const data = Uint8Array.from({ length: fromWidth * fromHeight * 3 }, () => random.integer(256));
        const image = { width: fromWidth, height: fromHeight, data };
        const result = resample(image, { width, height });
        expect([result.width, result.height]).toEqual([width, height]);
        reference(image, width, height).forEach((value, i) => {
          expect(Math.abs(result.data[i] - value)).toBeLessThan(0.6);
        });
      }),
      { numRuns: 150 },
    );
  });

  test('keeps a flat image flat, however far it shrinks or grows', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 700 }),
        fc.integer({ min: 1, max: 700 }),
        fc.nat(255),
        (from, to, value) => {
          const image = { width: from, height: 3, data: new Uint8Array(from * 9).fill(value) };
          const { data } = resample(image, { width: to, height: 2 });
          expect(data.every((found) => found === value)).toBe(true);
        },
      ),
    );
  });

  test('works out a part of the result as it is in the whole', () => {
    fc.assert(
      fc.property(side, side, side, side, fc.nat(), (fromWidth, fromHeight, width, height, seed) => {
        const random = Random.fromSeed(seed);
        const data = Uint8Array.from({ length: fromWidth * fromHeight * 3 }, () => random.integer(256));
        const image = { width: fromWidth, height: fromHeight, data };
        const [left, top] = [random.integer(width), random.integer(height)];
        const size = { width: 1 + random.integer(width - left), height: 1 + random.integer(height - top) };
        const whole = resample(image, { width, height });
        const part = resample(image, { width, height }, { left, top, ...size });
        expect(part).toMatchObject(size);
        for (let y = 0; y < size.height; y++) {
          const start = ((top + y) * width + left) * 3;
          expect(part.data.subarray(y * size.width * 3, (y + 1) * size.width * 3)).toEqual(
            whole.data.subarray(start, start + size.width * 3),
          );
        }
      }),
    );
  });

  test('gives a copy at the same size', () => {
    const image = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    const result = resample(image, { width: 2, height: 1 });
    expect(result).toEqual(image);
    expect(result.data.buffer).not.toBe(image.data.buffer);
  });
});
