import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { multiplierAt, progressOf, type Schedule } from '../../src/nn/schedules.ts';

describe('multiplierAt', () => {
  it('is 1 for a constant schedule', () => {
    expect([0, 3.5, 1e6].map((progress) => multiplierAt({ kind: 'constant' }, progress))).toEqual([1, 1, 1]);
  });

  it('falls at each milestone', () => {
    const schedule: Schedule = { kind: 'step', milestones: [2, 4], gamma: 0.5 };
    expect([0, 1.9, 2, 3, 4, 9].map((progress) => multiplierAt(schedule, progress))).toEqual([
      1, 1, 0.5, 0.5, 0.25, 0.25,
    ]);
  });

  it('falls by the same factor each unit', () => {
    const schedule: Schedule = { kind: 'exponential', gamma: 0.99 };
    expect(multiplierAt(schedule, 50)).toBeCloseTo(Math.exp(50 * Math.log(0.99)), 12);
  });

  it('follows half a cosine and stays at its end', () => {
    const schedule: Schedule = { kind: 'cosine', length: 8, end: 0.2 };
    const expected = [1, 0.2 + 0.8 * Math.cos(Math.PI / 8) ** 2, 0.6, 0.2, 0.2];
    [0, 2, 4, 8, 20].forEach((progress, i) => {
      expect(multiplierAt(schedule, progress)).toBeCloseTo(expected[i], 12);
    });
    expect(multiplierAt({ kind: 'cosine', length: 8 }, 8)).toBe(0);
  });

  it('rises in a line first, and counts from there', () => {
    const schedule: Schedule = { kind: 'exponential', gamma: 0.5, warmUp: { length: 4, start: 0.2 } };
    expect([0, 1, 2, 4, 5].map((p) => Math.round(multiplierAt(schedule, p) * 1e9) / 1e9)).toEqual([
      0.2, 0.4, 0.6, 1, 0.5,
    ]);
    expect(multiplierAt({ kind: 'constant', warmUp: { length: 10 } }, 0)).toBe(0);
  });

  it('stays between 0 and 1 whatever the progress', () => {
    const schedules: Schedule[] = [
      { kind: 'constant', warmUp: { length: 3 } },
      { kind: 'step', milestones: [5, 7], gamma: 0.1, warmUp: { length: 2, start: 0.5 } },
      { kind: 'exponential', gamma: 0.9 },
      { kind: 'cosine', length: 20, end: 0.01, warmUp: { length: 5 } },
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...schedules),
        fc.double({ min: 0, max: 1e4, noNaN: true }),
        (schedule, progress) => {
          const multiplier = multiplierAt(schedule, progress);
          expect(multiplier).toBeGreaterThanOrEqual(0);
          expect(multiplier).toBeLessThanOrEqual(1);
        },
      ),
    );
  });
});

describe('progressOf', () => {
  const done = { step: 30, epoch: 2.75, total: 120 };

  it('counts steps, whole epochs, or the share of the run', () => {
    expect(progressOf('step', done)).toBe(30);
    expect(progressOf('epoch', done)).toBe(2);
    expect(progressOf('run', done)).toBe(0.25);
  });

  it('makes one schedule fall once an epoch, and another one with every step', () => {
    const rates = (per: 'step' | 'epoch') =>
      [0, 1, 2, 3].map((step) =>
        multiplierAt(
          { kind: 'exponential', gamma: 0.5 },
          progressOf(per, { step, epoch: step / 2, total: 4 }),
        ),
      );
    expect(rates('epoch')).toEqual([1, 1, 0.5, 0.5]);
    expect(rates('step')).toEqual([1, 0.5, 0.25, 0.125]);
  });

  it('lets a cosine end with the run, however long it is', () => {
    for (const total of [10, 1000])
      expect(
        multiplierAt({ kind: 'cosine', length: 1 }, progressOf('run', { step: total / 2, epoch: 7, total })),
      ).toBeCloseTo(0.5, 12);
  });
});
