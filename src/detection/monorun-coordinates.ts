import type { Frame } from '../datasets/frame.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import { transformPoint } from '../geometry/matrix.ts';
import { COORDINATE_MEAN, COORDINATE_STD } from '../objectives/monorun.ts';
import type { CanvasObject, CanvasPicture } from './image-sample.ts';

/** Points this far outside of a label's box still are of the object, as a share of its size. */
const MARGIN = 0.05;

/**
 * The object coordinates that a sweep gives in the cells of a region: LiDAR points in the object's box, in its own frame and
 * coded, at the cells where the camera sees them (the nearest one where several fall into a cell). MonoRUn's variant that
 * is supervised by LiDAR learns from these.
 */
export function lidarCoordinates(
  frame: Frame,
  picture: CanvasPicture,
  options: { readonly object: CanvasObject; readonly box: ImageBox; readonly size: number },
): { readonly coordinates: Float32Array; readonly known: Float32Array } {
  const { object, box, size } = options;
  const coordinates = new Float32Array(size * size * 3);
  const known = new Float32Array(size * size);
  const nearest = new Float32Array(size * size).fill(Number.POSITIVE_INFINITY);
  const [height, width, length] = object.sizeM;
  const [left, top, right, bottom] = box;
  const [c, s] = [Math.cos(object.rotationY), Math.sin(object.rotationY)];
  const p = picture.canvasFromCamera;
  const reach = Math.hypot(length, width, height);
  for (let i = 0; i < frame.points.length; i += 4) {
    const [cx, cy, cz] = transformPoint(picture.cameraFromLidar, [
      frame.points[i],
      frame.points[i + 1],
      frame.points[i + 2],
    ]);
    const x = (picture.mirrored ? -cx : cx) - object.location[0];
    const z = cz - object.location[2];
    if (Math.abs(x) > reach || Math.abs(z) > reach) continue;
    // R_y transposed takes camera axes to the object's.
    const own = [(c * x - s * z) / length, (cy - object.location[1]) / height, (s * x + c * z) / width];
    const inside =
      Math.abs(own[0]) <= 0.5 + MARGIN &&
      own[1] >= -1 - MARGIN &&
      own[1] <= MARGIN &&
      Math.abs(own[2]) <= 0.5 + MARGIN;
    if (!inside) continue;
    const mx = x + object.location[0];
    const row = (r: number) => p[r] * mx + p[r + 1] * cy + p[r + 2] * cz + p[r + 3];
    const w = row(8);
    const column = Math.floor(((row(0) / w - left) / (right - left)) * size);
    const line = Math.floor(((row(4) / w - top) / (bottom - top)) * size);
    if (!(column >= 0 && column < size && line >= 0 && line < size)) continue;
    const at = line * size + column;
    if (cz >= nearest[at]) continue;
    nearest[at] = cz;
    known[at] = 1;
    coordinates.set(
      own.map((value, k) => (value - COORDINATE_MEAN[k]) / COORDINATE_STD[k]),
      3 * at,
    );
  }
  return { coordinates, known };
}
