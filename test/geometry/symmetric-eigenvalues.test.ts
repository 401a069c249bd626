import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { symmetricEigen } from '../../src/geometry/symmetric-eigen.ts';
import { symmetricEigenvalues } from '../../src/geometry/symmetric-eigenvalues.ts';

/** Q·diag(values)·Qᵀ with Q a product of random reflections. */
function withValues(random: Random, values: readonly number[]): Float64Array {
  const width = values.length;
  const a = Float64Array.from({ length: width * width }, (_, at) =>
    at % (width + 1) === 0 ? values[at / (width + 1)] : 0,
  );
  for (let turn = 0; turn < 3; turn++) {
    const v = Float64Array.from({ length: width }, () => random.normal());
    const square = v.reduce((sum, x) => sum + x * x, 0);
    for (const [step, stride] of [
      [1, width],
      [width, 1],
    ]) {
      for (let i = 0; i < width; i++) {
        let inner = 0;
        for (let k = 0; k < width; k++) inner += a[i * stride + k * step] * v[k];
        for (let k = 0; k < width; k++) a[i * stride + k * step] -= (2 * inner * v[k]) / square;
      }
    }
  }
  return a;
}

function expectClose(found: Float64Array, expected: readonly number[], bound = 1e-13): void {
  expect(found.length).toBe(expected.length);
  const size = Math.max(...expected.map(Math.abs));
  found.forEach((value, k) => {
    expect(Math.abs(value - expected[k])).toBeLessThan(bound * size);
  });
}

describe('symmetricEigenvalues', () => {
  it('knows the values of a path graph, 2 - 2·cos(kπ/(n+1))', () => {
    const width = 100;
    const path = Float64Array.from({ length: width * width }, (_, at) => {
      const apart = Math.abs(Math.floor(at / width) - (at % width));
      return apart === 0 ? 2 : apart === 1 ? -1 : 0;
    });
    const expected = Array.from({ length: width }, (_, k) => 2 - 2 * Math.cos(((k + 1) * Math.PI) / 101));
    expectClose(symmetricEigenvalues(path, width), expected);
  });

  it('finds the values that a matrix was made of, equal ones, zeros and both signs among them', () => {
    const random = Random.fromSeed('values');
    for (const width of [1, 2, 3, 7, 40, 130]) {
      for (const kind of ['drawn', 'equal', 'few', 'graded']) {
        const values = Array.from({ length: width }, (_, k) => {
          if (kind === 'drawn') return random.normal();
          if (kind === 'equal') return k % 2 === 0 ? 3 : -1;
          if (kind === 'few') return k < 3 ? 5 - k : 0;
          return 10 ** -(k % 16);
        }).sort((a, b) => a - b);
        expectClose(symmetricEigenvalues(withValues(random, values), width), values, 1e-14 * (10 + width));
      }
    }
  });

  it('agrees with Jacobi rotations', () => {
    const random = Random.fromSeed('jacobi');
    for (let trial = 0; trial < 30; trial++) {
      const width = 1 + random.integer(12);
      const matrix = new Float64Array(width * width);
      for (let i = 0; i < width; i++) {
        for (let j = 0; j <= i; j++) {
          matrix[i * width + j] = random.integer(7) - 3;
          matrix[j * width + i] = matrix[i * width + j];
        }
      }
      const found = symmetricEigenvalues(matrix, width);
      symmetricEigen(matrix, width).values.forEach((value, k) => {
        expect(found[k]).toBeCloseTo(value, 12);
      });
    }
  });

  it('reads the lower triangle only, and leaves the matrix as it was', () => {
    const matrix = Float64Array.of(2, 99, 1, 2);
    expectClose(symmetricEigenvalues(matrix, 2), [1, 3]);
    expect([...matrix]).toEqual([2, 99, 1, 2]);
    expect([...symmetricEigenvalues(new Float64Array(9), 3)]).toEqual([0, 0, 0]);
  });

  it('says NaN where there is one', () => {
    const values = symmetricEigenvalues([1, 0, 0, Number.NaN, 1, 0, 0, 0, 1], 3);
    expect(values.every(Number.isNaN)).toBe(true);
  });
});
