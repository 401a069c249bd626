import { spreadOf } from '../../../pointcloud/spread.ts';
import { colourTable } from './colour-maps.ts';

/** The values at which a colour map begins and ends. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
}

/** The colour of points that have no value: seen, but not loud. */
export const noValue = [96, 100, 110] as const;

/** The 2nd and 98th percentile of the finite values (of an even sample of many), those far from all others aside; 0 and 1 where there are none. */
export function rangeOf(values: ArrayLike<number>): ValueRange {
  const spread = spreadOf(values, { tail: 0.02 });
  if (spread === undefined) return { low: 0, high: 1 };
  const { low, high } = spread;
  return low < high ? { low, high } : { low: low - 0.5, high: low + 0.5 };
}

/** Writes colours of values into rows of red, green, blue, alpha; points without a value get the colour for that. */
export function colourValues(
  values: ArrayLike<number>,
  { low, high }: ValueRange,
  { map, into }: { readonly map: string; readonly into: Uint8Array },
): void {
  const table = colourTable(map);
  const scale = 255 / (high - low || 1);
  for (let i = 0, at = 0; i < values.length; i++, at += 4) {
    const value = values[i];
    if (!Number.isNaN(value)) {
      const level = Math.max(0, Math.min(255, Math.round((value - low) * scale)));
      into[at] = table[3 * level];
      into[at + 1] = table[3 * level + 1];
      into[at + 2] = table[3 * level + 2];
    } else {
      into[at] = noValue[0];
      into[at + 1] = noValue[1];
      into[at + 2] = noValue[2];
    }
    into[at + 3] = 255;
  }
}

/** What the third row of rows of three is: height, of positions. */
export function heights(positions: Float32Array): Float32Array {
  const values = new Float32Array(positions.length / 3);
  for (let i = 0; i < values.length; i++) values[i] = positions[3 * i + 2];
  return values;
}

/** Distances of rows of x, y, z from the sensor, metres. */
export function ranges(positions: Float32Array): Float32Array {
  const values = new Float32Array(positions.length / 3);
  for (let i = 0; i < values.length; i++) {
    const [x, y, z] = [positions[3 * i], positions[3 * i + 1], positions[3 * i + 2]];
    values[i] = Math.sqrt(x * x + y * y + z * z);
  }
  return values;
}
