import { InputError } from '../engine/input-error.ts';
import { type KeyedEntry, readKeyedNumbers } from './keyed-numbers.ts';
import { type Matrix34, type Matrix44, multiply34by44, multiply44 } from './matrix.ts';
import { rigidTransform } from './rigid-transform.ts';

/** The four cameras of KITTI: left and right grey, left and right colour. */
export type KittiCamera = 0 | 1 | 2 | 3;

/** Pixels of each camera from the rectified frame, by the name that KITTI gives the projection. */
type Projections = { readonly [Camera in KittiCamera as `p${Camera}`]: Matrix34 };

/**
 * A KITTI calibration: how LiDAR points reach the rectified camera frame and the pixels of `Camera` (2, left colour, by
 * default), and of the other cameras where that is known.
 */
export type KittiCalibration<Camera extends KittiCamera = 2> = Partial<Projections> &
  Pick<Projections, `p${Camera}`> & {
    /** The rectified frame from camera 0 before rectification: R0_rect. */
    readonly rectFromCamera: Matrix44;
    /** Camera 0 before rectification from the LiDAR frame: Tr_velo_to_cam. */
    readonly cameraFromLidar: Matrix44;
    /** The LiDAR frame from the inertial unit's: Tr_imu_to_velo. */
    readonly lidarFromImu?: Matrix44;
  };

const ENTRIES = {
  P0: { names: ['P0'], length: 12 },
  P1: { names: ['P1'], length: 12 },
  P2: { names: ['P2'], length: 12 },
  P3: { names: ['P3'], length: 12 },
  R0_rect: { names: ['R0_rect', 'R_rect'], length: 9 },
  Tr_velo_to_cam: { names: ['Tr_velo_to_cam', 'Tr_velo_cam'], length: 12 },
  Tr_imu_to_velo: { names: ['Tr_imu_to_velo', 'Tr_imu_velo'], length: 12 },
  Tr: { names: ['Tr'], length: 12 },
} as const satisfies Record<string, KeyedEntry>;

/**
 * Reads a calibration of KITTI's object, tracking or odometry benchmark by its keys, in any order and with or without
 * their colons. Odometry's `Tr` leads into the rectified frame at once, so its rectification is the identity.
 * Needed are the projection of `camera` (2 by default), R0_rect and Tr_velo_to_cam: throws InputError with line and key for
 * one of them that is missing or there twice, has a wrong number of values or one that is no number, and for a rotation or a
 * projection that is none. What is not sound of the other projections and of Tr_imu_to_velo is undefined, and other keys are
 * left aside.
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * const file = 'data/kitti/training/calib/000000.txt';
 * const calibration = parseKittiCalibration(await readFile(file, 'utf8'), { file });
 * const ahead = projectPoints(Float32Array.of(20, 0, 0), 3, pixelFromLidar(calibration));
 * ahead.inFront; // [1]
 */
export function parseKittiCalibration<Camera extends KittiCamera = 2>(
  text: string,
  options: { readonly file?: string; readonly camera?: Camera } = {},
): KittiCalibration<Camera> {
  const file = options.file ?? 'KITTI calibration';
  const entries = readKeyedNumbers(text, file, ENTRIES);
  const odometry = entries.has('Tr') && !entries.has('Tr_velo_to_cam');
  const lidarFromImu = ifSound(() => entries.rigid('Tr_imu_to_velo'));
  const calibration: KittiCalibration<never> = {
    ...readProjections((camera) => entries.projection(`P${camera}`), options.camera),
    rectFromCamera:
      odometry && !entries.has('R0_rect')
        ? rigidTransform([1, 0, 0, 0, 1, 0, 0, 0, 1])
        : entries.rigid('R0_rect'),
    cameraFromLidar: entries.rigid(odometry ? 'Tr' : 'Tr_velo_to_cam'),
    ...(lidarFromImu === undefined ? {} : { lidarFromImu }),
  };
  return calibration as KittiCalibration<Camera>;
}

/** The projections of all cameras: that of `needed` (2 by default) as `read` gives or refuses it, the others where they are sound. */
export function readProjections(
  read: (camera: KittiCamera) => Matrix34,
  needed: KittiCamera = 2,
): Partial<Projections> {
  const cameras: readonly KittiCamera[] = [0, 1, 2, 3];
  return Object.fromEntries(
    cameras.flatMap((camera) => {
      const projection = camera === needed ? read(camera) : ifSound(() => read(camera));
      return projection === undefined ? [] : [[`p${camera}`, projection]];
    }),
  );
}

/** What is read, or undefined where it is missing or cannot be right. */
function ifSound<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** The calibration as a file of KITTI's object benchmark, with 12 digits after the point as the published ones; what is undefined is left out. */
export function formatKittiCalibration(calibration: KittiCalibration<never>): string {
  const rotation = [0, 1, 2, 4, 5, 6, 8, 9, 10].map((at) => calibration.rectFromCamera[at]);
  const lines: Array<[key: keyof typeof ENTRIES, values: Iterable<number> | undefined]> = [
    ['P0', calibration.p0],
    ['P1', calibration.p1],
    ['P2', calibration.p2],
    ['P3', calibration.p3],
    ['R0_rect', rotation],
    ['Tr_velo_to_cam', calibration.cameraFromLidar.subarray(0, 12)],
    ['Tr_imu_to_velo', calibration.lidarFromImu?.subarray(0, 12)],
  ];
  return lines
    .flatMap(([key, values]) => (values ? `${key}: ${Array.from(values, scientific).join(' ')}\n` : []))
    .join('');
}

/** The rectified camera frame from the LiDAR frame: R0_rect · Tr_velo_to_cam. */
export function rectFromLidar(calibration: KittiCalibration<never>): Matrix44 {
  return multiply44(calibration.rectFromCamera, calibration.cameraFromLidar);
}

/** Pixels of a camera (2, left colour, by default) from the rectified frame. Throws RangeError where the calibration has none of it. */
export function pixelFromRect(calibration: KittiCalibration<never>, camera: KittiCamera = 2): Matrix34 {
  const projection = calibration[`p${camera}`];
  if (projection !== undefined) return projection;
  throw new RangeError(`no projection of camera ${camera}`);
}

/** Homogeneous pixels of a camera (2, left colour, by default) from the LiDAR frame: P · R0_rect · Tr_velo_to_cam. Throws RangeError where the calibration has no P of it. */
export function pixelFromLidar(calibration: KittiCalibration<never>, camera: KittiCamera = 2): Matrix34 {
  return multiply34by44(pixelFromRect(calibration, camera), rectFromLidar(calibration));
}

function scientific(value: number): string {
  const [mantissa, exponent] = value.toExponential(12).split('e');
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}
