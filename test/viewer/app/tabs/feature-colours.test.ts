import { describe, expect, it } from 'vitest';
import {
  cellAt,
  likenessColours,
  type NearestPlaces,
  placeOfPoint,
  spreadColours,
  spreadValues,
} from '../../../../src/viewer/app/tabs/feature-colours.ts';
import { columnsOf, sweepToCome } from '../sweep/streamed-sweep.ts';

const COUNT = 65_538;
const BEYOND = [1, 2, 3] as const;

/** Point i of the file lies on place i % 3; every fifth is near none, every seventh between two. */
const places: NearestPlaces = (() => {
  const nearest = new Uint16Array(3 * COUNT).fill(65535);
  const weights = new Uint8Array(3 * COUNT);
  for (let i = 0; i < COUNT; i++) {
    if (i % 5 === 0) continue;
    nearest.set([i % 3, (i + 1) % 3, (i + 2) % 3], 3 * i);
    weights.set(i % 7 === 0 ? [155, 100, 0] : [255, 0, 0], 3 * i);
  }
  return { nearest, weights };
})();
const values = Float32Array.of(-1, 0, 1);
const { sweep, passes } = sweepToCome(
  columnsOf(Array.from({ length: COUNT }, (_, i) => [i / 1000, 0, 0] as const)),
);
for (const pass of passes) sweep.append(pass);
const second = passes[0].indices.length;

const expectedOf = (point: number) => {
  if (point % 5 === 0) return Number.NaN;
  const [own, next] = [values[point % 3], values[(point + 1) % 3]];
  return point % 7 === 0 ? (155 * own + 100 * next) / 255 : own;
};

describe('spreadValues', () => {
  it('gives the rows what their points in the file have', () => {
    for (const from of [0, second]) {
      const spread = spreadValues(values, places, sweep, from);
      expect(spread).toHaveLength(COUNT - from);
      let wrong = 0;
      spread.forEach((value, k) => {
        const expected = Math.fround(expectedOf(sweep.fileIndex[from + k]));
        if (!Object.is(value + 0, expected + 0)) wrong++;
      });
      expect(wrong).toBe(0);
    }
  });

  it('takes nothing from places of no weight', () => {
    const undefinedElsewhere = Float32Array.of(Number.NaN, 5, Number.NaN);
    const row = sweep.rowOf(1)!;
    expect(spreadValues(undefinedElsewhere, places, sweep)[row]).toBe(5);
  });
});

describe('spreadColours', () => {
  it('mixes the colours of places by their weights, and has another where none is near', () => {
    const rgb = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255);
    for (const from of [0, second]) {
      const colours = spreadColours(rgb, { places, sweep, from, beyond: BEYOND });
      expect(colours).toHaveLength(4 * (COUNT - from));
      const at = (point: number) => {
        const k = sweep.rowOf(point)! - from;
        return [...colours.subarray(4 * k, 4 * k + 4)];
      };
      // Points of the file with odd numbers come in the second pass.
      expect(at(5)).toEqual([...BEYOND, 255]);
      expect(at(1)).toEqual([0, 255, 0, 255]);
      expect(at(11)).toEqual([0, 0, 255, 255]);
      expect(at(49)).toEqual([0, 155, 100, 255]);
    }
  });
});

describe('likenessColours', () => {
  it('are of one map between the ends, and another colour where no place is near', () => {
    const range = { low: -1, high: 1 };
    const colours = likenessColours(values, range, { places, sweep, from: 0, beyond: BEYOND });
    const at = (point: number) =>
      colours.subarray(4 * sweep.rowOf(point)!, 4 * sweep.rowOf(point)! + 4).join();
    expect(at(5)).toBe('1,2,3,255');
    expect([at(3), at(1), at(2)]).toEqual([at(6), at(4), at(8)]);
    expect(new Set([at(3), at(1), at(2), at(5)]).size).toBe(4);
  });
});

describe('placeOfPoint', () => {
  it('is the first of the three', () => {
    expect([1, 2, 3, 7].map((point) => placeOfPoint(places, point))).toEqual([1, 2, 0, 1]);
    expect([0, 5, COUNT].map((point) => placeOfPoint(places, point))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('cellAt', () => {
  it('is the one whose middle is nearest', () => {
    const middles = Float32Array.of(-4, -4, 20, -4, -4, 20, 20, 20);
    expect(cellAt(middles, [0, 0])).toBe(0);
    expect(cellAt(middles, [9, -100])).toBe(1);
    expect(cellAt(middles, [7, 9])).toBe(2);
    expect(cellAt(middles, [1000, 1000])).toBe(3);
  });
});
