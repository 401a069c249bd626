import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import {
  applyImageView,
  colorJitter,
  randomBlur,
  randomFlip,
  randomGreyscale,
  randomResizedCrop,
} from '../../src/image/augment.ts';
import {
  crop,
  flip,
  type ImageView,
  imageView,
  mapPixel,
  type PhotometricStep,
  pad,
  recolour,
  resize,
} from '../../src/image/image-view.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';

function imageOf(
  width: number,
  height: number,
  value: (x: number, y: number, channel: number) => number,
): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) {
    const pixel = Math.floor(i / 3);
    data[i] = value(pixel % width, Math.floor(pixel / width), i % 3);
  }
  return { width, height, data };
}

function noise(width: number, height: number, seed = 3): RgbImage {
  const random = Random.fromSeed(seed);
  return imageOf(width, height, () => random.integer(256));
}

const at = (image: RgbImage, x: number, y: number) =>
  Array.from(image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3));

describe('applyImageView', () => {
  test('moves every pixel to where mapPixel says, for steps of whole pixels', () => {
    const image = noise(12, 9);
    let view = crop(flip(imageView(image)), { left: 2, top: 1, width: 8, height: 7 });
    view = flip(pad(view, { left: 3, top: 1, right: 2, bottom: 4, fill: [1, 2, 3] }));
    const result = applyImageView(image, view);
    expect([result.width, result.height]).toEqual([13, 12]);
    const reached = new Set<number>();
    for (let y = 0; y < 9; y++) {
      for (let x = 0; x < 12; x++) {
        const [u, v] = mapPixel(view, x, y);
        // Pixels that the crop cut off would fall on the border.
        if (x < 2 || x > 9 || y < 1 || y > 7) continue;
        expect(at(result, u, v)).toEqual(at(image, x, y));
        reached.add(v * 13 + u);
      }
    }
    expect(reached.size).toBe(56);
    for (let i = 0; i < 13 * 12; i++) {
      if (!reached.has(i)) expect(at(result, i % 13, Math.floor(i / 13))).toEqual([1, 2, 3]);
    }
  });

  test('moves a spot to where mapPixel says, through any resizing', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 90 }),
        fc.integer({ min: 20, max: 90 }),
        fc.boolean(),
        (w, h, mirrored) => {
          const spot = imageOf(60, 50, (x, y) => 255 * Math.exp(-((x - 33) ** 2 + (y - 21) ** 2) / 40));
          let view = resize(imageView(spot), { width: w, height: h });
          if (mirrored) view = flip(view);
          const result = applyImageView(spot, view);
          let [sum, sx, sy] = [0, 0, 0];
          for (let y = 0; y < h; y++) {
            for (let x = 0; x < w; x++) {
              const weight = at(result, x, y)[0];
              sum += weight;
              sx += weight * x;
              sy += weight * y;
            }
          }
          const [u, v] = mapPixel(view, 33, 21);
          expect(Math.abs(sx / sum - u)).toBeLessThan(0.1);
          expect(Math.abs(sy / sum - v)).toBeLessThan(0.1);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('leaves the image as it is and gives a new one', () => {
    const image = noise(5, 4);
    const copy = image.data.slice();
    const steps: PhotometricStep[] = [
      { kind: 'brightness', factor: 2 },
      { kind: 'contrast', factor: 2 },
      { kind: 'saturation', factor: 2 },
      { kind: 'hue', turns: 0.3 },
      { kind: 'greyscale' },
      { kind: 'blur', sigma: 1, kernel: 5 },
      { kind: 'blur', sigma: 0, kernel: 3 },
      { kind: 'solarise', threshold: 128 },
      { kind: 'keep-channel', channel: 1, noise: 2, seed: 5 },
    ];
    const all: ImageView[] = steps.map((step) => recolour(imageView(image), step));
    for (const view of [imageView(image), flip(imageView(image)), resize(imageView(image), image), ...all]) {
      const result = applyImageView(image, view);
      result.data.fill(7);
      expect(image.data).toEqual(copy);
    }
  });

  test('refuses an image of another size', () => {
    expect(() => applyImageView(noise(5, 4), imageView({ width: 4, height: 5 }))).toThrow(RangeError);
  });
});

describe('random steps', () => {
  test('crops are inside, of the asked share and form, and end at the asked size', () => {
    const options = { width: 32, height: 16, area: [0.1, 0.5], aspect: [0.5, 3] } as const;
    const shares: number[] = [];
    for (let seed = 0; seed < 300; seed++) {
      const view = randomResizedCrop(imageView({ width: 300, height: 200 }), Random.fromSeed(seed), options);
      expect([view.width, view.height]).toEqual([32, 16]);
      const [step] = view.steps;
      if (step.kind !== 'crop') throw new Error(step.kind);
      shares.push((step.to.width * step.to.height) / 60_000);
      const aspect = step.to.width / step.to.height;
      expect(aspect).toBeGreaterThan(0.48);
      expect(aspect).toBeLessThan(3.1);
    }
    expect(Math.min(...shares)).toBeGreaterThan(0.09);
    expect(Math.max(...shares)).toBeLessThan(0.51);
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    expect(Math.abs(mean - 0.3)).toBeLessThan(0.03);
  });

  test('a crop that cannot fit is the largest centred one', () => {
    const size = { width: 8, height: 8 };
    const view = randomResizedCrop(imageView({ width: 400, height: 100 }), Random.fromSeed(1), {
      ...size,
      area: [1, 1],
      aspect: [1, 1],
    });
    expect(view.steps[0]).toMatchObject({ kind: 'crop', left: 150, top: 0, to: { width: 100, height: 100 } });
  });

  test('are the same for the same generator', () => {
    const draw = (seed: number) => {
      const random = Random.fromSeed(seed);
      const size = { width: 64, height: 32 };
      let view = randomResizedCrop(imageView({ width: 200, height: 100 }), random, size);
      view = colorJitter(randomFlip(view, random), random, {
        brightness: 0.4,
        contrast: 0.4,
        saturation: 0.4,
        hue: 0.1,
      });
      return randomBlur(randomGreyscale(view, random, 0.2), random, { probability: 0.5, sigma: [0.1, 2] });
    };
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
    const kinds = Array.from({ length: 200 }, (_, seed) => draw(seed).steps.map(({ kind }) => kind));
    const share = (kind: string) => kinds.filter((steps) => steps.includes(kind as never)).length / 200;
    expect(Math.abs(share('flip') - 0.5)).toBeLessThan(0.12);
    expect(Math.abs(share('greyscale') - 0.2)).toBeLessThan(0.1);
    expect(Math.abs(share('blur') - 0.5)).toBeLessThan(0.12);
    expect(share('hue')).toBe(1);
    expect(
      new Set(kinds.map((steps) => steps.filter((kind) => /brightness|hue/.test(kind)).join())),
    ).toHaveLength(2);
  });

  test('a strength of nothing adds no step', () => {
    const view = imageView({ width: 5, height: 5 });
    expect(colorJitter(view, Random.fromSeed(1), {})).toEqual(view);
  });
});
