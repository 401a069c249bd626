import type { CameraModel } from '../../datasets/frame.ts';
import { multiply34by44 } from '../../geometry/matrix.ts';
import { projectPoints } from '../../geometry/projection.ts';

/** What lies nearer to the camera's plane than this, metres, has no pixel, as in drawn pairs. */
const minDepthM = 1e-5;

/** Pixels (rows of x, y; NaN behind the camera) of places (rows of x, y, z in the LiDAR frame) on the camera's own picture. */
export function pixelsOf(places: Float32Array, camera: CameraModel): Float32Array<ArrayBuffer> {
  const pixelFromLidar = multiply34by44(camera.pixelFromCamera, camera.cameraFromLidar);
  const { u, v } = projectPoints(places, 3, pixelFromLidar, { minDepthM });
  return Float32Array.from({ length: 2 * u.length }, (_, i) => (i % 2 === 0 ? u : v)[i >> 1]);
}
