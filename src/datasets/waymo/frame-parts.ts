import { InputError } from '../../engine/input-error.ts';
import type {
  CameraCalibrationMessage,
  FrameMessage,
  LabelMessage,
  LaserCalibrationMessage,
  RangeImageMessage,
} from './frame-message.ts';
import { type Matrix, parseMatrixFloat, parseMatrixInt32, unpack } from './range-matrix.ts';
import { waymoCameras, waymoLasers } from './sensor-names.ts';
import { matrixOfTransform } from './transform.ts';
import type {
  CameraCalibration,
  LaserCalibration,
  LaserSweep,
  RangeImage,
  WaymoBox,
} from './waymo-source.ts';

/** Where a part was read: the file, and the record in it. */
export interface FramePlace {
  readonly file: string;
  readonly place: string;
}

/** Label types by Waymo's number. */
const types = ['unknown', 'vehicle', 'pedestrian', 'sign', 'cyclist'] as const;

/** The lasers' calibrations in the order of the message. Throws InputError for one that cannot be right. */
export function laserCalibrationsOf({ context }: FrameMessage, at: FramePlace): LaserCalibration[] {
  return (context?.laserCalibrations ?? []).map((message) => {
    const laser = nameOf(waymoLasers, message.name, 'laser', at);
    return laserCalibrationOf(message, { ...at, laser });
  });
}

function laserCalibrationOf(
  { beamInclinations, beamInclinationMin, beamInclinationMax, extrinsic }: LaserCalibrationMessage,
  { file, place, laser }: FramePlace & Pick<LaserCalibration, 'laser'>,
): LaserCalibration {
  const fault = (what: string) => (found: string) =>
    new InputError({ file, place: `${place}, calibration of laser ${laser}`, expected: what, found });
  const wrong = beamInclinations.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) throw fault('finite inclinations')(String(wrong));
  return {
    laser,
    inclinations: beamInclinations,
    inclinationMin: beamInclinationMin,
    inclinationMax: beamInclinationMax,
    vehicleFromLaser: matrixOfTransform(
      extrinsic?.transform ?? [],
      fault('an extrinsic of 16 finite numbers'),
    ),
  };
}

/** The cameras' calibrations in the order of the message. Throws InputError for one that cannot be right. */
export function cameraCalibrationsOf({ context }: FrameMessage, at: FramePlace): CameraCalibration[] {
  return (context?.cameraCalibrations ?? []).map((message) => {
    const camera = nameOf(waymoCameras, message.name, 'camera', at);
    return cameraCalibrationOf(message, { ...at, camera });
  });
}

function cameraCalibrationOf(
  { intrinsic, extrinsic, width, height }: CameraCalibrationMessage,
  { file, place, camera }: FramePlace & Pick<CameraCalibration, 'camera'>,
): CameraCalibration {
  const fault = (expected: string) => (found: string) =>
    new InputError({ file, place: `${place}, calibration of camera ${camera}`, expected, found });
  if (intrinsic.length !== 9 || !intrinsic.every(Number.isFinite)) {
    const found = intrinsic.length === 9 ? intrinsic.join(', ') : `${intrinsic.length} numbers`;
    throw fault('9 finite intrinsic numbers (f_u, f_v, c_u, c_v, k1, k2, p1, p2, k3)')(found);
  }
  const [fu, fv, cu, cv, k1, k2, p1, p2, k3] = intrinsic;
  const vehicleFromCamera = matrixOfTransform(
    extrinsic?.transform ?? [],
    fault('an extrinsic of 16 finite numbers'),
  );
  return { camera, width, height, fu, fv, cu, cv, k1, k2, p1, p2, k3, vehicleFromCamera };
}

function nameOf<Name>(
  names: readonly Name[],
  number: number,
  what: string,
  { file, place }: FramePlace,
): Name {
  const name = names[number - 1];
  if (name !== undefined) return name;
  const expected = `a ${what} of number 1 to ${names.length}`;
  throw new InputError({ file, place, expected, found: String(number) });
}

/** The range images of all lasers in the order of the message, with all returns that are there. Throws InputError for a damaged one. */
export async function laserSweepsOf({ lasers }: FrameMessage, at: FramePlace): Promise<LaserSweep[]> {
  return Promise.all(
    lasers.map(async ({ name, riReturn1, riReturn2 }) => {
      const laser = nameOf(waymoLasers, name, 'laser', at);
      const returns = await Promise.all(
        [riReturn1, riReturn2].map((message, k) =>
          message === null || !hasRanges(message)
            ? undefined
            : rangeImageOf(message, { file: at.file, place: `${at.place}, laser ${laser}, return ${k + 1}` }),
        ),
      );
      // What has no first return but a second is kept: an empty image stands for the first.
      const [first, second] = returns;
      const empty = { height: 0, width: 0, values: new Float32Array(0) };
      if (second === undefined) return { laser, returns: first === undefined ? [] : [first] };
      return { laser, returns: [first ?? empty, second] };
    }),
  );
}

function hasRanges({ rangeImage, rangeImageCompressed }: RangeImageMessage): boolean {
  return rangeImage.length > 0 || rangeImageCompressed.length > 0;
}

async function rangeImageOf(message: RangeImageMessage, at: FramePlace): Promise<RangeImage> {
  const { rangeImage, rangeImageCompressed, cameraProjectionCompressed, rangeImagePoseCompressed } = message;
  const attempt = async <Values>(what: string, read: () => Promise<Matrix<Values>>) => {
    try {
      return await read();
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      throw new InputError({ ...at, expected: `${what}: a matrix, packed by zlib`, found }, { cause: error });
    }
  };
  const [ranges, projections, poses] = await Promise.all([
    attempt('ranges', async () =>
      parseMatrixFloat(rangeImageCompressed.length > 0 ? await unpack(rangeImageCompressed) : rangeImage),
    ),
    cameraProjectionCompressed.length === 0
      ? undefined
      : attempt('camera projections', async () => parseMatrixInt32(await unpack(cameraProjectionCompressed))),
    rangeImagePoseCompressed.length === 0
      ? undefined
      : attempt('poses', async () => parseMatrixFloat(await unpack(rangeImagePoseCompressed))),
  ]);
  const [height, width] = ranges.shape;
  checkShape(ranges, ['height', 'width', 4], { ...at, what: 'ranges' });
  if (projections) checkShape(projections, [height, width, 6], { ...at, what: 'camera projections' });
  if (poses) checkShape(poses, [height, width, 6], { ...at, what: 'poses' });
  return {
    height,
    width,
    values: ranges.values,
    ...(projections && { projections: projections.values }),
    ...(poses && { poses: poses.values }),
  };
}

function checkShape(
  { shape, values }: Matrix<ArrayLike<number>>,
  expected: ReadonlyArray<number | string>,
  { file, place, what }: FramePlace & { readonly what: string },
): void {
  const fits =
    shape.length === expected.length &&
    expected.every((size, k) => (typeof size === 'number' ? shape[k] === size : shape[k] > 0));
  const product = shape.reduce((a, b) => a * b, 1);
  if (fits && product === values.length) return;
  const found = fits
    ? `${values.length} of ${product} numbers (${shape.join(' x ')})`
    : shape.join(' x ') || 'no shape';
  throw new InputError({ file, place, expected: `${what} of ${expected.join(' x ')}`, found });
}

/** The labelled boxes. Throws InputError for one without a box, and for numbers that are none. */
export function boxesOf({ laserLabels }: FrameMessage, at: FramePlace): WaymoBox[] {
  return laserLabels.map((label, n) =>
    boxOf(label, { ...at, place: `${at.place}, label ${n} (${label.id})` }),
  );
}

function boxOf(label: LabelMessage, at: FramePlace): WaymoBox {
  const { box, id, numLidarPointsInBox } = label;
  if (box === null) throw new InputError({ ...at, expected: 'a box', found: 'none' });
  const { centerX, centerY, centerZ, length, width, height, heading } = box;
  const numbers = [centerX, centerY, centerZ, length, width, height, heading];
  if (!numbers.every(Number.isFinite)) {
    throw new InputError({ ...at, expected: 'a box of finite numbers', found: numbers.join(', ') });
  }
  return {
    type: types[label.type] ?? 'unknown',
    id,
    center: [centerX, centerY, centerZ],
    size: [length, width, height],
    heading,
    ...(Object.hasOwn(label, 'numLidarPointsInBox') && { points: numLidarPointsInBox }),
  };
}
