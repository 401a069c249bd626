import { colourValues, type ValueRange } from '../sweep/colouring.ts';
import type { Sweep } from '../sweep/sweep.ts';
import { likenessMap } from './match-lines.ts';

/** Points of the file that no place is near have this number for one. */
const none = 65535;

/** Which places a point of the file takes its features from: three numbers and weights of 255 in all, for each point. */
export interface NearestPlaces {
  readonly nearest: Uint16Array;
  readonly weights: Uint8Array;
}

/** Values of places as values of the rows of a sweep from `from` on; NaN where no place is near. */
export function spreadValues(
  values: Float32Array,
  { nearest, weights }: NearestPlaces,
  sweep: Sweep,
  from = 0,
): Float32Array {
  const spread = new Float32Array(sweep.filled - from).fill(Number.NaN);
  for (let row = from; row < sweep.filled; row++) {
    const at = 3 * sweep.fileIndex[row];
    if (nearest[at] === none) continue;
    let sum = 0;
    for (let k = 0; k < 3; k++) if (weights[at + k] > 0) sum += weights[at + k] * values[nearest[at + k]];
    spread[row - from] = sum / 255;
  }
  return spread;
}

/** How points are painted: which ones, and the colour of those that no place is near. */
export interface Painting {
  readonly places: NearestPlaces;
  readonly sweep: Sweep;
  readonly from: number;
  readonly beyond: readonly [r: number, g: number, b: number];
}

/** Colours of places (rows of red, green, blue) as rows of RGBA for the rows of a sweep from `from` on. */
export function spreadColours(rgb: Uint8Array, { places, sweep, from, beyond }: Painting): Uint8Array {
  const { nearest, weights } = places;
  const into = new Uint8Array(4 * (sweep.filled - from));
  for (let row = from; row < sweep.filled; row++) {
    const at = 3 * sweep.fileIndex[row];
    const to = 4 * (row - from);
    into[to + 3] = 255;
    if (nearest[at] === none) {
      into.set(beyond, to);
      continue;
    }
    for (let c = 0; c < 3; c++) {
      let sum = 0;
      for (let k = 0; k < 3; k++)
        if (weights[at + k] > 0) sum += weights[at + k] * rgb[3 * nearest[at + k] + c];
      into[to + c] = sum / 255;
    }
  }
  return into;
}

/** The likeness of the points to what was asked, as colours between the ends of a scale. */
export function likenessColours(
  values: Float32Array,
  range: ValueRange,
  { places, sweep, from, beyond }: Painting,
): Uint8Array {
  const into = new Uint8Array(4 * (sweep.filled - from));
  const spread = spreadValues(values, places, sweep, from);
  colourValues(spread, range, { map: likenessMap, into });
  for (let i = 0; i < spread.length; i++) if (Number.isNaN(spread[i])) into.set(beyond, 4 * i);
  return into;
}

/** The place that most of a point's features come from; undefined where none is near. */
export function placeOfPoint({ nearest }: NearestPlaces, point: number): number | undefined {
  return nearest[3 * point] === none ? undefined : nearest[3 * point];
}

/** The cell whose middle is nearest to a pixel, by the middles of all cells (rows of u, v). */
export function cellAt(cellPixels: Float32Array, pixel: readonly [u: number, v: number]): number {
  let best = 0;
  let least = Infinity;
  for (let cell = 0; cell < cellPixels.length / 2; cell++) {
    const distance = Math.hypot(cellPixels[2 * cell] - pixel[0], cellPixels[2 * cell + 1] - pixel[1]);
    if (distance >= least) continue;
    least = distance;
    best = cell;
  }
  return best;
}
