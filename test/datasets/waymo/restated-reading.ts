import { waymoLasers } from '../../../src/datasets/waymo/sensor-names.ts';
import type { LaserCalibration, LaserSweep } from '../../../src/datasets/waymo/waymo-source.ts';
import { compose, type Matrix44, transformPoint } from '../../../src/geometry/matrix.ts';
import { inverseRigid } from '../../../src/geometry/rigid-transform.ts';
import { matrixOfPose, type Pose } from './make-range-images.ts';

/** What a reading of range images can have wrong. */
export const mistakes = [
  'inclinations that are not turned round',
  'no azimuth correction',
  'the azimuth correction added',
  'the poses of pixels skipped',
  'lasers joined by their place',
  'zeros taken for a pose',
  'the first return alone',
  'the extrinsic skipped',
  'the pose of the frame not undone',
] as const;
export type Mistake = (typeof mistakes)[number];

/** The points of range images by the definition, one pixel after the other, with a mistake if one is given. */
export function restatedPoints(
  lasers: readonly LaserSweep[],
  calibrations: readonly LaserCalibration[],
  worldFromVehicle: Matrix44,
  mistake?: Mistake,
): Array<[number, number, number]> {
  const points: Array<[number, number, number]> = [];
  const vehicleFromWorld = inverseRigid(worldFromVehicle);
  for (const name of waymoLasers) {
    const { returns } = lasers.find(({ laser }) => laser === name)!;
    const byPlace = calibrations[waymoLasers.indexOf(name)];
    const byName = calibrations.find(({ laser }) => laser === name)!;
    const { inclinations, inclinationMin, inclinationMax, vehicleFromLaser } =
      mistake === 'lasers joined by their place' ? byPlace : byName;
    const poses = returns[0].poses;
    const kept = mistake === 'the first return alone' ? returns.slice(0, 1) : returns;
    for (const { height, width, values } of kept) {
      const fromBelow = Array.from({ length: height }, (_, k) =>
        inclinations.length > 0
          ? (inclinations[k] ?? 0)
          : inclinationMin + ((k + 0.5) / height) * (inclinationMax - inclinationMin),
      );
      const byRow = mistake === 'inclinations that are not turned round' ? fromBelow : fromBelow.toReversed();
      const correction = Math.atan2(vehicleFromLaser[4], vehicleFromLaser[0]);
      const sign = { 'no azimuth correction': 0, 'the azimuth correction added': -1 }[mistake as string] ?? 1;
      for (let pixel = 0; pixel < height * width; pixel++) {
        const range = values[4 * pixel];
        if (!(range > 0) || !Number.isFinite(range)) continue;
        const inclination = byRow[Math.floor(pixel / width)];
        const ratio = (width - (pixel % width) - 0.5) / width;
        const azimuth = (ratio * 2 - 1) * Math.PI - sign * correction;
        const seen = [
          range * Math.cos(azimuth) * Math.cos(inclination),
          range * Math.sin(azimuth) * Math.cos(inclination),
          range * Math.sin(inclination),
        ] as const;
        let point =
          mistake === 'the extrinsic skipped'
            ? ([...seen] as [number, number, number])
            : transformPoint(vehicleFromLaser, seen);
        if (poses !== undefined && mistake !== 'the poses of pixels skipped') {
          const pose = [...poses.subarray(6 * pixel, 6 * pixel + 6)] as unknown as Pose;
          const isBare = pose.every((value) => value === 0);
          const worldFromThen =
            isBare && mistake !== 'zeros taken for a pose' ? worldFromVehicle : matrixOfPose(pose);
          const back =
            mistake === 'the pose of the frame not undone'
              ? worldFromThen
              : compose(vehicleFromWorld, worldFromThen);
          point = transformPoint(back, point);
        }
        points.push(point);
      }
    }
  }
  return points;
}
