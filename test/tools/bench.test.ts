import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alternate } from '../../bench/alternate.ts';
import { benchEngine } from '../../bench/engine.ts';
import { benchKittiEvaluation } from '../../bench/kitti-evaluation.ts';
import { benchLoader } from '../../bench/loader.ts';
import { benchMatching } from '../../bench/matching.ts';
import { advantage, quantile, type Row, rowOf } from '../../bench/measurement.ts';
import { peakMemoryAlone, peakMemoryMiB } from '../../bench/peak-memory.ts';
import { Peer } from '../../bench/peer.ts';
import { benchPoints } from '../../bench/points.ts';
import { benchPretrain } from '../../bench/pretrain.ts';
import { type BenchResult, formatResult, resultOf } from '../../bench/result.ts';
import { readRunProfiles } from '../../bench/trace.ts';
import { float32 } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { linearSumAssignment } from '../../src/matching/linear-sum-assignment.ts';
import { sinkhorn } from '../../src/matching/sinkhorn.ts';
import { ballQueries } from '../../src/pointcloud/ball-query.ts';
import { farthestPointSample } from '../../src/pointcloud/farthest-points.ts';
import { sampleLevels } from '../../src/pointcloud/sample-levels.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { presetOf } from '../../src/training/presets.ts';
import { drawPointPair } from '../../src/views/point-pair.ts';
import { tinyImageRun } from '../objectives/tiny-image-run.ts';
import { pairView, syntheticFrame, tinyRun, writeSyntheticKitti } from '../objectives/tiny-simipu.ts';
import { pointpair } from './command-folder.ts';

const few = { runs: 2, warmup: 1, threads: 1 } as const;
let folder = '';
let data = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointpair-bench-test-'));
  data = join(folder, 'kitti');
  await writeSyntheticKitti(data, 4);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A small run of a system of pictures, which loads them in this thread. */
function pictures(system: string): RunConfig {
  const changes = { batchSize: 2, loader: { workers: 0, prefetch: 1 } };
  const queue = system === 'swav' ? { queue: { size: 4, from: 0 } } : {};
  return tinyImageRun(`${system}-cifar`, queue, changes);
}

/** Checks what holds of every row, and gives the names of the rows. */
function checkedNames(rows: readonly Row[], by = 'pointpair'): string[] {
  for (const row of rows) {
    const [low, high] = row.quartiles;
    expect(low).toBeGreaterThanOrEqual(0);
    expect(row.median).toBeGreaterThanOrEqual(low);
    expect(high).toBeGreaterThanOrEqual(row.median);
    expect(Number.isFinite(high)).toBe(true);
    expect(row.runs).toBeGreaterThan(0);
  }
  return rows.filter((row) => row.by === by).map(({ name }) => name.trim());
}

const example = (by: string, unit: Row['unit'], values: readonly number[]) =>
  rowOf({ name: 'work', shape: '2 x 3', by, threads: 2, unit, warmup: 1 }, values);

describe('the statistics', () => {
  it('are the median and the quartiles, between two values by interpolation', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([5, 1, 2], 0.25)).toBe(1.5);
    expect(quantile([7], 0.75)).toBe(7);
    expect(() => quantile([], 0.5)).toThrow('at least one value');
    const row = example('pointpair', 'ms', [10, 30, 20, 50, 40]);
    expect(row).toMatchObject({ median: 30, quartiles: [20, 40], runs: 5, warmup: 1 });
  });

  it('compare so that more than 1 is better for us, whatever the unit', () => {
    const [one, two] = [[1], [2]].map((values) => (unit: Row['unit']) => example('x', unit, values));
    expect(advantage(one('ms'), two('ms'))).toBe(2);
    expect(advantage(one('MiB'), two('MiB'))).toBe(2);
    expect(advantage(one('samples/s'), two('samples/s'))).toBe(0.5);
  });

  it('put a ratio to each row of a peer, and none to a row without ours', () => {
    const rows = [example('pointpair', 'ms', [2]), example('PyTorch', 'ms', [3]), example('x', 'MiB', [1])];
    const result = resultOf(rows);
    expect(result.ratios).toEqual([{ name: 'work', shape: '2 x 3', by: 'PyTorch', ratio: 1.5 }]);
    expect(formatResult(result)).toContain('1.50  work, 2 x 3: PyTorch / pointpair');
  });
});

describe('alternate', () => {
  it('lets contestants take turns, and does not count the warm-up', async () => {
    const order: string[] = [];
    const contestant = (name: string) => async () => order.push(name);
    const times = await alternate([contestant('a'), contestant('b')], { runs: 2, warmup: 1, name: 'turns' });
    expect(order.join('')).toBe('ababab');
    expect(times).toEqual([
      [3, 5],
      [4, 6],
    ]);
  });
});

describe('a trace', () => {
  it('is taken apart run by run, the update apart', async () => {
    const traces = await mkdtemp(join(folder, 'trace-'));
    const event = (name: string, ts: number, dur: number) => ({ cat: 'Node', name, ts, dur });
    await writeFile(
      join(traces, 'step.json'),
      JSON.stringify([
        event('model_run', 0, 9000),
        event('Conv_1_kernel_time', 100, 4000),
        event('update/Mul_2_kernel_time', 5000, 3000),
        event('update/Mul_2_fence_after', 8000, 500),
        event('model_run', 10_000, 2000),
        event('Conv_1_kernel_time', 10_100, 1500),
      ]),
    );
    expect(await readRunProfiles(traces)).toEqual([
      { computeMs: 4, updateMs: 3, runMs: 9 },
      { computeMs: 1.5, updateMs: 0, runMs: 2 },
    ]);
  });

  it('that is not there is an error', async () => {
    const traces = await mkdtemp(join(folder, 'trace-'));
    await expect(readRunProfiles(traces)).rejects.toThrow('expected a trace of ONNX Runtime');
  });
});

describe('the peak of memory', () => {
  /** A step of a process of its own that does nothing but what is said here. */
  const step = (code: string, options?: unknown) => ({
    module: `data:text/javascript,export const prepare = async (options) => {${encodeURIComponent(code)}}`,
    export: 'prepare',
    options,
  });
  const idle = 'return { run: async () => {}, dispose: async () => {} };';

  it('is that of the process that runs the step, not of the one that asks', async () => {
    const large = Buffer.alloc(512 * 2 ** 20, 1);
    const alone = await peakMemoryAlone({ step: step(idle), runs: 1 });
    expect(alone).toBeGreaterThan(20);
    expect(alone).toBeLessThan(512);
    expect(peakMemoryMiB()).toBeGreaterThan(large.length / 2 ** 20);
  });

  it('counts what every run holds, and is that of the highest of them', async () => {
    const grow = `const held = []; return {
      run: async () => { held.push(Buffer.alloc(options.bytes, 1)); },
      dispose: async () => {},
    };`;
    const growing = step(grow, { bytes: 64 * 2 ** 20 });
    const [once, thrice] = [
      await peakMemoryAlone({ step: growing, runs: 1 }),
      await peakMemoryAlone({ step: growing, runs: 3 }),
    ];
    expect(thrice - once).toBeGreaterThan(96);
    expect(thrice - once).toBeLessThan(160);
  });

  it('is an error where that process ends before', async () => {
    const request = { step: step('process.exit(3);'), runs: 1 };
    await expect(peakMemoryAlone(request)).rejects.toThrow(
      'the process that measures the peak of memory ended',
    );
  });
});

describe('the benches', () => {
  it('engine', async () => {
    const rows = await benchEngine({ ...few, depth: 18, batch: 2, height: 32, width: 32, device: 'cpu' });
    expect(checkedNames(rows)).toEqual(['training step', 'peak memory', 'forward']);
    expect(rows[0]).toMatchObject({ shape: 'ResNet-18 2 x 3 x 32 x 32', unit: 'ms', runs: 2, threads: 1 });
    expect(rows[1].unit).toBe('MiB');
  });

  it('points', async () => {
    const config = { ...presetOf('simipu-smoke')!, batchSize: 2 };
    const sizes = { preset: 'smoke', config, cloud: 512, samples: 64, device: 'cpu' } as const;
    const names = checkedNames(await benchPoints({ ...few, ...sizes }));
    expect(names).toEqual(['training step', 'farthest points', 'ball query', 'nearest neighbours']);
  });

  it('loader', async () => {
    const rows = await benchLoader({
      ...few,
      preset: 'tiny',
      config: tinyRun(),
      data: { root: data },
      workers: [0],
    });
    expect(checkedNames(rows)).toEqual(['files to batches']);
    expect(rows[0]).toMatchObject({ unit: 'frames/s', shape: 'tiny, batch 2, 0 workers' });
  });

  it('evaluation', async () => {
    const rows = await benchKittiEvaluation({ ...few, frames: 20, labels: 6, detections: 10 });
    expect(checkedNames(rows)).toEqual(['evaluation']);
    expect(rows[0]).toMatchObject({ unit: 'ms', threads: 1, shape: '20 frames, 6 labels, 10 detections' });
  });

  it('pretrain, and where the time goes', async () => {
    const config = { ...tinyRun(), loader: { workers: 0, prefetch: 1 } };
    const options = { preset: 'tiny', config, data: { root: data }, steps: 3, device: 'cpu' } as const;
    const rows = await benchPretrain({ ...few, ...options, profile: true });
    const names = checkedNames(rows);
    expect(names[0]).toBe('pretraining');
    expect(names).toEqual(expect.arrayContaining(['wait', 'collate', 'step', 'compute', 'update']));
    expect(names).toEqual(expect.arrayContaining(['read', 'decode', 'augment', 'sample', 'match']));
    expect(names.slice(-3)).toEqual(['training step', 'peak memory', 'sample tables']);
    expect(rows.find(({ name }) => name === '  compute')!.median).toBeGreaterThan(0);
  });

  it('pretrain on pictures, which have no tables, with what an objective works out for each step', async () => {
    const options = { preset: 'tiny', config: pictures('dino'), data: { root: data }, steps: 2 } as const;
    const names = checkedNames(await benchPretrain({ ...few, ...options, device: 'cpu' }));
    expect(names).toEqual(['pretraining', 'training step', 'peak memory']);
  });

  it('pretrain makes the tables that its samples have', () => {
    const config = pairView(tinyRun());
    const { alpha } = drawPointPair(syntheticFrame('tables'), Random.fromSeed('tables'), config);
    expect(sampleLevels(alpha.points, config.pointEncoder).levels).toEqual(alpha.levels);
  });
});

describe('the command', () => {
  it('prints JSON with the machine and a row for each piece of work', async () => {
    const args = ['bench', 'matching', '--size', '32', '--runs', '3', '--warmup', '1', '--json'];
    const { code, stdout } = await pointpair(args);
    expect(code).toBe(0);
    const { machine, rows } = JSON.parse(stdout) as BenchResult;
    expect(machine).toMatchObject({ node: process.versions.node, cpu: expect.any(String) });
    expect(machine.onnxruntime).toMatch(/^\d+\.\d+/);
    expect(rows.map(({ name, shape }) => `${name}: ${shape}`)).toEqual([
      'assignment: 32 x 32, points',
      'sinkhorn: 32 x 32, points',
      'assignment: 32 x 32, uniform',
      'sinkhorn: 32 x 32, uniform',
    ]);
    for (const row of rows) expect(row).toMatchObject({ runs: 3, warmup: 1, threads: 1, unit: 'ms' });
  });

  it('tells how much memory many steps hold, and shows how far it is', async () => {
    const args = ['--steps', '20', '--batch', '2', '--height', '32', '--width', '32', '--json'];
    const { code, stdout, stderr } = await pointpair(['bench', 'memory', ...args]);
    expect(code).toBe(0);
    const { rows } = JSON.parse(stdout) as BenchResult;
    const resident = [5, 25, 50, 75, 100].map((share) => `resident memory after ${share} %`);
    expect(rows.map(({ name }) => name)).toEqual([
      ...resident,
      'memory growth from 5 % to 100 %',
      'peak memory',
    ]);
    for (const row of rows) {
      expect(row).toMatchObject({ shape: 'ResNet-18 2 x 3 x 32 x 32, 20 steps', unit: 'MiB', runs: 1 });
    }
    const mib = rows.map(({ median }) => median);
    expect(mib[5]).toBeCloseTo(mib[4] - mib[0], 6);
    // The parameters, their moments and the next ones of both, 44 MB each, are held in any case.
    expect(Math.min(...mib.slice(0, 5))).toBeGreaterThan(100);
    // The kernel counts the pages of a running process a few late.
    expect(mib[6]).toBeGreaterThan(Math.max(...mib.slice(0, 5)) - 4);
    expect(stderr).toMatch(/step 10\/20 .* left\n/);
    expect(stderr).toContain('step 20/20');
  });

  it.each([
    [['nosuch'], /bench: expected one of engine, memory, .*pretrain, viewer, found nosuch/],
    [['loader'], /options: expected --data <folder> .*'pointpair scenes .*, found none/],
    [['pretrain'], /options: expected --data <folder>/],
    [['matching', '--runs', '0'], /--runs: expected a positive integer.* found '0'/],
    [['matching', '--python', 'no-python'], /--python: no-python: expected a Python with .*ENOENT/],
    [['memory', '--batch', '1', '--height', '32', '--width', '32'], /--batch: expected 2 images or more/],
    [['points', '--preset', 'x'], /--preset: expected one of simipu-kitti, simipu-small/],
    [
      ['points', '--preset', 'moco-v2-cifar'],
      /--preset: expected a preset with a point encoder, such as simipu-small, found moco-v2-cifar/,
    ],
    [['points', '--cloud', '64', '--samples', '65'], /--samples: expected at most .* 64, found 65/],
  ])('%j is one line on stderr that says what is wanted', async (args, message) => {
    const { code, stdout, stderr } = await pointpair(['bench', ...args]);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([code, stdout]).toEqual([1, '']);
  });
});

/** A Python that has PyTorch and SciPy, if there is one. */
const python = ['python3', '/usr/bin/python3'].find((each) => {
  try {
    execFileSync(each, ['-c', 'import torch, scipy'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

describe.skipIf(python === undefined)('peers (need a Python with PyTorch and SciPy)', () => {
  const peerOptions = { ...few, runs: 1, python: { path: python!, malloc: 'same' } as const };

  it('train networks of the size of ours, in turns with us', async () => {
    const sizes = { depth: 18, batch: 2, height: 32, width: 32, device: 'cpu' } as const;
    const rows = await benchEngine({ ...peerOptions, ...sizes });
    const ours = checkedNames(rows);
    expect(checkedNames(rows, rows[1].by)).toEqual(ours);
    expect(rows[1].by).toMatch(/^PyTorch \d/);
    expect(resultOf(rows).ratios).toHaveLength(3);
  });

  it('learn what a configuration of SimIPU says', async () => {
    const options = { preset: 'tiny', config: tinyRun(), data: { root: data }, steps: 1 } as const;
    const rows = await benchPretrain({ ...peerOptions, ...options, device: 'cpu' });
    const theirs = rows.filter(({ by }) => by !== 'pointpair').map(({ name }) => name);
    expect(theirs).toEqual(['training step', 'peak memory', 'sample tables']);
  });

  it.each(['swav', 'dino'])('learn what a configuration of %s says', async (system) => {
    const options = { preset: 'tiny', config: pictures(system), data: { root: data }, steps: 1 } as const;
    const rows = await benchPretrain({ ...peerOptions, ...options, device: 'cpu' });
    const theirs = rows.filter(({ by }) => by !== 'pointpair').map(({ name }) => name);
    expect(theirs).toEqual(['training step', 'peak memory']);
  });

  it('are there for some objectives, and for others an error says which', async () => {
    const options = { preset: 'tiny', config: pictures('moco-v2'), data: { root: data }, steps: 1 } as const;
    const bench = benchPretrain({ ...peerOptions, ...options, device: 'cpu' });
    await expect(bench).rejects.toThrow(
      '--peer: expected an objective that bench/peers has a script for, simipu, swav, dino, alone, found moco',
    );
  });

  it('train a point encoder, and search as we do', async () => {
    const config = { ...presetOf('simipu-smoke')!, batchSize: 2 };
    const sizes = { preset: 'smoke', config, cloud: 256, samples: 32, device: 'cpu' } as const;
    const rows = await benchPoints({ ...peerOptions, ...sizes });
    expect(resultOf(rows).ratios.map(({ by }) => by)).toEqual([
      expect.stringMatching(/^PyTorch [^ ]+$/),
      expect.stringMatching(/^PyTorch .* \(all distances, argmax\)$/),
      expect.stringMatching(/^PyTorch .* \(cdist \+ topk\)$/),
      expect.stringMatching(/^SciPy .* \(cKDTree\)$/),
    ]);
  });

  it('come to our results', async () => {
    const size = 24;
    const random = Random.fromSeed('peer');
    const draw = (count: number) => Float32Array.from({ length: count }, () => random.uniform());
    const [cost, cloud] = [draw(size * size), draw(3 * 100)];
    const soft = { epsilon: 0.05, iterations: 50 };
    const points = float32(cloud, [100, 3]);
    const tensors = { cost: float32(cost, [size, size]), cloud: points, centers: points };
    const balls = { radii: [0.15, 0.3], neighbors: [4, 8] };
    const settings = { threads: 1, count: 8, ...soft, ...balls };
    const peer = await Peer.start({
      python: { path: python!, malloc: 'same' },
      script: 'data_side.py',
      settings,
      tensors,
    });
    const resultOfWork = async (work: string) => (await peer.ask(work)).result;
    try {
      const least = linearSumAssignment(cost, size, size).cost;
      expect(await resultOfWork('assignment')).toBeCloseTo(least, 6);
      expect(await resultOfWork('sinkhorn')).toBeCloseTo(sinkhorn(cost, size, size, soft).cost, 6);
      expect(await resultOfWork('farthest points')).toEqual([...farthestPointSample(cloud, 8)]);
      const scales = balls.radii.map((radiusM, i) => ({ radiusM, maxNeighbors: balls.neighbors[i] }));
      const tables = ballQueries(cloud, cloud, scales);
      const first = tables.map((table, i) => [...table.subarray(0, balls.neighbors[i])]);
      expect(await resultOfWork('ball query')).toEqual(first);
    } finally {
      peer.stop();
    }
  });

  it('tell of their own memory, not of ours', async () => {
    const large = Buffer.alloc(768 * 2 ** 20, 1);
    const peer = await Peer.start({
      python: { path: python!, malloc: 'same' },
      script: 'data_side.py',
      settings: { threads: 1 },
    });
    const mib = await peer.peakMemoryMiB().finally(() => peer.stop());
    expect(mib).toBeGreaterThan(50);
    expect(mib).toBeLessThan(large.length / 2 ** 20);
  });

  it('that end are an error', async () => {
    const peer = await Peer.start({
      python: { path: python!, malloc: 'same' },
      script: 'data_side.py',
      settings: { threads: 1 },
    });
    peer.stop();
    await expect(peer.ask('assignment')).rejects.toThrow("the peer ended without an answer to 'assignment'");
  });
});

it('the matching bench sizes its problems as it is told', async () => {
  const rows = await benchMatching({ ...few, size: 32 });
  expect(checkedNames(rows)).toEqual(['assignment', 'sinkhorn', 'assignment', 'sinkhorn']);
});
