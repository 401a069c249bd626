import { wrapAngle } from './angle.ts';
import type { Box3 } from './box.ts';
import { type Matrix44, transformPoint } from './matrix.ts';
import { inverseRigid } from './rigid-transform.ts';

/** A box as a KITTI label has it, in the rectified camera frame (x right, y down, z forward; metres, radians). */
export interface KittiBox {
  /** Height, width, length: the order of the file. */
  readonly sizeM: readonly [height: number, width: number, length: number];
  /** The centre of the bottom face. */
  readonly location: readonly [x: number, y: number, z: number];
  /** Rotation about the camera's y axis; 0 looks along +x, to the right. */
  readonly rotationY: number;
}

/**
 * The box of a KITTI label in the LiDAR frame. The centre is moved exactly; the heading is moved as a direction and
 * then laid on the LiDAR's x-y plane, for the two frames' uprights differ by a degree or so. `kittiFromBox` undoes it.
 *
 * @example
 * // A camera at the LiDAR's place that looks ahead: its x is right, its y down, its z forward.
 * const rectFromLidar = rigidTransform([0, -1, 0, 0, 0, -1, 1, 0, 0]);
 * const label = { sizeM: [1.5, 1.6, 4], location: [0, 1.7, 20], rotationY: -Math.PI / 2 } as const;
 * const { center, yaw } = boxFromKitti(label, rectFromLidar);
 * center; // [20.00, 0.00, -0.95]
 * yaw; // 0.00
 */
export function boxFromKitti(box: KittiBox, rectFromLidar: Matrix44): Box3 {
  const [height, width, length] = box.sizeM;
  const [x, y, z] = box.location;
  const lidarFromRect = inverseRigid(rectFromLidar);
  const [xx, xz, yx, yz] = headingMap(lidarFromRect);
  const right = Math.cos(box.rotationY);
  const forward = -Math.sin(box.rotationY);
  return {
    center: transformPoint(lidarFromRect, [x, y - height / 2, z]),
    sizeM: [length, width, height],
    yaw: wrapAngle(Math.atan2(yx * right + yz * forward, xx * right + xz * forward)),
  };
}

/** The KITTI label's box of a box in the LiDAR frame; undoes `boxFromKitti`, with the angle in [-π, π). */
export function kittiFromBox(box: Box3, rectFromLidar: Matrix44): KittiBox {
  const [length, width, height] = box.sizeM;
  const [x, y, z] = transformPoint(rectFromLidar, box.center);
  const [xx, xz, yx, yz] = headingMap(inverseRigid(rectFromLidar));
  const ahead = Math.cos(box.yaw);
  const left = Math.sin(box.yaw);
  // The 2x2 inverse without its determinant's size: only the direction counts.
  const sign = Math.sign(xx * yz - xz * yx);
  const right = sign * (yz * ahead - xz * left);
  const forward = sign * (xx * left - yx * ahead);
  return {
    sizeM: [height, width, length],
    location: [x, y + height / 2, z],
    rotationY: wrapAngle(Math.atan2(-forward, right)),
  };
}

/** How the camera's right (x) and forward (z) lie in the LiDAR's x and y: [x of x, x of z, y of x, y of z]. */
function headingMap(lidarFromRect: Matrix44): [xx: number, xz: number, yx: number, yz: number] {
  return [lidarFromRect[0], lidarFromRect[2], lidarFromRect[4], lidarFromRect[6]];
}
