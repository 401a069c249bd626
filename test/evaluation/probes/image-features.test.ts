import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../../src/engine/random.ts';
import type { LabelledFeatures } from '../../../src/evaluation/probes/features.ts';
import { knnLeaveOneOut } from '../../../src/evaluation/probes/nearest-neighbours.ts';
import { patchFeatures, randomPatchFilters } from '../../../src/evaluation/probes/patch-features.ts';
import { colourGridFeatures, pixelFeatures } from '../../../src/evaluation/probes/pixel-features.ts';
import { decodeImage } from '../../../src/image/decode-image.ts';
import type { RgbImage } from '../../../src/image/rgb-image.ts';
import { describeWithRealData } from '../../real-data.ts';

function drawn(random: Random, width: number, height: number): RgbImage {
  return { width, height, data: Uint8Array.from({ length: width * height * 3 }, () => random.integer(256)) };
}

describe('pixelFeatures', () => {
  it('are the values less their mean', () => {
    const { rows, count, width } = pixelFeatures([
      { width: 2, height: 1, data: Uint8Array.of(0, 51, 102, 0, 51, 102) },
      { width: 2, height: 1, data: new Uint8Array(6).fill(200) },
    ]);
    expect([count, width]).toEqual([2, 6]);
    [-0.2, 0, 0.2, -0.2, 0, 0.2, 0, 0, 0, 0, 0, 0].forEach((value, k) => {
      expect(rows[k]).toBeCloseTo(value, 7);
    });
  });

  it('are of images of one size', () => {
    const random = Random.fromSeed(0);
    expect(() => pixelFeatures([drawn(random, 3, 2), drawn(random, 2, 3)])).toThrow(
      'image 0 is 3 x 2, image 1 is 2 x 3',
    );
    expect(() => pixelFeatures([])).toThrow(RangeError);
  });
});

describe('colourGridFeatures', () => {
  it('are the mean colours of the cells, row by row', () => {
    // 5 x 4 pixels in 2 x 2 cells: columns 0-1 and 2-4, rows 0-1 and 2-3. Red counts pixels.
    const data = new Uint8Array(60).fill(255);
    for (let at = 0; at < 20; at++) data[at * 3] = at;
    const { rows, width } = colourGridFeatures([{ width: 5, height: 4, data }], { cells: 2 });
    expect(width).toBe(12);
    [3, 5.5, 13, 15.5].forEach((mean, cell) => {
      expect(rows[cell * 3]).toBeCloseTo(mean / 127.5 - 1, 6);
      expect(rows[cell * 3 + 1]).toBeCloseTo(1, 6);
    });
  });

  it('need a pixel in every cell', () => {
    expect(() => colourGridFeatures([drawn(Random.fromSeed(0), 3, 9)])).toThrow('3 x 9 pixels has no 4 x 4');
  });
});

describe('patchFeatures', () => {
  const random = Random.fromSeed('patches');
  const images = Array.from({ length: 12 }, () => drawn(random, 12, 10));
  const filters = randomPatchFilters(images, { random: random.fork(0), filters: 7, size: 4, samples: 3000 });

  it('are four quarters of two signs of each filter, the same for a seed', () => {
    const { rows, count, width } = patchFeatures(images, filters);
    expect([count, width]).toEqual([12, 4 * 7 * 2]);
    expect(rows.every((value) => value >= 0)).toBe(true);
    expect(rows.some((value) => value > 0)).toBe(true);
    const again = randomPatchFilters(images, { random: random.fork(0), filters: 7, size: 4, samples: 3000 });
    expect(patchFeatures(images, again).rows).toEqual(rows);
    const other = randomPatchFilters(images, { random: random.fork(1), filters: 7, size: 4, samples: 3000 });
    expect(patchFeatures(images, other).rows).not.toEqual(rows);
  });

  it('do not depend on the contrast and brightness of a picture, but for the guard of flat patches', () => {
    const [image] = images;
    const dim = { ...image, data: image.data.map((value) => 60 + Math.floor(value / 2)) };
    const [{ rows: a }, { rows: b }] = [patchFeatures([image], filters), patchFeatures([dim], filters)];
    a.forEach((value, k) => {
      expect(Math.abs(b[k] - value)).toBeLessThan(0.05);
    });
  });

  it('are largest, of all filters, for the one that is the patch itself, in every quarter', () => {
    const pictures = Array.from({ length: 60 }, () => drawn(random, 4, 4));
    const made = randomPatchFilters(pictures, {
      random: random.fork(2),
      filters: 20,
      size: 4,
      samples: 4000,
    });
    // Each picture two by two times, and the four places where it is whole.
    const { rows, width } = patchFeatures(pictures.map(tile), made, { threshold: 0, stride: 4 });
    const winners = new Set<number>();
    pictures.forEach((_, i) => {
      const row = rows.subarray(i * width, (i + 1) * width);
      const responses = Array.from({ length: 20 }, (_, filter) => row[filter * 2] - row[filter * 2 + 1]);
      const most = Math.max(...responses);
      responses.forEach((response, filter) => {
        if (response > most - 1e-4) winners.add(filter);
      });
      row.forEach((value, k) => {
        expect(value).toBeCloseTo(row[k % 40], 6);
      });
    });
    expect(winners.size).toBe(20);
  });

  it('change signs with the picture', () => {
    // Both signs of a picture are there, so that the mean patch is 0.
    const pictures = Array.from({ length: 60 }, () => drawn(random, 4, 4));
    const opposite = pictures.map(({ data, ...size }) => ({
      ...size,
      data: data.map((value) => 255 - value),
    }));
    const both = [...pictures, ...opposite];
    const made = randomPatchFilters(both, { random: random.fork(3), filters: 20, size: 4, samples: 100_000 });
    const options = { threshold: 0.3, stride: 4 };
    const { rows } = patchFeatures(pictures.map(tile), made, options);
    const { rows: turned } = patchFeatures(opposite.map(tile), made, options);
    expect(Math.max(...rows)).toBeGreaterThan(2);
    rows.forEach((value, k) => {
      expect(Math.abs(turned[k ^ 1] - value)).toBeLessThan(0.1);
    });
  });

  it('whiten: responses of unlike filters to drawn patches are hardly correlated, and of deviation 1', () => {
    // Smooth pictures, whose patches are far from white.
    const smooth = Array.from({ length: 200 }, () => {
      const [a, b, c] = [random.uniform(0.2, 1.2), random.uniform(0.2, 1.2), random.uniform(0, 6)];
      const data = Uint8Array.from({ length: 12 * 12 * 3 }, (_, at) => {
        const [x, y] = [Math.floor(at / 3) % 12, Math.floor(at / 36)];
        return 128 + 80 * Math.sin(a * x + b * y + c) + random.uniform(-30, 30);
      });
      return { width: 12, height: 12, data };
    });
    const made = randomPatchFilters(smooth, { random: random.fork(4), filters: 30, size: 3, samples: 5000 });
    const { rows, count, width } = patchFeatures(smooth, made, { threshold: 0, stride: 3 });
    // |r| has a mean of √(2/π) = 0.8 for normal responses of deviation 1; flat directions are damped, and lower it.
    let sum = 0;
    for (const value of rows) sum += value;
    const mean = (2 * sum) / (count * width);
    expect(mean).toBeGreaterThan(0.5);
    expect(mean).toBeLessThan(0.9);
  });

  it('refuse pictures without room', () => {
    expect(() => randomPatchFilters([drawn(random, 5, 9)], { random })).toThrow(
      '5 x 9 has no patch of 6 x 6',
    );
    expect(() => patchFeatures([drawn(random, 4, 9)], filters)).toThrow('no room for 2 patches of 4 a side');
  });
});

/** A square picture two by two times. */
function tile({ width: size, data }: RgbImage): RgbImage {
  const width = 2 * size;
  const result = new Uint8Array(width * width * 3);
  for (let at = 0; at < result.length; at++) {
    const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / (3 * width))];
    result[at] = data[((y % size) * size + (x % size)) * 3 + (at % 3)];
  }
  return { width, height: width, data: result };
}

describeWithRealData('features without a network of real photographs', 'cifar10', (root) => {
  const images: RgbImage[] = [];
  const labels: number[] = [];

  beforeAll(async () => {
    for (const [label, name] of readdirSync(join(root, 'train')).sort().entries()) {
      const folder = join(root, 'train', name);
      for (const file of readdirSync(folder).sort().slice(0, 40)) {
        images.push(await decodeImage(readFileSync(join(folder, file)), { file }));
        labels.push(label);
      }
    }
  });

  const accuracy = (features: Omit<LabelledFeatures, 'labels' | 'classes'>) =>
    knnLeaveOneOut({ ...features, labels: Int32Array.from(labels), classes: 10 }, { k: [5] })[0].accuracy;

  it('are better than chance, by more than five standard errors, and worse than with twelve times the pictures', () => {
    const random = Random.fromSeed(0);
    const filters = randomPatchFilters(images, { random, filters: 60, samples: 4000 });
    const found = [
      accuracy(pixelFeatures(images)),
      accuracy(colourGridFeatures(images)),
      accuracy(patchFeatures(images, filters, { stride: 3 })),
    ];
    for (const share of found) expect(share).toBeGreaterThan(0.1 + 5 * 0.015);
    for (const [i, most] of [0.384, 0.356, 0.442].entries()) expect(found[i]).toBeLessThan(most);
  });
});
