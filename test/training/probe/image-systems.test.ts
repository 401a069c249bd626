import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  imageSystemsDots,
  imageSystemsTable,
  summarizeImageSystems,
} from '../../../src/report/image-systems-table.ts';
import { applySettings } from '../../../src/training/config.ts';
import { presetOf } from '../../../src/training/presets.ts';
import {
  cellName,
  type ImageSystemsOptions,
  runImageSystems,
  type SystemResult,
  systemCells,
} from '../../../src/training/probe/image-systems.ts';
import { writeClassPictures } from './class-pictures.ts';

let folder: string;
let data: string;

const settings = ['encoders.image.width=4', 'batchSize=8', 'steps=2'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-systems-'));
  data = join(folder, 'pictures');
  await writeClassPictures(join(data, 'train'), { count: 20, seed: 1 });
  await writeClassPictures(join(data, 'test'), { count: 10, seed: 2 });
});

afterAll(() => rm(folder, { recursive: true }));

function options(out: string, changes: Partial<ImageSystemsOptions> = {}): ImageSystemsOptions {
  return {
    out: join(folder, out),
    data,
    presets: ['seed-cifar'],
    seeds: [0],
    settings,
    randomSeeds: 1,
    patches: false,
    finetune: [],
    finetuneSteps: 2,
    stream: { write: () => {} },
    say: () => {},
    ...changes,
  };
}

/** What was measured, without the times. */
function numbers(results: readonly SystemResult[]) {
  return results.map(({ seconds: _, stepMs: __, report, ...rest }) => ({
    ...rest,
    report: { ...report, setting: undefined },
  }));
}

describe('the experiment with systems of pictures', () => {
  it('trains what a preset begins with first, and goes on where it was to the same numbers', async () => {
    const whole = (await runImageSystems(options('whole')))!;
    expect(whole.map(cellName)).toEqual(['moco-v2-cifar-seed0', 'seed-cifar-seed0']);
    // One form of encoder: random ones are measured once.
    expect(whole.map(({ report }) => report.randomEncoder?.seeds)).toEqual([1, undefined]);
    expect(whole.map(({ steps }) => steps)).toEqual([2, 2]);

    const controller = new AbortController();
    const stopped = await runImageSystems(
      options('stopped', { signal: controller.signal, onCell: () => controller.abort() }),
    );
    expect(stopped).toBeUndefined();
    const done: string[] = [];
    const went = (await runImageSystems(
      options('stopped', { onCell: (_, __, result) => done.push(cellName(result)) }),
    ))!;
    expect(done).toEqual(whole.map(cellName));
    expect(numbers(went)).toEqual(numbers(whole));

    // Another preset comes to it; what is there stays.
    const more = options('whole', { presets: ['moco-v2-cifar', 'simclr-cifar'] });
    const [there, added] = (await runImageSystems(more))!;
    expect(there).toEqual(whole[0]);
    expect(added.report.randomEncoder).toBeNull();
    // Alone it is the first of its form, and gets what it was measured without.
    const [alone] = (await runImageSystems({ ...more, presets: ['simclr-cifar'] }))!;
    expect(alone.report.randomEncoder?.seeds).toBe(1);
    expect(alone.report.knn).toBe(added.report.knn);
    // So does a share of the labels, with what was fine-tuned before.
    const tuned = async (finetune: readonly number[]) => {
      const [{ seconds, report }] = (await runImageSystems({
        ...more,
        presets: ['simclr-cifar'],
        finetune,
      }))!;
      return { seconds, knn: report.knn, finetune: report.finetune };
    };
    const first = await tuned([0.5]);
    expect(first).toMatchObject({ knn: alone.report.knn, finetune: [{ fraction: 0.5 }] });
    expect(first.seconds).toBeGreaterThan(alone.seconds);
    const second = await tuned([1]);
    expect(second.finetune).toEqual([first.finetune[0], expect.objectContaining({ fraction: 1 })]);
    expect(await tuned([0.5, 1])).toEqual(second);
    await expect(runImageSystems(options('whole', { settings: [...settings, 'steps=4'] }))).rejects.toThrow(
      /experiment\.json: settings\.\d+: expected the same experiment, to go on with: nothing, found "steps=4"/,
    );
  }, 120_000);

  it('takes presets of pictures alone', async () => {
    await expect(runImageSystems(options('none', { presets: ['no-such'] }))).rejects.toThrow(
      /expected the name of a preset, found no-such/,
    );
    const points = options('points', { presets: ['bev-contrast-small'], settings: [] });
    await expect(runImageSystems(points)).rejects.toThrow(
      /learn from pictures alone, found bev-contrast-small/,
    );
  });

  it('goes seed by seed', () => {
    const cells = systemCells({ presets: ['byol-cifar', 'seed-cifar'], seeds: [3, 5] });
    expect(cells.map(cellName)).toEqual([
      'byol-cifar-seed3',
      'moco-v2-cifar-seed3',
      'seed-cifar-seed3',
      'byol-cifar-seed5',
      'moco-v2-cifar-seed5',
      'seed-cifar-seed5',
    ]);
  });
});

describe('the table of systems of pictures', () => {
  const encoder = applySettings(presetOf('byol-cifar')!, []).encoders.image!;
  const measures = (knn: number) => ({ knn, knnLeaveOneOut: knn + 1, linear: knn + 2 });
  const random = {
    ...measures(20),
    std: { knn: 0.3, knnLeaveOneOut: 0.4, linear: 0.5 },
    seeds: 3,
    effectiveRank: 90,
  };
  const result = (preset: string, seed: number, knn: number, first = false): SystemResult => ({
    preset,
    seed,
    seconds: 100,
    steps: 300,
    stepMs: 400 + seed,
    report: {
      ...measures(knn),
      standardError: { knn: 2, knnLeaveOneOut: 0.3, linear: 2 },
      randomEncoder: first ? random : null,
      rawPixels: first ? { ...measures(35), linear: null } : null,
      randomPatches: null,
      finetune: [{ fraction: 0.01, pretrained: knn, fromScratch: 10 }],
      effectiveRank: 50 + seed,
      largestRank: 128,
      collapse: 'none',
      collapseSentence: '',
      setting: {
        run: 'run',
        step: 300,
        data: 'data',
        encoder: 'image',
        classes: ['a', 'b'],
        training: 10,
        test: 5,
        k: 20,
        temperature: 0.07,
        metric: 'cosine',
      },
    },
  });
  const summary = summarizeImageSystems(
    [result('byol-cifar', 0, 30, true), result('byol-cifar', 1, 34), result('simclr-cifar', 0, 40)],
    () => encoder,
  );

  it('has means and deviations over seeds, beside the random encoders of its form', () => {
    const [byol, simclr] = summary.rows;
    expect(byol.mean).toEqual({ knn: 32, knnLeaveOneOut: 33, linear: 34 });
    expect(byol.std.knn).toBeCloseTo(Math.sqrt(8), 12);
    expect(byol.effectiveRank).toBe(50.5);
    expect(byol.stepMs).toBe(400);
    expect(byol.random).toBe(random);
    expect(simclr.random).toBe(random);
    // The lesser seed, 31, less 21, over the root of 0.3² + 0.4².
    expect(byol.leastAboveRandom).toBeCloseTo(20, 12);
    expect(byol.finetune).toEqual([{ fraction: 0.01, pretrained: 32, fromScratch: 10 }]);
  });

  it('is written in Markdown, a line a preset, a form of random encoders and a way without a network', () => {
    const lines = imageSystemsTable(summary).split('\n');
    expect(lines[0]).toContain('| fine-tuned, 1 % (from scratch) |');
    expect(lines.slice(2)).toEqual([
      '| `byol-cifar` | 32.0 ± 2.8 | 33.0 ± 2.8 | 34.0 ± 2.8 | 51 | 20.0 | 400 | 300 | 32.0 (10.0) |',
      '| `simclr-cifar` | 40.0 | 41.0 | 42.0 | 50 | 40.0 | 400 | 300 | 40.0 (10.0) |',
      '| random ResNet-18 | 20.0 ± 0.3 | 21.0 ± 0.4 | 22.0 ± 0.5 | 90 |  |  |  |  |',
      '| raw pixels | 35.0 | 36.0 |  |  |  |  |  |  |',
    ]);
  });

  it('is drawn as leave-one-out kNN', () => {
    expect(imageSystemsDots(summary)[1]).toEqual({
      name: 'simclr-cifar',
      value: 41,
      std: 0,
      beside: { value: 21, std: 0.4 },
    });
  });
});
