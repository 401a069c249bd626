/** Normalised coordinates are coded around this mean and deviation: x along the length to the front, y down from the bottom, z to the object's left, as KITTI's boxes have their axes. */
export const COORDINATE_MEAN = [-0.1, -0.5, 0] as const;
export const COORDINATE_STD = [0.35, 0.23, 0.34] as const;

/**
 * By how much an error in pixels is divided to be of about the same size at any distance: 1.6·f·0.15/distance, a car's
 * height times the focal length times 15 % over the distance.
 */
export function errorUnitPx(focalPx: number, distanceM: number): number {
  return (1.6 * focalPx * 0.15) / distanceM;
}
