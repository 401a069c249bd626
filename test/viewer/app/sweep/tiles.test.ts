import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Sweep } from '../../../../src/viewer/app/sweep/sweep.ts';
import { sortIntoTiles, tileAt, tileGridOf } from '../../../../src/viewer/app/sweep/tiles.ts';
import type { Pass } from '../../../../src/viewer/point-stream.ts';
import { columnsOf, sweepToCome } from './streamed-sweep.ts';

const coordinate = fc.double({ min: -100, max: 100, noNaN: true });
const places = fc.array(fc.tuple(coordinate, coordinate, fc.oneof(coordinate, fc.constant(Number.NaN))), {
  minLength: 1,
  maxLength: 60,
});

function passOf(rows: ReadonlyArray<readonly number[]>): Pass {
  return {
    indices: Int32Array.from(rows, (_, i) => 7 * i),
    positions: Float32Array.from(rows.flat()),
    fields: { ring: Float32Array.from(rows, (_, i) => i) },
  };
}

describe('tiles', () => {
  it('are squares that cover where the points are, and take in what lies beyond', () => {
    const positions = Float32Array.from({ length: 3000 }, (_, i) => (i % 3 === 0 ? i / 10 : (i % 7) * 3));
    const grid = tileGridOf(positions);
    expect(grid.columns * grid.rows).toBeGreaterThan(500);
    expect(grid.columns * grid.rows).toBeLessThan(2500);
    expect(tileAt(grid, -1e30, -1e30)).toBe(0);
    expect(tileAt(grid, 1e30, 1e30)).toBe(grid.columns * grid.rows - 1);
    expect(tileAt(grid, Number.NaN, 0)).toBe(0);
  });

  it('hold every point of a pass once, with its numbers, and know its bounds', () => {
    fc.assert(
      fc.property(places, (rows) => {
        const pass = passOf(rows);
        const grid = tileGridOf(pass.positions);
        const { pass: sorted, starts, bounds } = sortIntoTiles(pass, grid);
        const tiles = grid.columns * grid.rows;
        expect(starts.length).toBe(tiles + 1);
        expect(starts[tiles]).toBe(rows.length);
        expect([...sorted.indices].sort((a, b) => a - b)).toEqual([...pass.indices]);
        for (let t = 0; t < tiles; t++) {
          for (let k = starts[t]; k < starts[t + 1]; k++) {
            const from = sorted.indices[k] / 7;
            expect(sorted.fields.ring[k]).toBe(from);
            const place = [...sorted.positions.subarray(3 * k, 3 * k + 3)];
            expect(place).toEqual([...pass.positions.subarray(3 * from, 3 * from + 3)]);
            expect(tileAt(grid, place[0], place[1])).toBe(t);
            place.forEach((value, axis) => {
              if (Number.isNaN(value)) return;
              expect(value).toBeGreaterThanOrEqual(bounds[6 * t + axis]);
              expect(value).toBeLessThanOrEqual(bounds[6 * t + 3 + axis]);
            });
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('of a sweep lead from a point of the file to its row, and grow with what comes', () => {
    const rows = Array.from({ length: 140_000 }, (_, i) => [i % 331, (i * 7) % 211, i % 5] as const);
    const { sweep, passes } = sweepToCome(columnsOf(rows));
    const grid = tileGridOf(passes[0].positions);
    expect(passes.length).toBeGreaterThan(2);
    expect(sweep.tiles).toBeUndefined();
    passes.forEach((pass, p) => {
      sweep.appendTiled(sortIntoTiles(pass, grid), grid);
      expect(sweep.tiles?.passes.length).toBe(p + 1);
    });
    for (const point of [0, 1, 2, 3, 77_777, 139_999]) {
      const row = sweep.rowOf(point)!;
      expect(sweep.fileIndex[row]).toBe(point);
      sweep.position(row).forEach((value, axis) => {
        expect(value).toBeCloseTo(rows[point][axis], 2);
      });
    }
    const { passes: starts } = (sweep as Sweep).tiles!;
    expect(starts.at(-1)!.at(-1)).toBe(140_000);
  });
});
