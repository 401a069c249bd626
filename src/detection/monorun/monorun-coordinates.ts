import type { Frame } from '../../datasets/frame.ts';
import type { ImageBox } from '../../geometry/box-projection.ts';
import { transformPoint } from '../../geometry/matrix.ts';
import { unmapPixels } from '../../image/image-view.ts';
import { atDepth, type CanvasObject, type CanvasPicture } from '../image-sample.ts';
import { cellPixels } from '../roi-tables.ts';
import { COORDINATE_MEAN, COORDINATE_STD } from './monorun-units.ts';

/** Points this far outside of a label's box still are of the object, as a share of its size. */
const MARGIN = 0.05;

/** An object on a canvas, and the region of it that is divided into size x size cells, in pixels of the canvas. */
export interface CoordinateRegion {
  readonly object: CanvasObject;
  readonly box: ImageBox;
  readonly size: number;
}

/** What is known of a region's cells: float32 [size²·3], the object's own coordinates, coded; float32 [size²], 1 where they are known. */
export interface CellCoordinates {
  readonly coordinates: Float32Array;
  readonly known: Float32Array;
}

/**
 * The object coordinates that a sweep gives in the cells of a region: LiDAR points in the object's box, in its own frame and
 * coded, at the cells where the camera sees them (the nearest one where several fall into a cell). MonoRUn's variant that
 * is supervised by LiDAR learns from these.
 */
export function lidarCoordinates(
  frame: Frame,
  picture: CanvasPicture,
  { object, box, size }: CoordinateRegion,
): CellCoordinates {
  const { coordinates, known } = nothingKnown(size);
  const codeOf = coderOf(object);
  const nearest = new Float32Array(size * size).fill(Number.POSITIVE_INFINITY);
  const [left, top, right, bottom] = box;
  const p = picture.canvasFromCamera;
  for (let i = 0; i < frame.points.length; i += 4) {
    const [cx, y, z] = transformPoint(picture.cameraFromLidar, [
      frame.points[i],
      frame.points[i + 1],
      frame.points[i + 2],
    ]);
    const x = picture.mirrored ? -cx : cx;
    const code = codeOf(x, y, z);
    if (code === undefined) continue;
    const row = (r: number) => p[r] * x + p[r + 1] * y + p[r + 2] * z + p[r + 3];
    const w = row(8);
    const column = Math.floor(((row(0) / w - left) / (right - left)) * size);
    const line = Math.floor(((row(4) / w - top) / (bottom - top)) * size);
    if (!(column >= 0 && column < size && line >= 0 && line < size)) continue;
    const at = line * size + column;
    if (z >= nearest[at]) continue;
    nearest[at] = z;
    known[at] = 1;
    coordinates.set(code, 3 * at);
  }
  return { coordinates, known };
}

/**
 * The object coordinates that the depth of pixels gives in the cells of a region: the point on the ray through a cell's middle
 * at the depth of the pixel there, where that is in the object's box. `depth` is that of the whole picture, as
 * `CameraImage` has it. MonoRUn's dense loss learns from these.
 */
export function denseCoordinates(
  depth: Float32Array,
  { image, imageView, canvasFromCamera: p }: CanvasPicture,
  { object, box, size }: CoordinateRegion,
): CellCoordinates {
  const { coordinates, known } = nothingKnown(size);
  const codeOf = coderOf(object);
  const middles = cellPixels(box, size);
  const pixels = unmapPixels(imageView, middles);
  for (let at = 0; at < size * size; at++) {
    const [column, line] = [Math.round(pixels[2 * at]), Math.round(pixels[2 * at + 1])];
    if (!(column >= 0 && column < image.width && line >= 0 && line < image.height)) continue;
    const w = depth[line * image.width + column];
    if (w === 0) continue;
    const z = (w - p[11]) / p[10];
    const code = codeOf(...atDepth(p, [middles[2 * at], middles[2 * at + 1]], z));
    if (code === undefined) continue;
    known[at] = 1;
    coordinates.set(code, 3 * at);
  }
  return { coordinates, known };
}

function nothingKnown(size: number): CellCoordinates {
  return { coordinates: new Float32Array(size * size * 3), known: new Float32Array(size * size) };
}

/**
 * Takes points of the canvas's camera frame into an object's own frame, as shares of its size and coded; undefined outside of
 * its box.
 */
function coderOf({
  sizeM: [height, width, length],
  location: [cx, bottom, cz],
  rotationY,
}: CanvasObject): (x: number, y: number, z: number) => number[] | undefined {
  const [c, s] = [Math.cos(rotationY), Math.sin(rotationY)];
  const reach = Math.hypot(length, width, height);
  return (px, py, pz) => {
    const x = px - cx;
    const z = pz - cz;
    if (Math.abs(x) > reach || Math.abs(z) > reach) return undefined;
    // R_y transposed takes camera axes to the object's.
    const own = [(c * x - s * z) / length, (py - bottom) / height, (s * x + c * z) / width];
    const inside =
      Math.abs(own[0]) <= 0.5 + MARGIN &&
      own[1] >= -1 - MARGIN &&
      own[1] <= MARGIN &&
      Math.abs(own[2]) <= 0.5 + MARGIN;
    return inside ? own.map((value, k) => (value - COORDINATE_MEAN[k]) / COORDINATE_STD[k]) : undefined;
  };
}
