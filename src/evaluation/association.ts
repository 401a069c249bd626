import type { ObjectLabel } from '../datasets/frame.ts';
import { InputError } from '../engine/input-error.ts';
import { type Box3, pointInBox } from '../geometry/box.ts';
import { compose, type Matrix44, transformPoint } from '../geometry/matrix.ts';
import { inverseRigid, rotationZ, translation } from '../geometry/rigid-transform.ts';
import type { Sweep } from '../pointcloud/segments/sweep.ts';

/** Two sweeps of a clip, between which points are followed. */
export interface SweepPair {
  readonly sweeps: readonly Sweep[];
  /** Indices of the sweep that points are taken of, and of the one in which their places are asked for. */
  readonly from: number;
  readonly to: number;
}

/**
 * Says for rows of the sweep `from` where those points are at the time of `to`: rows of x, y, z in the LiDAR frame of `to`.
 * It may read both sweeps and all before `from`.
 */
export type PlacePredictor = (rows: Int32Array, pair: SweepPair) => Float32Array;

/** Points of labelled objects and where they truly are. */
export interface AssociationQueries extends SweepPair {
  /** Rows of the sweep `from`, ascending. */
  readonly rows: Int32Array;
  /** For each the place at `to`: rows of x, y, z in the LiDAR frame of `to`. */
  readonly places: Float32Array;
  /** For each whether its object moves. */
  readonly moving: Uint8Array;
  /** For each the `trackId` of its object. */
  readonly tracks: Int32Array;
}

/** How far predictions are off. */
export interface AssociationScore {
  readonly points: number;
  /** The median distance between the predicted and the true place, metres; null without points. */
  readonly medianM: number | null;
  /** The share of the points that are predicted within 0.5 m of their place; null without points. */
  readonly recall: number | null;
}

/** Standing and moving points apart: the first are many, and ego motion alone places them. */
export interface AssociationMeasure {
  readonly standing: AssociationScore;
  readonly moving: AssociationScore;
}

/** An object moves when the middle of its box does so in the world by more than this, m/s. */
export const movingFromMps = 0.5;
/** A place is found within this distance, metres. */
export const foundWithinM = 0.5;
/** So much of a box above its bottom is left out, metres: the road's points lie there. */
const FOOT_M = 0.2;

/**
 * The points of `from` that lie in the box of a track which has a box at `to` as well, with where the rigid motion from box to
 * box puts them (a turn about the vertical by the difference of the yaws, and the shift of the middles). The lowest
 * 0.2 m of a box are left out. An object moves when its middle moves in the world by more than 0.5 m/s. `labels` are those of each sweep.
 */
export function associationQueries(
  pair: SweepPair,
  labels: ReadonlyArray<readonly ObjectLabel[]>,
): AssociationQueries {
  const { sweeps, from, to } = pair;
  checkPair(pair);
  if (labels.length !== sweeps.length)
    throw new InputError({
      file: 'associationQueries',
      place: 'labels',
      expected: `those of ${sweeps.length} sweeps`,
      found: `those of ${labels.length}`,
    });
  const [a, b] = [sweeps[from], sweeps[to]];
  const found: Array<{ row: number; place: readonly number[]; moving: boolean; track: number }> = [];
  for (const { trackId, box3 } of labels[from]) {
    const later = labels[to].find((label) => label.trackId === trackId && label.box3 !== undefined)?.box3;
    if (trackId === undefined || box3 === undefined || later === undefined) continue;
    const toFromFrom = compose(lidarFromBox(later), inverseRigid(lidarFromBox(box3)));
    const was = transformPoint(a.worldFromLidar, box3.center);
    const is = transformPoint(b.worldFromLidar, later.center);
    const movedM = Math.hypot(is[0] - was[0], is[1] - was[1], is[2] - was[2]);
    const moving = movedM > movingFromMps * Math.abs(b.timeS - a.timeS);
    const bottom = box3.center[2] - box3.sizeM[2] / 2 + FOOT_M;
    for (let row = 0; row < a.points.length / 4; row++) {
      const [x, y, z] = a.points.subarray(4 * row, 4 * row + 3);
      if (z < bottom || !pointInBox(box3, x, y, z)) continue;
      found.push({ row, place: transformPoint(toFromFrom, [x, y, z]), moving, track: trackId });
    }
  }
  found.sort((one, other) => one.row - other.row || one.track - other.track);
  return {
    ...pair,
    rows: Int32Array.from(found, ({ row }) => row),
    places: Float32Array.from(found.flatMap(({ place }) => place)),
    moving: Uint8Array.from(found, ({ moving }) => (moving ? 1 : 0)),
    tracks: Int32Array.from(found, ({ track }) => track),
  };
}

/**
 * How far a predictor is off on the points of labelled objects, those of all pairs together. InputError where it gives
 * another number of places than it was asked for, or one that is not finite.
 *
 * @example
 * const points = Float32Array.of(10, 0, 0, 0.5);
 * const sweeps = [0, 1].map((timeS) => ({ points, worldFromLidar: translation(timeS, 0, 0), timeS }));
 * const box = { center: [10, 0, 0], sizeM: [4, 2, 1.5], yaw: 0 } as const;
 * const car = { type: 'Car', truncation: 0, occlusion: 0, alpha: 0, box2: [0, 0, 1, 1], box3: box, trackId: 3 } as const;
 * const queries = associationQueries({ sweeps, from: 0, to: 1 }, [[car], [car]]);
 * const { moving } = measureAssociation([queries], byEgoMotion);
 * moving; // { "points": 1, "medianM": 1, "recall": 0 }
 */
export function measureAssociation(
  queries: readonly AssociationQueries[],
  predict: PlacePredictor,
): AssociationMeasure {
  const distances: [standing: number[], moving: number[]] = [[], []];
  for (const { rows, places, moving, sweeps, from, to } of queries) {
    const predicted = predict(rows, { sweeps, from, to });
    if (predicted.length !== places.length || !predicted.every(Number.isFinite))
      throw new InputError({
        file: 'measureAssociation',
        place: `sweep ${from} to ${to}`,
        expected: `${rows.length} predicted places with finite x, y, z`,
        found:
          predicted.length === places.length
            ? `one that is not finite, of point ${Math.floor(predicted.findIndex((v) => !Number.isFinite(v)) / 3)}`
            : `${predicted.length} numbers`,
      });
    rows.forEach((_, i) => {
      const [dx, dy, dz] = [0, 1, 2].map((axis) => predicted[3 * i + axis] - places[3 * i + axis]);
      distances[moving[i]].push(Math.hypot(dx, dy, dz));
    });
  }
  return { standing: scoreOf(distances[0]), moving: scoreOf(distances[1]) };
}

/** InputError unless both are sweeps of the clip. */
export function checkPair({ sweeps, from, to }: SweepPair): void {
  for (const [place, index] of Object.entries({ from, to }))
    if (sweeps[index] === undefined)
      throw new InputError({
        file: 'association',
        place,
        expected: `the index of one of ${sweeps.length} sweeps`,
        found: `${index}`,
      });
}

function lidarFromBox({ center, yaw }: Box3): Matrix44 {
  return compose(translation(...center), rotationZ(yaw));
}

function scoreOf(distances: number[]): AssociationScore {
  const points = distances.length;
  if (points === 0) return { points, medianM: null, recall: null };
  distances.sort((a, b) => a - b);
  const medianM = (distances[(points - 1) >> 1] + distances[points >> 1]) / 2;
  return { points, medianM, recall: distances.filter((d) => d <= foundWithinM).length / points };
}
