import type { Box3 } from './box.ts';
import type { ImageBox } from './box-projection.ts';
import { intersectionArea, type OrientedRectangle } from './oriented-rectangle.ts';

/** A box seen from above. */
export function footprintOf({ center, sizeM, yaw }: Box3): OrientedRectangle {
  return { x: center[0], y: center[1], length: sizeM[0], width: sizeM[1], yaw };
}

/**
 * Intersection over union of two boxes seen from above, 0 to 1; 0 where both have no area.
 *
 * @example
 * const square: Box3 = { center: [0, 0, 0], sizeM: [2, 2, 1], yaw: 0 };
 * birdsEyeIou(square, { ...square, yaw: Math.PI / 4 }); // 0.707
 */
export function birdsEyeIou(a: Box3, b: Box3): number {
  const shared = intersectionArea(footprintOf(a), footprintOf(b));
  return ratio(shared, a.sizeM[0] * a.sizeM[1] + b.sizeM[0] * b.sizeM[1] - shared);
}

/**
 * Intersection over union of two boxes' volumes, 0 to 1; 0 where both have none.
 *
 * @example
 * const car: Box3 = { center: [10, 0, -1], sizeM: [4, 2, 1.5], yaw: 0 };
 * iou3d(car, { ...car, center: [12, 0, -1] }); // 0.333
 */
export function iou3d(a: Box3, b: Box3): number {
  const top = Math.min(a.center[2] + a.sizeM[2] / 2, b.center[2] + b.sizeM[2] / 2);
  const bottom = Math.max(a.center[2] - a.sizeM[2] / 2, b.center[2] - b.sizeM[2] / 2);
  if (!(top > bottom)) return 0;
  const shared = intersectionArea(footprintOf(a), footprintOf(b)) * (top - bottom);
  return ratio(shared, volumeOf(a) + volumeOf(b) - shared);
}

/** Intersection over union of two rectangles in an image, 0 to 1; sides are right - left, without the pixel that some add. */
export function imageIou(a: ImageBox, b: ImageBox): number {
  const shared = imageIntersection(a, b);
  return ratio(shared, imageArea(a) + imageArea(b) - shared);
}

/** The area that two rectangles in an image share, square pixels. */
export function imageIntersection(a: ImageBox, b: ImageBox): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  return width > 0 && height > 0 ? width * height : 0;
}

/** The area of a rectangle in an image, square pixels. */
export function imageArea([left, top, right, bottom]: ImageBox): number {
  return (right - left) * (bottom - top);
}

function volumeOf({ sizeM: [length, width, height] }: Box3): number {
  return length * width * height;
}

function ratio(shared: number, union: number): number {
  return union > 0 ? Math.min(1, shared / union) : 0;
}
