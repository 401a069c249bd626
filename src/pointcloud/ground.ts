import type { Random } from '../engine/random.ts';
import { sampleRows } from './range-filter.ts';

/** What separates the ground from what stands on it. */
export interface GroundOptions {
  /** The side of a square cell, metres (4). */
  readonly cellM?: number;
  /** Up to which height above the lowest point of its cell a point belongs to the ground, metres (0.25). */
  readonly heightM?: number;
}

/**
 * 1 for each point (rows of x, y, z, reflectance in the LiDAR frame) that lies within `heightM` of the lowest point of its
 * cell, else 0: coarse, but fast, and right for roads; of what stands where no ground is seen the foot counts as ground.
 */
export function groundPoints(points: Float32Array, options: GroundOptions = {}): Uint8Array<ArrayBuffer> {
  const { cellM = 4, heightM = 0.25 } = options;
  const count = points.length / 4;
  const lowest = new Map<number, number>();
  const cells = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const column = Math.floor(points[4 * i] / cellM);
    const row = Math.floor(points[4 * i + 1] / cellM);
    cells[i] = column * 65536 + row;
    const z = points[4 * i + 2];
    const known = lowest.get(cells[i]);
    if (known === undefined || z < known) lowest.set(cells[i], z);
  }
  return Uint8Array.from({ length: count }, (_, i) =>
    points[4 * i + 2] <= lowest.get(cells[i])! + heightM ? 1 : 0,
  );
}

/**
 * A random choice of `count` rows, in a random order, with at most a share of ground among them as far as there are enough
 * others: of a sweep's points most lie on the road, and say little. A share of 1 draws all points alike. InputError for a
 * choice among none.
 */
export function sampleMostlyAboveGround(
  points: Float32Array,
  random: Random,
  { count, groundShare }: { readonly count: number; readonly groundShare: number },
): Int32Array<ArrayBuffer> {
  const isGround = groundPoints(points);
  const ground: number[] = [];
  const others: number[] = [];
  isGround.forEach((is, i) => {
    (is === 1 ? ground : others).push(i);
  });
  const pick = (among: readonly number[], number: number, label: string) =>
    number === 0 ? [] : Array.from(sampleRows(number, among.length, random.fork(label)), (i) => among[i]);
  const wanted = Math.min(ground.length, Math.round(groundShare * count));
  // What is missing above the ground is made up for with ground.
  const fromGround = Math.min(ground.length, Math.max(wanted, count - others.length));
  const chosen =
    groundShare >= 1 || others.length === 0
      ? sampleRows(count, isGround.length, random.fork('all'))
      : [...pick(others, count - fromGround, 'others'), ...pick(ground, fromGround, 'ground')];
  // Farthest points begin with the first row: a random one, whatever was drawn first.
  return random
    .fork('order')
    .permutation(count)
    .map((i) => chosen[i]);
}
