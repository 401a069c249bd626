import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import '@tensorflow/tfjs-backend-cpu';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import { explainMethod, listMethods } from '../../src/report/methods.ts';
import { methodsTable } from '../../src/report/methods-text.ts';
import { applySettings, parseRunConfig, type RunConfig } from '../../src/training/config.ts';
import { exportEncoders } from '../../src/training/export-encoders.ts';
import { presetNames, presetOf } from '../../src/training/presets.ts';
import { type PretrainOptions, pretrain } from '../../src/training/pretrain.ts';
import { loadCheckpoint } from '../../src/training/run/checkpoint.ts';
import { loadRun } from '../../src/training/run/model-state.ts';
import { readMetrics } from '../../src/training/run/run-folder.ts';
import { writeSyntheticKitti } from './tiny-simipu.ts';
import { writtenObjective } from './written-objective.ts';

vi.mock('../../src/objectives/systems.ts', async (original) => {
  const { systems } = await original<typeof import('../../src/objectives/systems.ts')>();
  const { writtenObjective } = await import('./written-objective.ts');
  return { systems: [...systems, (await writtenObjective()).system] };
});

const smaller = [
  ...['encoders.image.width=4', 'batchSize=4', 'steps=4', 'seed=3'],
  ...['checkpoint.everySteps=2', 'loader.workers=0', 'loader.prefetch=1'],
];
const tiny = (...settings: string[]): RunConfig =>
  applySettings(presetOf('alignment-cifar')!, [...smaller, ...settings]);

let folder: string;
let data: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'toy-'));
  data = join(folder, 'kitti');
  await writeSyntheticKitti(data, 6, { points: 50 });
});

afterAll(() => rm(folder, { recursive: true }));

/** Trains into a folder of this name; stops after a step where one is given. */
async function train(
  name: string,
  config: RunConfig,
  options: Partial<PretrainOptions> & { stopAfter?: number } = {},
) {
  const { stopAfter, ...rest } = options;
  const controller = new AbortController();
  const stream = {
    write: (text: string) => {
      if (stopAfter !== undefined && text.startsWith(`step ${stopAfter}/`)) controller.abort();
    },
  };
  const out = join(folder, name);
  const result = await pretrain({
    config,
    data: { root: data },
    out,
    stream,
    signal: controller.signal,
    ...rest,
  });
  const { header, lines } = await readMetrics(out);
  return { out, result, chance: header?.chance, losses: lines.map(({ loss }) => loss) };
}

async function bytesOf(checkpoint: string): Promise<Array<[path: string, data: string]>> {
  const { state } = await loadCheckpoint(checkpoint);
  return leavesOf<HostTensor>(state).map(([path, { data }]) => [
    path,
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
  ]);
}

describe('the objective of docs/writing-an-objective.md', () => {
  it('has its formula: of rows of length one', async () => {
    const { closeness } = (await writtenObjective()).module as { closeness(x: tf.Tensor): tf.Scalar };
    await tf.setBackend('cpu');
    const closenessOf = (rows: number[][]) => tf.tidy(() => closeness(tf.tensor2d(rows)).dataSync()[0]);
    expect(
      closenessOf([
        [1, 0],
        [-1, 0],
      ]),
    ).toBeCloseTo(-8, 5);
    expect(
      closenessOf([
        [1, 0],
        [0, 1],
      ]),
    ).toBeCloseTo(-4, 5);
    expect(
      closenessOf([
        [1, 0],
        [1, 0],
      ]),
    ).toBeCloseTo(0, 6);
    // Squared distances 2, 2 and 4.
    const three = Math.log((2 * Math.exp(-4) + Math.exp(-8)) / 3);
    expect(
      closenessOf([
        [1, 0],
        [0, 1],
        [-1, 0],
      ]),
    ).toBeCloseTo(three, 5);
  });

  it('has a preset that holds, and is listed and explained like any other', () => {
    expect(presetNames).toContain('alignment-cifar');
    const config = presetOf('alignment-cifar')!;
    expect(parseRunConfig(JSON.parse(JSON.stringify(config)), { file: 'preset' })).toEqual(config);
    expect(listMethods().at(-1)).toMatchObject({
      name: 'alignment',
      presets: ['alignment-cifar'],
      needs: ['image'],
    });
    expect(methodsTable(listMethods())).toMatch(/^ {2}alignment +image +alignment-cifar +Wang and Isola/m);
    expect(explainMethod('alignment-cifar').runs[0]).toMatchObject({
      nothingLearned: { total: 0, terms: { align: 0, uniform: 0 } },
      memory: [],
    });
  });

  it('trains, and goes on bit for bit where it was interrupted', async () => {
    const whole = await train('whole', tiny());
    expect(whole.result).toMatchObject({ step: 4, interrupted: false });
    expect(whole.chance).toEqual({ total: 0, align: 0, uniform: 0 });
    for (const { total, align, uniform } of whole.losses) {
      expect(align).toBeGreaterThan(0);
      expect(uniform).toBeLessThan(0);
      expect(total).toBeCloseTo(align! + uniform!, 4);
    }
    const first = await train('resumed', tiny(), { stopAfter: 3 });
    expect(first.result).toMatchObject({ step: 3, interrupted: true });
    const second = await train('resumed', tiny(), { resume: true });
    expect(second.losses).toEqual(whole.losses);
    expect(await bytesOf(second.result.checkpoint!)).toEqual(await bytesOf(whole.result.checkpoint!));
  });

  it('weighs its terms as it is told, and exports the encoder that it trained', async () => {
    const { out, losses } = await train('weighed', tiny('objectives.alignment.uniformity=3', 'steps=1'));
    const [{ total, align, uniform }] = losses;
    expect(total).toBeCloseTo(align! + 3 * uniform!, 4);
    const to = join(folder, 'onnx');
    await mkdir(to);
    await exportEncoders(await loadRun(out), to, { batch: 1 });
    expect((await readdir(to)).sort()).toEqual(['encoders.json', 'image-encoder.onnx']);
  });

  it('learns beside MoCo on one encoder, and goes on there bit for bit', async () => {
    const both = tiny('objectives.moco.weight=0.5', 'objectives.moco.queue=8');
    const whole = await train('both', both);
    const [loss] = whole.losses;
    expect(Object.keys(loss).sort()).toEqual([
      'alignment/align',
      'alignment/uniform',
      'moco/contrast',
      'total',
    ]);
    expect(loss.total).toBeCloseTo(
      loss['alignment/align']! + loss['alignment/uniform']! + 0.5 * loss['moco/contrast']!,
      4,
    );
    const paths = (await bytesOf(whole.result.checkpoint!)).map(([path]) => path);
    expect(paths).toContain('memory/moco/queue');
    expect(paths.some((path) => path.startsWith('params/alignment/head/'))).toBe(true);
    expect(paths.filter((path) => path.startsWith('params/imageEncoder/')).length).toBeGreaterThan(0);
    await train('both resumed', both, { stopAfter: 2 });
    const resumed = await train('both resumed', both, { resume: true });
    expect(resumed.losses).toEqual(whole.losses);
    expect(await bytesOf(resumed.result.checkpoint!)).toEqual(await bytesOf(whole.result.checkpoint!));
  });
});
