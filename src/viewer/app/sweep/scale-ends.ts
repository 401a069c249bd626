import type { ValueRange } from './colouring.ts';

/** An end of a scale, to a hundredth of its length or finer, as the legend and the fields for both ends show it. */
export function endOfScale(value: number, { low, high }: ValueRange): number {
  const unit = 10 ** Math.floor(Math.log10((high - low) / 100 || 1));
  return Number((Math.round(value / unit) * unit).toPrecision(6));
}
