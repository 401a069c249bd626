import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { presetOf } from '../../src/training/presets.ts';
import { initialState, type PretrainOptions, pretrain } from '../../src/training/pretrain.ts';
import { latestCheckpoint, listCheckpoints, loadCheckpoint } from '../../src/training/run/checkpoint.ts';
import { DivergedError } from '../../src/training/run/divergence.ts';
import { readMetrics } from '../../src/training/run/run-folder.ts';
import {
  changed,
  type PartChanges,
  simipuOf,
  tinyRun,
  writeSyntheticKitti,
} from '../objectives/tiny-simipu.ts';
import { describeWithRealData } from '../real-data.ts';

const steps = 30;
// Five frames in batches of two: batches reach across epochs, and learning rates fall in between.
const run: RunConfig = tinyRun({ steps, checkpoint: { everySteps: 4, keep: 2 } });

let folder: string;
let data: string;
let serial = 0;
const fresh = () => join(folder, `run${serial++}`);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pretrain-'));
  data = join(folder, 'kitti');
  await writeSyntheticKitti(data, 5);
});

afterAll(() => rm(folder, { recursive: true }));

/** Runs, and keeps what is said. */
async function train(options: Partial<PretrainOptions> & { readonly stopAfter?: number } = {}) {
  const { stopAfter, ...rest } = options;
  const controller = new AbortController();
  const said: string[] = [];
  const out = options.out ?? fresh();
  const stream = {
    write: (text: string) => {
      said.push(text);
      if (stopAfter !== undefined && text.startsWith(`step ${stopAfter}/`)) controller.abort();
    },
  };
  const result = await pretrain({
    config: run,
    data: { root: data },
    stream,
    signal: controller.signal,
    ...rest,
    out,
  });
  return { out, result, said: said.join('') };
}

/** A copy of a run's folder, to be spoilt. */
async function copyOf(out: string): Promise<string> {
  const copy = fresh();
  await cp(out, copy, { recursive: true });
  return copy;
}

/** The content of every file under a folder. */
async function everythingIn(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.map((file) => [file, readFileSync(file).toString('base64')]));
}

/** What each step found, without what depends on the clock. */
async function courseOf(out: string) {
  const { lines } = await readMetrics(out);
  return lines.map(({ step, epoch, learningRate, loss, metric }) => ({
    step,
    epoch,
    learningRate,
    loss,
    metric,
  }));
}

const stateBytes = (out: string) =>
  readFileSync(join(out, 'checkpoints', String(steps).padStart(8, '0'), 'state.safetensors'));

async function faultOf(action: Promise<unknown>): Promise<string> {
  const error: unknown = await action.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).message;
}

describe('pretrain', () => {
  /** The run that nobody disturbs, which the others are held against. */
  let whole: Awaited<ReturnType<typeof train>>;
  let course: Awaited<ReturnType<typeof courseOf>>;

  beforeAll(async () => {
    whole = await train();
    course = await courseOf(whole.out);
  }, 60_000);

  async function expectWhole(out: string): Promise<void> {
    expect(await courseOf(out)).toEqual(course);
    expect(stateBytes(out).equals(stateBytes(whole.out))).toBe(true);
  }

  it('leaves a run folder with configuration, environment, metrics, events and the newest checkpoints', async () => {
    const { out, result, said } = whole;
    expect(result).toMatchObject({ step: steps, totalSteps: steps, interrupted: false, damagedFrames: 0 });
    const names = (await readdir(out)).map((name) => name.replace(/tfevents\..*/, 'tfevents'));
    expect(names.sort()).toEqual([
      'checkpoints',
      'config.json',
      'env.json',
      'events.out.tfevents',
      'metrics.jsonl',
    ]);
    const config = JSON.parse(await readFile(join(out, 'config.json'), 'utf8'));
    expect(config).toEqual({ ...run, data: { root: data, frames: 5 } });
    const entries = await listCheckpoints(out);
    expect(entries.map(({ step }) => step)).toEqual([28, 30]);
    expect(result.checkpoint).toBe(entries[1].folder);
    expect(said).toMatch(/^5 frames, 30 steps of 2; chance-level loss: 6\.356\n/);
    expect(said).toContain('step 30/30');
  });

  it('writes every step with its losses, and first what they are when nothing is learned', async () => {
    const { header, lines } = await readMetrics(whole.out);
    const chance = Math.log(2 * 12);
    expect(header?.chance).toEqual({ total: 2 * chance, intra: chance, cross: chance });
    expect(lines.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
    for (const { step, epoch, loss, learningRate, metric, profile, samplesPerSecond, time } of lines) {
      expect(epoch).toBeCloseTo((2 * step) / 5, 10);
      expect(loss.total! / (loss.intra! + loss.cross!)).toBeCloseTo(1, 5);
      const epochs = Math.floor((2 * (step - 1)) / 5);
      expect(learningRate!.points).toBeCloseTo(1e-3 * 0.99 ** epochs, 9);
      expect(learningRate!.image).toBeCloseTo(0.03 * 0.99 ** epochs, 8);
      expect(Object.keys(metric!).sort()).toEqual([
        'crossTop1',
        'crossTop5',
        'insideFraction',
        'intraTop1',
        'intraTop5',
        'matchDistanceM',
      ]);
      const stages = ['read', 'decode', 'augment', 'sample', 'match'].map((stage) => `${stage}Ms`);
      expect(Object.keys(profile!).sort()).toEqual(['computeMs', 'waitMs', ...stages].sort());
      for (const [name, ms] of Object.entries(profile!)) expect(ms, name).toBeGreaterThan(0);
      expect(samplesPerSecond).toBeGreaterThan(0);
      expect(time).toBeGreaterThan(0);
    }
  });

  it('learns: the losses fall', () => {
    const mean = (part: typeof course, term: string) =>
      part.reduce((sum, { loss }) => sum + loss[term]!, 0) / part.length;
    for (const term of ['intra', 'cross'])
      expect(mean(course.slice(-10), term), term).toBeLessThan(mean(course.slice(0, 5), term));
  });

  it('keeps both encoders, every head and all optimizers in a checkpoint', async () => {
    const { state, meta } = await loadCheckpoint(whole.result.checkpoint!, {
      expected: initialState(run, { frames: 5 }),
    });
    const branches = new Set(leavesOf(state).map(([path]) => path.split('/').slice(0, 2).join('/')));
    expect([...branches]).toEqual([
      ...['optimizer/heads', 'optimizer/image', 'optimizer/points'],
      ...['params/imageEncoder', 'params/pointEncoder', 'params/simipu'],
      ...['stats/imageEncoder', 'stats/pointEncoder', 'stats/simipu'],
    ]);
    expect(meta).toMatchObject({ step: steps, loader: { consumed: 2 * steps } });
    expect(new Map(leavesOf(state)).get('optimizer/points/step')!.data[0]).toBe(steps);
  });

  it('goes on after an interruption as if there had been none', async () => {
    const first = await train({ stopAfter: 9 });
    expect(first.result).toMatchObject({ step: 9, totalSteps: steps, interrupted: true });
    expect((await listCheckpoints(first.out)).map(({ step }) => step)).toEqual([8, 9]);
    const timeBefore = (await readMetrics(first.out)).lines[8].time!;
    const second = await train({ out: first.out, resume: true });
    expect(second.result).toMatchObject({ step: steps, interrupted: false });
    expect(second.said).toContain('going on after step 9');
    await expectWhole(first.out);
    const { lines } = await readMetrics(first.out);
    expect(lines[9].time).toBeGreaterThan(timeBefore);
    const events = (await readdir(first.out)).filter((name) => name.includes('tfevents'));
    expect(events).toHaveLength(2);
  });

  it('gives the same with worker threads', async () => {
    const threaded = { ...run, loader: { workers: 1, prefetch: 2 } };
    const first = await train({ config: threaded, stopAfter: 12 });
    expect(first.result).toMatchObject({ step: 12, interrupted: true });
    await train({ config: threaded, out: first.out, resume: true });
    await expectWhole(first.out);
  });

  it('goes on after its process was killed, with every step once and the losses it would have had', async () => {
    const out = fresh();
    const child = spawn(
      process.execPath,
      [
        ...['--import', 'tsx', fileURLToPath(new URL('./pretrain-child.ts', import.meta.url))],
        JSON.stringify({ config: run, data: { root: data }, out } satisfies PretrainOptions),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let complaints = '';
    child.stderr.on('data', (chunk) => {
      complaints += chunk;
    });
    const exited = once(child, 'exit');
    const linesNow = () =>
      existsSync(join(out, 'metrics.jsonl'))
        ? readFileSync(join(out, 'metrics.jsonl'), 'utf8').split('\n').length - 2
        : 0;
    while (linesNow() < 6 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill('SIGKILL');
    const [code, signal] = await exited;
    expect([code, signal], complaints).toEqual([null, 'SIGKILL']);
    const killedAt = (await readMetrics(out)).lines.length;
    expect(killedAt).toBeGreaterThanOrEqual(6);
    expect(killedAt).toBeLessThan(steps);
    const saved = (await latestCheckpoint(out))!.step;
    expect(saved % 4).toBe(0);
    // At most the steps since the last checkpoint are lost, and the one that was being written.
    expect(killedAt - saved).toBeLessThanOrEqual(4);
    // As if the kill had come in the middle of a line.
    const file = join(out, 'metrics.jsonl');
    await writeFile(file, `${await readFile(file, 'utf8')}{"step":${killedAt + 1},"lo`);
    const { result } = await train({ out, resume: true });
    expect(result).toMatchObject({ step: steps, interrupted: false });
    await expectWhole(out);
  });

  it('begins anew where no checkpoint was written before the kill, and goes on for longer when it is told to', async () => {
    const out = await copyOf(whole.out);
    await rm(join(out, 'checkpoints'), { recursive: true });
    await train({ out, resume: true, config: { ...run, steps: 6 } });
    expect(await courseOf(out)).toEqual(course.slice(0, 6));
    // Threads are no part of what is computed, and may change as well.
    const { result } = await train({
      out,
      resume: true,
      config: { ...run, loader: { workers: 1, prefetch: 1 } },
    });
    expect(result.step).toBe(steps);
    await expectWhole(out);
    const { result: nothing } = await train({ out, resume: true });
    expect(nothing).toMatchObject({ step: steps, interrupted: false, checkpoint: result.checkpoint });
    await expectWhole(out);
  });

  it('does not go on under another configuration, and says what differs', async () => {
    const out = await copyOf(whole.out);
    const other = changed(run, { simipu: { temperature: 0.1 } });
    expect(await faultOf(train({ out, resume: true, config: other }))).toMatch(
      /config\.json: objectives\.simipu\.temperature: expected 0\.07, as the run began with, found 0\.1/,
    );
    expect(await faultOf(train({ out, resume: true, data: { root: data, imageSet: 'train' } }))).toMatch(
      /config\.json: data\.imageSet/,
    );
    const more = fresh();
    await cp(data, more, { recursive: true });
    for (const part of ['velodyne/000004.bin', 'image_2/000004.png', 'calib/000004.txt']) {
      await rm(join(more, 'training', part), { force: true });
    }
    expect(await faultOf(train({ out, resume: true, data: { root: more } }))).toMatch(
      /config\.json: data\.frames: expected 5, as the run began with, found 4/,
    );
    // The configuration was edited: its checkpoint still knows.
    const file = join(out, 'config.json');
    const recorded = await readFile(file, 'utf8');
    await writeFile(file, recorded.replace('"temperature": 0.07', '"temperature": 0.1'));
    expect(await faultOf(train({ out, resume: true, config: other }))).toMatch(
      /state\.json: fingerprint: expected a checkpoint of configuration/,
    );
    const wider = changed(run, { simipu: { heads: { ...simipuOf(run).heads, intraPoints: [20, 8] } } });
    await writeFile(file, JSON.stringify({ ...wider, data: { root: data, frames: 5 } }));
    expect(await faultOf(train({ out, resume: true, config: wider }))).toMatch(
      /state\.safetensors: .*simipu\/intraPoints\/0\/linear\/bias: expected float32 \[20\], found float32 \[16\]/,
    );
    await writeFile(file, recorded);
    expect(await courseOf(out)).toEqual(course);
  });

  it('touches no folder that is taken, and resumes none that is no run', async () => {
    expect(await faultOf(train({ out: whole.out }))).toMatch(/expected a new or empty folder/);
    expect(await faultOf(train({ out: data, overwrite: true }))).toMatch(/nothing but the files of a run/);
    expect(await faultOf(train({ resume: true }))).toMatch(
      /config\.json: expected the configuration of the run to resume/,
    );
    // Overwritten by a run of another seed.
    const out = await copyOf(whole.out);
    await train({ out, overwrite: true, config: { ...run, seed: 1, steps: 1 } });
    const [first, ...more] = await courseOf(out);
    expect(more).toEqual([]);
    expect(first.loss).not.toEqual(course[0].loss);
    expect((await listCheckpoints(out)).map(({ step }) => step)).toEqual([1]);
  });

  it('warns of a loss that ends at the value it has when nothing is learned', async () => {
    const still = Object.fromEntries(
      Object.entries(run.optimizers).map(([name, optimizer]) => [name, { ...optimizer, learningRate: 0 }]),
    );
    const { result, said } = await train({
      config: { ...run, steps: 2, optimizers: still as RunConfig['optimizers'] },
    });
    expect(result.atChance).toEqual(['total', 'intra', 'cross']);
    // ln 24: batches of two with 12 places each.
    expect(said).toMatch(
      /warning: loss 'intra' ends at \d+\.\d+ \(the last step\): the chance level is 3\.178, and a loss has to end 0\.064 below it\n/,
    );
  });

  it('says of such a loss what was judged: the mean of the last tenth of its steps', async () => {
    const out = await copyOf(whole.out);
    const file = join(out, 'metrics.jsonl');
    const [header, ...lines] = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const last = [2.9, 3.4, 3.2];
    const changed = lines.map((line, i) => {
      const value = JSON.parse(line);
      if (i >= 27) value.loss.intra = last[i - 27];
      return JSON.stringify(value);
    });
    await writeFile(file, `${[header, ...changed].join('\n')}\n`);
    const { said, result } = await train({ out, resume: true });
    expect(result.atChance).toContain('intra');
    // (2.9 + 3.4 + 3.2) / 3 = 3.1667, within 2 % of 3.178.
    expect(said).toContain(
      "warning: loss 'intra' ends at 3.167 (the mean of the last 3 steps): the chance level is 3.178, and a loss has to end 0.064 below it\n",
    );
  });

  it('is never cut short of the steps that are done: nothing is touched', async () => {
    const out = await copyOf(whole.out);
    const before = await everythingIn(out);
    for (const shorter of [{ steps: 29 }, { steps: null, epochs: 1 }]) {
      expect(await faultOf(train({ out, resume: true, config: { ...run, ...shorter } }))).toBe(
        `${out}: expected a length of at least the 30 steps that are done, or another --out, found ${shorter.steps ?? 3} steps`,
      );
      expect(await everythingIn(out)).toEqual(before);
    }
    await rm(join(out, 'checkpoints', '00000030'), { recursive: true });
    const left = await everythingIn(out);
    // Of a run that is to be longer, as many steps as are done are nothing to do, and its plan stays.
    const { result, said } = await train({ out, resume: true, config: { ...run, steps: 28 } });
    expect(result).toMatchObject({ step: 28, totalSteps: 28, interrupted: false });
    expect(said).toContain(`nothing to do: all 28 steps are done; ${out} is left as it is`);
    expect(await everythingIn(out)).toEqual(left);
    const longer = await train({ out, resume: true, config: { ...run, steps: 29 } });
    expect(longer.said).toContain('goes on with another steps: 29, before 30\n');
    expect(JSON.parse(await readFile(join(out, 'config.json'), 'utf8')).steps).toBe(29);
  });
});

describe('a run that diverges', () => {
  const rate = (learningRate: number): RunConfig => ({
    ...run,
    checkpoint: { everySteps: 1, keep: 3 },
    optimizers: { ...run.optimizers, image: { ...run.optimizers.image!, learningRate } },
  });

  it('stops with the step and the term, and the last good checkpoint loads', async () => {
    const out = fresh();
    const config = rate(1e30);
    const error: unknown = await train({ out, config }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DivergedError);
    const { message } = error as DivergedError;
    const step = Number(
      /^loss 'cross' is (?:NaN|Infinity) at step (\d+): .*the last good checkpoint is (.*)\. A lower/.exec(
        message,
      )?.[1],
    );
    expect(step, message).toBeGreaterThan(1);
    expect((await courseOf(out)).map((line) => line.step)).toEqual(
      Array.from({ length: step - 1 }, (_, i) => i + 1),
    );
    const last = (await latestCheckpoint(out))!;
    expect(last.step).toBe(step - 1);
    expect(message).toContain(last.folder);
    const { state } = await loadCheckpoint(last.folder, { expected: initialState(config, { frames: 5 }) });
    for (const [path, { data }] of leavesOf(state))
      expect(Array.from(data).every(Number.isFinite), path).toBe(true);
  });

  it('saves no state that is not finite, though the loss still was', async () => {
    const out = fresh();
    const error: unknown = await train({ out, config: rate(1e39) }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DivergedError);
    expect((error as Error).message).toMatch(
      /^tensor '(params|optimizer)\/.*' holds -?(NaN|Infinity) after step 1: .*there is no checkpoint from before/,
    );
    expect(await listCheckpoints(out)).toEqual([]);
  });
});

describe('damaged frames', () => {
  let damaged: string;

  beforeAll(async () => {
    damaged = join(folder, 'damaged');
    await writeSyntheticKitti(damaged, 5);
    const sweep = join(damaged, 'training', 'velodyne', '000002.bin');
    await writeFile(sweep, (await readFile(sweep)).subarray(0, 1001));
  });

  const config = { ...run, steps: 10 };

  it('are left out, told once and counted, and leave the course of an interrupted run as it is', async () => {
    const { out: whole, result, said } = await train({ config, data: { root: damaged } });
    expect(result).toMatchObject({ step: 10, damagedFrames: 1 });
    const told = said.split('\n').filter((line) => line.includes('frame left out as damaged'));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/000002\.bin: byte 992, point 62: expected 16 bytes a point, found 9 bytes/);
    const { out } = await train({ config, data: { root: damaged }, stopAfter: 4 });
    expect((await courseOf(out)).length).toBe(4);
    await train({ config, data: { root: damaged }, out, resume: true });
    expect(await courseOf(out)).toEqual(await courseOf(whole));
  });

  it('end a strict run', async () => {
    expect(await faultOf(train({ config, data: { root: damaged, strict: true } }))).toMatch(
      /000002\.bin: byte 992/,
    );
  });

  it('are counted where they lack a file, and end a strict run', async () => {
    await rm(join(damaged, 'training', 'calib', '000004.txt'));
    const { said, result } = await train({ config, data: { root: damaged }, signal: AbortSignal.abort() });
    expect(said).toMatch(/^4 frames, 10 steps/);
    expect(said).toContain(`${damaged}: 1 incomplete left out, such as 000004 without calib/000004.txt\n`);
    expect(result).toMatchObject({ step: 0, interrupted: true, checkpoint: undefined });
    expect(await faultOf(train({ config, data: { root: damaged, strict: true } }))).toMatch(
      /1 incomplete, such as 000004 without calib\/000004\.txt/,
    );
  });

  it('are an error where nothing else is left', async () => {
    const range: PartChanges['input'] = { range: { min: [300, 0, 0], max: [301, 1, 1] } };
    const message = await faultOf(train({ config: changed(config, { input: range }) }));
    expect(message).toMatch(/all 5 damaged, the last because: frame 00000\d: points: expected some within/);
  });
});

describeWithRealData('pretrain on real frames', 'kitti-object', (root) => {
  it('runs the preset simipu-smoke', async () => {
    const config = { ...presetOf('simipu-smoke')!, steps: 3 };
    const { out, result } = await train({ config, data: { root } });
    expect(result).toMatchObject({ step: 3, damagedFrames: 0, interrupted: false });
    const { lines } = await readMetrics(out);
    expect(lines.map(({ step }) => step)).toEqual([1, 2, 3]);
    for (const { metric } of lines) {
      expect(metric!.insideFraction).toBe(1);
      expect(metric!.matchDistanceM).toBeLessThan(10);
    }
    expect(await latestCheckpoint(out)).toMatchObject({ step: 3 });
  });
});
