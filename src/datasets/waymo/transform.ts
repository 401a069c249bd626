import type { Matrix44 } from '../../geometry/matrix.ts';

/** The matrix of 16 numbers, row by row, or what there is instead of 16 finite ones. */
export function matrixOf(numbers: ArrayLike<number>): Matrix44 | string {
  if (numbers.length !== 16) return `${numbers.length} numbers`;
  const matrix = Float64Array.from(numbers);
  const wrong = matrix.find((value) => !Number.isFinite(value));
  return wrong === undefined ? matrix : String(wrong);
}
