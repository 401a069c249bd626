import {
  appendFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PretrainOptions, pretrain } from '../../../src/training/pretrain.ts';
import { listCheckpoints } from '../../../src/training/run/checkpoint.ts';
import { readMetrics } from '../../../src/training/run/run-folder.ts';
import type { MetricsPoint, MetricsTail } from '../../../src/viewer/protocol.ts';
import { RunTail } from '../../../src/viewer/server/run-tail.ts';
import { tinyRun, writeSyntheticKitti } from '../../objectives/tiny-simipu.ts';

let folder: string;
let serial = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-tail-'));
});

afterAll(() => rm(folder, { recursive: true }));

/** A reader as the page is one: it keeps what it was told and asks for the rest. */
class Reader {
  lines: MetricsPoint[] = [];
  offset = 0;
  restarts = 0;
  private readonly tail: RunTail;

  constructor(tail: RunTail) {
    this.tail = tail;
  }

  async read(): Promise<MetricsTail> {
    const answer = await this.tail.metrics(this.offset);
    if (answer.restarted) {
      this.lines = [];
      this.restarts++;
    }
    this.lines.push(...answer.lines);
    this.offset = answer.offset;
    return answer;
  }

  /** Reads until nothing comes any more. */
  async readAll(): Promise<void> {
    while ((await this.read()).lines.length > 0);
  }

  get steps(): number[] {
    return this.lines.map(({ step }) => step);
  }
}

const HEADER = `${JSON.stringify({ kind: 'header', chance: { total: 4 }, terms: {} })}\n`;

function lineOf(step: number, time = step / 2): string {
  return `${JSON.stringify({ step, time, samplesPerSecond: 8, loss: { total: 4 - step / 100 } })}\n`;
}

const linesOf = (from: number, to: number, time?: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => lineOf(from + i, time)).join('');

const stepsFrom = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A run's folder with these metrics. */
async function runOf(content?: string) {
  const path = join(folder, `made${serial++}`);
  await mkdir(path);
  const file = join(path, 'metrics.jsonl');
  if (content !== undefined) await writeFile(file, content);
  const tail = new RunTail(path);
  return { path, file, tail, reader: new Reader(tail) };
}

/** Puts other content in a file's place, as a run that is taken up again does. */
async function replace(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

describe('the metrics of a real run', () => {
  const steps = 20;
  const config = tinyRun({ steps, checkpoint: { everySteps: 4, keep: 3 } });
  let data: string;

  beforeAll(async () => {
    data = join(folder, 'kitti');
    await writeSyntheticKitti(data, 5);
  });

  const train = (out: string, options: Partial<PretrainOptions> & { readonly stopAfter?: number } = {}) => {
    const { stopAfter, ...rest } = options;
    const controller = new AbortController();
    const write = (text: string) => {
      if (stopAfter !== undefined && text.startsWith(`step ${stopAfter}/`)) controller.abort();
    };
    const { signal } = controller;
    return pretrain({ config, data: { root: data }, out, stream: { write }, signal, ...rest });
  };

  it('arrive in order, none twice and none missing, while it trains and after it was taken up again', async () => {
    const out = join(folder, 'trained');
    const tail = new RunTail(out);
    const [early, late] = [new Reader(tail), new Reader(tail)];
    let running = true;
    const trained = train(out, { stopAfter: 10 }).finally(() => {
      running = false;
    });
    while (running) {
      await early.read();
      expect(early.steps).toEqual(stepsFrom(1, early.lines.length));
    }
    await trained;
    await early.readAll();
    expect(early.steps).toEqual(stepsFrom(1, 10));
    expect(early.restarts).toBe(0);
    await late.readAll();
    expect(late.lines).toEqual(early.lines);

    // As if it had been killed before it wrote the last checkpoint: steps 9 and 10 are done anew.
    const [, last] = (await listCheckpoints(out)).slice(-2);
    expect(last.step).toBe(10);
    await rm(last.folder, { recursive: true });
    running = true;
    const again = train(out, { resume: true }).finally(() => {
      running = false;
    });
    while (running) {
      await early.read();
      expect(early.steps).toEqual(stepsFrom(1, early.lines.length));
    }
    await again;
    await early.readAll();
    await late.readAll();
    expect(early.restarts).toBe(1);
    expect(late.restarts).toBe(1);
    expect(late.lines).toEqual(early.lines);

    const { lines, header } = await readMetrics(out);
    expect(early.lines).toHaveLength(steps);
    for (const [
      i,
      { step, time, samplesPerSecond, loss, metric, learningRate, profile },
    ] of lines.entries()) {
      const point = early.lines[i];
      expect(point).toMatchObject({ step, time, samplesPerSecond });
      const names = { loss, metric, learningRate, profile };
      const count = Object.values(names).flatMap((group) => Object.keys(group!)).length;
      expect(Object.keys(point.values)).toHaveLength(count);
      expect(point.values['loss/intra']).toBe(loss.intra);
      expect(point.values['metric/crossTop1']).toBe(metric!.crossTop1);
      expect(point.values['learningRate/heads']).toBe(learningRate!.heads);
      expect(point.values['profile/computeMs']).toBe(profile!.computeMs);
    }
    expect((await early.read()).chance).toEqual(header!.chance);

    expect(await tail.info()).toEqual({
      name: 'trained',
      objective: 'simipu',
      learns: 'encoders',
      config: JSON.parse(await readFile(join(out, 'config.json'), 'utf8')),
      totalSteps: steps,
      imageSet: undefined,
      checkpoints: [12, 16, 20],
      problem: undefined,
    });
  });
});

describe('metrics', () => {
  it('are none and no problem where no step is done yet', async () => {
    const { file, reader } = await runOf();
    const none = { offset: 0, restarted: false, chance: undefined, lines: [], problem: undefined };
    expect(await reader.read()).toEqual(none);
    await writeFile(file, '');
    expect(await reader.read()).toEqual(none);
    await writeFile(file, HEADER);
    expect(await reader.read()).toEqual({ ...none, offset: HEADER.length, chance: { total: 4 } });
    await appendFile(file, lineOf(1));
    expect((await reader.read()).lines).toEqual([
      { step: 1, time: 0.5, samplesPerSecond: 8, values: { 'loss/total': 3.99 } },
    ]);
  });

  it('tell nothing of a line until all of it is written', async () => {
    const { file, reader } = await runOf(HEADER + lineOf(1));
    await reader.readAll();
    const { offset } = reader;
    const line = lineOf(2);
    for (const letter of line.slice(0, -1)) {
      await appendFile(file, letter);
      expect(await reader.read()).toMatchObject({ offset, restarted: false, lines: [], problem: undefined });
    }
    await appendFile(file, '\n');
    await reader.read();
    expect(reader.steps).toEqual([1, 2]);
    expect(reader.offset).toBe(offset + line.length);
  });

  it('hold null for what was not finite', async () => {
    const { reader } = await runOf('{"step":1,"samplesPerSecond":null,"loss":{"total":null}}\n');
    await reader.read();
    expect(reader.lines).toEqual([
      { step: 1, time: undefined, samplesPerSecond: undefined, values: { 'loss/total': null } },
    ]);
  });

  it('come in pieces where they are many', async () => {
    const { path } = await runOf(HEADER + linesOf(1, 500));
    const reader = new Reader(new RunTail(path, { pieceBytes: 3000 }));
    const first = await reader.read();
    expect(first.lines.length).toBeGreaterThan(10);
    expect(first.lines.length).toBeLessThan(60);
    let answers = 1;
    while ((await reader.read()).lines.length > 0) answers++;
    expect(answers).toBeGreaterThan(8);
    expect(reader.steps).toEqual(stepsFrom(1, 500));
    expect(reader.restarts).toBe(0);
  });

  it('name a line that is longer than a piece', async () => {
    const { path } = await runOf(HEADER + lineOf(1) + 'x'.repeat(400));
    const reader = new Reader(new RunTail(path, { pieceBytes: 200 }));
    await reader.read();
    expect(reader.steps).toEqual([1]);
    expect((await reader.read()).problem?.message).toMatch(/^metrics\.jsonl: line 3: .* no end of the line$/);
  });

  it('name a damaged line by its number, after the good ones before it', async () => {
    const { file, reader } = await runOf(HEADER + linesOf(1, 3));
    await reader.readAll();
    await appendFile(file, `${linesOf(4, 5)}{"step":6,"lo\n${lineOf(7)}`);
    for (let time = 0; time < 2; time++) {
      const { problem, restarted } = await reader.read();
      expect(problem?.message).toMatch(/^metrics\.jsonl: line 7: expected a JSON object, found /);
      expect(restarted).toBe(false);
      expect(reader.steps).toEqual(stepsFrom(1, 5));
    }
    await writeFile(file, HEADER + linesOf(1, 7));
    expect((await reader.read()).problem).toBeUndefined();
    expect(reader.steps).toEqual(stepsFrom(1, 7));
    await appendFile(file, '{"step":8}\n');
    expect((await reader.read()).problem?.message).toMatch(
      /line 9: expected the metrics of a step, found loss: /,
    );
  });

  it.each([
    ['longer', 40],
    ['as long', 20],
    ['shorter', 12],
  ])('begin anew where the file was replaced by one that is %s', async (_, end) => {
    const { file, reader } = await runOf(HEADER + linesOf(1, 20));
    await reader.readAll();
    await replace(file, HEADER + linesOf(1, 8) + linesOf(9, end, 77));
    const answer = await reader.read();
    expect(answer.restarted).toBe(true);
    expect(answer.chance).toEqual({ total: 4 });
    expect(reader.steps).toEqual(stepsFrom(1, end));
    expect(reader.lines[8].time).toBe(77);
    expect((await reader.read()).restarted).toBe(false);
  });

  it('begin anew where the same file holds something else', async () => {
    const { file, reader } = await runOf(HEADER + linesOf(1, 20));
    await reader.readAll();
    const { ino } = await stat(file);
    await truncate(file, 0);
    await appendFile(file, HEADER + linesOf(1, 30, 78));
    expect((await stat(file)).ino).toBe(ino);
    expect((await reader.read()).restarted).toBe(true);
    expect(reader.steps).toEqual(stepsFrom(1, 30));
    await truncate(file, 500);
    expect((await reader.read()).restarted).toBe(true);
    expect(reader.lines.length).toBeLessThan(20);
  });

  it('begin anew for every reader, though another stands at the same byte of what took its place', async () => {
    const before = HEADER + linesOf(1, 20, 1.5);
    const after = HEADER + linesOf(1, 15, 1.5) + linesOf(16, 20, 2.5);
    expect(after.length).toBe(before.length);
    const { file, tail, reader } = await runOf(before);
    await reader.readAll();
    await replace(file, after);
    const other = new Reader(tail);
    await other.readAll();
    await reader.read();
    expect(reader.restarts).toBe(1);
    expect(reader.lines).toEqual(other.lines);
    await appendFile(file, lineOf(21));
    await Promise.all([reader.read(), other.read()]);
    expect([reader.steps, other.steps]).toEqual([stepsFrom(1, 21), stepsFrom(1, 21)]);
    expect([reader.restarts, other.restarts]).toEqual([1, 0]);
  });

  it('begin anew where the file is gone', async () => {
    const { file, reader } = await runOf(HEADER + linesOf(1, 20));
    await reader.readAll();
    await rm(file);
    expect(await reader.read()).toMatchObject({ offset: 0, restarted: true, problem: undefined });
    expect(reader.lines).toEqual([]);
  });

  it('begin anew for an offset that was never handed out', async () => {
    const { tail } = await runOf(HEADER + linesOf(1, 20));
    const whole = await tail.metrics(0);
    for (const offset of [1, 100, whole.offset - 1, 1e9, -5, 0.5, Number.NaN]) {
      expect(await tail.metrics(offset), String(offset)).toEqual({ ...whole, restarted: true });
    }
    expect((await tail.metrics(whole.offset)).restarted).toBe(false);
  });

  it('are a problem where they cannot be read', async () => {
    const { file, reader } = await runOf();
    await mkdir(file);
    const { problem, lines } = await reader.read();
    expect(problem?.message).toMatch(/EISDIR/);
    expect(lines).toEqual([]);
  });
});

describe('info', () => {
  const config = {
    objectives: { simipu: {} },
    steps: null,
    epochs: 3,
    batchSize: 4,
    data: { frames: 10, imageSet: 'train' },
  };

  it('counts the steps of epochs', async () => {
    const { path, tail } = await runOf();
    await writeFile(join(path, 'config.json'), JSON.stringify(config));
    expect(await tail.info()).toMatchObject({ totalSteps: 8, imageSet: 'train', config, problem: undefined });
    const { data: _, ...without } = config;
    await writeFile(join(path, 'config.json'), JSON.stringify(without));
    expect(await tail.info()).toMatchObject({
      totalSteps: undefined,
      imageSet: undefined,
      problem: undefined,
    });
    await writeFile(join(path, 'config.json'), JSON.stringify({ ...without, steps: 75 }));
    expect(await tail.info()).toMatchObject({ totalSteps: 75 });
  });

  it("tells a detector's run by its detector", async () => {
    const { path, tail } = await runOf();
    const { objectives: _, ...rest } = config;
    expect(await tail.info()).toMatchObject({ learns: 'encoders' });
    await writeFile(join(path, 'config.json'), JSON.stringify({ detector: 'point3d', ...rest }));
    expect(await tail.info()).toMatchObject({
      objective: 'point3d',
      learns: 'detector',
      totalSteps: 8,
      problem: undefined,
    });
  });

  it.each([
    ['is missing', undefined, /^config\.json: expected the configuration of a run, found nothing$/],
    ['is no JSON', '{"objective":', /^config\.json: expected the configuration of a run, found .*JSON/],
    ['is no configuration', '[1]', /^config\.json: expected the configuration of a run, found /],
    [
      'lacks its objective',
      '{"steps":3}',
      /^config\.json: objectives: expected the configuration of a run, /,
    ],
  ])('tells of a config.json that %s, and the rest all the same', async (_, content, message) => {
    const { path, tail } = await runOf();
    await mkdir(join(path, 'checkpoints', '00000075'), { recursive: true });
    await mkdir(join(path, 'checkpoints', '00000025'));
    if (content !== undefined) await writeFile(join(path, 'config.json'), content);
    const { problem, ...rest } = await tail.info();
    expect(problem?.message).toMatch(message);
    expect(rest).toMatchObject({ objective: 'unknown', totalSteps: undefined, checkpoints: [25, 75] });
  });
});
