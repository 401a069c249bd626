import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Piscina } from 'piscina';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import { writeKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { pretrain } from '../../../src/training/pretrain.ts';
import type { ModelName } from '../../../src/viewer/protocol.ts';
import { Answers, type LearnedSetting } from '../../../src/viewer/server/answers.ts';
import { Learned } from '../../../src/viewer/server/learned.ts';
import { syntheticFrame, tinyRun, writeSyntheticKitti } from '../../objectives/tiny-simipu.ts';

let folder: string;
let data: string;
let run: string;
const open: Learned[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'learned-'));
  [data, run] = [join(folder, 'kitti'), join(folder, 'run')];
  await writeSyntheticKitti(data, 5);
  const config = tinyRun({ steps: 8, checkpoint: { everySteps: 4, keep: 2 } });
  await pretrain({ config, data: { root: data }, out: run, stream: { write: () => {} } });
}, 60_000);

afterAll(async () => {
  for (const learned of open) await learned.close();
  await rm(folder, { recursive: true });
});

function learnedOf(setting: Partial<LearnedSetting> = {}): Learned {
  const learned = new Learned({ sequence: { path: data }, ...setting });
  open.push(learned);
  return learned;
}

async function errorOf(asked: Promise<unknown>): Promise<unknown> {
  return asked.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function faultOf(asked: Promise<unknown>) {
  const error = await errorOf(asked);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

const models: readonly ModelName[] = ['before', 4, 8];

describe('what a run learned, from its thread', () => {
  let learned: Learned;

  beforeAll(() => {
    learned = learnedOf({ run, dataRoot: data });
  });

  it('is what this thread finds as well, of the weights before and those of each checkpoint', async () => {
    const answers = new Answers({ sequence: { path: data }, run });
    const similarities = new Set<string>();
    for (const model of models) {
      const pairs = await learned.pairs({ frame: 2, seed: 1, model });
      expect(pairs).toEqual(await answers.answer({ kind: 'pairs', frame: 2, seed: 1, model }));
      expect(pairs.info).toMatchObject({ id: '000002', model, drawnBy: "the run's configuration" });
      similarities.add(String([pairs.arrays.intraSimilarity, pairs.arrays.crossSimilarity]));
      const colours = await learned.colours({ frame: 2, model });
      expect(colours).toEqual(await answers.answer({ kind: 'colours', frame: 2, model }));
      expect(colours.info.model).toBe(model);
      const query = { cell: 3 };
      const similar = await learned.similarity({ frame: 2, model, query });
      expect(similar).toEqual(await answers.answer({ kind: 'similarity', frame: 2, model, query }));
      expect(similar.info).toEqual({ model, query });
      expect(similar.arrays.cells[3]).toBeCloseTo(1, 5);
    }
    expect(similarities.size).toBe(3);
    const drawn = await learned.pairs({ frame: 2, seed: 1 });
    const { intraRank, crossRank, intraSimilarity, crossSimilarity, ...sample } = (
      await learned.pairs({ frame: 2, seed: 1, model: 4 })
    ).arrays;
    expect(drawn.arrays).toEqual(sample);
    expect([intraRank, crossRank, intraSimilarity, crossSimilarity].map(({ length }) => length)).toEqual(
      Array(4).fill(12),
    );
  });

  it('lies at the places of the frame, the same for every model', async () => {
    const { info, arrays } = await learned.places({ frame: 1 });
    expect(info).toMatchObject({ id: '000001', cellColumns: 3, cellRows: 2, reachM: 6 });
    expect(arrays.places).toHaveLength(3 * 48);
    expect(arrays.nearest).toHaveLength(3 * 400);
    for (const model of models) {
      const colours = await learned.colours({ frame: 1, model });
      expect(colours.arrays.places).toHaveLength(3 * 48);
      expect(colours.arrays.cells).toHaveLength(3 * 6);
      expect(new Set(colours.arrays.places).size).toBeGreaterThan(10);
      const similar = await learned.similarity({ frame: 1, model, query: { place: 40 } });
      expect(similar.arrays.places[40]).toBeCloseTo(1, 5);
      expect(similar.arrays.cells).toHaveLength(6);
    }
    // What the thread keeps it gives again.
    expect(await learned.places({ frame: 1 })).toEqual({ info, arrays });
  });

  it('says what is wrong with a question, and goes on', async () => {
    expect(await faultOf(learned.colours({ frame: 0, model: 5 }))).toEqual({
      file: join(run, 'checkpoints'),
      expected: 'a checkpoint of step 5',
      found: '4, 8',
    });
    expect(await faultOf(learned.similarity({ frame: 0, model: 4, query: { place: 48 } }))).toEqual({
      file: 'frame 000000',
      place: 'query',
      expected: 'a place from 0 to 47',
      found: '48',
    });
    for (const frame of [5, -1, 0.5]) {
      expect(await faultOf(learned.pairs({ frame, seed: 0 }))).toEqual({
        file: data,
        place: 'frame number',
        expected: 'one from 0 to 4',
        found: `${frame}`,
      });
    }
    expect((await learned.colours({ frame: 0, model: 4 })).info.model).toBe(4);
  });

  it('follows a run that is begun again with another configuration', async () => {
    const again = join(folder, 'again');
    await mkdir(again);
    const write = (changes: object) =>
      writeFile(join(again, 'config.json'), JSON.stringify({ ...tinyRun(changes), data: { root: data } }));
    await write({ seed: 1 });
    const other = learnedOf({ run: again });
    const first = await other.colours({ frame: 0, model: 'before' });
    await write({ seed: 2 });
    expect(await other.colours({ frame: 0, model: 'before' })).not.toEqual(first);
    await write({ seed: 1 });
    expect(await other.colours({ frame: 0, model: 'before' })).toEqual(first);
  });
});

describe('a question', () => {
  it('is dropped where its signal says so before its turn, and answered where it has begun', async () => {
    const handed = vi.spyOn(Piscina.prototype, 'run');
    try {
      const learned = learnedOf({ preset: 'simipu-smoke' });
      const [begun, waiting, last] = [0, 1, 2].map(() => new AbortController());
      const answers = [begun, waiting, last].map(({ signal }, seed) =>
        learned.pairs({ frame: 0, seed }, signal),
      );
      const settled = Promise.allSettled(answers);
      await new Promise((resolve) => setImmediate(resolve));
      begun.abort();
      waiting.abort(new Error('looked away'));
      // It need not wait for its turn to be told.
      expect(await errorOf(answers[1])).toEqual(new Error('looked away'));
      expect(handed).toHaveBeenCalledTimes(1);
      expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect((await answers[0]).info.seed).toBe(0);
      expect((await answers[2]).info.seed).toBe(2);
      expect(await errorOf(learned.pairs({ frame: 0, seed: 3 }, waiting.signal))).toEqual(
        new Error('looked away'),
      );
      expect(handed.mock.calls.map(([request]) => request.seed)).toEqual([0, 2]);
    } finally {
      handed.mockRestore();
    }
  });

  it('is given up where the thread is ended', async () => {
    const learned = new Learned({ sequence: { path: data }, preset: 'simipu-smoke' });
    await learned.pairs({ frame: 0, seed: 0 });
    const answers = Promise.allSettled([1, 2].map((seed) => learned.pairs({ frame: 0, seed })));
    await new Promise((resolve) => setImmediate(resolve));
    await learned.close();
    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await errorOf(learned.places({ frame: 0 }))).toEqual(new Error('closed'));
    await learned.close();
  });
});

describe('without a run', () => {
  it('pairs are drawn by a preset, and nothing is said of features', async () => {
    const learned = learnedOf();
    const { info, arrays } = await learned.pairs({ frame: 3, seed: 8 });
    expect(info).toMatchObject({ id: '000003', drawnBy: 'preset simipu-small', gateM: 1, seed: 8 });
    expect(info.model).toBeUndefined();
    expect(arrays.alpha).toHaveLength(3 * 128);
    const noRun = {
      file: data,
      expected: 'a run, whose models say what places look like',
      found: 'data alone',
    };
    expect(await faultOf(learned.places({ frame: 3 }))).toEqual(noRun);
    expect(await faultOf(learned.colours({ frame: 3, model: 'before' }))).toEqual(noRun);
    expect(await faultOf(learned.similarity({ frame: 3, model: 4, query: { cell: 0 } }))).toEqual(noRun);
    expect(await faultOf(learned.pairs({ frame: 3, seed: 8, model: 4 }))).toEqual(noRun);
    const { expected } = await faultOf(learnedOf({ preset: 'simipu-large' }).pairs({ frame: 3, seed: 8 }));
    expect(expected).toBe('one of simipu-kitti, simipu-small, simipu-smoke, temporal-small');
  });

  it('a frame needs a picture, a calibration, and points where the encoder looks', async () => {
    const spoilt = join(folder, 'spoilt');
    await cp(data, spoilt, { recursive: true });
    const part = (name: string) => join(spoilt, 'training', name);
    await rm(part('image_2/000000.png'));
    await rm(part('calib/000001.txt'));
    const behind = Float32Array.from(syntheticFrame('behind').points, (value, i) =>
      i % 4 === 0 ? -1 - Math.abs(value) : value,
    );
    await writeFile(part('velodyne/000002.bin'), writeKittiBin(behind));
    const learned = learnedOf({ sequence: { path: spoilt }, preset: 'simipu-smoke' });
    expect(await faultOf(learned.pairs({ frame: 0, seed: 0 }))).toMatchObject({ expected: 'a picture' });
    expect(await faultOf(learned.pairs({ frame: 1, seed: 0 }))).toMatchObject({ expected: 'a calibration' });
    expect(await faultOf(learned.pairs({ frame: 2, seed: 0 }))).toMatchObject({
      file: 'frame 000002',
      place: 'points',
      found: 'none of 400',
    });
    expect((await learned.pairs({ frame: 3, seed: 0 })).info.id).toBe('000003');
    const cloud = learnedOf({ sequence: { path: part('velodyne/000003.bin') }, preset: 'simipu-smoke' });
    expect(await faultOf(cloud.pairs({ frame: 0, seed: 0 }))).toMatchObject({ expected: 'a picture' });
    // Nothing can be opened there, until there is.
    const late = learnedOf({ sequence: { path: join(folder, 'late') }, preset: 'simipu-smoke' });
    expect(await faultOf(late.pairs({ frame: 0, seed: 0 }))).toMatchObject({ found: 'nothing' });
    await cp(data, join(folder, 'late'), { recursive: true });
    expect((await late.pairs({ frame: 0, seed: 0 })).info.id).toBe('000000');
  });
});
