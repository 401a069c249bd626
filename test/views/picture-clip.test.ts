import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { Stopwatch } from '../../src/datasets/stopwatch.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { collateViews } from '../../src/views/collate-views.ts';
import { viewSource } from '../../src/views/draw-views.ts';
import type { PictureClipView } from '../../src/views/picture-clip.ts';
import { writePictureDrives } from '../objectives/tiny-drive.ts';

const root = await mkdtemp(join(tmpdir(), 'picture-clip-'));
afterAll(() => rm(root, { recursive: true }));

// Frames 2 and 3 of the first drive lie 1.3 s apart, those of the second half as far as the others.
const drives = [{ timesS: [0, 0.5, 1, 2.3, 2.8] }, { timesS: [0, 0.25, 0.5] }];
await writePictureDrives(root, drives);

const view: PictureClipView = {
  kind: 'picture-clip',
  clip: { frames: 2, gapS: 0.5 },
  picture: { width: 8, height: 4, crop: { area: [0.5, 1] } },
  colours: 'imagenet-rgb',
};

async function batchOf(config: PictureClipView, draw: string) {
  const views = { clip: config };
  const source = await viewSource({ data: { root }, views });
  const samples = [];
  for (let index = 0; index < source.length; index++)
    samples.push(await source.sample(index, Random.fromSeed(`${draw} ${index}`), 0, new Stopwatch()));
  const batch = branchAt(collateViews(samples, views), 'clip');
  const numbers = (name: string) => [...leafAt(batch, name).data];
  return { ids: source.ids!, pixels: leafAt<HostTensor>(batch, 'pixels'), numbers };
}

it('carries the sequence of a clip, and the time of each picture since its sequence began', async () => {
  const { ids, pixels, numbers } = await batchOf(view, 'a');
  const count = ids.length;
  // All but the second of the second drive, from which nothing is half a second away.
  expect(ids.map((id) => Number(id.slice(-1)))).toEqual([0, 1, 2, 3, 4, 0, 2]);
  expect(numbers('sequence')).toEqual([0, 0, 0, 0, 0, 1, 1]);
  const times = numbers('timeS');
  const own = [...drives[0].timesS, 0, 0.5];
  for (let b = 0; b < count; b++) {
    const [first, second] = [times[b], times[count + b]];
    expect(second - first).toBeCloseTo(0.5, 6);
    expect([first, second].some((time) => Math.abs(time - own[b]) < 1e-6)).toBe(true);
  }
  expect(pixels.shape).toEqual([2 * count, 4, 8, 3]);
});

it('has the times in the order in which shuffled pictures come', async () => {
  const { ids, numbers } = await batchOf({ ...view, shuffled: true }, 'b');
  const count = ids.length;
  const [times, order] = [numbers('timeS'), numbers('order')];
  expect(new Set(order.slice(0, count))).toEqual(new Set([0, 1]));
  for (let b = 0; b < count; b++) expect(times[b] < times[count + b]).toBe(order[b] === 0);
});
