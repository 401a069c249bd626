import { describe, expect, it } from 'vitest';
import { SPANS, smoothed, spanFor } from '../../../../src/viewer/app/run/smoothing.ts';

describe('smoothed', () => {
  it('is the values themselves over a span of one step', () => {
    expect(smoothed([3, 1, 2], 1)).toEqual([3, 1, 2]);
  });

  it('begins at the first value, not at 0, and weighs the newest most', () => {
    // Weights 1/2: 8; (4 + 8/2) / (1 + 1/2); (0 + 4/2 + 8/4) / (1 + 1/2 + 1/4).
    const [first, second, third] = smoothed([8, 4, 0], 2);
    expect(first).toBe(8);
    expect(second).toBeCloseTo(16 / 3, 12);
    expect(third).toBeCloseTo(16 / 7, 12);
  });

  it('keeps what does not change, and comes to where values stay', () => {
    expect(smoothed(Array(1000).fill(6.93), 200).every((value) => Math.abs(value - 6.93) < 1e-9)).toBe(true);
    const step = smoothed([...Array(100).fill(1), ...Array(1000).fill(0)], 50);
    expect(step[149]).toBeGreaterThan(0.3);
    expect(step[1099]).toBeLessThan(1e-6);
  });

  it('passes over gaps and leaves them', () => {
    const values = smoothed([Number.NaN, 2, Number.NaN, 4], 2);
    expect(values.map(Number.isNaN)).toEqual([true, false, true, false]);
    expect(values[3]).toBe(smoothed([2, 4], 2)[1]);
  });
});

it('a span suits the length of a run', () => {
  expect([0, 75, 599, 600, 20_000, 1e7].map(spanFor)).toEqual([1, 1, 5, 10, 200, 2000]);
  expect([...SPANS].sort((a, b) => a - b)).toEqual(SPANS);
});
