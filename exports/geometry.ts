/**
 * Rigid transforms, boxes, KITTI calibration and the way between LiDAR points and pixels:
 * `import { parseKittiCalibration, pixelFromLidar, projectPoints } from 'pointpair/geometry'`.
 */

// Angles and boxes.
export { angleDifference, wrapAngle } from '../src/geometry/angle.ts';
export { BOX_EDGES, type Box3, cornersOf, pointInBox } from '../src/geometry/box.ts';
export { birdsEyeIou, imageIou, iou3d } from '../src/geometry/box-overlap.ts';
export { type ImageBox, projectBox } from '../src/geometry/box-projection.ts';
export { boxFromKitti, type KittiBox, kittiFromBox } from '../src/geometry/kitti-box.ts';
// Cameras.
export {
  formatKittiCalibration,
  type KittiCalibration,
  type KittiCamera,
  parseKittiCalibration,
  pixelFromLidar,
  rectFromLidar,
} from '../src/geometry/kitti-calibration.ts';
export {
  type KittiRawCalibrationFiles,
  parseKittiRawCalibration,
  parseKittiRawTransform,
} from '../src/geometry/kitti-raw-calibration.ts';
// What lenses do to pictures.
export { distort, type Lens, undistort } from '../src/geometry/lens.ts';
// Matrices and rigid transforms.
export {
  compose,
  identity44,
  type Matrix34,
  type Matrix44,
  multiply34by44,
  multiply44,
  to34,
  to44,
  transformPoint,
  transformPoints,
} from '../src/geometry/matrix.ts';
export { intersectionArea, type OrientedRectangle } from '../src/geometry/oriented-rectangle.ts';
// Poses from KITTI's inertial unit.
export {
  interpolatePose,
  type OxtsRecord,
  parseOxts,
  type TimedPose,
  worldFromOxts,
} from '../src/geometry/oxts.ts';
export {
  lidarFromPixel,
  type ProjectedPoints,
  projectPoints,
  unprojectPixel,
} from '../src/geometry/projection.ts';
export {
  inverseAffine,
  inverseRigid,
  rigidTransform,
  rotationZ,
  scaling,
  translation,
} from '../src/geometry/rigid-transform.ts';
// Views of a point cloud: recorded transforms that can be undone.
export {
  applyView,
  applyViewToBox,
  inverseView,
  isMirrored,
  matrixOf,
  sampleViewTransform,
  type ViewDraw,
  type ViewStep,
  type ViewTransform,
} from '../src/geometry/view-transform.ts';
