import { describe, expect, it } from 'vitest';
import { fitLatency, type MeasuredSum, sumMs } from '../../bench/latency-model.ts';
import { benchRanks, formatRanks, pretrainingWork } from '../../bench/ranks.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { tinyImageRun, tinyView } from '../objectives/tiny-image-run.ts';
import { smallVit } from '../training/over-ranks.ts';

describe('the model of a sum', () => {
  const model = { messageMs: 0.25, byteMs: 2e-6 };

  it('counts messages and bytes, of an array that goes whole and of one that is cut', () => {
    // To each of three others: one message with all bytes.
    expect(sumMs(model, { ranks: 4, bytes: 1000 })).toBeCloseTo(3 * 0.25 + 3 * 1000 * 2e-6, 12);
    // A slice to each of three others, and the sum of the own slice to each.
    expect(sumMs(model, { ranks: 4, bytes: 4_000_000 })).toBeCloseTo(6 * 0.25 + 6 * 1_000_000 * 2e-6, 9);
    expect(sumMs(model, { ranks: 1, bytes: 4_000_000 })).toBe(0);
    // Gathered: to each of three others one message with the own part, however long.
    const gathered = sumMs(model, { ranks: 4, kind: 'gather', bytes: 4_000_000 });
    expect(gathered).toBeCloseTo(3 * 0.25 + 3 * 4_000_000 * 2e-6, 9);
  });

  it('adds the wire: two latencies and the bytes', () => {
    const network = { latencyMs: 0.5, gigabits: 8 };
    const wire =
      sumMs(model, { ranks: 4, bytes: 4_000_000 }, network) - sumMs(model, { ranks: 4, bytes: 4_000_000 });
    // Six megabytes at a gigabyte a second.
    expect(wire).toBeCloseTo(2 * 0.5 + 6, 9);
  });

  it('is found in times that follow it, and parts are not below zero', () => {
    const sums = [2, 4].flatMap((ranks) =>
      [1000, 200_000, 8_000_000].map(
        (bytes): MeasuredSum => ({ ranks, bytes, ms: sumMs(model, { ranks, bytes }) }),
      ),
    );
    const fitted = fitLatency(sums);
    expect(fitted.messageMs).toBeCloseTo(model.messageMs, 9);
    expect(fitted.byteMs).toBeCloseTo(model.byteMs, 12);
    // Times that grow faster than bytes would give messages that take less than no time.
    const steep = fitLatency(
      [100_000, 1_000_000].map((bytes) => ({ ranks: 2, bytes, ms: (bytes / 1e5) ** 2 })),
    );
    expect(steep.messageMs).toBe(0);
    expect(steep.byteMs).toBeGreaterThan(0);
    expect(() => fitLatency(sums.slice(1, 2))).toThrow('at least two');
  });
});

it('the bench of ranks measures the cut step in processes of this machine, and reckons up to 64 nodes', async () => {
  const run = tinyImageRun('simclr-cifar', { view: tinyView });
  const config = { ...run, encoders: { image: smallVit(16, 16) } } as unknown as RunConfig;
  const options = { runs: 2, warmup: 1, transport: 'tcp', gbit: 10, latencyUs: 50 } as const;
  const result = await benchRanks(pretrainingWork('tiny', { config, batch: 4, threads: 1 }), {
    ...options,
    lengths: [16, 30_000],
    measuredRanks: [2],
  });
  const { params } = createPretraining(config, 8).initialize(Random.fromSeed(0), { frames: 8 });
  const gradients = leavesOf(params).reduce((sum, [, { data }]) => sum + 4 * data.length, 0);
  expect(result.travels.bytes).toBeGreaterThan(gradients);
  // Two batch norms of the head and the rows to compare with, each forwards and backwards, and what travels at the end.
  expect(result.travels.count).toBeGreaterThanOrEqual(7);
  expect(result.sums.map(({ ranks, bytes }) => [ranks, bytes])).toEqual([
    [2, 64],
    [2, 120_000],
  ]);
  expect(result.sums.every(({ ms }) => ms > 0)).toBe(true);
  expect(result.steps.map(({ ranks, where }) => `${ranks} ${where}`)).toEqual([
    '1 here',
    '2 here',
    ...[2, 4, 8, 16, 32, 64].map((ranks) => `${ranks} network`),
  ]);
  for (const { where, ranks, computesMs, reckonedTalksMs, reckonedMs, measured } of result.steps) {
    expect(computesMs).toBeGreaterThan(0);
    expect(reckonedMs).toBeCloseTo(computesMs + reckonedTalksMs, 9);
    expect(measured === undefined).toBe(where === 'network');
    if (measured === undefined || ranks === 1) continue;
    expect(measured.talksMs).toBeGreaterThan(0);
    expect(measured.bothMs).toBeLessThanOrEqual(Math.min(measured.talksMs, computesMs));
    expect(measured.stepMs).toBeGreaterThan(0);
  }
  const text = formatRanks(result);
  expect(text).toMatch(
    /ranks +as +computes ms +talks ms +both ms +step ms +talks ms \(reckoned\) +step ms \(reckoned/,
  );
  expect(text.split('\n').filter((line) => / nodes /.test(line))).toHaveLength(6);
});

it('reckons nothing for nodes where processes of one host share memory', async () => {
  const run = tinyImageRun('simclr-cifar', { view: tinyView });
  const config = { ...run, encoders: { image: smallVit(16, 16) } } as unknown as RunConfig;
  const result = await benchRanks(pretrainingWork('tiny', { config, batch: 4, threads: 1 }), {
    ...{ runs: 1, warmup: 0, transport: 'memory', gbit: 10, latencyUs: 50 },
    ...{ lengths: [16, 30_000], measuredRanks: [2] },
  });
  expect(result.steps.map(({ ranks, where }) => `${ranks} ${where}`)).toEqual(['1 here', '2 here']);
  expect(formatRanks(result)).not.toMatch(/nodes/i);
});
