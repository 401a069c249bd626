import { compose, transformPoint, transformPoints } from '../../geometry/matrix.ts';
import { inverseRigid } from '../../geometry/rigid-transform.ts';
import { joinSegments } from './join-segments.ts';
import { type Sighting, seenMoving } from './seen-moving.ts';
import { displacement, shapesOf } from './segment-shapes.ts';
import { checkSweeps, type Sweep } from './sweep.ts';
import { type SweepPartsOptions, sweepParts } from './sweep-parts.ts';
import { type PathPoint, velocityAt } from './velocity.ts';

/** How segments are made and followed. */
export interface FollowOptions extends SweepPartsOptions {
  /** How fast a segment may be that was seen once, m/s (20): as fast as a town's traffic; faster ones reach the next car's place between two sweeps. */
  readonly fastestMps?: number;
  /** A segment that is missed for longer than this is another one afterwards, seconds (0.35). */
  readonly bridgeS?: number;
}

/** One moment of a segment's track, in the world. */
export interface TrackMoment {
  /** Index of the sweep. */
  readonly moment: number;
  readonly timeS: number;
  /** The mean of the points that are seen, metres. */
  readonly centroid: readonly [x: number, y: number, z: number];
  /** Along the world's axes, m/s, from the segment's ends within 0.35 s; nothing is known of the rise. */
  readonly velocityMps: readonly [x: number, y: number, z: number];
}

/** A segment that was followed over time. */
export interface FollowedSegment {
  readonly id: number;
  /** Whether its places were seen free before or after: see `seenMoving`. */
  readonly moving: boolean;
  /** The moments it is seen at, in their order. */
  readonly track: readonly TrackMoment[];
}

/** What was followed through a clip. */
export interface FollowedSegments {
  /** For each sweep, and each of its points, the `id` of its segment, or -1. */
  readonly moments: ReadonlyArray<{ readonly segment: Int32Array<ArrayBuffer> }>;
  /** By id, from 0 on. */
  readonly segments: readonly FollowedSegment[];
}

/** A segment that is missed for longer than this is another one afterwards, seconds: two sweeps of 0.1 s may be missed. */
export const BRIDGE_S = 0.35;
/** How far centroids jump because another part is seen, metres. */
const JITTER_M = 0.7;
/** How fast what is followed changes its speed at most, m/s². */
const ACCELERATION = 10;

interface Followed {
  readonly id: number;
  readonly sightings: Sighting[];
  readonly path: PathPoint[];
}

/**
 * Segments of points followed through the sweeps of a clip, without labels: the ground is taken off, the rest clustered,
 * and the clusters of successive sweeps are joined in the frame of the first sweep, where the ego motion is undone. What
 * was seen twice is expected where its velocity takes it. Everything goes by `timeS`, not by the number of sweeps: a gap
 * longer than `bridgeS` ends all tracks. Deterministic. InputError for points that are not whole or not finite, poses that
 * are not finite, and times that do not ascend.
 *
 * @example
 * // A pillar 10 m ahead of a car that drives 1 m along x between two sweeps.
 * const pillarAt = (x: number) => Float32Array.from({ length: 80 }, (_, i) => [x, 0, 0.02 * Math.floor(i / 4), 0][i % 4]);
 * const sweeps = [0, 1].map((k) => ({
 *   points: pillarAt(10 - k),
 *   worldFromLidar: translation(k, 0, 0),
 *   timeS: 0.1 * k,
 * }));
 * const { moments, segments } = followSegments(sweeps);
 * moments[1].segment[5]; // 0
 * segments[0].track[1].centroid; // [10.0, 0.0, 0.2]
 * segments[0].moving; // false
 */
export function followSegments(sweeps: readonly Sweep[], options: FollowOptions = {}): FollowedSegments {
  const { fastestMps = 20, bridgeS = BRIDGE_S } = options;
  const parts = sweeps.map((sweep) => sweep.parts ?? sweepParts(sweep.points, options));
  checkSweeps(sweeps, 'followSegments');
  const followed: Followed[] = [];
  const moments: Array<{ segment: Int32Array<ArrayBuffer> }> = [];
  const fixed: Float32Array[] = [];
  sweeps.forEach((sweep, moment) => {
    const { points, timeS } = sweep;
    const firstFromLidar = compose(inverseRigid(sweeps[0].worldFromLidar), sweep.worldFromLidar);
    const labels = parts[moment].clusters;
    const inFirst = transformPoints(firstFromLidar, points, 4);
    fixed.push(inFirst);
    const shapes = shapesOf(inFirst, labels);
    const open = followed.filter(({ path }) => timeS - path[path.length - 1].timeS <= bridgeS);
    const expected = open.map(({ sightings, path }) => {
      const last = sightings[sightings.length - 1];
      const elapsedS = timeS - last.timeS;
      const [vx, vy] = velocityAt(path, path.length - 1);
      const reachM = path.length > 1 ? 0.5 * ACCELERATION * elapsedS ** 2 + 0.3 : fastestMps * elapsedS;
      return {
        shape: last.shape,
        points: fixed[last.moment],
        shiftM: [vx * elapsedS, vy * elapsedS] as const,
        gateM: JITTER_M + reachM,
      };
    });
    const idOf = new Int32Array(shapes.length).fill(-1);
    joinSegments(expected, shapes, inFirst).forEach((found, i) => {
      if (found < 0) return;
      const { sightings, path } = open[i];
      const shape = shapes[found];
      const last = path[path.length - 1];
      const [dx, dy] = displacement(sightings[sightings.length - 1].shape, shape);
      sightings.push({ moment, timeS, shape });
      path.push({ timeS, x: last.x + dx, y: last.y + dy });
      idOf[found] = open[i].id;
    });
    shapes.forEach((shape, found) => {
      if (idOf[found] >= 0) return;
      idOf[found] = followed.length;
      const [x, y] = shape.centroid;
      followed.push({ id: followed.length, sightings: [{ moment, timeS, shape }], path: [{ timeS, x, y }] });
    });
    moments.push({ segment: labels.map((label) => (label < 0 ? -1 : idOf[label])) });
  });
  const moving = seenMoving(sweeps, { parts, fixed }, followed);
  const worldFromFirst = sweeps[0]?.worldFromLidar;
  return {
    moments,
    segments: followed.map(({ sightings, path }, id) => ({
      id,
      moving: moving[id],
      track: sightings.map(({ moment, timeS, shape }, k) => {
        const [vx, vy] = velocityAt(path, k);
        const w = worldFromFirst;
        return {
          moment,
          timeS,
          centroid: transformPoint(w, shape.centroid),
          velocityMps: [w[0] * vx + w[1] * vy, w[4] * vx + w[5] * vy, w[8] * vx + w[9] * vy] as const,
        };
      }),
    })),
  };
}
