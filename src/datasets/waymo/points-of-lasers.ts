import { InputError } from '../../engine/input-error.ts';
import type { Matrix44 } from '../../geometry/matrix.ts';
import { inverseRigid } from '../../geometry/rigid-transform.ts';
import type { PointCloud, PointField } from '../../pointcloud/point-cloud.ts';
import { beamsOf } from './laser-beams.ts';
import { PixelMotion } from './pixel-motion.ts';
import { waymoLasers } from './sensor-names.ts';
import type { LaserCalibration, LaserSweep, RangeImage } from './waymo-source.ts';

/** What points are made with besides the lasers. */
export interface LaserPointsOptions {
  /** The pose of the moment; without it, points are not corrected for the motion during the sweep, which a note tells. */
  readonly worldFromVehicle?: Matrix44;
  /** How errors call the file, and the place in it. */
  readonly file: string;
  readonly place?: string;
}

const floatNames = ['x', 'y', 'z', 'intensity', 'elongation'] as const;
const projectionNames = ['camera', 'column', 'row', 'camera2', 'column2', 'row2'] as const;

/**
 * The points of all returns of all lasers, laser by laser in the order of Waymo's numbers, return by return, row by row. Pixels
 * whose range is not above 0, or no finite number, are no points. Fields: x, y, z (metres, vehicle frame at the time of the
 * moment), intensity (raw, without bound) and elongation; `laser` (1 to 5), `return` (from 1), `no_label_zone` (0 or 1); and where
 * projections are stored `camera`, `column`, `row` and `camera2`, `column2`, `row2`: where up to two cameras saw the point, in
 * pixels of their pictures as recorded (distorted); camera 0 is none. Throws InputError where a laser has no calibration, and
 * where its sizes do not fit.
 *
 * A pixel in row i and column j of H x W lies at inclination φ (rows from the highest down) and azimuth
 * π - 2π (j + 1/2)/W - atan2(E10, E00), where E is the laser's extrinsic; its point is E · range · (cos az cos φ, sin az cos φ, sin φ). The
 * top laser's is then moved by the pose of its pixel into the world and by the inverse of the moment's pose back
 * (waymo-open-dataset, `range_image_utils.py`).
 */
export function pointsOfLasers(
  lasers: readonly LaserSweep[],
  calibrations: readonly LaserCalibration[],
  options: LaserPointsOptions,
): PointCloud {
  const sweeps = waymoLasers.flatMap((name) => lasers.filter(({ laser }) => laser === name));
  const images = sweeps.flatMap(({ returns }) => returns);
  const count = images.reduce((sum, { values }) => sum + countPoints(values), 0);
  const floats = floatNames.map(() => new Float32Array(count));
  const [laserOf, returnOf, zoneOf] = [0, 1, 2].map(() => new Uint8Array(count));
  const hasProjections = images.some(({ projections }) => projections !== undefined);
  const seen = hasProjections ? projectionNames.map(() => new Int32Array(count)) : [];
  const notes: string[] = [];

  let at = 0;
  for (const { laser, returns } of sweeps) {
    const fault = (expected: string, found: string) => {
      const place = [options.place, `laser ${laser}`].filter((part) => part !== undefined).join(', ');
      return new InputError({ file: options.file, place, expected, found });
    };
    // The first return's poses are those of all returns.
    const motion = motionOf(returns, { laser, notes, worldFromVehicle: options.worldFromVehicle });
    returns.forEach((image, which) => {
      if (image.width * image.height === 0) return;
      const calibration = calibrations.find((each) => each.laser === laser);
      if (calibration === undefined) throw fault('a calibration', 'none');
      const start = at;
      at = fillPoints(image, {
        beams: beamsOf(calibration, image, fault),
        motion: motion?.fits(image, fault),
        extrinsic: calibration.vehicleFromLaser,
        floats,
        zoneOf,
        seen,
        at,
      });
      laserOf.fill(waymoLasers.indexOf(laser) + 1, start, at);
      returnOf.fill(which + 1, start, at);
    });
    if (motion !== undefined && motion.pointsWithoutPose > 0) {
      notes.push(
        `${motion.pointsWithoutPose} points of laser ${laser} have no pose of their own: that of the frame is taken`,
      );
    }
  }
  const fields: PointField[] = [
    ...floatNames.map((name, k) => ({ name, type: 'float32', count: 1, data: floats[k] }) as const),
    { name: 'laser', type: 'uint8', count: 1, data: laserOf },
    { name: 'return', type: 'uint8', count: 1, data: returnOf },
    { name: 'no_label_zone', type: 'uint8', count: 1, data: zoneOf },
    ...seen.map((data, k) => ({ name: projectionNames[k], type: 'int32', count: 1, data }) as const),
  ];
  return { count, width: count, height: 1, fields, ...(notes.length > 0 && { notes }) };
}

/** How the vehicle moved while a laser turned; undefined for what is not corrected. */
function motionOf(
  returns: readonly RangeImage[],
  {
    laser,
    notes,
    worldFromVehicle,
  }: { readonly laser: string; readonly notes: string[]; readonly worldFromVehicle?: Matrix44 },
): PixelMotion | undefined {
  const image = returns.find(({ poses }) => poses !== undefined);
  if (image?.poses === undefined) {
    if (laser === 'TOP' && returns.length > 0) {
      notes.push(
        'laser TOP has no poses of its pixels: its points are not corrected for the motion during the sweep',
      );
    }
    return undefined;
  }
  if (worldFromVehicle === undefined) {
    notes.push(
      'the pose of the frame is not known: points are not corrected for the motion during the sweep',
    );
    return undefined;
  }
  return new PixelMotion(image.poses, image, inverseRigid(worldFromVehicle));
}

function isPoint(range: number): boolean {
  return range > 0 && range < Number.POSITIVE_INFINITY;
}

function countPoints(values: Float32Array): number {
  let count = 0;
  for (let i = 0; i < values.length; i += 4) if (isPoint(values[i])) count++;
  return count;
}

interface Target {
  readonly beams: ReturnType<typeof beamsOf>;
  readonly motion: PixelMotion | undefined;
  readonly extrinsic: Matrix44;
  readonly floats: readonly Float32Array[];
  readonly zoneOf: Uint8Array;
  readonly seen: readonly Int32Array[];
  /** The first point that is written. */
  readonly at: number;
}

/** Writes the points of an image; gives where the next ones go. */
function fillPoints({ height, width, values, projections }: RangeImage, target: Target): number {
  const { beams, motion, zoneOf, seen } = target;
  const [xs, ys, zs, intensity, elongation] = target.floats;
  const [a, b, c, d, e, f, g, h, i, j, k, l] = target.extrinsic;
  let at = target.at;
  for (let row = 0, pixel = 0; row < height; row++) {
    for (let column = 0; column < width; column++, pixel++) {
      const range = values[4 * pixel];
      if (!isPoint(range)) continue;
      const flat = range * beams.cosInclination[row];
      const u = flat * beams.cosAzimuth[column];
      const v = flat * beams.sinAzimuth[column];
      const w = range * beams.sinInclination[row];
      let x = a * u + b * v + c * w + d;
      let y = e * u + f * v + g * w + h;
      let z = i * u + j * v + k * w + l;
      if (motion?.move(pixel, x, y, z)) [x, y, z] = [motion.x, motion.y, motion.z];
      xs[at] = x;
      ys[at] = y;
      zs[at] = z;
      intensity[at] = values[4 * pixel + 1];
      elongation[at] = values[4 * pixel + 2];
      zoneOf[at] = values[4 * pixel + 3] === 1 ? 1 : 0;
      if (projections !== undefined) {
        for (let n = 0; n < seen.length; n++) seen[n][at] = projections[6 * pixel + n];
      }
      at++;
    }
  }
  return at;
}
