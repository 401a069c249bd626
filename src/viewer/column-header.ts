import { type Spread, spreadOf } from '../pointcloud/spread.ts';
import type { Column, ColumnHeader } from './point-stream.ts';

/** Coordinates are rounded to half of this at most, metres. */
const coarsestStepM = 0.004;
/** Coordinates most of which are beyond this get an origin among them, metres. */
const farM = 10_000;
/** The steps of other numbers divide the spread of most of them into so many parts at least. */
const leastLevels = 256;
/** Values that the spread of a column is taken from. */
const sampled = 20_000;
const largestFloat32 = (2 - 2 ** -23) * 2 ** 127;

/** How a column of that many numbers is sent; coordinates are in metres. */
export function columnHeader({ name, values }: Column, count: number, isCoordinate: boolean): ColumnHeader {
  let min = Infinity;
  let max = -Infinity;
  let whole = true;
  for (let i = 0; i < count; i++) {
    const value = values[i];
    if (!isNumber(value)) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    if (whole && !Number.isInteger(value)) whole = false;
  }
  if (min > max) return { name, origin: 0, min: 0, max: 0, step: 1, bytes: 1 };
  const extent = max - min;
  // The highest code of so many bytes stands for NaN.
  const fits = (bytes: number, step: number) => extent / step <= 2 ** (8 * bytes) - 2;
  if (whole && !isCoordinate) {
    const bytes = ([1, 2, 3] as const).find((each) => fits(each, 1));
    if (bytes !== undefined)
      return { name, origin: originOf({ min, max, step: 1 }), min, max, step: 1, bytes };
  }
  const bytes = isCoordinate ? (([2, 3] as const).find((each) => fits(each, coarsestStepM)) ?? 4) : 2;
  const step = extent / (2 ** (8 * bytes) - 2) || 1;
  const { low, high, median } = spreadOfNumbers(values, count) ?? { low: min, high: max, median: min };
  const coarsest = isCoordinate ? coarsestStepM : (high - low) / leastLevels;
  const isTooCoarse = extent > 0 && step > coarsest;
  const wanted = isCoordinate
    ? originOfPlaces(median)
    : originOf({ min: low, max: high, step: isTooCoarse ? coarsest || step : step });
  const origin = isNumber(max - wanted) && isNumber(min - wanted) ? wanted : 0;
  return isTooCoarse
    ? { name, origin, min, max, step: 0, bytes: 4 }
    : { name, origin, min, max, step, bytes };
}

/** Where most of a column's numbers are; undefined where a sample of them has none. */
function spreadOfNumbers(values: ArrayLike<number>, count: number): Spread | undefined {
  const step = Math.max(1, Math.floor(count / sampled));
  const numbers: number[] = [];
  for (let i = 0; i < count; i += step) if (isNumber(values[i])) numbers.push(values[i]);
  return spreadOf(numbers, { tail: 0.02 });
}

/** Where coordinates are counted from: a whole metre among them, wherever a few others are. */
function originOfPlaces(median: number): number {
  return Math.abs(median) > farM ? Math.round(median) : 0;
}

/** Where a field's numbers are counted from, so that float32 tells its steps apart. */
function originOf({ min, max, step }: Pick<ColumnHeader, 'min' | 'max' | 'step'>): number {
  return Math.max(Math.abs(min), Math.abs(max)) > 2 ** 24 * step ? min : 0;
}

/** Whether it is a number that float32 holds. */
export function isNumber(value: number): boolean {
  return Math.abs(value) <= largestFloat32;
}

/** What turns a number of a column into its code. */
export function coderOf({ min, step, bytes, origin }: ColumnHeader): (value: number) => number {
  const highest = 2 ** (8 * bytes) - 2;
  if (step > 0) return (value) => Math.min(highest, Math.round((value - min) / step));
  const { number, bits } = float32Bits();
  return (value) => {
    number[0] = value - origin;
    return bits[0];
  };
}

/** A float32, and the same four bytes as a whole number. */
export function float32Bits(): { readonly number: Float32Array; readonly bits: Uint32Array } {
  const number = new Float32Array(1);
  return { number, bits: new Uint32Array(number.buffer) };
}
