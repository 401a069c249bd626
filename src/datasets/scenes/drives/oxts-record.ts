import { compose, type Matrix44, multiply44 } from '../../../geometry/matrix.ts';
import { type OxtsRecord, oxtsFromWorld } from '../../../geometry/oxts.ts';
import { rotationZ, translation } from '../../../geometry/rigid-transform.ts';

const gravityMps2 = 9.81;

/** The inertial unit's records of a drive. */
export interface OxtsOptions {
  /** Where the unit is at frame 0. */
  readonly latitudeDeg: number;
  readonly longitudeDeg: number;
  readonly altitudeM: number;
  /** The direction of the world's x axis, radians against the clock from east. */
  readonly heading: number;
  readonly lidarFromImu: Matrix44;
  worldFromLidarAt(timeS: number): Matrix44;
}

/** The line of 30 numbers at a time, as KITTI's inertial unit writes it; speeds, accelerations and rates come from the poses around. */
export function formatOxtsAt(options: OxtsOptions, timeS: number): string {
  const { latitudeDeg, longitudeDeg, altitudeM, heading, lidarFromImu, worldFromLidarAt } = options;
  const first = multiply44(worldFromLidarAt(0), lidarFromImu);
  const origin: OxtsRecord = { latitudeDeg, longitudeDeg, altitudeM, roll: 0, pitch: 0, yaw: 0 };
  const poseAt = (t: number): Matrix44 =>
    compose(
      rotationZ(heading),
      translation(-first[3], -first[7], -first[11]),
      worldFromLidarAt(t),
      lidarFromImu,
    );
  const h = 0.02;
  const [before, pose, after] = [poseAt(timeS - h), poseAt(timeS), poseAt(timeS + h)];
  const record = oxtsFromWorld(pose, origin);
  const place = (m: Matrix44): number[] => [m[3], m[7], m[11]];
  const velocity = place(after).map((v, a) => (v - place(before)[a]) / (2 * h));
  const acceleration = place(after).map((v, a) => (v - 2 * place(pose)[a] + place(before)[a]) / (h * h));
  // Of the rotation's change, in the unit's own frame: the part that is a turn.
  const change = (row: number, column: number): number =>
    [0, 4, 8].reduce((sum, k) => sum + pose[k + row] * (after[k + column] - before[k + column]), 0) / (2 * h);
  const rates = [change(2, 1), change(0, 2), change(1, 0)];
  const own = ([x, y, z]: readonly number[]): number[] =>
    [0, 1, 2].map((a) => pose[a] * x + pose[4 + a] * y + pose[8 + a] * z);
  const inWorld = ([x, y, z]: readonly number[]): number[] =>
    [0, 4, 8].map((r) => pose[r] * x + pose[r + 1] * y + pose[r + 2] * z);
  const [cos, sin] = [Math.cos(record.yaw), Math.sin(record.yaw)];
  const level = ([x, y, z]: readonly number[]): number[] => [cos * x + sin * y, cos * y - sin * x, z];
  const felt = [acceleration[0], acceleration[1], acceleration[2] + gravityMps2];
  const numbers = [
    ...[record.latitudeDeg, record.longitudeDeg].map((value) => value.toFixed(12)),
    ...[record.altitudeM, record.roll, record.pitch, record.yaw].map((value) => value.toFixed(9)),
    ...[
      ...[velocity[1], velocity[0], ...level(velocity)],
      ...[...own(felt), ...level(felt)],
      ...[...rates, ...level(inWorld(rates))],
      ...[0.05, 0.02],
    ].map((value) => value.toFixed(9)),
    // Status, satellites and modes, as KITTI has them with a good fix.
    ...[4, 10, 5, 5, 5].map(String),
  ];
  return `${numbers.join(' ')}\n`;
}
