import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openFrames } from '../../src/datasets/open-frames.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import { evaluateRetrieval, type ModelState, type RetrievalOptions } from '../../src/evaluation/retrieval.ts';
import { type RetrievalResult, retrievalResultSchema } from '../../src/evaluation/retrieval-result.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { drawPointPair } from '../../src/views/point-pair.ts';
import { uploadTree, valuesOf } from '../nn/tensors.ts';
import {
  batchOfPairs,
  embedded,
  observedModel,
  pairView,
  tiny,
  writeSyntheticKitti,
} from '../objectives/tiny-simipu.ts';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'retrieval-'));
  await writeSyntheticKitti(root, 13, { heldOut: 9 });
});

afterAll(() => rm(root, { recursive: true }));

// Points are sparse here, and partners farther apart than usual.
const config = tiny({ simipu: { matchGateM: 8 } });
const pretraining = createPretraining(config, 2);
const randomOf = (seed: number) => Random.fromSeed(seed).fork('initialize');
const model = (seed: number): ModelState => pretraining.initialize(randomOf(seed), { frames: 0 });

/** A model whose running statistics are those of a batch of other frames. */
const trained = observedModel(config, randomOf(7));

const evaluate = (changes: Partial<RetrievalOptions> = {}) =>
  evaluateRetrieval({
    pretraining,
    heldOut: { root, imageSet: 'val' },
    frames: 9,
    calibration: { data: { root, imageSet: 'train' }, frames: 4 },
    after: trained,
    before: model(3),
    randomSeeds: [3, 4, 5, 6],
    seed: 11,
    ...changes,
  });

const rowOf = ({ rows }: RetrievalResult, task: string, metric: string) =>
  rows.find((row) => row.task === task && row.metric === metric)!;

/** The share of queries that count whose partner is among the nearest `places`, ties against it, in plain loops. */
function hitRate(queries: tf.Tensor, keys: tf.Tensor, weights: ArrayLike<number>, places: number): number {
  const [rows, width] = queries.shape as [number, number];
  const [q, k] = [valuesOf(queries), valuesOf(keys)];
  let [hits, count] = [0, 0];
  for (let i = 0; i < rows; i++) {
    const near = Array.from({ length: rows }, (_, j) => {
      let dot = 0;
      for (let d = 0; d < width; d++) dot += q[i * width + d] * k[j * width + d];
      return dot;
    });
    const before = near.filter((value, j) => j !== i && value >= near[i] - 1e-5).length;
    if (before < places) hits += weights[i];
    count += weights[i];
  }
  return hits / count;
}

describe('evaluateRetrieval', () => {
  let result: RetrievalResult;

  beforeAll(async () => {
    result = await evaluate();
  }, 60_000);

  it('gives what its schema says, over full batches of held-out frames', () => {
    expect(retrievalResultSchema.parse(result)).toEqual(result);
    // Nine frames are four batches of two.
    expect(result).toMatchObject({ split: 'val', frames: 8, pool: 24 });
    expect(result.rows.map(({ task, metric, chance }) => [task, metric, chance])).toEqual([
      ['intra-modal', 'top-1', 1 / 24],
      ['intra-modal', 'top-5', 5 / 24],
      ['cross-modal', 'top-1', 1 / 24],
      ['cross-modal', 'top-5', 5 / 24],
    ]);
    for (const { random } of result.rows) expect(random.seeds).toBe(4);
  });

  it('finds an untrained model near chance across modalities', () => {
    const [first, five] = ['top-1', 'top-5'].map((metric) => rowOf(result, 'cross-modal', metric));
    expect(Math.abs(first.random.mean - first.chance)).toBeLessThan(0.06);
    expect(Math.abs(five.random.mean - five.chance)).toBeLessThan(0.12);
  });

  it('ranks as plain loops do', async () => {
    const frames = await openFrames({ root, imageSet: 'val' }, ['image', 'points']);
    const uploaded = { params: uploadTree(trained.params), stats: uploadTree(trained.stats) };
    const sums: Record<string, number> = {
      'intra-modal/top-1': 0,
      'intra-modal/top-5': 0,
      'cross-modal/top-1': 0,
      'cross-modal/top-5': 0,
    };
    for (let b = 0; b < 4; b++) {
      const samples = [];
      for (const index of [2 * b, 2 * b + 1]) {
        const random = Random.fromSeed(11).fork('sample by name', 0, frames.ids[index]);
        samples.push(drawPointPair(await frames.frame!(index), random, pairView(config)));
      }
      const batch = uploadTree(batchOfPairs(pretraining, samples));
      const rows = embedded(config, uploaded, batch, { training: false });
      const near = samples.flatMap(({ distanceM }) => Array.from(distanceM, (away) => (away <= 8 ? 1 : 0)));
      const inside = samples.flatMap((sample) => [...sample.inside]);
      sums['intra-modal/top-1'] += hitRate(rows.intraQueries, rows.intraKeys, near, 1) / 4;
      sums['intra-modal/top-5'] += hitRate(rows.intraQueries, rows.intraKeys, near, 5) / 4;
      sums['cross-modal/top-1'] += hitRate(rows.crossQueries, rows.crossKeys, inside, 1) / 4;
      sums['cross-modal/top-5'] += hitRate(rows.crossQueries, rows.crossKeys, inside, 5) / 4;
    }
    for (const { task, metric, after } of result.rows) {
      // One query of some hundred may tip over by rounding.
      expect(Math.abs(after - sums[`${task}/${metric}`]), `${task} ${metric}`).toBeLessThan(0.015);
    }
    expect(sums['intra-modal/top-5']).toBeGreaterThan(0.05);
    expect(sums['cross-modal/top-5']).toBeGreaterThan(0.05);
  });

  it('treats the model before training as any untrained one, and gives the same again', async () => {
    const told: Array<[number, number]> = [];
    const again = await evaluate({ randomSeeds: [3], onProgress: (done, total) => told.push([done, total]) });
    for (const { task, metric, before, random } of again.rows) {
      expect(random).toEqual({ mean: before, std: 0, seeds: 1 });
      expect(before).toBe(rowOf(result, task, metric).before);
      expect(rowOf(again, task, metric).after).toBe(rowOf(result, task, metric).after);
    }
    expect(told).toHaveLength(12);
    expect(told.at(-1)).toEqual([12, 12]);
    // Statistics of other frames are others.
    const fewer = await evaluate({
      randomSeeds: [3],
      calibration: { data: { root, imageSet: 'train' }, frames: 2 },
    });
    expect(fewer.rows.map(({ before }) => before)).not.toEqual(again.rows.map(({ before }) => before));
    expect(fewer.rows.map(({ after }) => after)).toEqual(again.rows.map(({ after }) => after));
  });

  it('counts no frame twice: less than a batch is an error', async () => {
    await writeFile(join(root, 'ImageSets', 'one.txt'), '000003\n');
    const failed: unknown = await evaluate({ heldOut: { root, imageSet: 'one' } }).catch(
      (error: unknown) => error,
    );
    expect(failed).toBeInstanceOf(InputError);
    expect((failed as Error).message).toMatch(
      /: one: expected at least one batch of 2 usable frames to evaluate, found 1/,
    );
  });
});
