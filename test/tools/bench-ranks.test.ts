import { describe, expect, it } from 'vitest';
import { fitLatency, type MeasuredSum, sumMs } from '../../bench/latency-model.ts';
import { benchRanks, formatRanks } from '../../bench/ranks.ts';

describe('the model of a sum', () => {
  const model = { messageMs: 0.25, byteMs: 2e-6 };

  it('counts messages and bytes, of an array that goes whole and of one that is cut', () => {
    // To each of three others: one message with all bytes.
    expect(sumMs(model, { ranks: 4, bytes: 1000 })).toBeCloseTo(3 * 0.25 + 3 * 1000 * 2e-6, 12);
    // A slice to each of three others, and the sum of the own slice to each.
    expect(sumMs(model, { ranks: 4, bytes: 4_000_000 })).toBeCloseTo(6 * 0.25 + 6 * 1_000_000 * 2e-6, 9);
    expect(sumMs(model, { ranks: 1, bytes: 4_000_000 })).toBe(0);
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

it('the bench of ranks measures processes of this machine, and reckons up to 64 nodes', async () => {
  const source =
    'export const pause = async (ms) => ({ run: () => new Promise((done) => setTimeout(done, ms)), dispose: async () => {} })';
  const step = { module: `data:text/javascript,${encodeURIComponent(source)}`, export: 'pause', options: 20 };
  const options = { runs: 3, warmup: 1, transport: 'tcp', bucket: 1, gbit: 10, latencyUs: 50 } as const;
  const result = await benchRanks(
    { shape: 'a pause of 20 ms', step, gradients: 300_000 },
    { ...options, lengths: [16, 30_000], measuredRanks: [2] },
  );
  expect(result).toMatchObject({ gradientBytes: 1_200_000, buckets: 2 });
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
  for (const { where, computeMs, sumMs: sums, reckonedMs, measuredMs } of result.steps) {
    expect(computeMs).toBeGreaterThan(18);
    expect(reckonedMs).toBeCloseTo(computeMs + sums, 9);
    expect(measuredMs === undefined).toBe(where === 'network');
  }
  const text = formatRanks(result);
  expect(text).toMatch(
    /ranks +as +compute ms +sums ms \(reckoned\) +step ms \(reckoned\) +step ms \(measured\)/,
  );
  expect(text.split('\n').filter((line) => / nodes /.test(line))).toHaveLength(6);
});
