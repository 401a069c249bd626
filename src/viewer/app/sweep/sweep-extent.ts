import { type Spread, spreadOf } from '../../../pointcloud/spread.ts';
import type { Triple } from '../scene/pose.ts';
import type { Sweep } from './sweep.ts';

/** Points that the extent of a sweep is taken from. */
const sampled = 20_000;
/** Nothing this near to most points is far from them, metres. */
const leastRoomM = 10;

/** Where the points of a sweep are, from its origin, whatever a few of them are. */
export interface SweepExtent {
  /** Corners of what holds the points, the farthest hundredth of each side and those far from the others left out. */
  readonly low: Triple;
  readonly high: Triple;
  /** How many points are far from all others: 100 times as far as most are from each other. */
  readonly far: number;
  /** How many have no place: values are missing, infinite or beyond float32. */
  readonly placeless: number;
}

/** The extent of what has come of a sweep; undefined where no point has a place. */
export function extentOf({
  positions,
  filled,
}: Pick<Sweep, 'positions' | 'filled'>): SweepExtent | undefined {
  const step = Math.max(1, Math.floor(filled / sampled));
  const axes = [0, 1, 2].map((axis) =>
    Float32Array.from({ length: Math.ceil(filled / step) }, (_, k) => positions[3 * k * step + axis]),
  );
  const first = axes.map((values) => spreadOf(values));
  // A sweep may be flat: what is far is far beside its widest side.
  const room = first.map((spread) => (spread === undefined ? 0 : (spread.to - spread.from) / 2));
  const leastRoom = Math.max(leastRoomM, ...room.filter(Number.isFinite));
  const spreads = axes.map((values) => spreadOf(values, { leastRoom }));
  if (!spreads.every((spread) => spread !== undefined)) return undefined;
  const [x, y, z]: readonly Spread[] = spreads;
  let [far, placeless] = [0, 0];
  for (let at = 0; at < 3 * filled; at += 3) {
    const [px, py, pz] = [positions[at], positions[at + 1], positions[at + 2]];
    if (!Number.isFinite(px + py + pz)) placeless++;
    else if (isApart(px, x) || isApart(py, y) || isApart(pz, z)) far++;
  }
  return { low: [x.low, y.low, z.low], high: [x.high, y.high, z.high], far, placeless };
}

function isApart(value: number, { from, to }: Spread): boolean {
  return value < from || value > to;
}
