import { describe, expect, test } from 'vitest';
import { IMAGENET_BGR, IMAGENET_RGB, normalizeImage } from '../../src/image/normalize-image.ts';

const image = { width: 2, height: 1, data: Uint8Array.of(10, 20, 30, 255, 0, 128) };

describe('normalizeImage', () => {
  test('subtracts and divides by channel', () => {
    const result = normalizeImage(image, { mean: [1, 2, 3], std: [2, 4, 8], order: 'rgb' });
    expect(Array.from(result)).toEqual([4.5, 4.5, 3.375, 127, -0.5, 15.625]);
  });

  test('turns the channels round with their statistics', () => {
    const result = normalizeImage(image, { mean: [1, 2, 3], std: [1, 1, 1], order: 'bgr' });
    expect(Array.from(result)).toEqual([29, 18, 7, 127, -2, 252]);
  });

  test('pads to the right and below with zeros', () => {
    const options = {
      mean: [1, 1, 1],
      std: [1, 1, 1],
      order: 'rgb',
      padTo: { width: 3, height: 2 },
    } as const;
    expect(Array.from(normalizeImage(image, options))).toEqual([
      ...[9, 19, 29, 254, -1, 127, 0, 0, 0],
      ...[0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]);
    expect(() => normalizeImage(image, { ...options, padTo: { width: 1, height: 9 } })).toThrow(RangeError);
  });

  test('knows the usual statistics', () => {
    const [red, , blue] = normalizeImage(image, IMAGENET_RGB);
    expect(red).toBeCloseTo((10 - 123.675) / 58.395, 5);
    expect(blue).toBeCloseTo((30 - 103.53) / 57.375, 5);
    expect(normalizeImage(image, IMAGENET_BGR)[0]).toBeCloseTo(30 - 103.53, 4);
  });
});
