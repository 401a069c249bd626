import { createHash } from 'node:crypto';
import { wrapAngle } from '../../geometry/angle.ts';
import type { Box3 } from '../../geometry/box.ts';
import { projectBox } from '../../geometry/box-projection.ts';
import { kittiFromBox } from '../../geometry/kitti-box.ts';
import { multiply34by44 } from '../../geometry/matrix.ts';
import type { CameraModel, ObjectLabel } from '../frame.ts';
import type { CameraCalibration, WaymoBox } from './waymo-source.ts';

/** A camera as labels are seen by it. */
export interface LabelCamera {
  readonly model: CameraModel;
  readonly size: Pick<CameraCalibration, 'width' | 'height'>;
}

/**
 * A box as a label: types `Vehicle`, `Pedestrian`, `Sign`, `Cyclist` or `Unknown`; the heading is the yaw as it is. `box2` is the
 * rectangle around the box's picture in the camera, without its lens, or zeros where nothing of it is seen or no camera is given;
 * what stands before it is not known. Truncation is -1 and occlusion 3 (unknown); alpha is KITTI's, or -10 without a camera.
 */
export function labelOfBox({ type, id, center, size, heading }: WaymoBox, camera?: LabelCamera): ObjectLabel {
  const box3: Box3 = { center, sizeM: size, yaw: wrapAngle(heading) };
  const seen = camera && projectBox(box3, pixelFromLidarOf(camera.model), camera.size);
  return {
    type: `${type.slice(0, 1).toUpperCase()}${type.slice(1)}`,
    truncation: -1,
    occlusion: 3,
    alpha: camera === undefined ? -10 : alphaOf(box3, camera.model),
    box2: seen ?? [0, 0, 0, 0],
    box3,
    trackId: trackIdOf(id),
  };
}

function pixelFromLidarOf({ pixelFromCamera, cameraFromLidar }: CameraModel) {
  return multiply34by44(pixelFromCamera, cameraFromLidar);
}

/** KITTI's observation angle: the turn about the camera's y, less the direction in which the object is seen. */
function alphaOf(box: Box3, { cameraFromLidar }: CameraModel): number {
  const { location, rotationY } = kittiFromBox(box, cameraFromLidar);
  return wrapAngle(rotationY - Math.atan2(location[0], location[2]));
}

/** A number below 2^48 that is made of an object's name alone, so that it is the same in whatever order moments are read. */
export function trackIdOf(id: string): number {
  return createHash('sha256').update(id).digest().readUIntBE(0, 6);
}
