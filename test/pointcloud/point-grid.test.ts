import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IndexSet } from '../../src/pointcloud/index-set.ts';
import { buildPointGrid, cellAlong, cellAt, gridFrameOf } from '../../src/pointcloud/point-grid.ts';
import { cloudOf } from './clouds.ts';

describe('buildPointGrid', () => {
  test('puts every point once into the cell where a look-up finds it, ascending within the cell', () => {
    fc.assert(
      fc.property(cloudOf(), fc.constantFrom(1e-12, 0.01, 0.5, 2, 1e12), (points, cellM) => {
        const grid = buildPointGrid(points, { stride: 3, frame: gridFrameOf(points, { stride: 3, cellM }) });
        expect(Int32Array.from(grid.order).sort()).toEqual(Int32Array.from(grid.order, (_, i) => i));
        expect(grid.cellStart.at(-1)).toBe(points.length / 3);
        for (let cell = 0; cell + 1 < grid.cellStart.length; cell++) {
          const members = grid.order.subarray(grid.cellStart[cell], grid.cellStart[cell + 1]);
          expect(members.length).toBeGreaterThan(0);
          expect(members).toEqual(Int32Array.from(members).sort());
          for (const i of members) {
            const [ix, iy, iz] = [0, 1, 2].map((axis) => cellAlong(grid.frame, axis, points[3 * i + axis]));
            expect(cellAt(grid, ix, iy, iz)).toBe(cell);
          }
        }
      }),
    );
  });

  test('knows that a cell is empty and keeps outside places within the grid', () => {
    const points = Float32Array.of(0, 0, 0, 10, 0, 0);
    const grid = buildPointGrid(points, { stride: 3, frame: gridFrameOf(points, { stride: 3, cellM: 1 }) });
    expect(grid.frame.size).toEqual([11, 1, 1]);
    expect(cellAt(grid, 5, 0, 0)).toBe(-1);
    expect(cellAlong(grid.frame, 0, -1e30)).toBe(0);
    expect(cellAlong(grid.frame, 0, 1e30)).toBe(10);
  });
});

describe('IndexSet', () => {
  test('gives back what was added once each, ascending, and is then empty', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5000)), (added) => {
        const set = new IndexSet(5001);
        const into = new Int32Array(5001);
        set.addRange(Int32Array.from(added), 0, added.length);
        const count = set.drain(into);
        expect([...into.subarray(0, count)]).toEqual([...new Set(added)].sort((a, b) => a - b));
        expect(set.drain(into)).toBe(0);
      }),
    );
  });
});
