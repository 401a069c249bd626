/** The least and the greatest value of an axis. */
export type Range = readonly [min: number, max: number];

/** What is left free beyond the values, as a share of their range. */
const AIR = 0.06;
const SECONDS = [1, 2, 5, 10, 15, 30];
const TIME_STEPS = [
  ...SECONDS,
  ...SECONDS.map((minutes) => 60 * minutes),
  ...[1, 2, 3, 6, 12].map((hours) => 3600 * hours),
];

/**
 * The range that shows these values with some air, and also a `level`, whatever they are, with a share `levelAir` of it all
 * beyond the level where that is the outermost: there its name is written. No more than `ceiling` is possible.
 */
export function axisRange(
  curves: ReadonlyArray<ReadonlyArray<number | null | undefined>>,
  options: {
    readonly level?: number;
    readonly levelAir?: number;
    readonly ceiling?: number;
    readonly isLogarithmic?: boolean;
  } = {},
): Range {
  const { level, levelAir = AIR, ceiling = Number.POSITIVE_INFINITY, isLogarithmic = false } = options;
  const to = isLogarithmic ? Math.log : (value: number) => value;
  const from = isLogarithmic ? Math.exp : (value: number) => value;
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const curve of level === undefined ? curves : [...curves, [level]]) {
    for (const value of curve) {
      if (value === null || value === undefined || !Number.isFinite(value) || (isLogarithmic && value <= 0))
        continue;
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  if (min > max) return isLogarithmic ? [1, 10] : [0, 1];
  const [low, high] = [to(min), to(max)];
  const size = high - low || Math.abs(low) / 5 || 1;
  const below = from(low - size * (min === level ? levelAir : AIR));
  const above = from(high + size * (max === level ? levelAir : AIR));
  // What cannot be negative, or more, is given no room there.
  return [
    min >= 0 ? Math.max(0, below) : below,
    max <= ceiling ? Math.min(above, ceiling + (ceiling - below) / 30) : above,
  ];
}

/** Round values in a range, about `count` of them, 1, 2 or 5 times a power of ten apart. */
export function linearTicks([min, max]: Range, count: number, smallest = 0): number[] {
  const rough = (max - min) / Math.max(1, count);
  if (!(rough > 0)) return [min];
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = rough / power;
  const step = Math.max(smallest, power * (size < 1.5 ? 1 : size < 3.5 ? 2 : size < 7.5 ? 5 : 10));
  return multiples(step, [min, max]);
}

/** Values of a logarithmic axis: powers of ten, those and 2 and 5 times them, or, within less than a decade, round ones. */
export function logarithmicTicks([min, max]: Range, count: number): number[] {
  const decades = Math.log10(max / min);
  if (decades < 1) return linearTicks([min, max], count);
  const every = Math.max(1, Math.ceil(decades / count));
  const sizes = decades * 3 <= count + 1 ? [1, 2, 5] : [1];
  const first = Math.floor(Math.log10(min));
  const powers = Array.from({ length: Math.ceil(decades) + 2 }, (_, i) => first + i);
  return powers
    .filter((power) => power % every === 0)
    .flatMap((power) => sizes.map((size) => Number(`${size}e${power}`)))
    .filter((value) => value >= min && value <= max);
}

/** Round times in a range of seconds, about `count` of them. */
export function timeTicks([min, max]: Range, count: number): number[] {
  const rough = (max - min) / Math.max(1, count);
  const step = TIME_STEPS.find((seconds) => seconds >= rough);
  if (step !== undefined) return multiples(step, [min, max]);
  return linearTicks([min / 86400, max / 86400], count, 1).map((days) => days * 86400);
}

function multiples(step: number, [min, max]: Range): number[] {
  const first = Math.ceil(min / step - 1e-9);
  const count = Math.floor(max / step + 1e-9) - first + 1;
  // A multiple of a tenth has digits that are not meant.
  return Array.from({ length: Math.max(0, count) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
