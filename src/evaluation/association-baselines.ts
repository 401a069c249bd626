import { compose, type Matrix44, transformPoints } from '../geometry/matrix.ts';
import { inverseRigid } from '../geometry/rigid-transform.ts';
import { nearestNeighbors } from '../pointcloud/nearest-neighbors.ts';
import { gatherRows } from '../pointcloud/point-rows.ts';
import { type FollowOptions, followSegments } from '../pointcloud/segments/follow-segments.ts';
import { displacement, shapesOf } from '../pointcloud/segments/segment-shapes.ts';
import { checkPair, type PlacePredictor, type SweepPair } from './association.ts';

/** Where the points were: each stays where it is in the LiDAR frame. */
export const byStaying: PlacePredictor = (rows, pair) => {
  checkPair(pair);
  return xyzOfRows(pair.sweeps[pair.from].points, rows);
};

/** Where the points are if nothing but the sensor moves. */
export const byEgoMotion: PlacePredictor = (rows, pair) =>
  transformPoints(toFromFrom(pair), byStaying(rows, pair), 3);

/** The point of `to` that is nearest to where the point is if nothing but the sensor moves; that place itself where `to` has no points. */
export const byNearestNeighbor: PlacePredictor = (rows, pair) => {
  const places = byEgoMotion(rows, pair);
  const { points } = pair.sweeps[pair.to];
  if (points.length === 0) return places;
  const { indices } = nearestNeighbors(points, places, { count: 1, stride: 4 });
  return xyzOfRows(points, indices);
};

/**
 * Where the points are if their segments go on as they did: the velocity of segments followed through the sweeps up to
 * `from`, none later. What is of no segment, or of one that was not seen moving, stands still.
 */
export function byConstantVelocity(options: FollowOptions = {}): PlacePredictor {
  return (rows, pair) => {
    checkPair(pair);
    const { sweeps, from, to } = pair;
    const { moments, segments } = followSegments(sweeps.slice(0, from + 1), options);
    const { worldFromLidar, timeS } = sweeps[from];
    const inWorld = transformPoints(worldFromLidar, Float64Array.from(byStaying(rows, pair)), 3);
    const elapsedS = sweeps[to].timeS - timeS;
    rows.forEach((row, i) => {
      const id = moments[from].segment[row];
      if (id < 0 || !segments[id].moving) return;
      const { velocityMps } = segments[id].track[segments[id].track.length - 1];
      for (let axis = 0; axis < 3; axis++) inWorld[3 * i + axis] += velocityMps[axis] * elapsedS;
    });
    return Float32Array.from(transformPoints(inverseRigid(sweeps[to].worldFromLidar), inWorld, 3));
  };
}

/**
 * Where the points are if each moves as its segment does, which is followed through all sweeps from the first to the later of the
 * two: tracking without labels. A segment that moves and is seen in both is shifted by its `displacement`; one that is lost goes on
 * at its last velocity; what is of no segment, or of one that does not move, stands still.
 */
export function byFollowing(options: FollowOptions = {}): PlacePredictor {
  return (rows, pair) => {
    checkPair(pair);
    const { sweeps, from, to } = pair;
    const { moments, segments } = followSegments(sweeps.slice(0, Math.max(from, to) + 1), options);
    const inWorld = transformPoints(sweeps[from].worldFromLidar, Float64Array.from(byStaying(rows, pair)), 3);
    const shapesAt = (moment: number) => {
      const { points, worldFromLidar } = sweeps[moment];
      return shapesOf(transformPoints(worldFromLidar, points, 4), moments[moment].segment);
    };
    const [before, after] = [shapesAt(from), shapesAt(to)];
    const elapsedS = sweeps[to].timeS - sweeps[from].timeS;
    rows.forEach((row, i) => {
      const id = moments[from].segment[row];
      if (id < 0 || !segments[id].moving) return;
      const { track } = segments[id];
      const isSeen = track.some(({ moment }) => moment === to);
      const [vx, vy] = (track.findLast(({ moment }) => moment <= from) ?? track[0]).velocityMps;
      const [dx, dy] = isSeen ? displacement(before[id], after[id]) : [vx * elapsedS, vy * elapsedS];
      inWorld[3 * i] += dx;
      inWorld[3 * i + 1] += dy;
    });
    return Float32Array.from(transformPoints(inverseRigid(sweeps[to].worldFromLidar), inWorld, 3));
  };
}

/** The LiDAR frame of the second sweep from that of the first. */
function toFromFrom({ sweeps, from, to }: SweepPair): Matrix44 {
  return compose(inverseRigid(sweeps[to].worldFromLidar), sweeps[from].worldFromLidar);
}

function xyzOfRows(points: Float32Array, rows: Int32Array): Float32Array<ArrayBuffer> {
  const chosen = gatherRows(points, rows);
  return Float32Array.from({ length: 3 * rows.length }, (_, k) => chosen[4 * Math.floor(k / 3) + (k % 3)]);
}
