import { InputError } from '../../engine/input-error.ts';
import type { Matrix44 } from '../../geometry/matrix.ts';
import type {
  CameraCalibrationMessage,
  FrameMessage,
  LabelMessage,
  LaserCalibrationMessage,
  RangeImageMessage,
  TransformMessage,
} from './frame-message.ts';
import { type Matrix, parseMatrixFloat, parseMatrixInt32, unpack } from './range-matrix.ts';
import { waymoCameras, waymoLasers } from './sensor-names.ts';
import { matrixOf } from './transform.ts';
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
  const fault = (expected: string, found: string) =>
    new InputError({ file, place: `${place}, calibration of laser ${laser}`, expected, found });
  const wrong = beamInclinations.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) throw fault('finite inclinations', String(wrong));
  return {
    laser,
    inclinations: beamInclinations,
    inclinationMin: beamInclinationMin,
    inclinationMax: beamInclinationMax,
    vehicleFromLaser: extrinsicOf(extrinsic, fault),
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
  const fault = (expected: string, found: string) =>
    new InputError({ file, place: `${place}, calibration of camera ${camera}`, expected, found });
  if (intrinsic.length !== 9 || !intrinsic.every(Number.isFinite)) {
    const found = intrinsic.length === 9 ? intrinsic.join(', ') : `${intrinsic.length} numbers`;
    throw fault('9 finite intrinsic numbers (f_u, f_v, c_u, c_v, k1, k2, p1, p2, k3)', found);
  }
  const [fu, fv, cu, cv, k1, k2, p1, p2, k3] = intrinsic;
  const vehicleFromCamera = extrinsicOf(extrinsic, fault);
  return { camera, width, height, fu, fv, cu, cv, k1, k2, p1, p2, k3, vehicleFromCamera };
}

function extrinsicOf(
  message: TransformMessage | null,
  fault: (expected: string, found: string) => InputError,
): Matrix44 {
  const matrix = matrixOf(message?.transform ?? []);
  if (typeof matrix !== 'string') return matrix;
  throw fault('an extrinsic of 16 finite numbers', matrix);
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

/** The range images of all lasers that have some, in the order of the message, with all returns that are there. Throws InputError for a damaged one. */
export async function laserSweepsOf({ lasers }: FrameMessage, at: FramePlace): Promise<LaserSweep[]> {
  const full = lasers.filter(({ riReturn1, riReturn2 }) => hasRanges(riReturn1) || hasRanges(riReturn2));
  return Promise.all(
    full.map(async ({ name, riReturn1, riReturn2 }) => {
      const laser = nameOf(waymoLasers, name, 'laser', at);
      const returns = await Promise.all(
        [riReturn1, riReturn2].map(async (message, k) =>
          hasRanges(message)
            ? rangeImageOf(message, { file: at.file, place: `${at.place}, laser ${laser}, return ${k + 1}` })
            : undefined,
        ),
      );
      // An empty image stands for a first return that is missing, so that the second stays the second.
      const [first = { height: 0, width: 0, values: new Float32Array(0) }, second] = returns;
      return { laser, returns: second === undefined ? [first] : [first, second] };
    }),
  );
}

function hasRanges(message: RangeImageMessage | null): message is RangeImageMessage {
  return message !== null && (message.rangeImage.length > 0 || message.rangeImageCompressed.length > 0);
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
