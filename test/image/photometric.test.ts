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
        expectPixels(image, { kind: 'greyscale' }, ([r, g, b]) => Array(3).fill(luma(r, g, b)));
      }),
    );
  });

  test('hue turns colours around the circle', () => {
    const turned = (pixel: number[], turns: number) =>
      Array.from(
        applyPhotometric({ width: 1, height: 1, data: Uint8Array.from(pixel) }, { kind: 'hue', turns }).data,
      );
    expect(turned([255, 0, 0], 1 / 3)).toEqual([0, 255, 0]);
    expect(turned([255, 0, 0], -1 / 3)).toEqual([0, 0, 255]);
    expect(turned([200, 50, 50], 1 / 6)).toEqual([200, 200, 50]);
    expect(turned([0, 255, 255], 0.5)).toEqual([255, 0, 0]);
    expect(turned([90, 90, 90], 0.37)).toEqual([90, 90, 90]);
    fc.assert(
      fc.property(images, fc.double({ min: -2, max: 2, noNaN: true }), (image, turns) => {
        const there = applyPhotometric(image, { kind: 'hue', turns });
        rows(image).forEach((pixel, i) => {
          const found = rows(there)[i];
          expect(Math.max(...found)).toBe(Math.max(...pixel));
          expect(Math.min(...found)).toBe(Math.min(...pixel));
        });
        expect(applyPhotometric(image, { kind: 'hue', turns: Math.round(turns) })).toEqual(image);
      }),
    );
  });

  test('blur is the Gaussian worked out in full, borders repeated', () => {
    fc.assert(
      fc.property(images, fc.double({ min: 0.3, max: 3, noNaN: true }), ({ width, height, data }, sigma) => {
        const found = applyPhotometric({ width, height, data }, { kind: 'blur', sigma }).data;
        const radius = Math.max(1, Math.ceil(3 * sigma));
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++) {
            let [sum, total] = [0, 0];
            for (let dy = -radius; dy <= radius; dy++) {
              for (let dx = -radius; dx <= radius; dx++) {
                const u = Math.min(width - 1, Math.max(0, x + dx));
                const v = Math.min(height - 1, Math.max(0, y + dy));
                const weight = Math.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma));
                sum += weight * data[(v * width + u) * 3 + 1];
                total += weight;
              }
            }
            expect(Math.abs(found[(y * width + x) * 3 + 1] - sum / total)).toBeLessThan(0.51);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test('a factor of one, no turn and no blur change nothing', () => {
    fc.assert(
      fc.property(images, (image) => {
        for (const kind of ['brightness', 'contrast', 'saturation'] as const) {
          expect(applyPhotometric(image, { kind, factor: 1 })).toEqual(image);
        }
        expect(applyPhotometric(image, { kind: 'hue', turns: 0 })).toEqual(image);
        expect(applyPhotometric(image, { kind: 'blur', sigma: 0 })).toEqual(image);
      }),
    );
  });
});
