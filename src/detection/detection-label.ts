import type { ObjectLabel } from '../datasets/frame.ts';
import { wrapAngle } from '../geometry/angle.ts';
import type { Box3 } from '../geometry/box.ts';
import { projectBox } from '../geometry/box-projection.ts';
import { kittiFromBox } from '../geometry/kitti-box.ts';
import type { Matrix34, Matrix44 } from '../geometry/matrix.ts';

/** The camera that a detection is seen by. */
export interface SeenBy {
  readonly pixelFromLidar: Matrix34;
  readonly cameraFromLidar: Matrix44;
  readonly image: { readonly width: number; readonly height: number };
}

/** A box in the LiDAR frame as a detection, with its box in the image and its observation angle; undefined where the camera sees nothing of it. */
export function detectionOf(
  box3: Box3,
  options: SeenBy & { readonly type: string; readonly score: number },
): ObjectLabel | undefined {
  const { type, score, pixelFromLidar, cameraFromLidar, image } = options;
  const box2 = projectBox(box3, pixelFromLidar, image);
  if (box2 === undefined) return undefined;
  return {
    type,
    truncation: -1,
    occlusion: -1,
    alpha: observationAngle(box3, cameraFromLidar),
    box2,
    box3,
    score,
  };
}

/** KITTI's observation angle of a box: its heading as seen along the ray from the camera, rotation_y - atan2(x, z), radians in [-π, π). */
export function observationAngle(box: Box3, cameraFromLidar: Matrix44): number {
  const { location, rotationY } = kittiFromBox(box, cameraFromLidar);
  return wrapAngle(rotationY - Math.atan2(location[0], location[2]));
}
