import type { InputError } from '../../engine/input-error.ts';
import type { Matrix44 } from '../../geometry/matrix.ts';

/** The matrix of 16 numbers, row by row; throws what `fault` makes of what there is instead. */
export function matrixOfTransform(
  numbers: ArrayLike<number>,
  fault: (found: string) => InputError,
): Matrix44 {
  if (numbers.length !== 16) throw fault(`${numbers.length} numbers`);
  const matrix = Float64Array.from(numbers);
  const wrong = matrix.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) throw fault(String(wrong));
  return matrix;
}
