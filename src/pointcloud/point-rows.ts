import { InputError } from '../engine/input-error.ts';

/** How points lie in a flat array: x, y, z first, then whatever else a row holds. */
export interface RowOptions {
  /** Floats per row; 3. */
  readonly stride?: number;
}

/** The number of rows; InputError, named for the function that asks, where rows are not whole or x, y, z not finite. */
export function countRows(points: Float32Array, stride: number, name: string): number {
  const fault = (expected: string, found: string, place?: string) =>
    new InputError({ file: name, place, expected, found });
  if (!Number.isInteger(stride) || stride < 3)
    throw fault('a stride of at least 3 floats a row', `${stride}`);
  if (points.length % stride !== 0) throw fault(`rows of ${stride} floats`, `${points.length} floats`);
  const count = points.length / stride;
  for (let i = 0, at = 0; i < count; i++, at += stride) {
    // The difference is 0 exactly when all three are finite.
    const sum = points[at] + points[at + 1] + points[at + 2];
    if (sum - sum !== 0)
      throw fault('finite x, y, z', `${points.subarray(at, at + 3).join(', ')}`, `point ${i}`);
  }
  return count;
}

/** Makes sure that a number is whole and within bounds; InputError otherwise. */
export function checkWhole(
  value: number,
  name: string,
  options: { readonly place: string; readonly min: number; readonly max?: number },
): void {
  const { place, min, max } = options;
  if (Number.isInteger(value) && value >= min && (max === undefined || value <= max)) return;
  const expected = max === undefined ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`;
  throw new InputError({ file: name, place, expected, found: `${value}` });
}

/** The rows of those indices, in their order; a row is as long as `stride` says (4 by default: x, y, z, reflectance). */
export function gatherRows(
  points: Float32Array,
  indices: ArrayLike<number>,
  options: RowOptions = {},
): Float32Array<ArrayBuffer> {
  const stride = options.stride ?? 4;
  const rows = new Float32Array(indices.length * stride);
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i] * stride;
    for (let k = 0; k < stride; k++) rows[i * stride + k] = points[from + k];
  }
  return rows;
}
