import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chunkSize,
  fillTables,
  OutsideError,
  planSums,
  tableLengths,
} from '../../../src/engine/row-sums/sum-tables.ts';

/** The rows that the tables put into each sum, followed from level to level; throws where a table points nowhere. */
function membersOf(targets: readonly number[], sums: number): number[][] {
  const plan = planSums(targets.length, sums);
  const tables = tableLengths(plan).map((length) => new Int32Array(length).fill(-1));
  fillTables(plan, targets, tables);
  const rows = targets.map((_, row) => [row]);
  const levels: number[][][] = [];
  plan.chunks.forEach((chunks, level) => {
    const below = level === 0 ? [...rows, []] : [...levels[level - 1], []];
    levels.push(
      Array.from({ length: chunks }, (_, chunk) =>
        [...tables[level].subarray(chunk * chunkSize, (chunk + 1) * chunkSize)].flatMap((i) => below[i]),
      ),
    );
  });
  const joined = [...levels.flat(), []];
  return [...tables.at(-1)!].map((place) => joined[place]);
}

function expected(targets: readonly number[], sums: number): number[][] {
  const members: number[][] = Array.from({ length: sums }, () => []);
  targets.forEach((target, row) => {
    members[target]?.push(row);
  });
  return members;
}

describe('tables of sums', () => {
  it('put each row into its sum, once, in the order of the rows', () => {
    const cases = fc.integer({ min: 1, max: 40 }).chain((sums) =>
      fc.record({
        sums: fc.constant(sums),
        // Some numbers are drawn far more often than others, and some name no sum.
        targets: fc.array(
          fc.oneof(
            { weight: 4, arbitrary: fc.integer({ min: 0, max: sums - 1 }) },
            { weight: 4, arbitrary: fc.constant(sums - 1) },
            { weight: 1, arbitrary: fc.constantFrom(-1, sums, -7, 2 ** 30) },
          ),
          { minLength: 1, maxLength: 400 },
        ),
      }),
    );
    fc.assert(
      fc.property(cases, ({ sums, targets }) => {
        expect(membersOf(targets, sums)).toEqual(expected(targets, sums));
      }),
      { numRuns: 300, seed: 5 },
    );
  });

  it('have room for the numbers that need most of it', () => {
    for (const size of [1, 2, chunkSize, chunkSize + 1, chunkSize ** 2, chunkSize ** 2 + 1, 3000]) {
      for (const sums of [1, 7, 60, 5000]) {
        // As many sums as there can be of `size` rows and of one row more, the rest on the last one.
        for (const rows of [1, size, 7 * size + 3, 4096]) {
          const targets = Array.from({ length: rows }, (_, row) =>
            Math.min(sums - 1, Math.floor(row / size)),
          );
          expect(membersOf(targets, sums), `${rows} rows by ${size} to ${sums}`).toEqual(
            expected(targets, sums),
          );
        }
      }
    }
  });

  it('take no more than some five times the rows and sums together', () => {
    for (const [rows, sums] of [
      [65_536, 4096],
      [131_072, 16_384],
      [4096, 240],
      [512, 100_000],
    ]) {
      const size = tableLengths(planSums(rows, sums)).reduce((sum, length) => sum + length);
      expect(size / (rows + sums)).toBeLessThan(5);
    }
  });

  it('leave a number out that names no sum, or refuse it', () => {
    const plan = planSums(3, 2);
    const tables = () => tableLengths(plan).map((length) => new Int32Array(length));
    expect(() => fillTables(plan, [0, 5, 1], tables(), { strict: true })).toThrow(OutsideError);
    expect(() => fillTables(plan, [0, -1, 1], tables(), { strict: true })).toThrow('row number -1 of 2 sums');
    expect(membersOf([0, 5, 1], 2)).toEqual([[0], [2]]);
  });
});
