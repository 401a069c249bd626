import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { choleskyFactor, inverseSymmetric, solveCholesky } from '../../src/geometry/small-solve.ts';

describe('small systems', () => {
  it('are solved and inverted', () => {
    const random = Random.fromSeed('solve');
    for (let width = 1; width <= 6; width++) {
      const b = Float64Array.from({ length: width * width }, () => random.normal());
      const matrix = b.map((_, at) => {
        let sum = Math.floor(at / width) === at % width ? 0.1 : 0;
        for (let k = 0; k < width; k++)
          sum += b[Math.floor(at / width) * width + k] * b[(at % width) * width + k];
        return sum;
      });
      const times = (x: ArrayLike<number>) =>
        Array.from({ length: width }, (_, i) => {
          let sum = 0;
          for (let k = 0; k < width; k++) sum += matrix[i * width + k] * x[k];
          return sum;
        });
      const right = Float64Array.from({ length: width }, () => random.normal());
      const factor = choleskyFactor(matrix, width);
      times(solveCholesky(factor!, right.slice())).forEach((value, i) => {
        expect(value).toBeCloseTo(right[i], 9);
      });
      const inverse = inverseSymmetric(matrix, width)!;
      for (let j = 0; j < width; j++) {
        const column = Array.from({ length: width }, (_, i) => inverse[i * width + j]);
        times(column).forEach((value, i) => {
          expect(value).toBeCloseTo(i === j ? 1 : 0, 9);
        });
        for (let i = 0; i < j; i++) expect(inverse[i * width + j]).toBe(inverse[j * width + i]);
      }
    }
  });

  it('are refused where the matrix is not positive definite', () => {
    expect(inverseSymmetric([1, 1, 1, 1], 2)).toBeUndefined();
    expect(inverseSymmetric([1, 2, 2, 1], 2)).toBeUndefined();
    expect(inverseSymmetric([0], 1)).toBeUndefined();
    expect(inverseSymmetric([Number.NaN], 1)).toBeUndefined();
  });
});
