import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import { probeReportSchema } from '../../../src/evaluation/probe-report.ts';
import { probeTable } from '../../../src/report/probe-table.ts';
import { applySettings } from '../../../src/training/config.ts';
import { presetOf } from '../../../src/training/presets.ts';
import { pretrain } from '../../../src/training/pretrain.ts';
import { type ProbeOptions, probeRun } from '../../../src/training/probe/probe-run.ts';
import { loadRun } from '../../../src/training/run/model-state.ts';
import { classes, writeClassPictures } from './class-pictures.ts';

let folder: string;
let data: string;
let run: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'probe-'));
  data = join(folder, 'pictures');
  run = join(folder, 'run');
  await writeClassPictures(join(data, 'train'), { count: 20, seed: 1 });
  await writeClassPictures(join(data, 'test'), { count: 10, seed: 2 });
  const config = applySettings(presetOf('moco-v2-cifar')!, [
    'encoders.image.width=4',
    'encoders.image.input={"width":32,"height":32,"colours":"imagenet-rgb"}',
    'batchSize=8',
    'objectives.moco.queue=16',
    'objectives.moco.dimensions=8',
    'steps=6',
  ]);
  const stream = { write: () => {} };
  await pretrain({ config, data: { root: data, imageSet: 'train' }, out: run, stream });
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

async function probe(changes: Partial<ProbeOptions> = {}) {
  const said: string[] = [];
  const report = await probeRun({
    run: await loadRun(run),
    folder: run,
    data,
    k: 5,
    temperature: 0.07,
    randomSeeds: 2,
    patches: false,
    finetune: [],
    finetuneSteps: 4,
    say: (line) => said.push(line),
    ...changes,
  });
  return { report, said: said.join('\n') };
}

describe('a probe', () => {
  it('measures a frozen encoder beside random ones and raw pixels', async () => {
    const { report } = await probe();
    expect(probeReportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
    expect(report.setting).toMatchObject({ training: 40, test: 20, classes: [...classes], k: 5, step: 6 });
    // Twenty test pictures and forty training pictures: shares of these.
    for (const measures of [report, report.rawPixels!]) {
      expect((measures.knn! * 20) / 100).toBeCloseTo(Math.round((measures.knn! * 20) / 100), 9);
      expect((measures.knnLeaveOneOut! * 40) / 100).toBeCloseTo(
        Math.round((measures.knnLeaveOneOut! * 40) / 100),
        9,
      );
    }
    // Stripes of one direction are alike whatever their colours, in a linear classifier even of few features.
    expect(report.linear).toBeGreaterThan(70);
    expect(report.randomEncoder).toMatchObject({ seeds: 2 });
    expect(report.randomEncoder!.std.knn).not.toBeNull();
    expect(report.effectiveRank).toBeGreaterThan(1);
    expect(report.effectiveRank).toBeLessThanOrEqual(report.largestRank);
    expect(probeTable(report)).toMatch(/pretrained.*\n.*random encoder.*\n.*raw pixels/);
  }, 60_000);

  it('keeps features, and gives the same from them as anew', async () => {
    const first = await probe({ randomSeeds: 1 });
    const kept = await readdir(join(run, 'features'));
    const again = await probe({ randomSeeds: 1 });
    expect(again.report).toEqual(first.report);
    expect(await readdir(join(run, 'features'))).toEqual(kept);
    await rm(join(run, 'features'), { recursive: true });
    expect((await probe({ randomSeeds: 1 })).report).toEqual(first.report);
    // Training and test features of the run and of a random encoder.
    expect(await readdir(join(run, 'features'))).toHaveLength(4);
  }, 60_000);

  it('trains the whole network on shares of the labels, from the run and from scratch', async () => {
    const { report } = await probe({ randomSeeds: 0, finetune: [0.1, 1], finetuneSteps: 2 });
    expect(report.randomEncoder).toBeNull();
    expect(report.finetune.map(({ fraction }) => fraction)).toEqual([0.1, 1]);
    for (const { pretrained, fromScratch } of report.finetune) {
      expect(pretrained).toBeGreaterThanOrEqual(0);
      expect(fromScratch).toBeLessThanOrEqual(100);
    }
  }, 60_000);

  it('computes features anew where a picture is another one under the same name', async () => {
    const changed = join(folder, 'changed');
    await writeClassPictures(changed, { count: 4, seed: 5 });
    const before = await probe({ data: changed, randomSeeds: 0 });
    const kept = (await readdir(join(run, 'features'))).length;
    await writeClassPictures(changed, { count: 4, seed: 6 });
    const after = await probe({ data: changed, randomSeeds: 0 });
    expect(after.report.effectiveRank).not.toBe(before.report.effectiveRank);
    expect(await readdir(join(run, 'features'))).toHaveLength(kept + 1);
  }, 60_000);

  it('measures leaving one out alone where there is no test split', async () => {
    const { report } = await probe({ data: join(data, 'train'), randomSeeds: 0 });
    expect(report).toMatchObject({ knn: null, linear: null });
    expect(report.knnLeaveOneOut).toBeGreaterThan(0);
  }, 60_000);

  it('leaves damaged pictures out and says which, or ends there', async () => {
    const spoilt = join(folder, 'spoilt');
    await writeClassPictures(spoilt, { count: 6, seed: 3 });
    await writeFile(join(spoilt, classes[1], '003.png'), 'no picture');
    const { report, said } = await probe({ data: spoilt, randomSeeds: 0 });
    expect(report.setting.training).toBe(11);
    expect(said).toMatch(/left out as damaged: .*down.003\.png/);
    await expect(probe({ data: spoilt, randomSeeds: 0, strict: true })).rejects.toThrow(/003\.png/);
  }, 60_000);

  it('says what is missing', async () => {
    const fault = async (changes: Partial<ProbeOptions>) => {
      const error = await probe(changes).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InputError);
      return (error as InputError).message;
    };
    expect(await fault({ data: join(data, 'train', classes[0]) })).toMatch(/a folder for each class/);
    expect(await fault({ data: join(data, 'train'), finetune: [1] })).toMatch(/to fine-tune.*no test split/);
    expect(await fault({ encoder: 'points' })).toMatch(/an encoder of points.*found image/);
  });
});
