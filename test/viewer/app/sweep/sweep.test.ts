import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Sweep } from '../../../../src/viewer/app/sweep/sweep.ts';
import type { Pass, StreamHeader } from '../../../../src/viewer/point-stream.ts';
import { columnsOf, sweepToCome, wholeSweep } from './streamed-sweep.ts';

/** A header of so few points in so many passes, and the passes; points lie at their own number. */
function arriving(count: number, firsts: readonly number[]): { header: StreamHeader; passes: Pass[] } {
  const stride = firsts.length;
  const columns = ['x', 'y', 'z', 'ring'].map((name) => ({
    name,
    origin: 0,
    min: 0,
    max: count,
    step: 1,
    bytes: 2 as const,
  }));
  const passes = firsts
    .filter((first) => first < count)
    .map((first): Pass => {
      const indices = Int32Array.from(
        { length: Math.ceil((count - first) / stride) },
        (_, k) => first + k * stride,
      );
      const positions = Float32Array.from([...indices].flatMap((index) => [index, 2 * index, 0.5]));
      return { indices, positions, fields: { ring: Float32Array.from(indices, (index) => index % 4) } };
    });
  return { header: { count, columns, stride, firsts: firsts.filter((first) => first < count) }, passes };
}

const orders = fc.constantFrom([0], [0, 1], [0, 2, 1, 3], [0, 4, 2, 6, 1, 5, 3, 7]);

describe('Sweep', () => {
  it('knows the row of every point that has come, and of no other', () => {
    fc.assert(
      fc.property(fc.nat(70), orders, (count, order) => {
        const { header, passes } = arriving(count, order);
        const sweep = new Sweep(3, header);
        const come = new Set<number>();
        const check = () => {
          for (let point = 0; point < count; point++) {
            const row = sweep.rowOf(point);
            expect(row !== undefined).toBe(come.has(point));
            if (row === undefined) continue;
            expect(sweep.fileIndex[row]).toBe(point);
            expect(sweep.position(row)).toEqual([point, 2 * point, 0.5]);
            expect(sweep.fields.get('ring')![row]).toBe(point % 4);
          }
          for (let row = 0; row < sweep.filled; row++) expect(sweep.rowOf(sweep.fileIndex[row])).toBe(row);
          expect([sweep.filled, sweep.complete]).toEqual([come.size, come.size === count]);
        };
        check();
        for (const pass of passes) {
          sweep.append(pass);
          for (const index of pass.indices) come.add(index);
          check();
        }
        for (const point of [-1, count, count + 8, 0.5, Number.NaN, Infinity]) {
          expect(sweep.rowOf(point)).toBeUndefined();
        }
      }),
      { numRuns: 60 },
    );
  });

  it('holds what a stream brings', () => {
    const count = 65_540;
    const rows = Array.from({ length: count }, (_, i) => [i / 1000, i % 7, -1.5] as const);
    const { sweep, passes } = sweepToCome(columnsOf(rows, { ring: rows.map((_, i) => i % 64) }), 4);
    expect(passes).toHaveLength(2);
    expect([sweep.frame, sweep.count, sweep.filled, sweep.complete]).toEqual([4, count, 0, false]);
    for (const pass of passes) sweep.append(pass);
    expect(sweep.complete).toBe(true);
    expect([...sweep.fields.keys()]).toEqual(['ring']);
    for (const point of [0, 1, 2, 33_333, count - 1]) {
      const row = sweep.rowOf(point)!;
      expect(sweep.fileIndex[row]).toBe(point);
      expect(sweep.position(row)[0]).toBeCloseTo(point / 1000, 2);
      expect(sweep.fields.get('ring')![row]).toBe(point % 64);
    }
    expect(new Set(sweep.fileIndex).size).toBe(count);
  });

  it('may be empty', () => {
    const sweep = wholeSweep(columnsOf([]));
    expect([sweep.count, sweep.complete, sweep.rowOf(0)]).toEqual([0, true, undefined]);
  });
});
