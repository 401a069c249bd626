import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { symmetricEigen } from '../../src/geometry/symmetric-eigen.ts';

/** A = B·Bᵀ of a random [width·rank] matrix B, or B + Bᵀ, which has values of both signs. */
function randomSymmetric(random: Random, width: number, rank?: number): Float64Array {
  const factor = Float64Array.from({ length: width * (rank ?? width) }, () => random.normal());
  return Float64Array.from({ length: width * width }, (_, at) => {
    const [i, j] = [Math.floor(at / width), at % width];
    if (rank === undefined) return factor[i * width + j] + factor[j * width + i];
    let sum = 0;
    for (let k = 0; k < rank; k++) sum += factor[i * rank + k] * factor[j * rank + k];
    return sum;
  });
}

describe('symmetricEigen', () => {
  it('knows the values of a path graph, 2 - 2·cos(kπ/(n+1))', () => {
    const width = 9;
    const path = Float64Array.from({ length: width * width }, (_, at) => {
      const apart = Math.abs(Math.floor(at / width) - (at % width));
      return apart === 0 ? 2 : apart === 1 ? -1 : 0;
    });
    symmetricEigen(path, width).values.forEach((value, k) => {
      expect(value).toBeCloseTo(2 - 2 * Math.cos(((k + 1) * Math.PI) / (width + 1)), 13);
    });
  });

  it('takes a matrix apart so that it can be put together again', () => {
    const random = Random.fromSeed('eigen');
    for (let trial = 0; trial < 60; trial++) {
      const width = 1 + random.integer(12);
      const matrix = randomSymmetric(
        random,
        width,
        random.chance(0.5) ? 1 + random.integer(width) : undefined,
      );
      const { values, vectors } = symmetricEigen(matrix, width);
      const size = Math.max(...matrix.map(Math.abs));
      for (let i = 0; i < width; i++) {
        if (i > 0) expect(values[i]).toBeGreaterThanOrEqual(values[i - 1]);
        for (let j = 0; j < width; j++) {
          let again = 0;
          let inner = 0;
          for (let k = 0; k < width; k++) {
            again += values[k] * vectors[k * width + i] * vectors[k * width + j];
            inner += vectors[i * width + k] * vectors[j * width + k];
          }
          expect(Math.abs(again - matrix[i * width + j])).toBeLessThan(1e-13 * width * size);
          expect(Math.abs(inner - (i === j ? 1 : 0))).toBeLessThan(1e-13);
        }
      }
    }
  });

  it('finds values that are small beside the others', () => {
    // diag(1e-12, 1, 1e6) turned by a rotation in the first two, and scaled diagonally dominant matrices keep their digits.
    const { values } = symmetricEigen([1, 0, 0, 0, 1e-12, 0, 0, 0, 1e6], 3);
    expect([...values]).toEqual([1e-12, 1, 1e6]);
    const graded = symmetricEigen([1, 1e-7, 1e-7, 2e-12], 2);
    expect(graded.values[0] / (2e-12 - 1e-14)).toBeCloseTo(1, 9);
  });

  it('reads the upper triangle only, and leaves the matrix as it was', () => {
    const matrix = [2, 1, 99, 2];
    expect([...symmetricEigen(matrix, 2).values]).toEqual([1, 3]);
    expect(matrix).toEqual([2, 1, 99, 2]);
  });

  it('says NaN where there is one', () => {
    expect(symmetricEigen([1, Number.NaN, Number.NaN, 1], 2).values.some(Number.isNaN)).toBe(true);
  });
});
