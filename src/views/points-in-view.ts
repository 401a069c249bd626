import type { CameraModel, PointFrame } from '../datasets/frame.ts';
import { InputError } from '../engine/input-error.ts';
import { type Matrix34, multiply34by44 } from '../geometry/matrix.ts';
import { indicesInImage } from '../geometry/projection.ts';
import { indicesInRange, type PointRange } from '../pointcloud/range-filter.ts';

/** The points of a sweep, and the cameras that see it, of which the first one counts. */
export type SeenSweep = Pick<PointFrame, 'id' | 'points'> & Partial<Pick<PointFrame, 'cameras'>>;

/** Homogeneous pixels of a camera from points in the LiDAR frame, as 3x4. */
export function pixelFromLidarOf({ pixelFromCamera, cameraFromLidar }: CameraModel): Matrix34 {
  return multiply34by44(pixelFromCamera, cameraFromLidar);
}

/**
 * The indices of the points of a sweep inside of the range and, with `cropToImage`, on the first camera's picture. Throws InputError
 * where there are none.
 */
export function pointsInView(
  { id, points, cameras }: SeenSweep,
  { range, cropToImage }: { readonly range: PointRange; readonly cropToImage: boolean },
): Int32Array {
  let rows: Int32Array = indicesInRange(points, range);
  if (cropToImage) {
    const [camera] = cameras!;
    rows = indicesInImage(points, 4, pixelFromLidarOf(camera), { image: camera.image, among: rows });
  }
  if (rows.length > 0) return rows;
  throw new InputError({
    file: `frame ${id}`,
    place: 'points',
    expected: `some within (${range.min}) to (${range.max}) m${cropToImage ? ' that the camera sees' : ''}`,
    found: `none of ${points.length / 4}`,
  });
}
