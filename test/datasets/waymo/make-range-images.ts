import type { WaymoLaser } from '../../../src/datasets/waymo/sensor-names.ts';
import type { LaserCalibration, LaserSweep, RangeImage } from '../../../src/datasets/waymo/waymo-source.ts';
import { compose, type Matrix44, transformPoint } from '../../../src/geometry/matrix.ts';
import {
  inverseRigid,
  rigidTransform,
  rotationZ,
  translation,
} from '../../../src/geometry/rigid-transform.ts';

/** Where the vehicle is in the world: radians and metres, as a pixel of a range image stores it. */
export type Pose = readonly [roll: number, pitch: number, yaw: number, x: number, y: number, z: number];

export interface RangeImagePlan {
  /** Rows of x, y, z (vehicle frame of the moment), intensity, elongation. */
  readonly points: Float32Array;
  readonly calibrations: readonly LaserCalibration[];
  /** The pose of the moment. */
  readonly worldFromVehicle: Matrix44;
  /** Where the vehicle is when the top laser measures a column. */
  readonly poseAt: (column: number, width: number) => Pose;
  /** Rows of the top laser whose poses are stored as zeros; measured where the vehicle is at the moment. */
  readonly withoutPose?: (row: number) => boolean;
  /** Height and width; by default 64 x 2650 for the top laser and 200 x 600 for the others. */
  readonly sizes?: { readonly [laser in WaymoLaser]?: readonly [height: number, width: number] };
}

/** What the reader has to give for one pixel. */
export interface ExpectedPoint {
  /** In the vehicle frame of the moment, double precision. */
  readonly at: readonly [x: number, y: number, z: number];
  readonly intensity: number;
  readonly elongation: number;
  readonly laser: number;
  readonly return: number;
  readonly noLabelZone: number;
  /** Camera, column, row, twice; zeros where there are none. */
  readonly projection: readonly number[];
  /** How far the point was moved to the middle of its pixel, metres. */
  readonly movedM: number;
}

export interface MadeRangeImages {
  /** In the order of the calibrations. */
  readonly lasers: readonly LaserSweep[];
  /** Laser by laser in the order of their numbers, return by return, row by row. */
  readonly expected: readonly ExpectedPoint[];
}

const laserNumbers: { readonly [laser in WaymoLaser]: number } = {
  TOP: 1,
  FRONT: 2,
  SIDE_LEFT: 3,
  SIDE_RIGHT: 4,
  REAR: 5,
};

/** Waymo's pose of six numbers as a matrix: Rz(yaw) · Ry(pitch) · Rx(roll), then the shift. */
export function matrixOfPose([roll, pitch, yaw, x, y, z]: Pose): Matrix44 {
  const [cr, sr, cp, sp] = [Math.cos(roll), Math.sin(roll), Math.cos(pitch), Math.sin(pitch)];
  const aboutX = rigidTransform([1, 0, 0, 0, cr, -sr, 0, sr, cr]);
  const aboutY = rigidTransform([cp, 0, sp, 0, 1, 0, -sp, 0, cp]);
  return compose(translation(x, y, z), rotationZ(yaw), aboutY, aboutX);
}

/** The inclination of each row, the first row first. */
function inclinationsByRow(
  { inclinations, inclinationMin, inclinationMax }: LaserCalibration,
  height: number,
): number[] {
  const span = inclinationMax - inclinationMin;
  return Array.from({ length: height }, (_, row) =>
    inclinations.length > 0 ? inclinations[height - 1 - row] : inclinationMax - ((row + 0.5) / height) * span,
  );
}

/** The row whose inclination is nearest, of rows that descend; undefined for what is further off than rows are from each other. */
function nearestRow(byRow: readonly number[], inclination: number): number | undefined {
  let above = 0;
  let below = byRow.length - 1;
  while (below - above > 1) {
    const middle = (above + below) >> 1;
    if (byRow[middle] >= inclination) above = middle;
    else below = middle;
  }
  const row = byRow[above] - inclination < inclination - byRow[below] ? above : below;
  return Math.abs(byRow[row] - inclination) <= byRow[above] - byRow[below] ? row : undefined;
}

/**
 * Range images that show the points, each moved to the middle of its pixel. The top laser takes what it can see; the rest
 * goes to the nearest other laser. A second point on a pixel is its second return; further ones are left out.
 * The middle of an image looks to where the vehicle looks, and columns go on to the right: heading π - 2π(column + 1/2)/width.
 */
export function makeRangeImages(plan: RangeImagePlan): MadeRangeImages {
  const { points, calibrations, worldFromVehicle, poseAt, withoutPose = () => false, sizes = {} } = plan;
  const vehicleFromWorld = inverseRigid(worldFromVehicle);
  const sensors = calibrations.map((calibration) => {
    const { laser, vehicleFromLaser } = calibration;
    const isTop = laser === 'TOP';
    const [height, width] = sizes[laser] ?? (isTop ? [64, 2650] : [200, 600]);
    const yaw = Math.atan2(vehicleFromLaser[4], vehicleFromLaser[0]);
    const stored = Array.from({ length: width }, (_, column) =>
      isTop ? (poseAt(column, width).map(Math.fround) as unknown as Pose) : undefined,
    );
    // The vehicle of the moment from that of a column.
    const moved = stored.map((pose) => pose && compose(vehicleFromWorld, matrixOfPose(pose)));
    const byRow = inclinationsByRow(calibration, height);
    return {
      ...{ laser, isTop, height, width, yaw, stored, moved, byRow, vehicleFromLaser },
      movedBack: moved.map((motion) => motion && inverseRigid(motion)),
      inverse: inverseRigid(vehicleFromLaser),
      returns: [new Map<number, ExpectedPoint & { range: number }>(), new Map()] as Array<
        Map<number, ExpectedPoint & { range: number }>
      >,
    };
  });
  type Sensor = (typeof sensors)[number];

  const pixelOf = (sensor: Sensor, point: readonly [number, number, number]) => {
    const { width, yaw, movedBack, byRow, inverse } = sensor;
    let column = 0;
    let row: number | undefined;
    // The column says where the vehicle was, and that says the column.
    for (let round = 0; round < 6; round++) {
      const motion = row !== undefined && withoutPose(row) ? undefined : movedBack[column];
      const then = motion === undefined ? point : transformPoint(motion, point);
      const [x, y, z] = transformPoint(inverse, then);
      const range = Math.hypot(x, y, z);
      const heading = Math.atan2(y, x) + yaw;
      column = (((Math.floor(((Math.PI - heading) / (2 * Math.PI)) * width) % width) + width) % width) | 0;
      row = nearestRow(byRow, Math.asin(z / range));
      if (row === undefined) return undefined;
      if (round === 5) return { column, row, range, index: row * width + column };
    }
    return undefined;
  };
  const centreOf = (sensor: Sensor, row: number, column: number, range: number) => {
    const { width, yaw, byRow, vehicleFromLaser, moved } = sensor;
    const azimuth = Math.PI - (2 * Math.PI * (column + 0.5)) / width - yaw;
    const flat = range * Math.cos(byRow[row]);
    const then = transformPoint(vehicleFromLaser, [
      flat * Math.cos(azimuth),
      flat * Math.sin(azimuth),
      range * Math.sin(byRow[row]),
    ]);
    const motion = moved[column];
    return motion === undefined || withoutPose(row) ? then : transformPoint(motion, then);
  };

  const top = sensors.find(({ isTop }) => isTop);
  const others = sensors.filter(({ isTop }) => !isTop);
  for (let n = 0; n * 5 < points.length; n++) {
    const [x, y, z, intensity, elongation] = points.subarray(n * 5, n * 5 + 5);
    let sensor = top;
    let pixel = top && pixelOf(top, [x, y, z]);
    if (pixel === undefined) {
      for (const other of others) {
        const candidate = pixelOf(other, [x, y, z]);
        if (candidate === undefined || (pixel !== undefined && pixel.range <= candidate.range)) continue;
        sensor = other;
        pixel = candidate;
      }
    }
    if (pixel === undefined || sensor === undefined) continue;
    const free = sensor.returns.findIndex((taken) => !taken.has(pixel.index));
    if (free < 0) continue;
    const range = Math.fround(pixel.range);
    const at = centreOf(sensor, pixel.row, pixel.column, range);
    const hasProjection = free === 0 || sensor.isTop;
    sensor.returns[free].set(pixel.index, {
      ...{ range, at, intensity, elongation, laser: laserNumbers[sensor.laser], return: free + 1 },
      noLabelZone: n % 13 === 0 ? 1 : 0,
      projection: hasProjection ? projectionOf(n) : [0, 0, 0, 0, 0, 0],
      movedM: Math.hypot(at[0] - x, at[1] - y, at[2] - z),
    });
  }

  const lasers = sensors.map(({ laser, isTop, height, width, stored, returns }): LaserSweep => {
    const images = returns.map((taken, which): RangeImage => {
      const values = new Float32Array(height * width * 4).fill(-1);
      const projections = new Int32Array(height * width * 6);
      for (let i = 0; i < height * width; i++) {
        const nothing = [-1, 0, Number.NaN, -1, Number.POSITIVE_INFINITY, -1, -1][i % 7];
        const point = taken.get(i);
        values[i * 4] = point?.range ?? nothing;
        if (point === undefined) continue;
        values.set([point.intensity, point.elongation, point.noLabelZone], i * 4 + 1);
        projections.set(point.projection, i * 6);
      }
      const hasProjection = which === 0 || isTop;
      if (!isTop || which > 0) return { height, width, values, ...(hasProjection && { projections }) };
      const poses = new Float32Array(height * width * 6);
      for (let i = 0; i < height * width; i++) {
        if (!withoutPose(Math.floor(i / width))) poses.set(stored[i % width]!, i * 6);
      }
      return { height, width, values, projections, poses };
    });
    return { laser, returns: images };
  });
  const expected = [...sensors]
    .sort((a, b) => laserNumbers[a.laser] - laserNumbers[b.laser])
    .flatMap(({ returns }) =>
      returns.flatMap((taken) => [...taken].sort(([a], [b]) => a - b).map(([, point]) => point)),
    );
  return { lasers, expected };
}

/** Numbers that look like what cameras saw of the n-th point. */
function projectionOf(n: number): number[] {
  const camera = n % 6;
  const first = camera === 0 ? [0, 0, 0] : [camera, (n * 7) % 1920, (n * 3) % 1280];
  const second = camera !== 0 && n % 11 === 0 ? [(camera % 5) + 1, (n * 5) % 1920, (n * 2) % 886] : [0, 0, 0];
  return [...first, ...second];
}
