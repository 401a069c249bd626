import { describe, expect, it } from 'vitest';
import { Random } from '../../../../src/engine/random.ts';
import {
  decimated,
  lowerBound,
  nearestIndex,
  visibleIndices,
} from '../../../../src/viewer/app/run/decimation.ts';

describe('decimated', () => {
  const length = 100_000;
  const random = Random.fromSeed('curve');
  const x = Array.from({ length }, (_, i) => i + 1);
  const curves = [0, 1].map(() => Array.from({ length }, () => random.uniform(-1, 1)));
  curves[0][54_321] = 40;
  curves[1][77_777] = -40;
  curves[1][12_345] = Number.NaN;

  it('keeps few points, in order, with both ends, every peak and every gap', () => {
    const kept = decimated(x, curves, { from: 0, to: length, buckets: 300 });
    expect(kept.length).toBeLessThanOrEqual(300 * 7);
    expect(kept.length).toBeGreaterThan(600);
    expect(kept.every((index, i) => i === 0 || index > kept[i - 1])).toBe(true);
    for (const index of [0, 54_321, 77_777, 12_345, length - 1]) expect(kept).toContain(index);
  });

  it('has the lowest and the highest value of every column of pixels', () => {
    const kept = decimated(x, curves, { from: 10_000, to: 50_000, buckets: 100 });
    expect(kept[0]).toBe(10_000);
    expect(kept.at(-1)).toBe(49_999);
    const width = (x[49_999] - x[10_000]) / 100;
    for (let bucket = 0; bucket < 100; bucket++) {
      const isInside = (i: number) => Math.floor((x[i] - x[10_000]) / width) === bucket;
      const all = x.flatMap((_, i) => (i >= 10_000 && i < 50_000 && isInside(i) ? curves[0][i] : []));
      const some = kept.flatMap((i) => (isInside(i) ? curves[0][i] : []));
      expect(Math.max(...some)).toBe(Math.max(...all));
      expect(Math.min(...some)).toBe(Math.min(...all));
    }
  });

  it('keeps all where there is room for them', () => {
    expect(decimated(x, curves, { from: 5, to: 12, buckets: 300 })).toEqual([5, 6, 7, 8, 9, 10, 11]);
    expect(decimated([], [[]], { from: 0, to: 0, buckets: 300 })).toEqual([]);
  });

  it('manages steps of one and the same time', () => {
    const same = Array<number>(5000).fill(3);
    const values = same.map((_, i) => (i === 70 ? 9 : 1));
    expect(decimated(same, [values], { from: 0, to: 5000, buckets: 10 })).toEqual([0, 70, 4999]);
  });
});

describe('places on the x axis', () => {
  const x = [1, 2, 4, 8, 8, 9];

  it('finds the first that is not before a value', () => {
    expect([0, 1, 3, 8, 10].map((value) => lowerBound(x, value))).toEqual([0, 0, 2, 3, 6]);
  });

  it('finds the nearest', () => {
    expect([-5, 1.4, 3.1, 5, 7, 100].map((value) => nearestIndex(x, value))).toEqual([0, 0, 2, 2, 3, 5]);
    expect(nearestIndex([], 1)).toBe(-1);
  });

  it('takes one more on either side of what is seen', () => {
    expect(visibleIndices(x, [2, 8])).toEqual([0, 6]);
    expect(visibleIndices(x, [4, 4])).toEqual([1, 4]);
    expect(visibleIndices(x, [1, 9])).toEqual([0, 6]);
    expect(visibleIndices(x, [5, 7])).toEqual([2, 4]);
  });
});
