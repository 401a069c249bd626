import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFrames } from '../../../src/datasets/open-frames.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { Random } from '../../../src/engine/random.ts';
import { leavesOf } from '../../../src/engine/tree.ts';
import type { Initialized } from '../../../src/nn/layer.ts';
import { branchAt } from '../../../src/nn/layer.ts';
import { createPretraining } from '../../../src/training/create-pretraining.ts';
import { initialState } from '../../../src/training/pretrain.ts';
import { Encoders, loadModel, RecentEncoders } from '../../../src/viewer/server/encoders.ts';
import { drawPointPair } from '../../../src/views/point-pair.ts';
import { uploadTree, valuesOf } from '../../nn/tensors.ts';
import {
  batchOfPairs,
  observedModel,
  pairIn,
  pairView,
  syntheticFrame,
  tinyRun,
  withMomentum,
  writeSyntheticKitti,
} from '../../objectives/tiny-simipu.ts';
import { lookingAt } from './tiny-model.ts';

const config = tinyRun({ batchSize: 3, seed: 5 });

let folder: string;
let data: string;
let serial = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encoders-'));
  data = join(folder, 'kitti');
  await writeSyntheticKitti(data, 5);
});

afterAll(() => rm(folder, { recursive: true }));

/** A run that has not begun. */
async function newRun(root: string, changes = {}): Promise<string> {
  const run = join(folder, `run${serial++}`);
  await mkdir(run);
  await writeFile(
    join(run, 'config.json'),
    JSON.stringify({ ...config, ...changes, data: { root, frames: 5 } }),
  );
  return run;
}

/** What a pass over the first frames of the data leaves of statistics that forget all before: those of the last view. */
async function statisticsOfFrames(
  model: Initialized,
  frames: number,
): Promise<Map<string, readonly number[]>> {
  const forgetful = withMomentum(config, 1);
  const pretraining = createPretraining(forgetful, frames);
  const opened = await openFrames({ root: data }, ['image', 'points']);
  const pairs = [];
  for (let index = 0; index < frames; index++) {
    const random = Random.fromSeed(config.seed).fork('sample by name', 0, opened.ids[index]);
    pairs.push(drawPointPair(await opened.frame!(index), random, pairView(config)));
  }
  const batch = uploadTree(batchOfPairs(pretraining, pairs));
  const uploaded = { params: uploadTree(model.params), stats: uploadTree(model.stats), memory: {} };
  const after = leavesOf(pretraining.loss(uploaded, batch, { training: true }).stats);
  return new Map(after.map(([path, tensor]) => [path, valuesOf(tensor)]));
}

describe('the model that a run began with', () => {
  it('has the first weights and the statistics of training frames, without any checkpoint', async () => {
    const run = await newRun(data);
    const model = await loadModel({ run }, 'before');
    const first = initialState(config, { frames: 5 }) as unknown as Initialized;
    expect(model.params).toEqual(branchAt(initialState(config, { frames: 5 }), 'params'));
    expect(model.stats).not.toEqual(first.stats);
    // The picture, and the heads across, pass once a batch: theirs are the batch's own.
    const once = /^(imageEncoder|simipu\/cross)/;
    let compared = 0;
    for (const [path, expected] of await statisticsOfFrames(first, 3)) {
      if (!once.test(path)) continue;
      const { data: found } = new Map(leavesOf(model.stats)).get(path)!;
      const size = Math.max(...expected.map(Math.abs), 1e-3);
      expected.forEach((value, i) => {
        expect(Math.abs(found[i] - value), path).toBeLessThan(2e-4 * size);
      });
      compared++;
    }
    expect(compared).toBeGreaterThan(40);
    expect(await loadModel({ run }, 'before')).toEqual(model);
    // A batch of another size has others.
    const other = await loadModel({ run: await newRun(data, { batchSize: 2 }) }, 'before');
    expect(other.stats).not.toEqual(model.stats);
  });

  it('takes its frames from where the data is now, and no more than there are', async () => {
    const recorded = await newRun(data, { batchSize: 7 });
    const moved = await newRun(join(folder, 'gone'), { batchSize: 7 });
    const here = await loadModel({ run: recorded }, 'before');
    expect(await loadModel({ run: moved, dataRoot: data }, 'before')).toEqual(here);
    // Another sequence is looked at than the one that the run learned from.
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    expect(await loadModel({ run: recorded, dataRoot: elsewhere }, 'before')).toEqual(here);
    const missing: unknown = await loadModel({ run: moved }, 'before').catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(InputError);
    expect((missing as Error).message).toContain('gone');
  });
});

describe('the encoders that were used last', () => {
  it('are kept, and the oldest closed', async () => {
    const run = tinyRun();
    const sample = drawPointPair(syntheticFrame('kept'), Random.fromSeed('kept'), pairView(run));
    const batch = pairIn(batchOfPairs(createPretraining(run, 1), [sample]));
    const recent = new RecentEncoders(2);
    const made: string[] = [];
    const get = (key: string) =>
      recent.get(key, () => {
        made.push(key);
        return Encoders.open(lookingAt(run), observedModel(run, Random.fromSeed(key)));
      });
    const [a, b] = [await get('a'), await get('b')];
    expect(await get('a')).toBe(a);
    const c = await get('c');
    expect(made).toEqual(['a', 'b', 'c']);
    await expect(b.pictureOf(batch)).rejects.toThrow();
    for (const open of [a, c]) expect((await open.pictureOf(batch)).cells.rows).toHaveLength(6 * 8);
    expect(await get('b')).not.toBe(b);
    expect(made).toEqual(['a', 'b', 'c', 'b']);
    for (const open of [c, await get('b')]) await open.close();
  });
});
