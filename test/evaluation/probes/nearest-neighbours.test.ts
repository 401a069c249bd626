import { describe, expect, it } from 'vitest';
import type { LabelledFeatures } from '../../../src/evaluation/probes/features.ts';
import { selectRows } from '../../../src/evaluation/probes/features.ts';
import { knnAccuracy, knnLeaveOneOut, knnVotes } from '../../../src/evaluation/probes/nearest-neighbours.ts';
import { drawnFeatures, split, written } from './drawn-features.ts';

/** The bank and the queries of a numpy restatement of InstDisc's evaluation. */
const bank = written(
  [
    [1, -1, -3, 2],
    [-3, 2, 0, -2],
    [0, -2, 3, 1],
    [3, 1, -1, -3],
    [-1, -3, 2, 0],
    [2, 0, -2, 3],
    [-2, 3, 1, -1],
    [1, -1, -3, 2],
  ],
  [0, 1, 2, 0, 1, 2, 0, 1],
  3,
);
const queries = written(
  [
    [-4, 0, 4, -5],
    [1, 5, -4, 0],
    [6, -3, 1, 5],
    [-2, 2, 6, -3],
  ],
  [1, 0, 2, 2],
  3,
);

/** What is meant, pair by pair: similarities to all others, sorted, the votes of the first k. */
function plainPredictions(
  train: LabelledFeatures,
  test: LabelledFeatures,
  { k, temperature, skipSelf = false }: { k: number; temperature: number; skipSelf?: boolean },
): number[] {
  const row = ({ rows, width }: LabelledFeatures, i: number) => [
    ...rows.subarray(i * width, (i + 1) * width),
  ];
  return Array.from({ length: test.count }, (_, i) => {
    const q = row(test, i);
    const near = Array.from({ length: train.count }, (_, j) => {
      const x = row(train, j);
      const product = q.reduce((sum, value, at) => sum + value * x[at], 0);
      const length = Math.hypot(...q) * Math.hypot(...x);
      return { j, s: length === 0 ? 0 : product / length };
    })
      .filter(({ j }) => !(skipSelf && j === i))
      .sort((a, b) => b.s - a.s || a.j - b.j)
      .slice(0, k);
    const votes = new Array(train.classes).fill(0);
    for (const { j, s } of near) votes[train.labels[j]] += Math.exp(s / temperature);
    return votes.indexOf(Math.max(...votes));
  });
}

describe('knnAccuracy', () => {
  it('has the classes and class sums of the restatement', () => {
    const results = knnAccuracy(bank, queries, { k: [1, 3, 8], temperature: 0.07 });
    expect(results.map(({ k }) => k)).toEqual([1, 3, 8]);
    for (const { predictions, accuracy, count } of results) {
      expect([...predictions]).toEqual([1, 0, 2, 0]);
      expect(accuracy).toBe(0.75);
      expect(count).toBe(4);
    }
    expect(results[0].standardError).toBeCloseTo(Math.sqrt((0.75 * 0.25) / 4), 15);
    // Row 1 is the nearest of query 0, at a cosine of 22 / √(57 · 17).
    const nearest = Math.exp(22 / Math.sqrt(57 * 17) / 0.07);
    const sums = (k: number) =>
      [...knnVotes(bank, queries, { k }).subarray(0, 3)].map((vote) => vote * nearest);
    const expectSums = (k: number, expected: readonly number[]) =>
      sums(k).forEach((sum, c) => {
        // Rows at length one are held in single precision, whose rounding 1 / T makes 14 times larger.
        expect(Math.abs(sum - expected[c])).toBeLessThanOrEqual(3e-6 * expected[c]);
      });
    expectSums(3, [4046.22262903, 24685.42638638, 0]);
    expectSums(8, [4046.87764105, 24685.42638942, 34.46559728]);
  });

  it('agrees with the plain definition over many rows, blocks and widths', () => {
    for (const [count, width] of [
      [150, 7],
      [97, 33],
      [49, 3],
    ]) {
      const [train, test] = split(drawnFeatures(count, { count: count + 50, width, classes: 4 }), count);
      for (const { k, predictions } of knnAccuracy(train, test, { k: [1, 5, 40, 500] })) {
        expect([...predictions]).toEqual(plainPredictions(train, test, { k, temperature: 0.07 }));
      }
      for (const { k, predictions } of knnLeaveOneOut(train, { k: [1, 5, 40, 500], temperature: 0.2 })) {
        const options = { k, temperature: 0.2, skipSelf: true };
        expect([...predictions]).toEqual(plainPredictions(train, train, options));
      }
    }
  });

  it('settles ties: the lower row is the neighbour, the lower class wins', () => {
    // 60 equal rows, in blocks of their own too; class 1 comes first.
    const equal = written(
      Array.from({ length: 60 }, () => [0.3, 0.7, 0.1]),
      Array.from({ length: 60 }, (_, i) => (i === 0 ? 1 : i % 3)),
      3,
    );
    const query = written([[1, 2, 3]], [0], 3);
    const predicted = (k: number) => knnAccuracy(equal, query, { k: [k] })[0].predictions[0];
    expect(predicted(1)).toBe(1);
    // Rows 0 and 1 are of class 1, row 2 of class 2; with the first six: 1 1 2 0 1 2.
    expect(predicted(6)).toBe(1);
    expect([...knnVotes(equal, query, { k: 6 })]).toEqual([1, 3, 2]);
    const two = written(
      [
        [1, 0],
        [1, 0],
      ],
      [2, 0],
      3,
    );
    expect(knnAccuracy(two, written([[1, 0]], [0], 3), { k: [2] })[0].predictions[0]).toBe(0);
  });

  it('lets all rows vote where there are fewer than k', () => {
    const [few] = knnAccuracy(bank, queries, { k: [200] });
    expect([...few.predictions]).toEqual([1, 0, 2, 0]);
    expect(few.k).toBe(200);
  });

  it('gives a row of zeros the similarity 0 with all', () => {
    const train = written(
      [
        [0, 0],
        [-1, 0],
        [1, 1],
      ],
      [0, 1, 2],
      3,
    );
    // By cosine to (-1, -0.2) the rows lie at 0, 0.98, -0.83.
    const query = written(
      [
        [-1, -0.2],
        [0, 0],
      ],
      [1, 0],
      3,
    );
    const cosine = 1 / Math.hypot(1, 0.2);
    const votes = knnVotes(train, query, { k: 3, temperature: 1 });
    expect(votes[0]).toBeCloseTo(Math.exp(0 - cosine), 6);
    expect([...votes.subarray(3)]).toEqual([1, 1, 1]);
    expect([...knnAccuracy(train, query, { k: [2] })[0].predictions]).toEqual([1, 0]);
  });

  it('does not overflow where the temperature is small', () => {
    const [sharp] = knnAccuracy(bank, queries, { k: [8], temperature: 1e-4 });
    expect([...sharp.predictions]).toEqual([1, 0, 2, 0]);
    expect([...knnVotes(bank, queries, { k: 8, temperature: 1e-4 })].every(Number.isFinite)).toBe(true);
  });

  it('takes distances and products of rows as they are', () => {
    const train = written(
      [
        [1, 0],
        [10, 0],
        [0, 2],
      ],
      [0, 1, 2],
      3,
    );
    const query = written([[1.5, 0]], [0], 3);
    const distant = knnVotes(train, query, { k: 3, metric: 'euclidean' });
    // 1 / (d + 1e-5) at d = 0.5, 8.5 and 2.5, in units of the first.
    [1, 0.50001 / 8.50001, 0.50001 / 2.50001].forEach((vote, c) => {
      expect(distant[c]).toBeCloseTo(vote, 9);
    });
    const products = knnVotes(train, query, { k: 3, metric: 'dot', temperature: 10 });
    [Math.exp(-1.35), 1, Math.exp(-1.5)].forEach((vote, c) => {
      expect(products[c]).toBeCloseTo(vote, 12);
    });
    // An equal row has a weight of 1e5, not an infinite one.
    expect([...knnVotes(train, written([[1, 0]], [0], 3), { k: 2, metric: 'euclidean' })][2]).toBeCloseTo(
      1e-5 / (Math.sqrt(5) + 1e-5),
      9,
    );
  });

  it('counts classes that the training rows lack as wrong answers', () => {
    const some = selectRows(bank, [1, 4, 7, 5]);
    const [{ predictions, accuracy }] = knnAccuracy(some, queries, { k: [3] });
    expect(predictions.every((label) => label === 1 || label === 2)).toBe(true);
    expect(accuracy).toBeLessThanOrEqual(0.75);
  });

  it('refuses what has no answer', () => {
    const nan = { ...bank, rows: bank.rows.slice() };
    nan.rows[6] = Number.NaN;
    expect(() => knnAccuracy(nan, queries)).toThrow(
      'training features: row 1, column 2: expected a finite number, found NaN',
    );
    expect(() => knnAccuracy(bank, nan)).toThrow(/^test features: row 1/);
    expect(() => knnLeaveOneOut(nan)).toThrow(/^features: row 1/);
    expect(() => knnAccuracy({ ...bank, rows: bank.rows.subarray(1) }, queries)).toThrow(RangeError);
    expect(() => knnAccuracy({ ...bank, classes: 2 }, queries)).toThrow('label 2 of row 2 is not one of 2');
    expect(() => knnAccuracy(bank, written([[1]], [0], 1))).toThrow('have 4 numbers, test rows 1');
    for (const k of [[], [0], [1.5], [Number.NaN]]) {
      expect(() => knnAccuracy(bank, queries, { k })).toThrow('k is a whole number above 0');
    }
    for (const temperature of [0, -1, Number.NaN]) {
      expect(() => knnAccuracy(bank, queries, { temperature })).toThrow('a temperature is a number above 0');
    }
    expect(() => knnLeaveOneOut(selectRows(bank, [0]))).toThrow('needs two rows');
    expect(() => knnAccuracy(selectRows(bank, []), queries)).toThrow('0 rows of 4 numbers');
  });
});

describe('knnLeaveOneOut', () => {
  it('never lets a row vote for itself, though an equal one may', () => {
    // Rows 0 and 7 of the bank are equal, of class 0 and 1.
    const [{ predictions, count }] = knnLeaveOneOut(bank, { k: [1] });
    expect(predictions[0]).toBe(1);
    expect(predictions[7]).toBe(0);
    expect(count).toBe(8);
  });
});
