/** Values that a spread is taken from. */
const sampled = 20_000;
/** So many times the width of the middle half beyond it, values are apart from the others. */
const reach = 100;

/** Where most of some values lie, whatever a few of them are. */
export interface Spread {
  /** The ends of the values that are not apart, without the tails. */
  readonly low: number;
  readonly median: number;
  readonly high: number;
  /** Values below `from` or above `to` are apart: 100 times the width of the middle half away from it. */
  readonly from: number;
  readonly to: number;
}

/**
 * The spread of the finite values (of an even sample of many); undefined where there are none. `tail` is the share of
 * the values that is left out at each end, a hundredth by default; nothing within `leastRoom` of the middle half is apart.
 */
export function spreadOf(
  values: ArrayLike<number>,
  { tail = 0.01, leastRoom = 0 }: { readonly tail?: number; readonly leastRoom?: number } = {},
): Spread | undefined {
  const step = Math.max(1, Math.floor(values.length / sampled));
  const finite: number[] = [];
  for (let i = 0; i < values.length; i += step) if (Number.isFinite(values[i])) finite.push(values[i]);
  if (finite.length === 0) return undefined;
  const sorted = Float64Array.from(finite).sort();
  const at = (share: number, of = sorted) => of[Math.round(share * (of.length - 1))];
  const [q1, q3] = [at(0.25), at(0.75)];
  // Where half of the values are one, those about them say how far others may be.
  const width = q3 - q1 || at(0.9) - at(0.1);
  const room = Math.max(reach * width, leastRoom) || Infinity;
  const [from, to] = [q1 - room, q3 + room];
  const kept = sorted.filter((value) => value >= from && value <= to);
  return {
    low: at(tail, kept),
    median: sorted[(sorted.length - 1) >> 1],
    high: at(1 - tail, kept),
    from,
    to,
  };
}
