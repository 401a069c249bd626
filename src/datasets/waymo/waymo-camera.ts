import { multiply44 } from '../../geometry/matrix.ts';
import { inverseRigid, rigidTransform } from '../../geometry/rigid-transform.ts';
import type { CameraModel } from '../frame.ts';
import type { CameraCalibration } from './waymo-source.ts';

/** Camera axes (x right, y down, z forward) from Waymo's (x forward, y left, z up). */
const cameraFromWaymoCamera = rigidTransform([0, -1, 0, 0, 0, -1, 1, 0, 0]);

/** How points of the vehicle frame reach the pixels of a camera; its rolling shutter is left out. */
export function cameraModelOf(calibration: CameraCalibration): CameraModel {
  const { camera, fu, fv, cu, cv, k1, k2, p1, p2, k3, vehicleFromCamera } = calibration;
  return {
    name: camera,
    pixelFromCamera: Float64Array.of(fu, 0, cu, 0, 0, fv, cv, 0, 0, 0, 1, 0),
    cameraFromLidar: multiply44(cameraFromWaymoCamera, inverseRigid(vehicleFromCamera)),
    lens: { k1, k2, p1, p2, k3 },
  };
}
