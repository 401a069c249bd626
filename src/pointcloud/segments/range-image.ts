/** How far a sweep saw in each direction: for each pixel (elevation, azimuth) the nearest and the farthest range, metres. */
export interface RangeImage {
  readonly nearest: Float32Array;
  /** 0 where nothing was seen. */
  readonly farthest: Float32Array;
}

/** What a sweep says of a place: seen through, something there, behind what was seen, or nothing that can be told. */
export type PlaceState = 'free' | 'occupied' | 'hidden' | 'unknown';

const PIXEL_RAD = (0.5 * Math.PI) / 180;
const COLUMNS = 720;
const LOWEST_RAD = (-40 * Math.PI) / 180;
const ROWS = 120;

/** The range image of a sweep (rows of x, y, z, reflectance in the LiDAR frame), half a degree a pixel, 40 degrees down to 20 up. */
export function rangeImageOf(points: Float32Array): RangeImage {
  const nearest = new Float32Array(ROWS * COLUMNS).fill(Infinity);
  const farthest = new Float32Array(ROWS * COLUMNS);
  for (let at = 0; at < points.length; at += 4) {
    const x = points[at];
    const y = points[at + 1];
    const z = points[at + 2];
    const row = Math.floor((Math.atan2(z, Math.sqrt(x * x + y * y)) - LOWEST_RAD) / PIXEL_RAD);
    if (row < 0 || row >= ROWS) continue;
    const pixel = row * COLUMNS + columnOf(x, y);
    const range = Math.sqrt(x * x + y * y + z * z);
    if (range < nearest[pixel]) nearest[pixel] = range;
    if (range > farthest[pixel]) farthest[pixel] = range;
  }
  return { nearest, farthest };
}

/**
 * What the sweep of a range image says of a place (metres in that sweep's LiDAR frame), by the pixel and the eight about
 * it, so that what is beside an edge is not taken for free: free where all that was seen is farther by `marginM`, hidden
 * where all is nearer by it, occupied where something is within it.
 */
export function placeState(
  { nearest, farthest }: RangeImage,
  [x, y, z]: readonly [x: number, y: number, z: number],
  marginM: number,
): PlaceState {
  const row = Math.floor((Math.atan2(z, Math.hypot(x, y)) - LOWEST_RAD) / PIXEL_RAD);
  const column = columnOf(x, y);
  const range = Math.hypot(x, y, z);
  let near = Infinity;
  let far = 0;
  let occupied = false;
  for (let r = Math.max(0, row - 1); r <= Math.min(ROWS - 1, row + 1); r++)
    for (let c = column - 1; c <= column + 1; c++) {
      const pixel = r * COLUMNS + ((c + COLUMNS) % COLUMNS);
      if (farthest[pixel] === 0) continue;
      near = Math.min(near, nearest[pixel]);
      far = Math.max(far, farthest[pixel]);
      occupied ||=
        Math.abs(nearest[pixel] - range) <= marginM || Math.abs(farthest[pixel] - range) <= marginM;
    }
  if (far === 0) return 'unknown';
  if (near > range + marginM) return 'free';
  if (far < range - marginM) return 'hidden';
  return occupied ? 'occupied' : 'unknown';
}

function columnOf(x: number, y: number): number {
  return Math.floor((Math.atan2(y, x) + Math.PI) / PIXEL_RAD) % COLUMNS;
}
