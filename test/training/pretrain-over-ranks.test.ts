import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { alone, inMemoryRanks } from '../../src/engine/ranks/in-memory.ts';
import { encodePng } from '../../src/image/decode-image.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { type PretrainOptions, pretrain } from '../../src/training/pretrain.ts';
import { listCheckpoints } from '../../src/training/run/checkpoint.ts';
import { readMetrics } from '../../src/training/run/run-folder.ts';
import { batchNormOver } from '../../src/training/run-share.ts';
import { tinyImageRun, tinyView } from '../objectives/tiny-image-run.ts';
import { smoothPicture } from '../objectives/tiny-simipu.ts';

const sgd = { kind: 'sgd', momentum: 0.9, learningRate: 1e-3, weightDecay: 5e-4 } as const;
// Five pictures that can be read, in batches of four: batches reach across epochs.
const run: RunConfig = tinyImageRun(
  'moco-v2-cifar',
  { query: tinyView, key: tinyView, queue: 16 },
  { optimizers: { image: sgd, heads: sgd }, checkpoint: { everySteps: 2, keep: 2 } },
);

let folder: string;
let data: string;
let serial = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ranks-'));
  data = join(folder, 'pictures');
  await mkdir(data);
  for (let i = 0; i < 6; i++) {
    const picture = await encodePng(smoothPicture(Random.fromSeed(i), 24, 24));
    // One cannot be read: whichever process meets it, all of them go on with the next.
    await writeFile(join(data, `${i}.png`), i === 2 ? 'no picture' : picture);
  }
});

afterAll(() => rm(folder, { recursive: true }));

/** Trains over so many processes, and gives what each said and how it ended. */
async function over(size: number, options: Partial<PretrainOptions> & { readonly stopAfter?: number } = {}) {
  const { stopAfter, out = join(folder, `run${serial++}`), ...rest } = options;
  const controller = new AbortController();
  const processes = await Promise.all(
    inMemoryRanks(size).map(async (ranks) => {
      const said: string[] = [];
      const write = (text: string) => {
        said.push(text);
        if (stopAfter !== undefined && text.startsWith(`step ${stopAfter}/`)) controller.abort();
      };
      // Only the last process is told to stop.
      const signal = ranks.rank === size - 1 ? controller.signal : undefined;
      const how = { stream: { write }, signal, threads: 1, ranks };
      const result = await pretrain({ config: run, data: { root: data }, out, ...how, ...rest });
      return { result, said: said.join('') };
    }),
  );
  const { lines } = await readMetrics(out);
  return { out, processes, lines };
}

let whole: Awaited<ReturnType<typeof over>>;

function expectSameCourse({ lines }: Pick<typeof whole, 'lines'>): void {
  expect(lines.map(({ step, epoch }) => [step, epoch])).toEqual(
    whole.lines.map(({ step, epoch }) => [step, epoch]),
  );
  lines.forEach(({ loss, metric }, i) => {
    for (const [name, value] of Object.entries({ ...whole.lines[i].loss, ...whole.lines[i].metric }))
      expect({ ...loss, ...metric }[name], `${name} of step ${i + 1}`).toBeCloseTo(value!, 4);
  });
}

it('takes the same course in two processes, of which the first alone writes and speaks', async () => {
  whole = await over(1);
  const { out, processes, lines } = await over(2);
  expectSameCourse({ lines });
  expect(processes[0].said).toMatch(/2 processes, of 2 samples/);
  expect(processes[0].said.match(/left out as damaged/g)).toHaveLength(1);
  expect(processes[1].said).toBe('');
  expect(processes.map(({ result }) => result.damagedFrames)).toEqual([1, 1]);
  expect((await listCheckpoints(out)).map(({ step }) => step)).toEqual([2, 4]);
});

it('stops where any process is told to, and goes on in pieces of one process', async () => {
  const { out, processes } = await over(2, { stopAfter: 1 });
  expect(processes.map(({ result }) => [result.step, result.interrupted])).toEqual([
    [1, true],
    [1, true],
  ]);
  const rest = await over(1, { out, resume: true, microBatch: 1 });
  expect(rest.processes[0].said).toMatch(/4 pieces one after another, of 1 samples/);
  expectSameCourse(rest);
});

it('refuses what cannot be shared out, and says what to do with a system that does not say it can', async () => {
  const wrong: ReadonlyArray<readonly [Partial<PretrainOptions>, number, RegExp]> = [
    [{}, 3, /batchSize.*multiple of the 3 ranks.*4/],
    [{ microBatch: 3 }, 1, /--micro-batch.*divisor of the 4/],
    [{ microBatch: 2, device: 'eager' }, 1, /cpu/],
  ];
  for (const [options, size, message] of wrong) await expect(over(size, options)).rejects.toThrow(message);
  const [declares, silent] = [{ name: 'one', ranks: { batchNorm: 'rank' } } as const, { name: 'other' }];
  const scope = (ranks: number) =>
    batchNormOver({ communicator: alone, pieces: ranks, ranks }, [declares, silent]);
  expect(() => scope(2)).toThrow(
    /declare `ranks`.* or one process without --micro-batch.*found other, which declares none/,
  );
  expect(scope(1)).toBe('rank');
});
