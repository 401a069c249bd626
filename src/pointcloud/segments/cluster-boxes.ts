import type { Box3 } from '../../geometry/box.ts';
import { meanSizeOf } from '../../geometry/mean-sizes.ts';
import { groundHeights } from '../ground-height.ts';
import { type SegmentShape, shapesOf } from './segment-shapes.ts';
import { type SweepParts, sweepParts } from './sweep-parts.ts';

/** What a cluster may be by its size. */
export const clusterClasses = ['Car', 'Pedestrian', 'Cyclist'] as const;

/** A box around a cluster that has the size of a thing of a class. */
export interface ClusterBox {
  readonly type: (typeof clusterClasses)[number];
  readonly box3: Box3;
  /** How much of it was seen: 1 - exp(-points / 30). */
  readonly score: number;
}

/** Where something begins and ends along an axis, metres. */
export type Ends = readonly [low: number, high: number];

/** A rectangle around points as seen from above: its axis turned by `yaw` from x, and its ends along it and across it, metres. */
export interface Rectangle {
  readonly yaw: number;
  readonly along: Ends;
  readonly across: Ends;
}

const ANGLES = 45;
/** Points nearer to a side than this are on it, metres. */
const ON_SIDE_M = 0.05;
/** So many points of a cluster are looked at. */
const MOST_POINTS = 400;
/** What is longer than this along no side shows the end of a car, not its flank, metres. */
const END_M = 2.3;
/** The points at which a score is 1 - 1/e. */
const SCORE_POINTS = 30;

/**
 * Boxes of things without a network and without labels: the ground is taken off, what is left is clustered, and a cluster of the
 * extent of a car, a pedestrian or a cyclist gets a box that stands on the ground. What is seen of a car is seldom all of it: a box is at
 * least of the class's mean size, and what is missing lies on the side away from the sensor. Which end is the front is not known.
 * `points` are rows of x, y, z, reflectance in the LiDAR frame; their clusters may be given where somebody has them.
 */
export function clusterBoxes(
  points: Float32Array,
  { clusters }: Pick<SweepParts, 'clusters'> = sweepParts(points),
): ClusterBox[] {
  const shapes = shapesOf(points, clusters);
  const grounds = groundHeights(points, Float32Array.from(shapes.flatMap(({ centroid }) => centroid)));
  return shapes.flatMap((shape, i) => boxOf(points, shape, grounds[i]) ?? []);
}

function boxOf(points: Float32Array, shape: SegmentShape, groundM: number): ClusterBox | undefined {
  const places = thinned(shape.rows).map((row) => [points[4 * row], points[4 * row + 1]] as const);
  const found = standingIn(fitRectangle(places), {
    topM: shape.max[2] - groundM,
    bottomM: shape.min[2] - groundM,
  });
  if (found === undefined) return undefined;
  return { type: found.type, box3: boxOn(found, groundM), score: scoreOf(shape.rows.length) };
}

/** Of many rows or places some four hundred, evenly. */
export function thinned<Each>(all: readonly Each[]): readonly Each[] {
  const step = Math.max(1, Math.floor(all.length / MOST_POINTS));
  return step === 1 ? all : all.filter((_, i) => i % step === 0);
}

/** How much was seen of a thing: 1 - exp(-points / 30). */
export const scoreOf = (points: number): number => 1 - Math.exp(-points / SCORE_POINTS);

/** How far what was seen reaches above the ground, and at which place its sensor was (the origin), metres. */
export interface SeenFrom {
  readonly topM: number;
  readonly bottomM: number;
  readonly sensor?: readonly [x: number, y: number];
}

/** What stands in a rectangle: its class, the whole of its rectangle, and its height, metres. */
export interface Standing {
  readonly type: ClusterBox['type'];
  readonly rectangle: Rectangle;
  readonly heightM: number;
}

/**
 * What may stand in a rectangle around what was seen of it; undefined where nothing of a class's extent does. It gets at least the class's
 * mean size, away from the sensor. The rectangle's axis is the thing's own where `heading` says so; otherwise the end of a car is told
 * from its flank by its length.
 */
export function standingIn(
  seen: Rectangle,
  { topM, bottomM, sensor: [x, y] = [0, 0] }: SeenFrom,
  { heading = false }: { readonly heading?: boolean } = {},
): Standing | undefined {
  const sides = [seen.along, seen.across].map(([low, high]) => high - low);
  const [width, length] = sides.sort((a, b) => a - b);
  const type = typeOf({ length, width, topM, bottomM });
  if (type === undefined) return undefined;
  const [meanLength, meanWidth, meanHeight] = meanSizeOf(type);
  const whole = !heading && type === 'Car' && length < END_M ? turnedBy90(seen) : seen;
  const [c, s] = [Math.cos(whole.yaw), Math.sin(whole.yaw)];
  const along = completed(whole.along, meanLength, c * x + s * y);
  const across = completed(whole.across, meanWidth, c * y - s * x);
  return {
    type,
    rectangle: { yaw: whole.yaw, along, across },
    heightM: type === 'Car' ? Math.max(topM, 0.8 * meanHeight) : topM,
  };
}

/** The box of what stands on ground of a height, metres. */
export function boxOn({ rectangle, heightM }: Standing, groundM: number): Box3 {
  const { yaw, along, across } = rectangle;
  const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
  const [a, b] = [along, across].map(([low, high]) => (low + high) / 2);
  return {
    center: [c * a - s * b, s * a + c * b, groundM + heightM / 2],
    sizeM: [along[1] - along[0], across[1] - across[0], heightM],
    yaw,
  };
}

/**
 * The rectangle whose sides the points are nearest to, of those that hold them all (the closeness criterion of Zhang et al., Efficient
 * L-Shape Fitting, 2017), its longer side along `yaw`, radians in [-π/2, π/2).
 */
export function fitRectangle(places: ReadonlyArray<readonly [x: number, y: number]>): Rectangle {
  let best: Rectangle | undefined;
  let most = -1;
  for (let k = 0; k < ANGLES; k++) {
    const yaw = (k * Math.PI) / 2 / ANGLES;
    const [c, s] = [Math.cos(yaw), Math.sin(yaw)];
    const first = places.map(([x, y]) => c * x + s * y);
    const second = places.map(([x, y]) => c * y - s * x);
    const along = endsOf(first);
    const across = endsOf(second);
    const toSide = (value: number, [low, high]: readonly [number, number]) =>
      Math.min(value - low, high - value);
    const closeness = first.reduce((sum, value, i) => {
      const away = Math.min(toSide(value, along), toSide(second[i], across));
      return sum + 1 / Math.max(away, ON_SIDE_M);
    }, 0);
    if (closeness <= most) continue;
    most = closeness;
    best = { yaw, along, across };
  }
  return longerAlong(best!);
}

/** The same rectangle, its longer side along its axis. */
export function longerAlong(rectangle: Rectangle): Rectangle {
  const { along, across } = rectangle;
  return along[1] - along[0] >= across[1] - across[0] ? rectangle : turnedBy90(rectangle);
}

/** The same rectangle, named from its other axis. */
function turnedBy90({ yaw, along, across }: Rectangle): Rectangle {
  const turned = yaw >= 0 ? yaw - Math.PI / 2 : yaw + Math.PI / 2;
  const reversed = ([low, high]: readonly [number, number]) => [-high, -low] as const;
  // The new axis is the old one's left, or the opposite of it.
  return yaw >= 0
    ? { yaw: turned, along: reversed(across), across: along }
    : { yaw: turned, along: across, across: reversed(along) };
}

/** The least and the greatest of some values. */
export function endsOf(values: readonly number[]): readonly [low: number, high: number] {
  return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
}

/** At least as long as that, where it is shorter, from the end that is nearer to the sensor. */
function completed(ends: Ends, leastM: number, sensor: number): Ends {
  return ends[1] - ends[0] >= leastM ? ends : ofLength(ends, leastM, sensor);
}

/** As long as that, from the end that is nearer to the sensor. */
export function ofLength([low, high]: Ends, lengthM: number, sensor: number): Ends {
  return Math.abs(low - sensor) <= Math.abs(high - sensor) ? [low, low + lengthM] : [high - lengthM, high];
}

/** What a cluster may be by its extent as seen from above, and its top and bottom above the ground, metres. */
function typeOf({
  length,
  width,
  topM,
  bottomM,
}: {
  readonly length: number;
  readonly width: number;
  readonly topM: number;
  readonly bottomM: number;
}): ClusterBox['type'] | undefined {
  if (bottomM > 0.8 || topM < 0.8 || topM > 2.4) return undefined;
  if (length < 1.1 && topM > 1.1 && topM < 2.1) return 'Pedestrian';
  // The end of a car is as wide as a bicycle is long, but lower than its rider.
  if (length < 2.2 && width < 0.9 && topM > 1.6 && topM < 2.1) return length > 1.2 ? 'Cyclist' : undefined;
  return length > 1.2 && length < 6 && width < 2.6 && topM < 2.2 ? 'Car' : undefined;
}
