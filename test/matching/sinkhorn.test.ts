import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { linearSumAssignment } from '../../src/matching/linear-sum-assignment.ts';
import { sinkhorn } from '../../src/matching/sinkhorn.ts';

const randomCost = (rows: number, columns: number, seed: string): Float64Array => {
  const random = Random.fromSeed(seed);
  return Float64Array.from({ length: rows * columns }, () => random.uniform());
};

/** Plain Sinkhorn in the scalings themselves, good where exp(-cost / epsilon) does not underflow. */
function plainSinkhorn(cost: Float64Array, a: number[], b: number[], epsilon: number, iterations: number) {
  const n = a.length;
  const m = b.length;
  const kernel = cost.map((value) => Math.exp(-value / epsilon));
  let u = a.map(() => 1);
  let v = b.map(() => 1);
  for (let k = 0; k < iterations; k++) {
    u = a.map((mass, i) => mass / v.reduce((sum, value, j) => sum + kernel[i * m + j] * value, 0));
    v = b.map((mass, j) => mass / u.reduce((sum, value, i) => sum + kernel[i * m + j] * value, 0));
  }
  return Array.from({ length: n * m }, (_, k) => u[Math.floor(k / m)] * kernel[k] * v[k % m]);
}

const rowSums = (plan: Float64Array, rows: number, columns: number) =>
  Array.from({ length: rows }, (_, i) =>
    plan.subarray(i * columns, (i + 1) * columns).reduce((sum, mass) => sum + mass, 0),
  );

const columnSums = (plan: Float64Array, rows: number, columns: number) =>
  Array.from({ length: columns }, (_, j) =>
    Array.from({ length: rows }, (__, i) => plan[i * columns + j]).reduce((sum, mass) => sum + mass, 0),
  );

describe('sinkhorn', () => {
  it('moves the given masses, and reports by how much it misses them', () => {
    const mass = fc.integer({ min: 1, max: 9 });
    const side = fc.array(mass, { minLength: 1, maxLength: 7 });
    fc.assert(
      fc.property(side, side, fc.integer(), (given, taken, seed) => {
        const normal = (values: number[]) => values.map((value) => value / values.reduce((s, x) => s + x));
        const rowMass = normal(given);
        const columnMass = normal(taken);
        const cost = randomCost(given.length, taken.length, `${seed}`);
        const options = { epsilon: 0.1, iterations: 2000, tolerance: 1e-9, rowMass, columnMass };
        const found = sinkhorn(cost, given.length, taken.length, options);
        const rows = rowSums(found.plan, given.length, taken.length);
        const columns = columnSums(found.plan, given.length, taken.length);
        const missed =
          rows.reduce((sum, value, i) => sum + Math.abs(value - rowMass[i]), 0) +
          columns.reduce((sum, value, j) => sum + Math.abs(value - columnMass[j]), 0);
        expect(found.marginalError).toBeCloseTo(missed, 12);
        expect(found.marginalError).toBeLessThanOrEqual(1.001e-9);
        const total = found.plan.reduce((sum, moved, k) => sum + moved * cost[k], 0);
        expect(found.cost).toBeCloseTo(total, 12);
      }),
    );
  });

  it.each([
    [5, 8],
    [2, 9],
    [4, 3],
    [11, 7],
  ])('agrees with the plain scalings where those do not underflow: %i x %i', (rows, columns) => {
    const cost = randomCost(rows, columns, 'plain');
    const total = (rows * (rows + 1)) / 2;
    const rowMass = Array.from({ length: rows }, (_, i) => (i + 1) / total);
    const columnMass = new Array(columns).fill(1 / columns);
    const found = sinkhorn(cost, rows, columns, { epsilon: 0.2, iterations: 7, rowMass });
    const plain = plainSinkhorn(cost, rowMass, columnMass, 0.2, 7);
    expect(found.plan).toHaveLength(rows * columns);
    found.plan.forEach((moved, k) => {
      expect(moved).toBeCloseTo(plain[k], 12);
    });
    expect(found.iterations).toBe(7);
  });

  it('leaves its results alone when it works again', () => {
    const cost = randomCost(6, 6, 'first');
    const options = { epsilon: 0.1, iterations: 20 };
    const { plan } = sinkhorn(cost, 6, 6, options);
    const kept = plan.slice();
    sinkhorn(randomCost(9, 9, 'second'), 9, 9, options);
    expect(plan).toEqual(kept);
    expect(sinkhorn(cost, 6, 6, options).plan).toEqual(kept);
  });

  it('agrees with rounds on the logarithms where the scalings leave the range of doubles', () => {
    const n = 9;
    const epsilon = 1e-4;
    const cost = randomCost(n, n, 'logarithms').map((value) => value * 2);
    const found = sinkhorn(cost, n, n, { epsilon, iterations: 2000 });
    const indices = [...cost.subarray(0, n).keys()];
    const logSum = (values: number[]) => {
      const largest = Math.max(...values);
      return largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
    };
    let f = indices.map(() => 0);
    let g = indices.map(() => 0);
    for (let k = 0; k < 2000; k++) {
      f = indices.map((i) => -Math.log(n) - logSum(indices.map((j) => g[j] - cost[i * n + j] / epsilon)));
      g = indices.map((j) => -Math.log(n) - logSum(indices.map((i) => f[i] - cost[i * n + j] / epsilon)));
    }
    found.plan.forEach((moved, k) => {
      expect(moved).toBeCloseTo(Math.exp(f[Math.floor(k / n)] + g[k % n] - cost[k] / epsilon), 6);
    });
    expect(Math.max(...f, ...g) - Math.min(...f, ...g)).toBeGreaterThan(Math.log(1e100));
  });

  it('comes down to the cost of the assignment as epsilon goes to 0', () => {
    const n = 12;
    const cost = randomCost(n, n, 'limit');
    const least = linearSumAssignment(cost, n, n).cost / n;
    const gaps = [0.3, 0.1, 0.03, 0.01, 0.003].map((epsilon) => {
      const found = sinkhorn(cost, n, n, { epsilon, iterations: 200_000, tolerance: 1e-5 });
      expect(found.marginalError).toBeLessThanOrEqual(1.001e-5);
      const gap = found.cost - least;
      // The entropies of a plan and of a permutation differ by at most log n, so the costs by epsilon log n.
      expect(gap).toBeGreaterThan(-1e-5);
      expect(gap).toBeLessThan(epsilon * Math.log(n));
      return gap;
    });
    for (let k = 1; k < gaps.length; k++) expect(gaps[k]).toBeLessThan(gaps[k - 1]);
    expect(gaps[0]).toBeGreaterThan(0.05);
    expect(gaps[4]).toBeLessThan(1e-3);
  });

  it('does not underflow where exp(-cost / epsilon) does', () => {
    const cost = Float64Array.of(1000, 1001, 1002, 1000);
    const { plan, marginalError } = sinkhorn(cost, 2, 2, { epsilon: 1e-3, iterations: 100 });
    expect([...plan]).toEqual([0.5, 0, 0, 0.5]);
    expect(marginalError).toBeLessThan(1e-12);
  });

  it('ends early once it is within the tolerance', () => {
    const cost = randomCost(20, 20, 'early');
    const loose = sinkhorn(cost, 20, 20, { epsilon: 0.5, iterations: 1000, tolerance: 1e-3 });
    const tight = sinkhorn(cost, 20, 20, { epsilon: 0.5, iterations: 1000, tolerance: 1e-12 });
    expect(loose.marginalError).toBeLessThanOrEqual(1e-3);
    expect(tight.marginalError).toBeLessThanOrEqual(1e-11);
    expect(loose.iterations).toBeLessThan(tight.iterations);
    expect(tight.iterations).toBeLessThan(1000);
  });

  it('leaves empty rows and forbidden pairs empty', () => {
    const cost = Float64Array.of(1, Infinity, 2, 0, 5, 1);
    const options = { epsilon: 0.5, iterations: 500, rowMass: [0.5, 0, 0.5], columnMass: [0.75, 0.25] };
    const { plan, marginalError } = sinkhorn(cost, 3, 2, options);
    expect([plan[1], plan[2], plan[3]]).toEqual([0, 0, 0]);
    expect(plan[0]).toBeCloseTo(0.5, 9);
    expect(plan[4]).toBeCloseTo(0.25, 9);
    expect(marginalError).toBeLessThan(1e-9);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['a wrong size', () => sinkhorn(new Float64Array(5), 2, 3, { epsilon: 1, iterations: 1 }), /2 x 3/],
    ['no rows', () => sinkhorn(new Float64Array(0), 0, 3, { epsilon: 1, iterations: 1 }), /0 x 3/],
    [
      'NaN',
      () => sinkhorn(Float64Array.of(1, Number.NaN), 1, 2, { epsilon: 1, iterations: 1 }),
      /row 0, column 1/,
    ],
    ['epsilon 0', () => sinkhorn(new Float64Array(1), 1, 1, { epsilon: 0, iterations: 1 }), /epsilon/],
    [
      'epsilon too small',
      () => sinkhorn(Float64Array.of(1e9), 1, 1, { epsilon: 1e-9, iterations: 1 }),
      /at least 0.001/,
    ],
    ['no rounds', () => sinkhorn(new Float64Array(1), 1, 1, { epsilon: 1, iterations: 0 }), /iterations/],
    [
      'a negative mass',
      () => sinkhorn(new Float64Array(2), 2, 1, { epsilon: 1, iterations: 1, rowMass: [2, -1] }),
      /rowMass: entry 1/,
    ],
    [
      'masses of unlike total',
      () => sinkhorn(new Float64Array(2), 2, 1, { epsilon: 1, iterations: 1, rowMass: [1, 1] }),
      /2 and 1/,
    ],
    [
      'too few masses',
      () => sinkhorn(new Float64Array(2), 2, 1, { epsilon: 1, iterations: 1, rowMass: [1] }),
      /expected 2 masses/,
    ],
    [
      'a row without a way out',
      () => sinkhorn(Float64Array.of(1, Infinity), 2, 1, { epsilon: 1, iterations: 1 }),
      /row 1: .*infeasible/,
    ],
    [
      'a column without a way in',
      () => sinkhorn(Float64Array.of(1, Infinity), 1, 2, { epsilon: 1, iterations: 1 }),
      /column 1: .*infeasible/,
    ],
  ])('refuses %s', (_, run, message) => {
    expect(run).toThrow(message);
  });
});
