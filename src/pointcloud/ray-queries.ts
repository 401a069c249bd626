import { InputError } from '../engine/input-error.ts';
import type { Random } from '../engine/random.ts';
import { checkWhole, countRows, gatherRows } from './point-rows.ts';
import { sampleRows } from './range-filter.ts';

/** How places along rays are drawn. */
export interface RayQueryOptions {
  /** So many places, in thirds. */
  readonly count: number;
  /** Where the rays begin, in the frame of the points: a sensor that moved with them. */
  readonly sensor: readonly [x: number, y: number, z: number];
  /** How far behind a ray's point, or before it, a place lies at most, metres (0.1). */
  readonly marginM?: number;
}

/** Places along rays, and what is known of them: the first third behind their points, the second before them, the last anywhere on the ray. */
export interface RayQueries {
  /** Rows of x, y, z. */
  readonly places: Float32Array<ArrayBuffer>;
  /** 1 for what is behind a point, and so inside of a surface, 0 for what the ray passed. */
  readonly occupied: Float32Array<ArrayBuffer>;
  /** For each place the point that its ray ends at. */
  readonly rows: Int32Array<ArrayBuffer>;
}

/**
 * Places along the rays from a sensor to random points (rows of x, y, z, reflectance), of which it is known whether there is something
 * (ALSO; Boulch et al. 2023): a third lies behind its point by U(0, margin), a third before it by as much (but not behind the sensor), and a
 * third anywhere between sensor and point. InputError for no points, and for a count that is no multiple of 3.
 *
 * @example
 * const points = Float32Array.of(10, 0, 0, 0.5);
 * const { occupied, rows } = rayQueries(points, Random.fromSeed(0), { count: 6, sensor: [0, 0, 0] });
 * occupied; // [1, 1, 0, 0, 0, 0]
 * rows; // [0, 0, 0, 0, 0, 0]
 */
export function rayQueries(
  points: Float32Array,
  random: Random,
  { count, sensor, marginM = 0.1 }: RayQueryOptions,
): RayQueries {
  const available = countRows(points, 4, 'rayQueries');
  checkWhole(count, 'rayQueries', { place: 'count', min: 3 });
  if (count % 3 !== 0)
    throw new InputError({
      file: 'rayQueries',
      place: 'count',
      expected: 'a multiple of 3',
      found: `${count}`,
    });
  const rows = sampleRows(count, available, random.fork('rays'));
  const along = random.fork('along');
  const ends = gatherRows(points, rows);
  const places = new Float32Array(3 * count);
  for (let q = 0; q < count; q++) {
    const ray = sensor.map((from, axis) => ends[4 * q + axis] - from);
    const lengthM = Math.hypot(...ray);
    const share = along.uniform();
    const atM = [lengthM + share * marginM, Math.max(0, lengthM - share * marginM), share * lengthM][
      Math.floor((3 * q) / count)
    ];
    const part = lengthM === 0 ? 0 : atM / lengthM;
    for (let axis = 0; axis < 3; axis++) places[3 * q + axis] = sensor[axis] + part * ray[axis];
  }
  return { places, occupied: new Float32Array(count).fill(1, 0, count / 3), rows };
}
