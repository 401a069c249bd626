import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClipState, clipOf, countInside, isInside, unclipped } from '../../src/viewer/clip.ts';

const limits = (some: Partial<ClipState>): ClipState => ({ ...unclipped, ...some });

describe('a clip', () => {
  it('is none without limits, and has those of the state otherwise', () => {
    expect(clipOf(unclipped)).toBeUndefined();
    expect(clipOf(limits({ near: 0 }))).toBeUndefined();
    expect(clipOf(limits({ near: 2, zMax: 1 }))).toEqual({
      ...{ nearM: 2, farM: Infinity },
      low: [-Infinity, -Infinity, -Infinity],
      high: [Infinity, Infinity, 1],
    });
  });

  it('is counted from the origin of the points, where ranges mean nothing', () => {
    const clip = clipOf(limits({ near: 2, far: 9, xMin: 500_001, xMax: 500_003 }), [500_000, 0, 0])!;
    expect(clip).toMatchObject({ nearM: 0, farM: Infinity });
    expect([clip.low[0], clip.high[0]]).toEqual([1, 3]);
    expect(clipOf(limits({ near: 2 }), [500_000, 0, 0])).toBeUndefined();
  });

  it('holds what is between its ends, the ends included', () => {
    const clip = clipOf(limits({ near: 1, far: 5, xMin: -4, yMax: 3 }))!;
    expect(isInside(clip, 3, 3, 0)).toBe(true);
    expect(isInside(clip, -4, 3, 0)).toBe(true);
    expect(isInside(clip, 0, 0, 5)).toBe(true);
    expect(isInside(clip, 0, 0, 1)).toBe(true);
    expect(isInside(clip, 0, 0, 0.99)).toBe(false);
    expect(isInside(clip, 0, 0, -5.01)).toBe(false);
    expect(isInside(clip, -4.01, 0, 0)).toBe(false);
    expect(isInside(clip, 0, 3.01, 0)).toBe(false);
    expect(isInside(clip, Number.NaN, 0, 2)).toBe(false);
  });

  it('counts as many rows as it holds', () => {
    const value = fc.oneof(fc.double({ min: -9, max: 9, noNaN: true }), fc.constant(Number.NaN));
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, value), { maxLength: 30 }), (rows) => {
        const clip = clipOf(limits({ near: 2, far: 11, xMin: -5, yMax: 6 }));
        const positions = Float32Array.from(rows.flat());
        const kept = rows.filter(
          (row) =>
            row.every((each) => !Number.isNaN(each)) &&
            row[0] >= -5 &&
            row[1] <= 6 &&
            Math.hypot(...row.map(Math.fround)) >= 2 &&
            Math.hypot(...row.map(Math.fround)) <= 11,
        );
        expect(countInside(positions, rows.length, clip)).toBe(kept.length);
        const placed = rows.filter((row) => row.every((each) => !Number.isNaN(each)));
        expect(countInside(positions, rows.length, undefined)).toBe(placed.length);
      }),
    );
  });
});
