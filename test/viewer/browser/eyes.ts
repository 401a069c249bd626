import type { Link } from './open-page.ts';
import type { Rgb } from './pixels.ts';

/** A place of the LiDAR frame, metres. */
export type Place = readonly [x: number, y: number, z: number];
/** A place on a canvas, CSS pixels from its top left. */
export type Spot = readonly [x: number, y: number];
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Half of the height that a free view sees at a distance of 1. */
const halfOpening = Math.tan((25 * Math.PI) / 180);

/** Nothing but points on the stage, in their own colours. */
export const pointsAlone: Link = { grid: 'no', axes: 'no', labels: 'no', eyeDome: 0 };

/** All points in one colour, which neither lines nor dim pictures have. */
export const allRed: Link = { low: -1001, high: -1000 };
export const red: Rgb = [212, 51, 5];

/** Looking straight down, +x up on the screen. */
export function fromAbove(target: Place, distanceM: number): Link {
  return { view: 'birds-eye', pose: [...target, distanceM, Math.PI, 0.489, 0, 1, 0.5, 0.5].join() };
}

/** Looking along +x, level, from behind a target. */
export function along(target: Place, distanceM: number): Link {
  return { view: 'perspective', pose: [...target, distanceM, Math.PI, 0, 0, 1, 0.5, 0.5].join() };
}

/** Where a place is seen in the view of `fromAbove`: the same scale all over. */
export function spotFromAbove(size: Size, target: Place, distanceM: number, [x, y]: Place): Spot {
  const scale = size.height / (2 * distanceM * halfOpening);
  return [size.width / 2 - (y - target[1]) * scale, size.height / 2 - (x - target[0]) * scale];
}

/** Where a place is seen in the view of `along`: as far from the middle as it is near. */
export function spotAlong(size: Size, target: Place, distanceM: number, [x, y, z]: Place): Spot {
  const scale = size.height / (2 * (x - target[0] + distanceM) * halfOpening);
  return [size.width / 2 - (y - target[1]) * scale, size.height / 2 - (z - target[2]) * scale];
}

/** Where a pixel of the camera is seen in the view through it: the whole picture in the middle, as large as may be. */
export function spotThrough(size: Size, picture: Size, [u, v]: Spot): Spot {
  const scale = Math.min(size.width / picture.width, size.height / picture.height);
  return [
    size.width / 2 + (u + 0.5 - picture.width / 2) * scale,
    size.height / 2 + (v + 0.5 - picture.height / 2) * scale,
  ];
}

/** Where a pixel of the picture is in its pane: the same, but for a rim of 4 pixels. */
export function spotOnPicture(size: Size, picture: Size, [u, v]: Spot): Spot {
  const scale = Math.min((size.width - 8) / picture.width, (size.height - 8) / picture.height);
  return [
    size.width / 2 + (u + 0.5 - picture.width / 2) * scale,
    size.height / 2 + (v + 0.5 - picture.height / 2) * scale,
  ];
}
