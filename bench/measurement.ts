/** What a measurement counts: times and memory are better where they are lower, rates where they are higher. */
export type Unit = 'ms' | 'KiB' | 'MiB' | 'samples/s' | 'frames/s';

/** One line of a bench: what was done, by whom, and how long it took or how much of it was done in a second. */
export interface Row {
  readonly name: string;
  /** The sizes of the work, as a reader would write them: `8 x 3 x 96 x 320`. */
  readonly shape: string;
  /** Who did it: `pointpair`, or a peer with its version. */
  readonly by: string;
  readonly threads: number;
  readonly unit: Unit;
  readonly median: number;
  readonly quartiles: readonly [q1: number, q3: number];
  /** The runs that were timed, and those before them that were not. */
  readonly runs: number;
  readonly warmup: number;
}

/** The value below which a fraction of the values lies, between two of them by linear interpolation. Throws where there is none. */
export function quantile(values: readonly number[], fraction: number): number {
  if (values.length === 0) throw new Error('a quantile needs at least one value');
  const sorted = [...values].sort((a, b) => a - b);
  const place = fraction * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

/** The row of values that were measured one after the other. Throws where there is none. */
export function rowOf(
  description: Pick<Row, 'name' | 'shape' | 'by' | 'threads' | 'unit' | 'warmup'>,
  values: readonly number[],
): Row {
  return {
    ...description,
    median: quantile(values, 0.5),
    quartiles: [quantile(values, 0.25), quantile(values, 0.75)],
    runs: values.length,
  };
}

/** How many times better ours is than theirs: above 1 it is faster, or takes less memory. */
export function advantage(ours: Row, theirs: Row): number {
  const higherIsBetter = ours.unit.endsWith('/s');
  return higherIsBetter ? ours.median / theirs.median : theirs.median / ours.median;
}
