import { readKeyedNumbers } from './keyed-numbers.ts';
import { type KittiCalibration, type KittiCamera, readProjections } from './kitti-calibration.ts';
import type { Matrix44 } from './matrix.ts';

/** Something of each calibration file of a KITTI raw date, such as its text or its name. */
export interface KittiRawCalibrationFiles {
  /** Of `calib_cam_to_cam.txt`. */
  readonly camToCam: string;
  /** Of `calib_velo_to_cam.txt`. */
  readonly veloToCam: string;
  /** Of `calib_imu_to_velo.txt`, which is needed for poses only. */
  readonly imuToVelo?: string;
}

const CAM_TO_CAM = {
  R_rect_00: { names: ['R_rect_00'], length: 9 },
  P_rect_00: { names: ['P_rect_00'], length: 12 },
  P_rect_01: { names: ['P_rect_01'], length: 12 },
  P_rect_02: { names: ['P_rect_02'], length: 12 },
  P_rect_03: { names: ['P_rect_03'], length: 12 },
} as const;

const TRANSFORM = { R: { names: ['R'], length: 9 }, T: { names: ['T'], length: 3 } } as const;

/**
 * The calibration of a KITTI raw date from the texts of its files, in the form of the object benchmark's: pixels of
 * camera X are P_rect_0X · R_rect_00 · [R|T]_velo_to_cam · (x, y, z, 1), with the rectification of camera 0 for every
 * camera. Of the projections that of `camera` (2 by default) is needed; others that are missing or not sound are undefined.
 * Throws InputError with file, line and key for a needed key that is missing or there twice, a wrong number of values,
 * a value that is no number, or a rotation or a projection that is none.
 */
export function parseKittiRawCalibration<Camera extends KittiCamera = 2>(
  texts: KittiRawCalibrationFiles,
  options: { readonly files?: KittiRawCalibrationFiles; readonly camera?: Camera } = {},
): KittiCalibration<Camera> {
  const { files } = options;
  const entries = readKeyedNumbers(texts.camToCam, files?.camToCam ?? 'calib_cam_to_cam.txt', CAM_TO_CAM);
  const calibration: KittiCalibration<never> = {
    ...readProjections((camera) => entries.projection(`P_rect_0${camera}`), options.camera),
    rectFromCamera: entries.rigid('R_rect_00'),
    cameraFromLidar: parseKittiRawTransform(texts.veloToCam, {
      file: files?.veloToCam ?? 'calib_velo_to_cam.txt',
    }),
    ...(texts.imuToVelo === undefined
      ? {}
      : {
          lidarFromImu: parseKittiRawTransform(texts.imuToVelo, {
            file: files?.imuToVelo ?? 'calib_imu_to_velo.txt',
          }),
        }),
  };
  return calibration as KittiCalibration<Camera>;
}

/**
 * The rigid transform [R|T], metres, of `calib_velo_to_cam.txt` (camera 0 from LiDAR) or `calib_imu_to_velo.txt` (LiDAR
 * from inertial unit). Throws InputError as `parseKittiRawCalibration` does.
 */
export function parseKittiRawTransform(text: string, options: { readonly file?: string } = {}): Matrix44 {
  const entries = readKeyedNumbers(text, options.file ?? 'KITTI raw calibration', TRANSFORM);
  return entries.rigid('R', 'T');
}

/** The texts of a KITTI raw date's three calibration files; undoes `parseKittiRawCalibration`. Throws RangeError without `lidarFromImu`. */
export function formatKittiRawCalibration(
  calibration: KittiCalibration<never>,
): Required<KittiRawCalibrationFiles> {
  const { lidarFromImu } = calibration;
  if (lidarFromImu === undefined) throw new RangeError('a calibration without lidarFromImu');
  const row = (key: string, values: Iterable<number>): string =>
    `${key}: ${Array.from(values, (value) => value.toExponential()).join(' ')}\n`;
  const rotation = (matrix: Matrix44): number[] => [0, 1, 2, 4, 5, 6, 8, 9, 10].map((at) => matrix[at]);
  const transform = (matrix: Matrix44): string =>
    row('R', rotation(matrix)) + row('T', [matrix[3], matrix[7], matrix[11]]);
  const projections = ([0, 1, 2, 3] as const).flatMap((camera) => {
    const projection = calibration[`p${camera}`];
    return projection === undefined ? [] : row(`P_rect_0${camera}`, projection);
  });
  return {
    camToCam: row('R_rect_00', rotation(calibration.rectFromCamera)) + projections.join(''),
    veloToCam: transform(calibration.cameraFromLidar),
    imuToVelo: transform(lidarFromImu),
  };
}
