import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import { Random } from '../../../src/engine/random.ts';
import { leavesOf } from '../../../src/engine/tree.ts';
import type { Initialized } from '../../../src/nn/layer.ts';
import { branchAt } from '../../../src/nn/layer.ts';
import { Simipu } from '../../../src/objectives/simipu.ts';
import { openFrames } from '../../../src/objectives/simipu-source.ts';
import { initialState } from '../../../src/training/pretrain.ts';
import { Encoders, loadModel, RecentEncoders } from '../../../src/viewer/server/encoders.ts';
import { drawPointPair } from '../../../src/views/point-pair.ts';
import { uploadTree, valuesOf } from '../../nn/tensors.ts';
import { syntheticFrame, tinyRun, tinySimipu, writeSyntheticKitti } from '../../objectives/tiny-simipu.ts';
import { modelOf } from './tiny-model.ts';

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
  const forgetful = <Norm extends object>(norm: Norm) => ({ ...norm, momentum: 1 });
  const { headBatchNorm, imageEncoder, pointEncoder } = config.simipu;
  const simipu = {
    ...config.simipu,
    headBatchNorm: forgetful(headBatchNorm),
    imageEncoder: { ...imageEncoder, batchNorm: forgetful(imageEncoder.batchNorm) },
    pointEncoder: { ...pointEncoder, batchNorm: forgetful(pointEncoder.batchNorm) },
  };
  const objective = new Simipu(simipu, frames);
  const opened = await openFrames({ root: data });
  const samples = [];
  for (let index = 0; index < frames; index++) {
    const random = Random.fromSeed(config.seed).fork('sample by name', 0, opened.ids[index]);
    samples.push(drawPointPair(await opened.frame(index), random, simipu));
  }
  const batch = uploadTree(objective.collate(samples));
  const [params, stats] = [uploadTree(model.params), uploadTree(model.stats)];
  const after = leavesOf(objective.loss({ params, stats }, batch, { training: true }).stats);
  return new Map(after.map(([path, tensor]) => [path, valuesOf(tensor)]));
}

describe('the model that a run began with', () => {
  it('has the first weights and the statistics of training frames, without any checkpoint', async () => {
    const run = await newRun(data);
    const model = await loadModel({ run }, 'before');
    const first = initialState(config) as unknown as Initialized;
    expect(model.params).toEqual(branchAt(initialState(config), 'params'));
    expect(model.stats).not.toEqual(first.stats);
    // The picture, and the heads across, pass once a batch: theirs are the batch's own.
    const once = /^(imageEncoder|heads\/cross)/;
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
    // Another recording is looked at than the one that the run learned from.
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
    const simipu = tinySimipu();
    const batch = new Simipu(simipu, 1).collate([
      drawPointPair(syntheticFrame('kept'), Random.fromSeed('kept'), simipu),
    ]);
    const recent = new RecentEncoders(2);
    const made: string[] = [];
    const get = (key: string) =>
      recent.get(key, () => {
        made.push(key);
        return Encoders.open(simipu, modelOf(simipu, key));
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
