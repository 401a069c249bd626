import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLoader } from '../../src/datasets/loader.ts';
import { Random } from '../../src/engine/random.ts';
import { encodePng } from '../../src/image/decode-image.ts';
import { IMAGENET_RGB, normalizeImage } from '../../src/image/normalize-image.ts';
import type { RgbImage } from '../../src/image/rgb-image.ts';
import { leafAt, pathAt } from '../../src/nn/layer.ts';
import { type BoxPairView, chooseBoxes, type DrawnBoxPair, drawBoxPair } from '../../src/views/box-pair.ts';
import { collateViews } from '../../src/views/collate-views.ts';
import type { Correspondences } from '../../src/views/correspondences.ts';
import { viewSource, viewSourceReference } from '../../src/views/draw-views.ts';
import type { DrawnSample } from '../../src/views/drawn-view.ts';
import { noisyPicture } from '../image/proposals/drawn-picture.ts';

/** Three pictures of 20 x 16 and one that was damaged; boxes of 8 x 8, so that a patch of 8 is cut without resizing. */
const correspondences: Correspondences = {
  sizes: Int32Array.of(20, 16, 20, 16, 20, 16, 0, 0),
  boxes: Int32Array.from([
    ...[0, 0, 8, 8, 10, 4, 18, 12], // of picture 0
    ...[2, 8, 10, 16], // of picture 1
    ...[12, 0, 20, 8, 5, 5, 13, 13], // of picture 2
  ]),
  boxesFrom: Int32Array.of(0, 2, 3, 5, 5),
  neighbours: Int32Array.of(2, 1, 0, 2, 0, 1, -1, -1),
  pairs: Int32Array.of(0, 4, 1, 3, 1, 2, 2, 1, 2, 4, 3, 0, 4, 2),
  pairsFrom: Int32Array.of(0, 2, 3, 4, 5, 6, 7, 7, 7),
};
const jitter = { shift: 0.5, area: [0.5, 2], aspect: [0.5, 2], overlap: 0.5, tries: 200 } as const;
const plain: BoxPairView = {
  kind: 'box-pair',
  width: 8,
  height: 8,
  second: 'neighbour',
  steps: [{}, {}],
  colours: 'imagenet-rgb',
};
const pictures = [0, 1, 2].map((i) => noisyPicture(`picture ${i}`, 20, 16));
const read = async (index: number) => pictures[index];

/** The pixels of a rectangle, normalised. */
function cut({ width, data }: RgbImage, [left, top, right, bottom]: readonly number[]): Float32Array {
  const bytes: number[] = [];
  for (let y = top; y < bottom; y++)
    bytes.push(...data.subarray(3 * (y * width + left), 3 * (y * width + right)));
  const size = { width: right - left, height: bottom - top };
  return normalizeImage({ ...size, data: Uint8Array.from(bytes) }, IMAGENET_RGB);
}

const boxOf = (number: number) => correspondences.boxes.subarray(4 * number, 4 * number + 4);

describe('two boxes that belong together', () => {
  it('are those of a pair with a neighbour, every neighbour and every pair of it in turn', async () => {
    const seen = new Map<string, number>();
    for (let seed = 0; seed < 300; seed++) {
      const random = Random.fromSeed(seed);
      const from = { index: 0, correspondences };
      const { neighbour } = await drawBoxPair(from, read, random, plain);
      const chosen = chooseBoxes(correspondences, 0, random, plain);
      expect(chosen.neighbour).toBe(neighbour);
      const key = `${chosen.first} - ${neighbour}: ${chosen.second}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    const pair = (own: number, neighbour: number, other: number) =>
      `${[...boxOf(own)]} - ${neighbour}: ${[...boxOf(other)]}`;
    expect(new Set(seen.keys())).toEqual(new Set([pair(0, 2, 4), pair(1, 2, 3), pair(1, 1, 2)]));
    // A neighbour is drawn first, so that one with many pairs is not seen more often.
    expect(Math.abs(seen.get(pair(1, 1, 2))! - 150)).toBeLessThan(35);
    expect(Math.abs(seen.get(pair(0, 2, 4))! - 75)).toBeLessThan(30);
  });

  it('are cut out of their own pictures', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = Random.fromSeed(seed);
      const drawn = await drawBoxPair({ index: 0, correspondences }, read, random, plain);
      const { first, second, neighbour } = chooseBoxes(correspondences, 0, random, plain);
      expect(drawn.first).toEqual(cut(pictures[0], first));
      expect(drawn.second).toEqual(cut(pictures[neighbour], second));
    }
  });

  it('or a box and another one around the same, in the same picture', async () => {
    const view = { ...plain, second: jitter };
    const firsts = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const random = Random.fromSeed(seed);
      const drawn = await drawBoxPair({ index: 2, correspondences }, read, random, view);
      const { first, second } = chooseBoxes(correspondences, 2, random, view);
      firsts.add(`${first}`);
      expect(drawn.neighbour).toBe(2);
      expect(drawn.first).toEqual(cut(pictures[2], first));
      const same = second[2] - second[0] === 8 && second[3] - second[1] === 8;
      if (same) expect(drawn.second).toEqual(cut(pictures[2], second));
    }
    expect(firsts).toEqual(new Set([`${[...boxOf(3)]}`, `${[...boxOf(4)]}`]));
  });

  it('have steps and random numbers of their own, and no crop', async () => {
    const view: BoxPairView = { ...plain, second: jitter, steps: [{ flip: 1 }, { grey: 1 }] };
    const { first, second, steps } = await drawBoxPair(
      { index: 1, correspondences },
      read,
      Random.fromSeed(3),
      view,
    );
    expect(steps.first.steps.map(({ kind }) => kind)).toEqual(['crop', 'resize', 'flip']);
    expect(steps.second.steps.map(({ kind }) => kind)).toEqual(['crop', 'resize', 'greyscale']);
    const mirrored = cut(pictures[1], [...boxOf(2)]);
    for (let y = 0; y < 8; y++)
      for (let x = 0; x < 8; x++) expect(first[3 * (8 * y + x)]).toBe(mirrored[3 * (8 * y + 7 - x)]);
    const { mean, std } = IMAGENET_RGB;
    const level = (i: number) => Math.round(second[i] * std[i % 3] + mean[i % 3]);
    expect(level(0)).toBe(level(1));
    // A colour jitter that all patches have is drawn for each.
    const both = { flip: 0.5 };
    const differ = await Promise.all(
      Array.from({ length: 40 }, async (_, seed) => {
        const view: BoxPairView = { ...plain, steps: [both, both] };
        const { steps } = await drawBoxPair({ index: 0, correspondences }, read, Random.fromSeed(seed), view);
        return steps.first.steps.length !== steps.second.steps.length;
      }),
    );
    expect(differ.filter(Boolean).length).toBeGreaterThan(8);
  });

  it('need a picture with boxes, of the size that it had', async () => {
    const draw = (index: number, as: RgbImage, view = plain) =>
      drawBoxPair({ index, correspondences }, async () => as, Random.fromSeed(0), view);
    for (const view of [plain, { ...plain, second: jitter }])
      await expect(draw(3, { width: 0, height: 0, data: new Uint8Array() }, view)).rejects.toThrow(
        'correspondences: picture 3: expected boxes, found none: it was damaged',
      );
    const other = noisyPicture('other', 16, 20);
    await expect(draw(0, other)).rejects.toThrow(
      'picture 0: size: expected 20 x 16, as its boxes were found in, found 16 x 20',
    );
  });
});

describe('views of boxes of a folder of pictures', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'boxes-'));
    await mkdir(join(root, 'pictures'));
    for (const [i, picture] of [...pictures, pictures[0]].entries())
      await writeFile(join(root, 'pictures', `${i}.png`), await encodePng(picture));
  });
  afterAll(() => rm(root, { recursive: true }));
  const views = { 'a/inter': plain, 'a/intra': { ...plain, second: jitter } };

  it('are drawn in worker threads as in this one, and collated as a first and a second', async () => {
    const data = { root: join(root, 'pictures') };
    const source = await viewSource({ data, views, correspondences });
    const sample = async (index: number) =>
      source.sample(index, Random.fromSeed(7).fork('sample', 0, index), 0, { lap: () => {} } as never);
    const here = [await sample(0), await sample(1), await sample(2)];
    const expected = await drawBoxPair(
      { index: 1, correspondences },
      read,
      Random.fromSeed(7).fork('sample', 0, 1).fork('view', 'a/inter'),
      plain,
    );
    expect(here[1].views['a/inter']).toEqual(expected);
    const reference = viewSourceReference({ data, views, correspondences });
    const options = { length: 4, batchSize: 3, seed: 7, source: reference, shuffle: false };
    const loader = createLoader<DrawnSample>({ ...options, workers: 1 });
    for await (const { batch } of loader.pass({ dropLast: true })) expect(batch).toEqual(here);
    // The picture that was damaged when boxes were sought is left out, and told.
    expect([...loader.failures.keys()]).toEqual([3]);
    const { shape, data: pixels } = leafAt(pathAt(collateViews(here, views), 'a/inter'), 'first');
    expect(shape).toEqual([3, 8, 8, 3]);
    const [, second] = here.map(({ views: drawn }) => (drawn['a/inter'] as DrawnBoxPair).first);
    expect(pixels.subarray(192, 384)).toEqual(second);
  });

  it('need boxes, of as many pictures as there are', async () => {
    const data = { root: join(root, 'pictures') };
    await expect(viewSource({ data, views })).rejects.toThrow('expected boxes of its 4 pictures, found none');
    const fewer = { ...correspondences, sizes: correspondences.sizes.subarray(0, 6) };
    await expect(viewSource({ data, views, correspondences: fewer })).rejects.toThrow(
      'expected boxes of its 4 pictures, found those of 3',
    );
  });
});
