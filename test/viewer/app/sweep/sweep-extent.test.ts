import { describe, expect, it } from 'vitest';
import { extentOf } from '../../../../src/viewer/app/sweep/sweep-extent.ts';
import { columnsOf, wholeSweep } from './streamed-sweep.ts';

type Row = readonly [x: number, y: number, z: number];
const grid: Row[] = Array.from({ length: 36 }, (_, i) => [i % 6, Math.floor(i / 6), 0]);
const around = (rows: readonly Row[]) => extentOf(wholeSweep(columnsOf(rows)));

describe('the extent of a sweep', () => {
  it('holds its points', () => {
    expect(around(grid)).toEqual({ low: [0, 0, 0], high: [5, 5, 0], far: 0, placeless: 0 });
  });

  it.each<[string, Row[], number, number]>([
    ['one far away', [[1e30, 1, 0]], 1, 0],
    ['one far above a flat cloud', [[1, 1, 1e30]], 1, 0],
    [
      'a few',
      [
        [1e30, 0, 0],
        [0, -1e20, 0],
        [1e5, 1e5, 0],
      ],
      3,
      0,
    ],
    [
      'some without a place',
      [
        [Number.NaN, 0, 0],
        [0, Infinity, 0],
        [0, 0, 1e300],
      ],
      0,
      3,
    ],
  ])('is that of the others: %s', (_, added, far, placeless) => {
    const extent = around([...grid.slice(0, 20), ...added, ...grid.slice(20)])!;
    expect([extent.far, extent.placeless]).toEqual([far, placeless]);
    [0, 1, 2].forEach((axis) => {
      expect(extent.low[axis]).toBeCloseTo(0, 2);
      expect(extent.high[axis]).toBeCloseTo(axis === 2 ? 0 : 5, 2);
    });
  });

  it('takes in what is near beside a wide side, and the whole of a road', () => {
    const road: Row[] = Array.from({ length: 200 }, (_, i) => [10 * i, 0, i === 100 ? 30 : 0]);
    expect(around(road)).toMatchObject({ far: 0, low: [expect.closeTo(20, 2), 0, 0] });
  });

  it('is none where no point has a place', () => {
    expect(around([[Number.NaN, 1, 2]])).toBeUndefined();
    expect(around([])).toBeUndefined();
  });
});
