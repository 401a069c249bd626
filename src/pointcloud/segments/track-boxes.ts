import { wrapAngle } from '../../geometry/angle.ts';
import { type Matrix44, transformPoint } from '../../geometry/matrix.ts';
import { inverseRigid } from '../../geometry/rigid-transform.ts';
import { groundHeights } from '../ground-height.ts';
import {
  boxOn,
  type ClusterBox,
  type Ends,
  endsOf,
  fitRectangle,
  longerAlong,
  ofLength,
  type Rectangle,
  type Standing,
  scoreOf,
  standingIn,
  thinned,
} from './cluster-boxes.ts';
import { type FollowedSegment, type FollowOptions, followSegments } from './follow-segments.ts';
import { shapesOf } from './segment-shapes.ts';
import type { Sweep } from './sweep.ts';

/** A box of something that was followed. */
export interface TrackedBox extends ClusterBox {
  /** From 0 to 1: how much of it was seen in this sweep (1 - exp(-points / 30)), less where its clusters seldom had its class by themselves, and for what stands. */
  readonly score: number;
  /** The same for the same thing in all sweeps. */
  readonly trackId: number;
  /** Whether its places were seen free before or after. The front of what went half a metre or more is where it goes. */
  readonly moving: boolean;
}

/** What was seen of a thing in one sweep, as seen from above in the world. */
interface Seen {
  readonly moment: number;
  readonly timeS: number;
  readonly places: ReadonlyArray<readonly [x: number, y: number]>;
  /** Around its places. */
  readonly rectangle: Rectangle;
  readonly points: number;
  /** The height of its middle in the world, metres. */
  readonly z: number;
  readonly sensor: readonly [x: number, y: number];
  /** The ground under it, in the sweep's own frame, metres. */
  readonly groundM: number;
  /** Above the ground, metres. */
  readonly topM: number;
  readonly bottomM: number;
  readonly velocity: readonly [x: number, y: number];
}

/** The share of a thing's sightings that may show more of it than there is: a cluster now and then holds something beside it. */
const MORE_THAN_ALL = 0.2;
/** The score of what never had its class in a single sweep, beside that of what always had. */
const SEEN_ONCE = 0.3;
/** The score of what stands beside that of what moves: hedges and posts stand, too. */
const STANDING = 0.75;
/** What goes less far than this in all, metres, is taken to stand: another part of it was seen. */
const STANDS_WITHIN_M = 0.5;
/** A flank is longer than this, metres, and nearer to the way that the thing goes than this, radians. */
const FLANK_M = 2;
const FLANK_WITHIN = 0.35;
/** What goes slower, m/s, says little of where its front is. */
const HEADING_MPS = 1;

/**
 * Boxes of things that are followed through the sweeps of a drive, without a network and without labels; for each sweep those that were
 * seen in it, in its LiDAR frame. The world's x and y (`worldFromLidar`) lie in the ground, its z points up. As `clusterBoxes`, but what
 * was seen at any time says how large a thing is and of which class: what stands has one place for all sweeps, and what moves has its front
 * where it goes. Throws an InputError as `followSegments` does.
 *
 * @example
 * // The flank of a car that stands 10 m ahead, seen twice from a car that drives 1 m along x.
 * const flank = Array.from({ length: 300 }, (_, i) => [(i % 20) / 5, 0, -0.2 - Math.floor(i / 20) / 10]);
 * const sweeps = [0, 1].map((k) => ({
 *   points: Float32Array.from(flank.flatMap(([x, y, z]) => [10 + x - k, 4 + y, z, 0])),
 *   worldFromLidar: translation(k, 0, 0),
 *   timeS: 0.1 * k,
 * }));
 * const [[{ type, moving, trackId }]] = trackBoxes(sweeps);
 * [type, moving, trackId]; // ["Car", false, 0]
 */
export function trackBoxes(sweeps: readonly Sweep[], options: FollowOptions = {}): TrackedBox[][] {
  const followed = followSegments(sweeps, options);
  const boxes: TrackedBox[][] = sweeps.map(() => []);
  const all = sightingsOf(sweeps, followed);
  for (const { id: trackId, moving } of followed.segments) {
    const sightings = all[trackId];
    const [dx, dy] = travelled(sightings);
    const found =
      Math.hypot(dx, dy) > STANDS_WITHIN_M
        ? movingThing(sightings, Math.atan2(dy, dx))
        : standingThing(sightings);
    const alone = sightings.map((seen) => standingIn(seen.rectangle, seen)?.type);
    sightings.forEach(({ moment, groundM, z, points }, i) => {
      const what = found[i];
      if (what === undefined) return;
      const agreed = alone.filter((type) => type === what.type).length / sightings.length;
      const trust = (SEEN_ONCE + (1 - SEEN_ONCE) * agreed) * (moving ? 1 : STANDING);
      const box3 = inLidar(boxOn(what, groundM), inverseRigid(sweeps[moment].worldFromLidar), z);
      boxes[moment].push({ trackId, moving, type: what.type, box3, score: scoreOf(points) * trust });
    });
  }
  return boxes;
}

/** For each segment what was seen of it, sweep by sweep. */
function sightingsOf(
  sweeps: readonly Sweep[],
  {
    moments,
    segments,
  }: { moments: ReadonlyArray<{ segment: Int32Array }>; segments: readonly FollowedSegment[] },
): Seen[][] {
  const velocities = segments.map(
    ({ track }) => new Map(track.map(({ moment, velocityMps }) => [moment, velocityMps])),
  );
  const seen: Seen[][] = segments.map(() => []);
  sweeps.forEach(({ points, worldFromLidar, timeS }, moment) => {
    const shapes = shapesOf(points, moments[moment].segment);
    const here = shapes.flatMap((shape, id) => (shape.rows.length > 0 ? [{ id, ...shape }] : []));
    const grounds = groundHeights(points, Float32Array.from(here.flatMap(({ centroid }) => centroid)));
    here.forEach(({ id, rows, centroid, min, max }, i) => {
      const [vx, vy] = velocities[id].get(moment)!;
      const places = thinned(rows).map((row) => {
        const at = [points[4 * row], points[4 * row + 1], points[4 * row + 2]] as const;
        const [x, y] = transformPoint(worldFromLidar, at);
        return [x, y] as const;
      });
      seen[id].push({
        moment,
        timeS,
        places,
        rectangle: fitRectangle(places),
        points: rows.length,
        z: transformPoint(worldFromLidar, centroid)[2],
        sensor: [worldFromLidar[3], worldFromLidar[7]],
        groundM: grounds[i],
        topM: max[2] - grounds[i],
        bottomM: min[2] - grounds[i],
        velocity: [vx, vy],
      });
    });
  });
  return seen;
}

/** What stands still: one rectangle around all that was ever seen of it. */
function standingThing(sightings: readonly Seen[]): Array<Standing | undefined> {
  const { yaw } = fitRectangle(thinned(sightings.flatMap(({ places }) => places)));
  const rectangles = sightings.map(({ places }) => rectangleAt(yaw, places));
  const [x, y] = sightings[0].places[0];
  const away = ({ sensor }: Seen) => Math.hypot(sensor[0] - x, sensor[1] - y);
  const { sensor } = sightings.reduce((a, b) => (away(b) < away(a) ? b : a));
  const common = {
    yaw,
    along: commonEnds(rectangles.map(({ along }) => along)),
    across: commonEnds(rectangles.map(({ across }) => across)),
  };
  const what = standingIn(longerAlong(common), { ...heightOf(sightings), sensor });
  return sightings.map(() => what);
}

/** How far a thing went while it was seen, from its velocities, metres along the world's x and y. */
function travelled(sightings: readonly Seen[]): readonly [dx: number, dy: number] {
  let [dx, dy] = [0, 0];
  for (let i = 1; i < sightings.length; i++) {
    const elapsedS = sightings[i].timeS - sightings[i - 1].timeS;
    dx += (elapsedS * (sightings[i].velocity[0] + sightings[i - 1].velocity[0])) / 2;
    dy += (elapsedS * (sightings[i].velocity[1] + sightings[i - 1].velocity[1])) / 2;
  }
  return [dx, dy];
}

/**
 * What moves: of one size, the end that is nearer to the sensor where it is seen, the axis along the way that it goes; `wayYaw` is the
 * way it went in all, for what is slow.
 */
function movingThing(sightings: readonly Seen[], wayYaw: number): Array<Standing | undefined> {
  const speeds = sightings.map(({ velocity }) => Math.hypot(...velocity));
  const fast = sightings.flatMap((_, i) => (speeds[i] >= HEADING_MPS ? [i] : []));
  const rectangles = sightings.map(({ places, rectangle }, i) => {
    const nearest = fast.reduce<number | undefined>(
      (a, b) => (a === undefined || Math.abs(b - i) < Math.abs(a - i) ? b : a),
      undefined,
    );
    const velocity = nearest === undefined ? undefined : sightings[nearest].velocity;
    const yaw = velocity === undefined ? wayYaw : Math.atan2(velocity[1], velocity[0]);
    return rectangleAt(flankAlong(yaw, rectangle), places);
  });
  const most = (lengths: readonly number[]) => quantile(lengths, 1 - MORE_THAN_ALL);
  const length = most(rectangles.map(({ along }) => along[1] - along[0]));
  const width = most(rectangles.map(({ across }) => across[1] - across[0]));
  const height = heightOf(sightings);
  return rectangles.map(({ yaw, along, across }, i) => {
    const { sensor } = sightings[i];
    const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
    const whole = {
      yaw,
      along: ofLength(along, length, c * sensor[0] + s * sensor[1]),
      across: ofLength(across, width, c * sensor[1] - s * sensor[0]),
    };
    return standingIn(whole, { ...height, sensor }, { heading: true });
  });
}

/** How far a thing reaches above the ground, of all that was seen of it. */
function heightOf(sightings: readonly Seen[]): { readonly topM: number; readonly bottomM: number } {
  return {
    topM: quantile(
      sightings.map(({ topM }) => topM),
      1 - MORE_THAN_ALL,
    ),
    bottomM: quantile(
      sightings.map(({ bottomM }) => bottomM),
      MORE_THAN_ALL,
    ),
  };
}

/**
 * A heading, or the direction of a flank that is seen and lies near it: velocities lag behind what turns. What is small has no flank to go
 * by.
 */
function flankAlong(yaw: number, seen: Rectangle): number {
  const quarter = Math.PI / 2;
  const flank = seen.yaw + quarter * Math.round((yaw - seen.yaw) / quarter);
  return Math.abs(flank - yaw) < FLANK_WITHIN && seen.along[1] - seen.along[0] > FLANK_M ? flank : yaw;
}

/** The rectangle with an axis that holds places. */
function rectangleAt(yaw: number, places: ReadonlyArray<readonly [number, number]>): Rectangle {
  const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
  return {
    yaw,
    along: endsOf(places.map(([x, y]) => c * x + s * y)),
    across: endsOf(places.map(([x, y]) => c * y - s * x)),
  };
}

/** The ends that hold what was seen, but for the sightings that may show more than there is. */
function commonEnds(ends: readonly Ends[]): Ends {
  return [
    quantile(
      ends.map(([low]) => low),
      MORE_THAN_ALL,
    ),
    quantile(
      ends.map(([, high]) => high),
      1 - MORE_THAN_ALL,
    ),
  ];
}

/** The value below which a share of all lies, the nearest of them. */
function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.round(share * (values.length - 1))];
}

/** A box of the world in the frame of a sweep, whose ground it stands on. */
function inLidar(box: TrackedBox['box3'], lidarFromWorld: Matrix44, z: number): TrackedBox['box3'] {
  const [x, y] = transformPoint(lidarFromWorld, [box.center[0], box.center[1], z]);
  const turn = Math.atan2(lidarFromWorld[4], lidarFromWorld[0]);
  return { ...box, center: [x, y, box.center[2]], yaw: wrapAngle(box.yaw + turn) };
}
