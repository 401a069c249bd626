import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { colourTable, cssGradient, mapNames } from '../../../../src/viewer/app/sweep/colour-maps.ts';
import {
  colourValues,
  heights,
  noValue,
  rangeOf,
  ranges,
} from '../../../../src/viewer/app/sweep/colouring.ts';

describe('rangeOf', () => {
  it('is the 2nd and the 98th percentile, whatever is beyond', () => {
    const values = Float32Array.from({ length: 1001 }, (_, i) => i / 10);
    expect(rangeOf(values)).toEqual({ low: 2, high: 98 });
    expect(rangeOf(values.toReversed())).toEqual({ low: 2, high: 98 });
    const outliers = values.slice();
    outliers.set([-1e9, 1e9, Number.NaN, Infinity], 500);
    const { low, high } = rangeOf(outliers);
    expect(low).toBeCloseTo(2, 0);
    expect(high).toBeCloseTo(98, 0);
  });

  it('is that of the others where there are few and one of them is far away', () => {
    expect(rangeOf([0, 1, 2, 3, 4, 5, 6, 7, 1e30])).toEqual({ low: 0, high: 7 });
    expect(rangeOf([-1e30, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1e30])).toEqual({ low: 0, high: 2 });
    expect(rangeOf([0, 0, 0, 0, 1])).toEqual({ low: 0, high: 1 });
  });

  it('is never empty', () => {
    expect(rangeOf([])).toEqual({ low: 0, high: 1 });
    expect(rangeOf([Number.NaN, Infinity])).toEqual({ low: 0, high: 1 });
    expect(rangeOf([7, 7, 7])).toEqual({ low: 6.5, high: 7.5 });
    const values = fc.array(fc.oneof(fc.double({ min: -1e6, max: 1e6 }), fc.constant(3)));
    fc.assert(
      fc.property(values, (some) => {
        const { low, high } = rangeOf(some);
        expect(low).toBeLessThan(high);
        const finite = some.filter(Number.isFinite);
        if (new Set(finite).size > 1 && high - low !== 1) {
          expect(low).toBeGreaterThanOrEqual(Math.min(...finite));
          expect(high).toBeLessThanOrEqual(Math.max(...finite));
        }
      }),
    );
  });

  it('is taken from an even sample of many', () => {
    const many = Float32Array.from({ length: 400_000 }, (_, i) => i);
    const { low, high } = rangeOf(many);
    expect(low / 400_000).toBeCloseTo(0.02, 3);
    expect(high / 400_000).toBeCloseTo(0.98, 3);
  });
});

describe('colourValues', () => {
  const coloured = (values: readonly number[], low: number, high: number, map = 'viridis') => {
    const into = new Uint8Array(4 * values.length).fill(1);
    colourValues(values, { low, high }, { map, into });
    return values.map((_, i) => [...into.subarray(4 * i, 4 * i + 4)]);
  };
  const level = (at: number, map = 'viridis') => [...colourTable(map).subarray(3 * at, 3 * at + 3), 255];

  it('goes from one end of the map to the other, and stays there', () => {
    expect(coloured([-5, 10, 15, 20, 99, Infinity, -Infinity], 10, 20)).toEqual(
      [0, 0, 128, 255, 255, 255, 0].map((at) => level(at)),
    );
    expect(coloured([0, 1], 1, 0)).toEqual([level(255), level(0)]);
    expect(coloured([4, 5, 6], 5, 5)).toEqual([level(0), level(0), level(255)]);
  });

  it('has a colour of its own for what has no value', () => {
    expect(coloured([Number.NaN, 0], 0, 1)).toEqual([[...noValue, 255], level(0)]);
  });

  it('knows its maps, and takes turbo for any other', () => {
    for (const name of mapNames) {
      const table = colourTable(name);
      expect(table).toHaveLength(768);
      expect(
        new Set(Array.from({ length: 256 }, (_, i) => table.subarray(3 * i, 3 * i + 3).join())).size,
      ).toBeGreaterThan(150);
      expect(colourTable(name)).toBe(table);
      expect(cssGradient(name)).toContain(`rgb(${table.subarray(0, 3).join(' ')})`);
    }
    for (const name of ['', 'jet', '__proto__', 'constructor', 'toString']) {
      expect(colourTable(name)).toBe(colourTable('turbo'));
      expect(cssGradient(name)).toBe(cssGradient('turbo'));
    }
  });
});

describe('heights and ranges', () => {
  it('are the third number and the distance of rows of three', () => {
    const positions = Float32Array.of(3, 4, 12, 0, 0, -2, Number.NaN, 0, 1);
    expect([...heights(positions)]).toEqual([12, -2, 1]);
    expect([...ranges(positions)]).toEqual([13, 2, Number.NaN]);
  });
});
