import { InputError } from '../engine/input-error.ts';
import { angleDifference } from './angle.ts';
import { readNumbers } from './keyed-numbers.ts';
import type { Matrix44 } from './matrix.ts';
import { rigidTransform, rotationZyx } from './rigid-transform.ts';

/** Where KITTI's inertial unit (OXTS RT3003) says that it is: the first 6 of a record's 30 numbers. */
export interface OxtsRecord {
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
  readonly altitudeM: number;
  /** Radians; 0 is level, positive is the left side up. */
  readonly roll: number;
  /** Radians; 0 is level, positive is the front down. */
  readonly pitch: number;
  /** Radians; 0 looks east, positive is against the clock. */
  readonly yaw: number;
}

/** A pose and when it was taken. */
export interface TimedPose {
  readonly timeS: number;
  /** A fixed frame from the moving one's: rigid, metres. */
  readonly pose: Matrix44;
}

const NUMBERS = 30;
const EARTH_RADIUS_M = 6378137;
/** How much times may be off by rounding. */
const ROUNDING_S = 1e-9;

/** An OXTS record from its line of 30 numbers. Throws InputError for another count, for what is no number, and for angles that cannot be. */
export function parseOxts(text: string, options: { readonly file?: string } = {}): OxtsRecord {
  const file = options.file ?? 'OXTS record';
  const lines = text.split(/\r\n|\r|\n/);
  const filled = lines.flatMap((line, index) => (line.trim() === '' ? [] : [index]));
  if (filled.length !== 1) throw new InputError({ file, expected: 'one line', found: `${filled.length}` });
  return parseOxtsLine(lines[filled[0]], { file, place: `line ${filled[0] + 1}` });
}

/** As `parseOxts`, from a line of a file that has a record a line; errors name it by `place`. */
export function parseOxtsLine(
  line: string,
  { file, place }: { readonly file: string; readonly place: string },
): OxtsRecord {
  const words = line.trim().split(/\s+/);
  const values = readNumbers(words, NUMBERS, { file, place });
  const [latitudeDeg, longitudeDeg, altitudeM, roll, pitch, yaw] = values;
  const check = (index: number, sound: boolean, expected: string) => {
    if (sound) return;
    throw new InputError({
      file,
      place: `${place}, value ${index + 1}`,
      expected,
      found: `${values[index]}`,
    });
  };
  // Mercator has no poles.
  check(0, Math.abs(latitudeDeg) < 90, 'a latitude between -90 and 90 degrees');
  check(1, Math.abs(longitudeDeg) <= 180, 'a longitude of -180 to 180 degrees');
  for (const index of [3, 4, 5]) {
    check(index, Math.abs(values[index]) <= 2 * Math.PI, 'an angle of -2π to 2π radians');
  }
  return { latitudeDeg, longitudeDeg, altitudeM, roll, pitch, yaw };
}

/**
 * World from inertial unit (x forward, y left, z up), metres: the world has x east, y north, z up and its origin where
 * `origin` was taken. Mercator with the scale cos(lat0) of the origin, x = scale · r · lon, y = scale · r · ln tan(π/4 + lat/2)
 * with r = 6378137 m, and the rotation Rz(yaw) · Ry(pitch) · Rx(roll), as in KITTI's raw data development kit.
 */
export function worldFromOxts(record: OxtsRecord, origin: OxtsRecord): Matrix44 {
  const scaleM = EARTH_RADIUS_M * Math.cos(radians(origin.latitudeDeg));
  const north = ({ latitudeDeg }: OxtsRecord) => Math.log(Math.tan(radians(90 + latitudeDeg) / 2));
  const east = angleDifference(radians(record.longitudeDeg), radians(origin.longitudeDeg));
  return rigidTransform(rotationZyx(record.yaw, record.pitch, record.roll), [
    scaleM * east,
    scaleM * (north(record) - north(origin)),
    record.altitudeM - origin.altitudeM,
  ]);
}

/**
 * The record of a pose in the world of `origin` (whose own place is the world's origin): undoes `worldFromOxts`, with a yaw and a
 * roll in (-π, π].
 */
export function oxtsFromWorld(worldFromImu: Matrix44, origin: OxtsRecord): OxtsRecord {
  const m = worldFromImu;
  const scaleM = EARTH_RADIUS_M * Math.cos(radians(origin.latitudeDeg));
  const north = Math.log(Math.tan(radians(90 + origin.latitudeDeg) / 2)) + m[7] / scaleM;
  return {
    latitudeDeg: (2 * Math.atan(Math.exp(north)) * 180) / Math.PI - 90,
    longitudeDeg: origin.longitudeDeg + (m[3] / scaleM) * (180 / Math.PI),
    altitudeM: origin.altitudeM + m[11],
    roll: Math.atan2(m[9], m[10]),
    pitch: Math.asin(Math.max(-1, Math.min(1, -m[8]))),
    yaw: Math.atan2(m[4], m[0]),
  };
}

/**
 * The pose at a time, from poses in ascending order of time: translations linearly, rotations by slerp, between the two
 * poses around it or, at most `maxExtrapolationS` (0.2) away from the nearest, along the last two. Poses more than
 * `maxGapS` (1) apart are not bridged. Undefined where that gives none.
 *
 * @example
 * const poses = [
 *   { timeS: 0, pose: translation(0, 0, 0) },
 *   { timeS: 0.1, pose: translation(2, 0, 0) },
 * ];
 * const between = interpolatePose(poses, 0.05);
 * between && transformPoint(between, [0, 0, 0]); // [1, 0, 0]
 */
export function interpolatePose(
  poses: readonly TimedPose[],
  timeS: number,
  options: { readonly maxGapS?: number; readonly maxExtrapolationS?: number } = {},
): Matrix44 | undefined {
  const { maxGapS = 1, maxExtrapolationS = 0.2 } = options;
  const after = firstFrom(poses, timeS);
  if (poses[after]?.timeS === timeS) return poses[after].pose.slice();
  const near = (a: number, reachS: number): Matrix44 | undefined => {
    const [from, to] = [poses[a], poses[a + 1]];
    if (from === undefined || to === undefined || to.timeS - from.timeS > maxGapS + ROUNDING_S)
      return undefined;
    const outsideS = Math.max(from.timeS - timeS, timeS - to.timeS);
    if (outsideS > reachS + ROUNDING_S) return undefined;
    return between(from.pose, to.pose, (timeS - from.timeS) / (to.timeS - from.timeS));
  };
  const inside = near(after - 1, 0);
  if (inside !== undefined) return inside;
  const sinceS = timeS - (poses[after - 1]?.timeS ?? -Infinity);
  const untilS = (poses[after]?.timeS ?? Infinity) - timeS;
  const ends = [near(after - 2, maxExtrapolationS), near(after, maxExtrapolationS)];
  return sinceS <= untilS ? (ends[0] ?? ends[1]) : (ends[1] ?? ends[0]);
}

/** The index of the first pose at `timeS` or later. */
function firstFrom(poses: readonly TimedPose[], timeS: number): number {
  let low = 0;
  let high = poses.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (poses[middle].timeS < timeS) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rigid transform that is `a` at 0 and `b` at 1, and goes on at the same speed before and after. */
function between(a: Matrix44, b: Matrix44, fraction: number): Matrix44 {
  const [w, x, y, z] = slerp(quaternionOf(a), quaternionOf(b), fraction);
  const at = (index: number) => a[index] + fraction * (b[index] - a[index]);
  return rigidTransform(
    [
      ...[1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
      ...[2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
      ...[2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ],
    [at(3), at(7), at(11)],
  );
}

type Quaternion = readonly [w: number, x: number, y: number, z: number];

function slerp(a: Quaternion, b: Quaternion, fraction: number): Quaternion {
  const dot = a.reduce((sum, value, i) => sum + value * b[i], 0);
  const sign = dot < 0 ? -1 : 1;
  const angle = Math.acos(Math.min(1, Math.abs(dot)));
  // Between nearly equal ones a straight line is as good, and does not divide by nothing.
  const [p, q] =
    angle < 1e-6
      ? [1 - fraction, fraction]
      : [Math.sin((1 - fraction) * angle) / Math.sin(angle), Math.sin(fraction * angle) / Math.sin(angle)];
  return normalized(a.map((value, i) => p * value + q * sign * b[i]));
}

/** The unit quaternion of a rotation, from the largest of its four entries, which is never near 0. */
function quaternionOf(m: Matrix44): Quaternion {
  const trace = m[0] + m[5] + m[10];
  const largest = Math.max(trace, m[0], m[5], m[10]);
  if (largest === trace) return normalized([1 + trace, m[9] - m[6], m[2] - m[8], m[4] - m[1]]);
  if (largest === m[0]) return normalized([m[9] - m[6], 1 + m[0] - m[5] - m[10], m[1] + m[4], m[2] + m[8]]);
  if (largest === m[5]) return normalized([m[2] - m[8], m[1] + m[4], 1 + m[5] - m[0] - m[10], m[6] + m[9]]);
  return normalized([m[4] - m[1], m[2] + m[8], m[6] + m[9], 1 + m[10] - m[0] - m[5]]);
}

function normalized([w, x, y, z]: readonly number[]): Quaternion {
  const length = Math.hypot(w, x, y, z);
  return [w / length, x / length, y / length, z / length];
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
