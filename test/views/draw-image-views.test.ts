import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import { applyImageView } from '../../src/image/augment.ts';
import { mapPixel, mapPixels, unmapPixels } from '../../src/image/image-view.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';
import { type DrawnPicture, drawMasked, drawPatches, drawPicture } from '../../src/views/draw-image-views.ts';
import type { PatchesConfig, PictureConfig } from '../../src/views/image-view-config.ts';

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

function noise(width: number, height: number): RgbImage {
  const random = Random.fromSeed(3);
  return imageOf(width, height, () => random.integer(256));
}

/** Everything that there is, each by half. */
const all: PictureConfig = {
  kind: 'picture',
  width: 24,
  height: 20,
  copies: 2,
  crop: { area: [0.2, 1], interpolation: 'bicubic' },
  flip: 0.5,
  jitter: { probability: 0.5, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  grey: 0.5,
  blur: { probability: 0.5, sigma: [0.1, 2] },
  solarise: { probability: 0.5 },
};
const doersch: PatchesConfig = {
  kind: 'patches',
  size: 96,
  gap: 48,
  jitter: 7,
  pairs: 8,
  resampling: { probability: 0.33, side: [10, 95] },
  colourDropping: { probability: 1, noise: 1 },
};
const small: PatchesConfig = { kind: 'patches', size: 10, gap: 2, jitter: 1, pairs: 8, pixels: [1296, 1296] };

function expectRecorded(image: RgbImage, { image: found, view }: DrawnPicture): void {
  expect([found.width, found.height]).toEqual([view.width, view.height]);
  expect(applyImageView(image, JSON.parse(JSON.stringify(view)))).toEqual(found);
}

describe('drawPicture', () => {
  const image = noise(60, 45);
  const draw = (config: PictureConfig, seed: number) => drawPicture(image, config, Random.fromSeed(seed));

  test('gives the same for the same seed, another view for another copy, and leaves the picture as it is', () => {
    const before = image.data.slice();
    expect(draw(all, 4)).toEqual(draw(all, 4));
    expect(draw(all, 4)).not.toEqual(draw(all, 5));
    const [first, second] = draw(all, 4);
    expect(first).not.toEqual(second);
    expect(draw({ ...all, copies: 3 }, 4).slice(0, 2)).toEqual([first, second]);
    expect(image.data).toEqual(before);
  });

  test('records what it did', () => {
    for (let seed = 0; seed < 30; seed++) for (const each of draw(all, seed)) expectRecorded(image, each);
  });

  test('does the steps in order, each with its probability and numbers of its own', () => {
    const order = ['crop', 'resize', 'flip', 'jitter', 'greyscale', 'blur', 'solarise'];
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 300; seed++) {
      const [{ view }] = draw({ ...all, copies: 1 }, seed);
      const kinds = view.steps.map(({ kind }) =>
        ['brightness', 'contrast', 'saturation', 'hue'].includes(kind) ? 'jitter' : kind,
      );
      const places = kinds.map((kind) => order.indexOf(kind));
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      for (const kind of new Set(kinds)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      const [{ view: plain }] = draw({ kind: 'picture', width: 24, height: 20, crop: all.crop }, seed);
      expect(view.steps.slice(0, 2)).toEqual(plain.steps);
    }
    expect([counts.get('crop'), counts.get('resize')]).toEqual([300, 300]);
    // Five standard deviations of a coin thrown 300 times are 43.
    for (const kind of order.slice(2)) expect(Math.abs(counts.get(kind)! - 150)).toBeLessThan(43);
  });

  test('takes colour away before the jitter where that is asked for, with the same numbers', () => {
    const config = { ...all, copies: 1, grey: 1, jitter: { ...all.jitter!, probability: 1 } };
    const kindsOf = (each: PictureConfig, seed: number) => draw(each, seed)[0].view.steps;
    for (let seed = 0; seed < 20; seed++) {
      const [after, before] = [config, { ...config, greyFirst: true }].map((each) => kindsOf(each, seed));
      const place = (steps: typeof after, kind: string) => steps.findIndex((step) => step.kind === kind);
      const [colours] = ['brightness', 'contrast', 'saturation', 'hue']
        .map((kind) => place(before, kind))
        .sort();
      expect(place(before, 'greyscale')).toBe(colours - 1);
      expect(before.filter(({ kind }) => kind !== 'greyscale')).toEqual(
        after.filter(({ kind }) => kind !== 'greyscale'),
      );
    }
  });

  test('draws factors, turns and deviations evenly from their ranges', () => {
    const drawnNumbers = { brightness: [] as number[], hue: [] as number[], blur: [] as number[] };
    const jitter = { ...all.jitter!, probability: 1, brightness: 1.5 };
    const config = { ...all, jitter, blur: { probability: 1, sigma: [0.1, 2] as const } };
    for (let seed = 0; seed < 200; seed++) {
      for (const step of draw(config, seed).flatMap(({ view }) => view.steps)) {
        if (step.kind === 'brightness') drawnNumbers.brightness.push(step.factor);
        if (step.kind === 'hue') drawnNumbers.hue.push(step.turns);
        if (step.kind === 'blur') drawnNumbers.blur.push(step.sigma);
      }
    }
    const expected = { brightness: [0, 2.5], hue: [-0.1, 0.1], blur: [0.1, 2] };
    for (const name of ['brightness', 'hue', 'blur'] as const) {
      const numbers = drawnNumbers[name].map(
        (number) => (number - expected[name][0]) / (expected[name][1] - expected[name][0]),
      );
      expect(numbers).toHaveLength(400);
      expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...numbers)).toBeLessThan(1);
      expect(Math.abs(numbers.reduce((sum, number) => sum + number, 0) / 400 - 0.5)).toBeLessThan(0.07);
    }
  });

  test('the kernel of a blur is what is asked for', () => {
    const kernelOf = (height: number, kernel?: number | 'tenth') => {
      const blur = { probability: 1, sigma: [0.9, 0.9] as const, kernel };
      const step = draw({ kind: 'picture', width: 224, height, blur }, 1)[0].view.steps.at(-1);
      return step?.kind === 'blur' ? step.kernel : undefined;
    };
    expect([kernelOf(224, 'tenth'), kernelOf(96, 'tenth'), kernelOf(32, 'tenth')]).toEqual([23, 9, 3]);
    expect([kernelOf(224, 5), kernelOf(224)]).toEqual([5, 7]);
  });

  test('without a crop, the middle fills the view', () => {
    const [{ view }] = draw({ kind: 'picture', width: 30, height: 30 }, 1);
    expect(view.steps).toMatchObject([
      { kind: 'resize', to: { width: 40, height: 30 } },
      { kind: 'crop', left: 5, top: 0 },
    ]);
  });

  test('a place goes where the view says, and back, through crop and flip', () => {
    const config: PictureConfig = {
      kind: 'picture',
      width: 48,
      height: 40,
      crop: { area: [0.5, 1], interpolation: 'bicubic' },
      flip: 0.5,
    };
    let mirrored = 0;
    for (let seed = 0; seed < 20; seed++) {
      const spot = imageOf(60, 50, (x, y) => 255 * Math.exp(-((x - 31) ** 2 + (y - 24) ** 2) / 12));
      const [{ image: found, view }] = drawPicture(spot, config, Random.fromSeed(seed));
      const sums = [0, 0, 0];
      found.data.forEach((value, i) => {
        const pixel = Math.floor(i / 3);
        sums[0] += value;
        sums[1] += value * (pixel % 48);
        sums[2] += value * Math.floor(pixel / 48);
      });
      const [u, v] = mapPixel(view, 31, 24);
      if (u < 8 || u > 39 || v < 8 || v > 31) continue;
      expect(Math.abs(sums[1] / sums[0] - u)).toBeLessThan(0.1);
      expect(Math.abs(sums[2] / sums[0] - v)).toBeLessThan(0.1);
      const rows = Float64Array.of(31, 24, 2.5, 40);
      unmapPixels(view, mapPixels(view, rows)).forEach((value, i) => {
        expect(value).toBeCloseTo(rows[i], 9);
      });
      if (view.steps.some(({ kind }) => kind === 'flip')) mirrored++;
    }
    expect(mirrored).toBeGreaterThan(0);
  });
});

describe('drawPatches', () => {
  test('labels say where the second patch lies, as seen from the first', () => {
    // Columns are the red of a pixel, rows its green.
    const places = imageOf(200, 200, (x, y, channel) => [x, y, 0][channel]);
    const config: PatchesConfig = { kind: 'patches', size: 40, gap: 12, jitter: 5, pairs: 400 };
    const counts = new Array(8).fill(0);
    const corners = [new Set<number>(), new Set<number>()];
    for (const { first, second, label } of drawPatches(places, config, Random.fromSeed(1))) {
      counts[label]++;
      const row = [-1, -1, -1, 0, 0, 1, 1, 1][label];
      const column = [-1, 0, 1, -1, 1, -1, 0, 1][label];
      expect(Math.abs(second.image.data[0] - first.image.data[0] - column * 52)).toBeLessThanOrEqual(10);
      expect(Math.abs(second.image.data[1] - first.image.data[1] - row * 52)).toBeLessThanOrEqual(10);
      corners.forEach((seen, axis) => {
        for (const { image } of [first, second]) seen.add(image.data[axis]);
      });
    }
    for (const count of counts) expect(Math.abs(count - 50)).toBeLessThan(35);
    // The whole picture is made use of.
    for (const seen of corners) {
      expect(Math.min(...seen)).toBeLessThan(6);
      expect(Math.max(...seen)).toBeGreaterThan(154);
    }
  });

  test.each([
    ['a photograph of 32 x 32', noise(32, 32), small, 10],
    ["KITTI's picture", noise(1242, 375), { ...doersch, pairs: 2, pixels: [220_000, 450_000] }, 96],
  ] as const)('works on %s, and records what it did', (_, image, config, size) => {
    const pairs = drawPatches(image, config, Random.fromSeed(2));
    expect(pairs).toHaveLength(config.pairs);
    expect(pairs).toEqual(drawPatches(image, config, Random.fromSeed(2)));
    expect(pairs).not.toEqual(drawPatches(image, config, Random.fromSeed(3)));
    for (const patch of pairs.flatMap(({ first, second }) => [first, second])) {
      expectRecorded(image, patch);
      expect([patch.image.width, patch.image.height]).toEqual([size, size]);
    }
  });

  test('scales to the asked number of pixels', () => {
    const [{ first }] = drawPatches(noise(32, 32), small, Random.fromSeed(2));
    expect(first.view.steps[0]).toMatchObject({ kind: 'resize', to: { width: 36, height: 36 } });
    const areas = Array.from({ length: 100 }, (_, seed) => {
      const config = { ...small, pixels: [1600, 6400] as const, pairs: 1 };
      const [step] = drawPatches(noise(60, 40), config, Random.fromSeed(seed))[0].first.view.steps;
      if (step.kind !== 'resize') throw new Error(step.kind);
      expect(Math.abs(step.to.width / step.to.height - 1.5)).toBeLessThan(0.04);
      return step.to.width * step.to.height;
    });
    expect(Math.abs(areas.reduce((sum, area) => sum + area, 0) / 100 - 4000)).toBeLessThan(700);
  });

  test('reversed pairs are the same patches with the opposite label', () => {
    const image = noise(32, 32);
    const pairs = drawPatches(image, { ...small, reversed: true }, Random.fromSeed(2));
    expect(pairs).toHaveLength(16);
    for (let i = 0; i < 16; i += 2) {
      expect(pairs[i + 1]).toEqual({
        first: pairs[i].second,
        second: pairs[i].first,
        label: 7 - pairs[i].label,
      });
    }
    expect(pairs.filter((_, i) => i % 2 === 0)).toEqual(drawPatches(image, small, Random.fromSeed(2)));
  });

  test('protections come with their probability and keep the place', () => {
    const image = noise(300, 300);
    const config = { ...doersch, pairs: 100, colourDropping: { probability: 0.5, noise: 1 } };
    const patches = drawPatches(image, config, Random.fromSeed(7)).flatMap(({ first, second }) => [
      first,
      second,
    ]);
    const share = (kind: string) =>
      patches.filter(({ view }) => view.steps.some((step) => step.kind === kind)).length / 200;
    expect(Math.abs(share('resize') - 0.33)).toBeLessThan(0.17);
    expect(Math.abs(share('keep-channel') - 0.5)).toBeLessThan(0.18);
    for (const { image: found, view } of patches) {
      const [cutting] = view.steps;
      if (cutting.kind !== 'crop') throw new Error(cutting.kind);
      const [x, y] = mapPixel(view, cutting.left, cutting.top);
      expect(Math.abs(x) + Math.abs(y)).toBeLessThan(1e-9);
      const last = view.steps.at(-1)!;
      if (last.kind !== 'keep-channel') continue;
      const other = (last.channel + 1) % 3;
      expect(found.data.every((value, i) => i % 3 !== other || Math.abs(value - 128) <= 1)).toBe(true);
    }
  });

  test('refuses a picture that two patches do not fit into', () => {
    expect(() => drawPatches(noise(23, 40), { ...small, pixels: undefined }, Random.fromSeed(1))).toThrow(
      new InputError({
        file: 'picture',
        place: 'size',
        expected: 'at least 24 pixels each way for two patches',
        found: '23 x 40',
      }),
    );
    expect(drawPatches(noise(24, 24), { ...small, pixels: undefined }, Random.fromSeed(1))).toHaveLength(8);
  });
});

describe('drawMasked', () => {
  const image = noise(60, 45);
  const draw = (hidden: Parameters<typeof drawMasked>[1]['hidden'], seed: number, width = 40, height = 30) =>
    drawMasked(
      image,
      { kind: 'mask', width, height, crop: { area: [0.5, 1] }, hidden },
      Random.fromSeed(seed),
    );
  const count = (mask: Uint8Array) => mask.reduce((sum, value) => sum + value, 0);

  test('hides the middle', () => {
    const { mask, ...picture } = draw({ shape: 'centre', width: 20, height: 10 }, 1);
    expectRecorded(image, picture);
    for (let y = 0; y < 30; y++) {
      for (let x = 0; x < 40; x++) {
        expect(mask[y * 40 + x]).toBe(x >= 10 && x < 30 && y >= 10 && y < 20 ? 1 : 0);
      }
    }
  });

  const shapes = fc.constantFrom<'blocks' | 'regions'>('blocks', 'regions');
  test('hides a share from the range, whatever the size', () => {
    const side = fc.integer({ min: 1, max: 50 });
    fc.assert(
      fc.property(
        shapes,
        side,
        side,
        fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
        fc.nat(),
        (shape, width, height, ends, seed) => {
          const coverage: [number, number] = [Math.min(...ends), Math.max(...ends)];
          const hidden =
            shape === 'blocks' ? { shape, coverage, side: [3, 20] as const } : { shape, coverage, grain: 8 };
          const { mask } = draw(hidden, seed, width, height);
          expect(mask).toHaveLength(width * height);
          expect(mask.every((value) => value === 0 || value === 1)).toBe(true);
          expect(count(mask)).toBeGreaterThanOrEqual(coverage[0] * mask.length - 0.5);
          expect(count(mask)).toBeLessThanOrEqual(coverage[1] * mask.length + 0.5);
          expect(draw(hidden, seed, width, height).mask).toEqual(mask);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('regions hold together as far as their grain, and lie elsewhere for another seed', () => {
    const borders = (grain: number) => {
      const { mask } = draw({ shape: 'regions', coverage: [0.25, 0.25], grain }, 3, 128, 128);
      return mask.reduce((sum, value, i) => sum + (i % 128 > 0 && value !== mask[i - 1] ? 1 : 0), 0);
    };
    expect(borders(2)).toBeGreaterThan(4 * borders(16));
    const hidden = { shape: 'regions', coverage: [0.25, 0.25], grain: 8 } as const;
    expect(draw(hidden, 1).mask).not.toEqual(draw(hidden, 2).mask);
  });
});
