import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import {
  type Assignment,
  AssignmentSolver,
  linearSumAssignment,
} from '../../src/matching/linear-sum-assignment.ts';

const require = createRequire(import.meta.url);
const munkres = require('munkres-js') as (cost: number[][]) => Array<[row: number, column: number]>;
const { linearSumAssignment: jonkerVolgenant } = require('linear-sum-assignment') as {
  linearSumAssignment(cost: number[][], options: { maximaze: boolean }): { gain: number };
};

interface Problem {
  rows: number;
  columns: number;
  cost: Float64Array;
}

interface GoldenCase extends Omit<Problem, 'cost'> {
  name: string;
  least: number;
  columnOfRow: number[];
  /** Row-major; null stands for +Infinity. */
  cost: Array<number | null>;
}

const golden: GoldenCase[] = JSON.parse(
  readFileSync(new URL('../golden/assignment.json', import.meta.url), 'utf8'),
);

const matrixRows = ({ rows, columns, cost }: Problem): number[][] =>
  Array.from({ length: rows }, (_, i) => [...cost.subarray(i * columns, (i + 1) * columns)]);

const solve = ({ rows, columns, cost }: Problem) => linearSumAssignment(cost, rows, columns);

/** The least total over all one-to-one assignments, tried one by one; +Infinity where there is none. */
function leastByTrial({ rows, columns, cost }: Problem): number {
  const tall = rows > columns;
  const at = (i: number, j: number) => (tall ? cost[j * columns + i] : cost[i * columns + j]);
  const count = Math.max(rows, columns);
  const used = new Array<boolean>(count).fill(false);
  const best = (i: number): number => {
    if (i === Math.min(rows, columns)) return 0;
    let least = Infinity;
    for (let j = 0; j < count; j++) {
      if (used[j]) continue;
      used[j] = true;
      least = Math.min(least, at(i, j) + best(i + 1));
      used[j] = false;
    }
    return least;
  };
  return best(0);
}

/** One to one and complete, priced right, and proved the least by its dual variables. */
function expectOptimal(problem: Problem, found: Assignment): void {
  const { rows, columns, cost } = problem;
  expect(found.columnOfRow).toHaveLength(rows);
  const given = [...found.columnOfRow].filter((j) => j !== -1);
  expect(given).toHaveLength(Math.min(rows, columns));
  expect(new Set(given).size).toBe(given.length);
  expect(given.every((j) => j >= 0 && j < columns)).toBe(true);

  let total = 0;
  let size = 0;
  for (const value of cost) if (value !== Infinity) size = Math.max(size, Math.abs(value));
  const tolerance = size * 1e-12 * Math.max(rows, columns, 1);
  const { rowPotential: u, columnPotential: v } = found;
  const takenColumns = new Set(given);
  for (let i = 0; i < rows; i++) {
    const taken = found.columnOfRow[i];
    if (taken >= 0) {
      total += cost[i * columns + taken];
      expect(Math.abs(cost[i * columns + taken] - u[i] - v[taken])).toBeLessThanOrEqual(tolerance);
    }
    let slack = Infinity;
    for (let j = 0; j < columns; j++) slack = Math.min(slack, cost[i * columns + j] - u[i] - v[j]);
    expect(slack).toBeGreaterThanOrEqual(-tolerance);
    if (rows > columns) expect(u[i]).toBeLessThanOrEqual(tolerance);
    if (taken < 0) expect(u[i]).toBeCloseTo(0, 300);
  }
  for (let j = 0; j < columns; j++) {
    if (columns > rows) expect(v[j]).toBeLessThanOrEqual(tolerance);
    if (!takenColumns.has(j)) expect(v[j]).toBeCloseTo(0, 300);
  }
  expect(Math.abs(found.cost - total)).toBeLessThanOrEqual(tolerance);
}

const problemsOf = (value: fc.Arbitrary<number>, longest: number, shortest = 0): fc.Arbitrary<Problem> =>
  fc
    .tuple(fc.integer({ min: shortest, max: longest }), fc.integer({ min: shortest, max: longest }))
    .chain(([rows, columns]) =>
      fc
        .array(value, { minLength: rows * columns, maxLength: rows * columns })
        .map((cost) => ({ rows, columns, cost: Float64Array.from(cost) })),
    );

const integers = fc.integer({ min: -20, max: 20 });
const ties = fc.integer({ min: 0, max: 2 });
const reals = fc.double({ min: -1, max: 1, noNaN: true });

describe('linearSumAssignment', () => {
  it('takes a list of rows as it takes one typed array', () => {
    const rows = [
      [9, 2, 7, 8],
      [6, 4, 3, 7],
      [5, 8, 1, 8],
    ];
    expect(linearSumAssignment(rows)).toEqual(linearSumAssignment(Float64Array.from(rows.flat()), 3, 4));
    expect(linearSumAssignment(rows).cost).toBe(2 + 6 + 1);
    expect(linearSumAssignment([]).columnOfRow).toHaveLength(0);
    expect([...linearSumAssignment([[], []]).columnOfRow]).toEqual([-1, -1]);
  });

  it.each([
    ['integers', integers],
    ['ties', ties],
    ['reals', reals],
    ['reals and forbidden pairs', fc.oneof({ weight: 3, arbitrary: reals }, fc.constant(Infinity))],
    ['constants', fc.constant(4)],
  ])('costs as little as the best of all assignments: %s', (_, value) => {
    fc.assert(
      fc.property(problemsOf(value, 6), (problem) => {
        const least = leastByTrial(problem);
        if (least === Infinity) {
          expect(() => solve(problem)).toThrow(/infeasible/);
        } else {
          const found = solve(problem);
          expectOptimal(problem, found);
          expect(found.cost).toBeCloseTo(least, 9);
        }
      }),
      { numRuns: 250 },
    );
  });

  it('costs as little as all 5,040 permutations of 7', () => {
    fc.assert(
      fc.property(fc.array(integers, { minLength: 49, maxLength: 49 }), (cost) => {
        const problem = { rows: 7, columns: 7, cost: Float64Array.from(cost) };
        expect(solve(problem).cost).toBe(leastByTrial(problem));
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    ['integers', integers],
    ['ties', ties],
  ])('costs what munkres-js finds: %s', (_, value) => {
    fc.assert(
      fc.property(problemsOf(value, 14, 1), (problem) => {
        const cells = matrixRows(problem);
        const least = munkres(cells).reduce((sum, [i, j]) => sum + cells[i][j], 0);
        expect(solve(problem).cost).toBe(least);
      }),
    );
  });

  it.each([
    ['reals', reals],
    ['integers', integers],
  ])('costs what linear-sum-assignment finds: %s', (_, value) => {
    fc.assert(
      fc.property(problemsOf(value, 24, 2), (problem) => {
        const { gain } = jonkerVolgenant(matrixRows(problem), { maximaze: false });
        expect(solve(problem).cost).toBeCloseTo(gain, 9);
      }),
    );
  });

  it.each([1e-300, 1e-30, 1e30, 1e300, Number.MAX_VALUE])('stays exact at the scale %d', (scale) => {
    fc.assert(
      fc.property(problemsOf(reals, 6, 1), ({ rows, columns, cost }) => {
        const scaled = { rows, columns, cost: cost.map((value) => value * scale) };
        const found = solve(scaled);
        let relative = 0;
        found.columnOfRow.forEach((j, i) => {
          if (j >= 0) relative += cost[i * columns + j];
        });
        expect(relative).toBeCloseTo(leastByTrial({ rows, columns, cost }), 9);
      }),
      { numRuns: 60 },
    );
  });

  it.each(golden.map((example) => [example.name, example] as const))(
    'agrees with SciPy: %s',
    (_, example) => {
      const { rows, columns, least } = example;
      const cost = Float64Array.from(example.cost, (value) => value ?? Infinity);
      const found = linearSumAssignment(cost, rows, columns);
      expectOptimal({ rows, columns, cost }, found);
      expect(found.cost).toBeCloseTo(least, 8);
      // Where the answer is the only one, the pairs agree too.
      if (/^(uniform|product)/.test(example.name))
        expect([...found.columnOfRow]).toEqual(example.columnOfRow);
    },
  );

  it.each([
    ['square', 300, 300],
    ['wide', 150, 400],
    ['tall', 400, 150],
  ])('proves large %s problems of every kind optimal, in one solver', (_, rows, columns) => {
    const random = Random.fromSeed('large assignments');
    const solver = new AssignmentSolver();
    const kinds: Array<(i: number, j: number) => number> = [
      () => random.uniform(-1, 1),
      () => random.integer(3),
      () => random.integer(1000),
      (i, j) => (i + 1) * (j + 1),
      (i, j) => Math.abs(i - j),
      () => 10 ** random.uniform(-6, 6),
      (i, j) => (i !== j && random.chance(0.9) ? Infinity : random.uniform()),
    ];
    for (const kind of kinds) {
      const cost = Float64Array.from({ length: rows * columns }, (__, k) =>
        kind(Math.floor(k / columns), k % columns),
      );
      expectOptimal({ rows, columns, cost }, solver.solve(cost, rows, columns));
    }
  });

  it('does not overflow where differences of costs do', () => {
    const cost = Float64Array.of(-1, -0.5, 1, 1).map((value) => value * Number.MAX_VALUE);
    expect([...linearSumAssignment(cost, 2, 2).columnOfRow]).toEqual([0, 1]);
  });

  it('takes single precision as it is and leaves its input alone', () => {
    const random = Random.fromSeed('single');
    const single = Float32Array.from({ length: 40 * 60 }, () => random.uniform());
    const double = Float64Array.from(single);
    const before = double.slice();
    expect(linearSumAssignment(single, 40, 60)).toEqual(linearSumAssignment(double, 40, 60));
    expect(double).toEqual(before);
  });

  it('gives the same answer again, and results that later problems do not touch', () => {
    const random = Random.fromSeed('again');
    const cost = Float64Array.from({ length: 900 }, () => random.integer(5));
    const solver = new AssignmentSolver();
    const first = solver.solve(cost, 30, 30);
    const kept = first.columnOfRow.slice();
    solver.solve(new Float64Array(2500).fill(1), 50, 50);
    expect(first.columnOfRow).toEqual(kept);
    expect(solver.solve(cost, 30, 30)).toEqual(first);
  });

  it.each([
    [0, 0],
    [0, 5],
    [5, 0],
  ])('answers an empty %d x %d problem', (rows, columns) => {
    const found = linearSumAssignment(new Float64Array(0), rows, columns);
    expect([...found.columnOfRow]).toEqual(new Array(rows).fill(-1));
    expect(found.cost).toBe(0);
  });

  it('names what cannot be a cost', () => {
    const nan = Float32Array.of(1, 2, 3, 4, Number.NaN, 6);
    expect(() => linearSumAssignment(nan, 2, 3)).toThrow(/row 1, column 1: .*found NaN/);
    expect(() => linearSumAssignment(Float64Array.of(1, -Infinity), 2, 1)).toThrow(
      /row 1, column 0: .*found -Infinity/,
    );
    expect(() => linearSumAssignment(new Float64Array(5), 2, 3)).toThrow(/2 x 3/);
    const untyped = linearSumAssignment as (...args: readonly unknown[]) => Assignment;
    expect(() => untyped(Float64Array.of(1, 2, 3, 4))).toThrow(
      'assignment costs: expected whole numbers of rows and columns, (cost, rows, columns), found undefined x undefined',
    );
    expect(() => untyped([1, 2, 3, 4], 2, 2)).toThrow(
      'assignment costs: expected a list of rows, [[4, 1], [2, 0]], or a Float32Array or Float64Array with rows and columns, found a list of number',
    );
    expect(() => untyped('costs')).toThrow('found string');
    expect(() => untyped([[1, 2], [3]])).toThrow('row 1: expected 2 costs, as in row 0, found 1');
    expect(() =>
      untyped([
        [1, null],
        [3, 4],
      ]),
    ).toThrow('row 0, column 1: expected a number');
    expect(() => linearSumAssignment(new Float64Array(6), -2, -3)).toThrow(/-2 x -3/);
    expect(() => linearSumAssignment(new Float64Array(3), 1.5, 2)).toThrow(/1.5 x 2/);
  });

  it('says when the forbidden pairs leave no answer', () => {
    const all = new Float64Array(9).fill(Infinity);
    expect(() => linearSumAssignment(all, 3, 3)).toThrow(/infeasible/);
    const contested = Float64Array.of(1, Infinity, Infinity, 2, Infinity, Infinity, 3, 4, 5);
    expect(() => linearSumAssignment(contested, 3, 3)).toThrow(/row [01]: .*infeasible/);
    const tall = Float64Array.of(1, Infinity, 2, Infinity, 3, Infinity);
    expect(() => linearSumAssignment(tall, 3, 2)).toThrow(/column 1: .*infeasible/);
  });
});
