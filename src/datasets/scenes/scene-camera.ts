import { type KittiCalibration, pixelFromLidar, rectFromLidar } from '../../geometry/kitti-calibration.ts';
import { type Matrix34, type Matrix44, multiply44 } from '../../geometry/matrix.ts';
import { lidarFromPixel } from '../../geometry/projection.ts';
import { rigidTransform } from '../../geometry/rigid-transform.ts';

/** The camera of a scene; pixel (0, 0) is the middle of the upper left pixel. */
export interface SceneCamera {
  readonly width: number;
  readonly height: number;
  readonly calibration: KittiCalibration;
  readonly rectFromLidar: Matrix44;
  /** Homogeneous pixels from the LiDAR frame. */
  readonly pixelFromLidar: Matrix34;
  /** The LiDAR frame from (u w, v w, w): its last column is the optical centre. */
  readonly lidarFromPixel: Matrix44;
}

/** The size of KITTI's pictures after rectification. */
export const kittiImageSize = { width: 1242, height: 375 } as const;

/** KITTI's left colour camera, the sensor's neighbours and their small misalignments; the focal length goes with the width. */
export function createCamera(width: number, height: number): SceneCamera {
  const scale = width / kittiImageSize.width;
  const focal = 721.5377 * scale;
  const centerU = 609.5593 * scale;
  const centerV = (172.854 * height) / kittiImageSize.height;
  const projection = (x: number, y: number, z: number): Matrix34 =>
    Float64Array.of(focal, 0, centerU, x * scale, 0, focal, centerV, y * scale, 0, 0, 1, z);
  const axes = rigidTransform([0, -1, 0, 0, 0, -1, 1, 0, 0]);
  const calibration: KittiCalibration = {
    p0: projection(0, 0, 0),
    p1: projection(-387.57, 0, 0),
    p2: projection(44.85728, 0.2163791, 0.002745884),
    p3: projection(-339.52, 2.2, 0.00273),
    rectFromCamera: rotation(0.0043, -0.0074, -0.0098),
    cameraFromLidar: moved(multiply44(axes, rotation(-0.0007, 0.0148, -0.0075)), -0.0041, -0.0763, -0.2718),
    lidarFromImu: moved(rotation(0.0148, 0.002, -0.0008), -0.8087, 0.3196, -0.7997),
  };
  const toPixel = pixelFromLidar(calibration);
  return {
    width,
    height,
    calibration,
    rectFromLidar: rectFromLidar(calibration),
    pixelFromLidar: toPixel,
    lidarFromPixel: lidarFromPixel(toPixel),
  };
}

/** Small turns about x, then y, then z. */
function rotation(x: number, y: number, z: number): Matrix44 {
  const [cx, sx, cy, sy, cz, sz] = [x, y, z].flatMap((angle) => [Math.cos(angle), Math.sin(angle)]);
  const aboutX = rigidTransform([1, 0, 0, 0, cx, -sx, 0, sx, cx]);
  const aboutY = rigidTransform([cy, 0, sy, 0, 1, 0, -sy, 0, cy]);
  const aboutZ = rigidTransform([cz, -sz, 0, sz, cz, 0, 0, 0, 1]);
  return multiply44(aboutZ, multiply44(aboutY, aboutX));
}

function moved(matrix: Matrix44, x: number, y: number, z: number): Matrix44 {
  return rigidTransform(
    [0, 1, 2, 4, 5, 6, 8, 9, 10].map((at) => matrix[at]),
    [x, y, z],
  );
}
