import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initEncoders } from '../../../src/encoders/encoders.ts';
import { Random } from '../../../src/engine/random.ts';
import { leavesOf } from '../../../src/engine/tree.ts';
import { branchAt } from '../../../src/nn/layer.ts';
import { describeRun } from '../../../src/report/describe-run.ts';
import { adoptTeacher } from '../../../src/training/adopt-teacher.ts';
import { parseRunConfig } from '../../../src/training/config.ts';
import { exportEncoders } from '../../../src/training/export-encoders.ts';
import { presetOf } from '../../../src/training/presets.ts';
import { pretrain } from '../../../src/training/pretrain.ts';
import { initializeFrom } from '../../../src/training/pretrained.ts';
import { type ProbeOptions, probeRun } from '../../../src/training/probe/probe-run.ts';
import { latestCheckpoint } from '../../../src/training/run/checkpoint.ts';
import { loadEncoderRun } from '../../../src/training/run/encoder-run.ts';
import { loadRun } from '../../../src/training/run/model-state.ts';
import { readMetrics } from '../../../src/training/run/run-folder.ts';
import { readRunInfo } from '../../../src/viewer/server/run-info.ts';
import { removeFolders, temporaryFolder } from '../../datasets/tiny-sequences.ts';
import { writeClassPictures } from './class-pictures.ts';

const steps = 24;
/** Long enough to be killed on the way, behind a checkpoint: they come every 20 steps. */
const distilSteps = 100;
const stages = ['0.5-finetuned', '0.5-scratch', '0.5-distilled'];

let folder: string;
let data: string;
let run: string;

/** A run of SimCLR v2 on a vision transformer of one small block. */
async function pretrained(out: string, width: number): Promise<void> {
  const preset = presetOf('simclr-v2-cifar')!;
  const { input, batchNorm } = preset.encoders.image!;
  const vit = { kind: 'vit', width, depth: 1, heads: 2, patch: 8, positions: 'learned', batchNorm, input };
  const config = parseRunConfig(
    { ...preset, encoders: { image: vit }, batchSize: 8, steps: 1, loader: { workers: 0, prefetch: 1 } },
    { file: 'tiny run' },
  );
  await pretrain({ config, data: { root: data, imageSet: 'train' }, out, stream: { write: () => {} } });
}

/** The options of a probe with all stages, plain data apart from the run. */
const given = (keep: string | undefined): Omit<ProbeOptions, 'run' | 'say'> => ({
  ...{ folder: run, data, keep, k: 3, temperature: 0.07, randomSeeds: 0, patches: false },
  ...{
    finetune: [0.5],
    finetuneSteps: steps,
    finetuneLayer: 1,
    distil: { steps: distilSteps, temperature: 2 },
  },
});

async function probe(keep: string | undefined, changes: Partial<ProbeOptions> & { stopAt?: string } = {}) {
  const { stopAt, ...rest } = changes;
  const controller = new AbortController();
  const written: string[] = [];
  const write = (text: string) => {
    written.push(text);
    if (stopAt !== undefined && text.startsWith(stopAt)) controller.abort(new Error('stopped'));
  };
  const options = { ...given(keep), stream: { write }, signal: controller.signal, say: () => {} };
  const { finetune } = await probeRun({ ...options, run: await loadEncoderRun(run), ...rest });
  return { finetune, written: written.join('') };
}

const courseOf = async (out: string) =>
  (await readMetrics(out)).lines.map(({ step, epoch, learningRate, loss }) => ({
    step,
    epoch,
    learningRate,
    loss,
  }));
const stateOf = async (out: string) =>
  readFile(join((await latestCheckpoint(out))!.folder, 'state.safetensors'));
const linesIn = (out: string) =>
  existsSync(join(out, 'metrics.jsonl'))
    ? readFileSync(join(out, 'metrics.jsonl'), 'utf8').split('\n').length - 2
    : 0;

let whole: string;
let finetune: Awaited<ReturnType<typeof probe>>['finetune'];

beforeAll(async () => {
  folder = temporaryFolder();
  [data, run, whole] = ['pictures', 'run', 'whole'].map((name) => join(folder, name));
  await writeClassPictures(join(data, 'train'), { count: 10, seed: 1 });
  await writeClassPictures(join(data, 'test'), { count: 10, seed: 2 });
  await pretrained(run, 16);
  ({ finetune } = await probe(whole));
}, 120_000);
afterAll(removeFolders);

async function expectWhole(keep: string): Promise<void> {
  for (const stage of stages) {
    const [found, expected] = [join(keep, stage), join(whole, stage)];
    expect(await courseOf(found), stage).toEqual(await courseOf(expected));
    expect((await stateOf(found)).equals(await stateOf(expected)), stage).toBe(true);
  }
}

describe('stages that are kept', { timeout: 120_000 }, () => {
  it('are a run each, with the same right answers as those that are not', async () => {
    expect((await courseOf(join(whole, stages[0]))).map(({ step }) => step)).toHaveLength(steps);
    expect((await probe(undefined)).finetune).toEqual(finetune);
    expect(finetune).toMatchObject([{ fraction: 0.5, layer: 1, distilled: expect.any(Number) }]);
    const losses = (await courseOf(join(whole, stages[0]))).map(({ loss }) => loss.total);
    expect(losses.at(-1)).not.toBe(losses[0]);
  });

  it('go on after being stopped in the second stage and killed in the third, bit for bit', async () => {
    const keep = join(folder, 'parts');
    await expect(probe(keep, { stopAt: `step 9/${steps}` })).rejects.toThrow('stopped');
    expect(existsSync(join(keep, stages[1]))).toBe(false);
    const stoppedAt = (await latestCheckpoint(join(keep, stages[0])))!.step;
    expect(stoppedAt).toBeGreaterThanOrEqual(9);
    expect(stoppedAt).toBeLessThan(steps);

    const child = spawn(
      process.execPath,
      [
        ...['--import', 'tsx', fileURLToPath(new URL('./probe-child.ts', import.meta.url))],
        JSON.stringify(given(keep)),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let complaints = '';
    child.stderr.on('data', (chunk) => {
      complaints += chunk;
    });
    const exited = once(child, 'exit');
    const last = join(keep, stages[2]);
    while (linesIn(last) < 22 && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 1));
    child.kill('SIGKILL');
    expect(await exited, complaints).toEqual([null, 'SIGKILL']);
    const saved = (await latestCheckpoint(last))!.step;
    expect(saved).toBeGreaterThanOrEqual(20);
    expect(saved).toBeLessThan(distilSteps);

    const before = await stateOf(join(keep, stages[0]));
    const { finetune: found, written } = await probe(keep);
    expect(found).toEqual(finetune);
    await expectWhole(keep);
    expect((await stateOf(join(keep, stages[0]))).equals(before)).toBe(true);
    expect(written).toContain(`nothing to do: all ${steps} steps are done; ${join(keep, stages[0])}`);
    expect(written).toContain(`going on after step ${saved}\n`);

    // All done: nothing is trained again, and the answers are the same.
    const again = await probe(keep);
    expect(again.finetune).toEqual(finetune);
    expect(again.written.match(/nothing to do/g)).toHaveLength(3);
  });

  it('begin anew where a process was killed before a run had its configuration', async () => {
    const keep = join(folder, 'early');
    await cp(whole, keep, { recursive: true });
    const early = join(folder, 'early', stages[2]);
    await rm(early, { recursive: true });
    await mkdir(early);
    await writeFile(join(early, 'env.json'), '{}');
    expect((await probe(keep)).finetune).toEqual(finetune);
    await expectWhole(keep);
  });

  it('refuse other settings and other weights, with nothing touched', async () => {
    await expect(probe(whole, { finetuneSteps: steps + 1 })).rejects.toThrow(
      /config\.json: steps: expected 24, as the run began with, found 25/,
    );
    await expect(probe(whole, { finetuneLayer: 0 })).rejects.toThrow(
      /classifier\.layers: expected 1, as the run began with, found 0/,
    );
    const other = await loadEncoderRun(run);
    const { params, stats } = initEncoders(Random.fromSeed('other'), other.config.encoders);
    const [theirs, ownStats] = ['params', 'stats'].map((part) => branchAt(other.state, part));
    const state = { ...other.state, params: { ...theirs, ...params }, stats: { ...ownStats, ...stats } };
    await expect(probe(whole, { run: { ...other, state } })).rejects.toThrow(
      /begins: expected ".*", as the run/,
    );
    await expect(probe(whole, { distil: { steps: distilSteps, temperature: 1 } })).rejects.toThrow(
      /classifier\.temperature: expected 2/,
    );
    await expectWhole(whole);
  });

  it('have an encoder that is probed, exported, taught from and begun with as any other', async () => {
    const kept = join(whole, stages[0]);
    const loaded = await loadEncoderRun(kept);
    expect(loaded.step).toBe(steps);
    const report = await probeRun({
      ...given(undefined),
      ...{ run: loaded, folder: kept, finetune: [], say: () => {} },
    });
    expect(report.setting.step).toBe(steps);
    const files = await exportEncoders(loaded, join(folder, 'out'), { batch: 1 });
    expect(files.map((file) => file.slice(folder.length + 5))).toEqual([
      'image-encoder.onnx',
      'encoders.json',
    ]);
    const encoder = branchAt(branchAt(loaded.state, 'params'), 'imageEncoder');
    const model = initEncoders(Random.fromSeed(9), loaded.config.encoders);
    const begun = await initializeFrom(model, kept);
    const values = new Map(leavesOf(encoder).map(([path, { data }]) => [path, Buffer.from(data.buffer)]));
    for (const [path, leaf] of leavesOf(branchAt(begun.model.params, 'imageEncoder')))
      expect(values.get(path)?.equals(Buffer.from(leaf.data.buffer)), path).toBe(true);
    const { teacher } = await adoptTeacher(presetOf('seed-cifar')!, kept);
    expect(teacher.step).toBe(steps);
    await expect(loadRun(kept)).rejects.toThrow("expected a pretraining run, found a classifier's run");
    const words = await describeRun(join(whole, stages[2]));
    expect(words).toContain('what was fine-tuned on a share of 0.5 of the labels, without labels');
    expect(words).toContain(`began with the encoders of ${run} (step 1)`);
    expect(await readRunInfo(kept)).toMatchObject({
      ...{ objective: 'classifier', totalSteps: steps, problem: undefined },
    });
    // Its head is gone, so none of its layers can be kept.
    await expect(probe(undefined, { run: loaded, folder: kept })).rejects.toThrow(
      'expected a system whose projection head can be kept, such as simclr, found a share of 0.5 of the labels',
    );
  });

  it('teach a student of another size, which has to see the same pictures', async () => {
    const small = join(folder, 'small');
    await pretrained(small, 8);
    const student = { run: await loadEncoderRun(small), folder: small };
    const keep = join(folder, 'students');
    for (const stage of stages.slice(0, 2))
      await cp(join(whole, stage), join(keep, stage), { recursive: true });
    const { finetune: found } = await probe(keep, {
      distil: { steps: distilSteps, temperature: 2, student },
    });
    expect(found[0].pretrained).toBe(finetune[0].pretrained);
    const { config, state } = await loadEncoderRun(join(keep, stages[2]));
    expect(config.encoders).toEqual(student.run.config.encoders);
    expect(branchAt(branchAt(state, 'params'), 'head').weight).toMatchObject({ shape: [8, 2] });
    const { config: theirs } = student.run;
    const wider = { ...theirs.encoders.image!, input: { ...theirs.encoders.image!.input, width: 64 } };
    const other = { ...student, run: { ...student.run, config: { ...theirs, encoders: { image: wider } } } };
    await expect(
      probe(undefined, { distil: { steps: distilSteps, temperature: 2, student: other } }),
    ).rejects.toThrow(
      'expected an image encoder of pictures of 32 x 32, imagenet-rgb, as its teacher sees them, found pictures of 64 x 32, imagenet-rgb',
    );
  });
});
