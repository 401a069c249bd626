import { InputError } from '../engine/input-error.ts';
import type { Random } from '../engine/random.ts';
import { checkWhole, gatherRows } from './point-rows.ts';

/** An axis-aligned region in metres, its faces outside. */
export interface PointRange {
  readonly min: readonly [number, number, number];
  readonly max: readonly [number, number, number];
}

/** The indices, ascending, of the rows (x, y, z first, `stride` floats, 4) strictly inside the range: min < value < max on every axis. */
export function indicesInRange(
  points: Float32Array,
  range: PointRange,
  options: { readonly stride?: number } = {},
): Int32Array<ArrayBuffer> {
  const stride = options.stride ?? 4;
  if (points.length % stride !== 0)
    throw new InputError({
      file: 'indicesInRange',
      expected: `rows of ${stride} floats`,
      found: `${points.length} floats`,
    });
  const [minX, minY, minZ] = range.min;
  const [maxX, maxY, maxZ] = range.max;
  const count = points.length / stride;
  const kept = new Int32Array(count);
  let found = 0;
  for (let i = 0, at = 0; i < count; i++, at += stride) {
    const x = points[at];
    const y = points[at + 1];
    const z = points[at + 2];
    if (x > minX && x < maxX && y > minY && y < maxY && z > minZ && z < maxZ) kept[found++] = i;
  }
  return kept.slice(0, found);
}

/**
 * The rows x, y, z, reflectance strictly inside the range, in their order.
 *
 * @example
 * const points = Float32Array.of(10, 0, -1, 0.5, 90, 0, -1, 0.5);
 * filterRange(points, { min: [0, -40, -3], max: [70.4, 40, 1] }); // [10, 0, -1, 0.5]
 */
export function filterRange(points: Float32Array, range: PointRange): Float32Array<ArrayBuffer> {
  return gatherRows(points, indicesInRange(points, range));
}

/**
 * A random choice of `count` of the indices 0 … available-1: all different where there are enough, drawn with
 * replacement where there are fewer (as Li et al. 2022 and 3DSSD sample their input). InputError for a choice among none.
 *
 * @example
 * const rows = sampleRows(3, 100, Random.fromSeed(0));
 * rows.length; // 3
 */
export function sampleRows(count: number, available: number, random: Random): Int32Array<ArrayBuffer> {
  checkWhole(count, 'sampleRows', { place: 'count', min: 0 });
  checkWhole(available, 'sampleRows', { place: 'available', min: count === 0 ? 0 : 1 });
  if (available < count) return Int32Array.from({ length: count }, () => random.integer(available));
  const indices = new Int32Array(available);
  for (let i = 0; i < available; i++) indices[i] = i;
  for (let i = 0; i < count; i++) {
    const j = i + random.integer(available - i);
    const swapped = indices[i];
    indices[i] = indices[j];
    indices[j] = swapped;
  }
  return indices.slice(0, count);
}
