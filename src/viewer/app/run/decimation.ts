import type { CurveValues } from './one-axis.ts';

/** The first index whose value is at least `value`, in ascending `x`. */
export function lowerBound(x: readonly number[], value: number): number {
  let [low, high] = [0, x.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of the value nearest to `value`, in ascending `x`; -1 where there is none. */
export function nearestIndex(x: readonly number[], value: number): number {
  const above = lowerBound(x, value);
  if (above === x.length) return x.length - 1;
  return above > 0 && value - x[above - 1] <= x[above] - value ? above - 1 : above;
}

/** The indices from and to (exclusive) whose `x` lies in a range, and one more on either side for lines that leave it. */
export function visibleIndices(
  x: readonly number[],
  [min, max]: readonly [number, number],
): [number, number] {
  const from = Math.max(0, lowerBound(x, min) - 1);
  let to = lowerBound(x, max);
  while (to < x.length && x[to] === max) to++;
  return [from, Math.min(x.length, to + 1)];
}

/**
 * Indices of points that look like all of them where only `buckets` columns of pixels are there to be drawn on: of each
 * column the first and the last, the lowest and the highest of every curve, and a gap where it has one. Ascending.
 */
export function decimated(
  x: readonly number[],
  curves: readonly CurveValues[],
  options: { readonly from: number; readonly to: number; readonly buckets: number },
): number[] {
  const { from, to, buckets } = options;
  if (to - from <= buckets * (2 + 2 * curves.length)) {
    return Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
  }
  const width = (x[to - 1] - x[from]) / buckets || 1;
  const kept: number[] = [];
  for (let begin = from, end = from; begin < to; begin = end) {
    const bucket = Math.floor((x[begin] - x[from]) / width);
    const limit = x[from] + (bucket + 1) * width;
    for (end = begin + 1; end < to && x[end] < limit; end++);
    const indices = new Set([begin, end - 1]);
    for (const curve of curves) for (const index of extremes(curve, begin, end)) indices.add(index);
    kept.push(...[...indices].sort((a, b) => a - b));
  }
  return kept;
}

/** Where a stretch of a curve is lowest and highest, and where its first gap is. */
function extremes(curve: CurveValues, begin: number, end: number): number[] {
  let [lowest, highest, gap] = [-1, -1, -1];
  for (let i = begin; i < end; i++) {
    const value = curve[i];
    if (value === undefined) continue;
    if (Number.isNaN(value)) {
      if (gap < 0) gap = i;
      continue;
    }
    if (lowest < 0 || value < curve[lowest]!) lowest = i;
    if (highest < 0 || value > curve[highest]!) highest = i;
  }
  return [lowest, highest, gap].filter((index) => index >= 0);
}
