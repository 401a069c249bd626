import { InputError } from '../../engine/input-error.ts';
import { identity44, type Matrix44, multiply44 } from '../../geometry/matrix.ts';
import { inverseRigid } from '../../geometry/rigid-transform.ts';
import type { CameraModel } from '../frame.ts';
import { type FramePart, fileOf, type Moment, momentAt, type Sequence } from '../sequence.ts';
import { pointsOfLasers } from './points-of-lasers.ts';
import { type WaymoCamera, waymoCameras } from './sensor-names.ts';
import { cameraModelOf } from './waymo-camera.ts';
import { type LabelCamera, labelOfBox } from './waymo-labels.ts';
import type { CameraCalibration, WaymoSource } from './waymo-source.ts';

/**
 * A segment as a sequence. The LiDAR frame is Waymo's vehicle frame; the world is the vehicle frame of the first moment whose
 * pose is known. A moment's id is its number in the segment, from 000; its time counts from the first that is known. Cameras are
 * those that have pictures anywhere, FRONT first; a camera has its lens beside its pinhole. Labels have `box2` in the FRONT
 * camera, and the same `trackId` for the same object (`labelOfBox`).
 *
 * @example
 * const [segment] = await openWaymoRecords('segment.tfrecord');
 * const sequence = waymoSequence(segment);
 * const { count, fields } = await sequence.cloud(0);
 */
export function waymoSequence(source: WaymoSource): Sequence {
  const { root } = source;
  const moments = momentsOf(source);
  const cameras = waymoCameras.filter((name) =>
    source.moments.some((moment) => moment.cameras.includes(name)),
  );
  const placeOf = (index: number) => ({
    file: source.files(index)[0] ?? root,
    place: `frame ${moments[index].id}`,
  });

  const cameraNamed = (index: number, name: string | undefined): WaymoCamera => {
    if (name === undefined) return cameras[0] ?? 'FRONT';
    const known = waymoCameras.find((each) => each === name);
    if (known !== undefined) return known;
    const expected = `a camera of ${(cameras.length === 0 ? waymoCameras : cameras).join(', ')}`;
    throw new InputError({ ...placeOf(index), expected, found: name });
  };
  const calibrationOf = async (index: number, camera: WaymoCamera): Promise<CameraCalibration> => {
    const all = await source.cameraCalibrations(index);
    const found = all.find((each) => each.camera === camera);
    if (found !== undefined) return found;
    const others = all.map((each) => each.camera).join(', ');
    throw new InputError({
      ...placeOf(index),
      expected: `a calibration of camera ${camera}`,
      found: others === '' ? 'none' : `those of ${others}`,
    });
  };

  return {
    kind: source.kind,
    name: source.segment,
    root,
    moments,
    cameras,
    async cloud(index) {
      fileOf({ root, moments }, index, 'sweep');
      const [lasers, calibrations] = await Promise.all([
        source.lasers(index),
        source.laserCalibrations(index),
      ]);
      const { worldFromVehicle } = source.moments[index];
      return pointsOfLasers(lasers, calibrations, { worldFromVehicle, ...placeOf(index) });
    },
    async picture(index, camera) {
      momentAt({ moments }, index);
      const name = cameraNamed(index, camera);
      if (source.moments[index].cameras.includes(name)) return source.picture(index, name);
      throw new InputError({ ...placeOf(index), expected: `a picture of ${name}`, found: 'none' });
    },
    async camera(index, camera): Promise<CameraModel> {
      fileOf({ root, moments }, index, 'calibration');
      return cameraModelOf(await calibrationOf(index, cameraNamed(index, camera)));
    },
    async labels(index) {
      fileOf({ root, moments }, index, 'labels');
      const boxes = await source.boxes(index);
      const camera = await labelCamera(source, index);
      return boxes.map((box) => labelOfBox(box, camera));
    },
    // Intensities have no bound; this is how the data set's users take them.
    reflectanceOf: Math.tanh,
  };
}

/** The FRONT camera, or none where its calibration cannot be had: labels do without. */
async function labelCamera(source: WaymoSource, index: number): Promise<LabelCamera | undefined> {
  if (source.moments[index].hasCalibrations === false) return undefined;
  const calibrations = await source.cameraCalibrations(index).catch((error: unknown) => {
    if (error instanceof InputError) return [];
    throw error;
  });
  const front = calibrations.find(({ camera }) => camera === 'FRONT');
  return front && { model: cameraModelOf(front), size: front };
}

function momentsOf(source: WaymoSource): Moment[] {
  const firstTime = source.moments.find(
    ({ timestampMicros }) => timestampMicros !== undefined,
  )?.timestampMicros;
  const digits = Math.max(3, String(source.moments.length - 1).length);
  const origin = source.moments.find(({ worldFromVehicle }) => worldFromVehicle !== undefined);
  const firstFromWorld = origin?.worldFromVehicle && inverseRigid(origin.worldFromVehicle);
  const firstCamera = waymoCameras.find((name) =>
    source.moments.some(({ cameras }) => cameras.includes(name)),
  );

  return source.moments.map((moment, index): Moment => {
    const {
      timestampMicros,
      worldFromVehicle,
      hasLasers,
      hasBoxes,
      hasCalibrations = true,
      cameras,
    } = moment;
    const from = source.files(index);
    const parts: { readonly [Part in FramePart]: boolean } = {
      sweep: hasLasers,
      picture: firstCamera !== undefined && cameras.includes(firstCamera),
      calibration: hasCalibrations,
      labels: hasBoxes,
    };
    // The first pose times its own inverse is the identity but for rounding.
    const pose: Matrix44 | undefined =
      moment === origin ? identity44() : worldFromVehicle && multiply44(firstFromWorld!, worldFromVehicle);
    return {
      id: String(index).padStart(digits, '0'),
      // Whole microseconds are subtracted before they become seconds.
      timeS: timestampMicros === undefined ? undefined : (timestampMicros - firstTime!) / 1e6,
      worldFromLidar: pose,
      files: Object.fromEntries(
        (Object.keys(parts) as FramePart[]).filter((part) => parts[part]).map((part) => [part, from]),
      ),
      pictures: Object.fromEntries(cameras.map((camera) => [camera, from])),
      notes: moment.notes,
    };
  });
}
