import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PhotometricStep } from '../../src/image/image-view.ts';
import { applyPhotometric } from '../../src/image/photometric.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';

const images = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((data): RgbImage => ({ width, height, data })),
  );
const factors = fc.double({ min: 0, max: 3, noNaN: true });

const sigmas = fc.double({ min: 0.3, max: 3, noNaN: true });

/** Walks from one mirror at the first and the last pixel to the other until inside. */
function mirrored(place: number, length: number): number {
  while (length > 1 && (place < 0 || place >= length)) {
    place = place < 0 ? -place : 2 * (length - 1) - place;
  }
  return length > 1 ? place : 0;
}

const luma = (r: number, g: number, b: number) => 0.299 * r + 0.587 * g + 0.114 * b;
const clamp = (value: number) => Math.min(255, Math.max(0, value));

function rows({ data }: RgbImage): number[][] {
  return Array.from({ length: data.length / 3 }, (_, i) => Array.from(data.subarray(i * 3, i * 3 + 3)));
}

/** Expects every value within rounding of what a plain function of its pixel gives. */
function expectPixels(image: RgbImage, step: PhotometricStep, plain: (pixel: number[]) => number[]): void {
  const found = rows(applyPhotometric(image, step));
  rows(image).forEach((pixel, i) => {
    plain(pixel).forEach((value, c) => {
      expect(Math.abs(found[i][c] - clamp(value)), `${pixel}`).toBeLessThanOrEqual(0.5 + 1e-6);
    });
  });
}

describe('photometric steps', () => {
  test('brightness, contrast, saturation and greyscale are what their formulas say', () => {
    fc.assert(
      fc.property(images, factors, (image, factor) => {
        const greys = rows(image).map(([r, g, b]) => luma(r, g, b));
        const mean = greys.reduce((sum, grey) => sum + grey, 0) / greys.length;
        expectPixels(image, { kind: 'brightness', factor }, (pixel) => pixel.map((v) => v * factor));
        expectPixels(image, { kind: 'contrast', factor }, (pixel) =>
          pixel.map((v) => mean + (v - mean) * factor),
        );
        expectPixels(image, { kind: 'saturation', factor }, ([r, g, b]) =>
          [r, g, b].map((v) => luma(r, g, b) + (v - luma(r, g, b)) * factor),
        );
        // The luma's weights are whole 1/65536, as in Pillow.
        const weighed = ([r, g, b]: number[]) => Math.floor((19595 * r + 38470 * g + 7471 * b) / 65536 + 0.5);
        const found = rows(applyPhotometric(image, { kind: 'greyscale' }));
        rows(image).forEach((pixel, i) => {
          expect(found[i]).toEqual(Array(3).fill(weighed(pixel)));
          expect(Math.abs(found[i][0] - luma(pixel[0], pixel[1], pixel[2]))).toBeLessThan(0.51);
        });
      }),
    );
  });

  test('hue turns colours around the circle', () => {
    const turned = (pixel: number[], turns: number) =>
      Array.from(
        applyPhotometric({ width: 1, height: 1, data: Uint8Array.from(pixel) }, { kind: 'hue', turns }).data,
      );
    // Hues are 255 steps that count modulo 256: one third either way is 85 steps, and backwards one too far.
    expect(turned([255, 0, 0], 1 / 3)).toEqual([0, 255, 0]);
    expect(turned([255, 0, 0], -1 / 3)).toEqual([6, 0, 255]);
    expect(turned([0, 255, 255], 0.5)).toEqual([255, 0, 6]);
    expect(turned([200, 50, 50], 1 / 6)).toEqual([200, 198, 50]);
    expect(turned([90, 90, 90], 0.37)).toEqual([90, 90, 90]);
    fc.assert(
      fc.property(images, fc.double({ min: -2, max: 2, noNaN: true }), (image, turns) => {
        const there = applyPhotometric(image, { kind: 'hue', turns });
        rows(image).forEach((pixel, i) => {
          const found = rows(there)[i];
          expect(Math.max(...found)).toBe(Math.max(...pixel));
          // The saturation loses up to one of its 255 steps, and the least channel grows by as much.
          expect(Math.min(...found)).toBeGreaterThanOrEqual(Math.min(...pixel));
          expect(Math.min(...found)).toBeLessThanOrEqual(Math.min(...pixel) + 1);
        });
      }),
    );
  });

  test('blur is the Gaussian worked out in full, borders mirrored', () => {
    fc.assert(
      fc.property(
        images,
        sigmas,
        fc.integer({ min: 0, max: 9 }),
        ({ width, height, data }, sigma, radius) => {
          const step = { kind: 'blur', sigma, kernel: 2 * radius + 1 } as const;
          const found = applyPhotometric({ width, height, data }, step).data;
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              let [sum, total] = [0, 0];
              for (let dy = -radius; dy <= radius; dy++) {
                for (let dx = -radius; dx <= radius; dx++) {
                  const u = mirrored(x + dx, width);
                  const v = mirrored(y + dy, height);
                  const weight = Math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
                  sum += weight * data[(v * width + u) * 3 + 1];
                  total += weight;
                }
              }
              expect(Math.abs(found[(y * width + x) * 3 + 1] - sum / total)).toBeLessThan(0.51);
            }
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('a factor of one, no turn and no blur change nothing', () => {
    fc.assert(
      fc.property(images, (image) => {
        for (const kind of ['brightness', 'contrast', 'saturation'] as const) {
          expect(applyPhotometric(image, { kind, factor: 1 })).toEqual(image);
        }
        expect(applyPhotometric(image, { kind: 'blur', sigma: 0, kernel: 3 })).toEqual(image);
        expect(applyPhotometric(image, { kind: 'blur', sigma: 2, kernel: 1 })).toEqual(image);
        expect(applyPhotometric(image, { kind: 'solarise', threshold: 256 })).toEqual(image);
      }),
    );
  });

  test('solarisation inverts from the threshold on', () => {
    const image = { width: 2, height: 1, data: Uint8Array.of(0, 127, 128, 129, 255, 60) };
    const { data } = applyPhotometric(image, { kind: 'solarise', threshold: 128 });
    expect(Array.from(data)).toEqual([0, 127, 127, 126, 0, 60]);
  });

  test('one channel stays, the others become noise that the seed gives', () => {
    const data = Uint8Array.from({ length: 300 }, (_, i) => i);
    const image = { width: 10, height: 10, data };
    const step = { kind: 'keep-channel', channel: 1, noise: 3, seed: 8 } as const;
    const found = applyPhotometric(image, step).data;
    const others = found.filter((_, i) => i % 3 !== 1);
    expect(found.filter((_, i) => i % 3 === 1)).toEqual(data.filter((_, i) => i % 3 === 1));
    expect([Math.min(...others), Math.max(...others)]).toEqual([125, 131]);
    expect(applyPhotometric(image, step).data).toEqual(found);
    expect(applyPhotometric(image, { ...step, seed: 9 }).data).not.toEqual(found);
  });
});
