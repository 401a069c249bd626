import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { applyImageView, randomResizedCrop } from '../../src/image/augment.ts';
import {
  crop,
  type ImageSize,
  imageView,
  type PhotometricStep,
  type ResizeFilter,
  resize,
} from '../../src/image/image-view.ts';
import { labOf } from '../../src/image/lab.ts';
import { applyPhotometric } from '../../src/image/photometric.ts';
import type { Rectangle } from '../../src/image/resample.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';

type Range = [number, number];
interface Golden {
  readonly picture: string;
  readonly photometric: ReadonlyArray<{ step: PhotometricStep; data: string }>;
  readonly resized: ReadonlyArray<ImageSize & { crop: Rectangle; filter: ResizeFilter; data: string }>;
  readonly crops: ReadonlyArray<{ seed: number; from: Range; area: Range; aspect: Range; crop: Rectangle }>;
  readonly lab: ReadonlyArray<{ rgb: number[]; lab: number[] }>;
}

/** What Pillow, torchvision and scikit-image give; make-golden.py beside it made it. */
const golden: Golden = JSON.parse(
  readFileSync(new URL('../views/golden/golden.json', import.meta.url), 'utf8'),
);
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));

/** The picture of make-golden.py, by the same formula. */
function picture(): RgbImage {
  const data = new Uint8Array(24 * 20 * 3);
  for (let i = 0; i < data.length; i++) {
    const x = Math.floor(i / 3) % 24;
    const y = Math.floor(i / 72);
    const channel = (x + y) % 6 === 0 ? 0 : i % 3;
    data[i] = 3 * x * x + 5 * y * y + 7 * x * y * channel + 61 * channel + 11 * x;
  }
  return { width: 24, height: 20, data };
}

/** How many values are how many levels above the expected ones. */
function differences(found: Uint8Array, expected: Uint8Array): { [levels: number]: number } {
  expect(found.length).toBe(expected.length);
  const counts: { [levels: number]: number } = {};
  found.forEach((value, i) => {
    const difference = value - expected[i];
    counts[difference] = (counts[difference] ?? 0) + 1;
  });
  return counts;
}

const largest = (counts: object) =>
  Math.max(...Object.keys(counts).map((levels) => Math.abs(Number(levels))));

describe('the reference definitions', () => {
  const image = picture();

  test('begin with the same picture', () => {
    expect(image.data).toEqual(bytesOf(golden.picture));
  });

  for (const { step, data } of golden.photometric) {
    const { kind, ...numbers } = step;
    const counts = () => differences(applyPhotometric(image, step).data, bytesOf(data));
    test(`${kind} ${Object.values(numbers).join(' ')}`, () => {
      // Pillow cuts the fraction off in these three, and rounds its greys first.
      if (kind === 'brightness' || kind === 'contrast' || kind === 'saturation') {
        expect(Object.keys(counts()).filter((levels) => levels !== '0' && levels !== '1')).toEqual([]);
      } else expect(counts()).toEqual({ 0: image.data.length });
    });
  }

  for (const { crop: part, width, height, filter, data } of golden.resized) {
    const to = { width, height, filter };
    test(`${part.width} x ${part.height} at ${part.left}, ${part.top} to ${width} x ${height}, ${filter}`, () => {
      const view = resize(crop(imageView(image), part), to);
      const counts = differences(applyImageView(image, view).data, bytesOf(data));
      // Pillow rounds to whole levels between its two passes.
      expect(largest(counts)).toBeLessThanOrEqual(1);
    });
  }

  test('random resized crops are the ones that torchvision draws from the same numbers', () => {
    for (const { seed, from, area, aspect, crop: expected } of golden.crops) {
      const view = randomResizedCrop(imageView({ width: from[0], height: from[1] }), Random.fromSeed(seed), {
        width: 32,
        height: 32,
        area,
        aspect,
      });
      const { left, top, width, height } = expected;
      expect(view.steps[0]).toMatchObject({ kind: 'crop', left, top, to: { width, height } });
    }
  });

  test("L*a*b* is scikit-image's", () => {
    for (const { rgb, lab } of golden.lab) {
      const { lightness, ab } = labOf({ width: 1, height: 1, data: Uint8Array.from(rgb) });
      [lightness[0], ...ab].forEach((value, i) => {
        expect(Math.abs(value - lab[i]), `${rgb}`).toBeLessThan(1e-4);
      });
    }
  });
});
