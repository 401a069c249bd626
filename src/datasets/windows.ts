import type { Moment } from './sequence.ts';

/** Which moments belong together. */
export interface WindowOptions {
  /** So many moments in a row, each the usual time after the one before. */
  readonly lengthFrames?: number;
  /** Or the moments at these times after a first one, seconds, ascending from 0. */
  readonly offsetsS?: readonly number[];
  /** How much a moment's time may be off; half the usual time between two by default. */
  readonly toleranceS?: number;
  /** The usual time between two moments, seconds; `periodOf` by default. */
  readonly periodS?: number;
}

/** Groups of moments by time. */
export interface Windows {
  /** The places of each group's moments in their sequence, in the order of their times. */
  readonly windows: ReadonlyArray<readonly number[]>;
  /** Why there is no group; undefined where there is one. */
  readonly reason: string | undefined;
}

/** A time without moments that is longer than usual. */
export interface Gap {
  /** The places of the last moment before it and of the first one after it. */
  readonly before: number;
  readonly after: number;
  readonly lengthS: number;
}

type Timed = Pick<Moment, 'timeS'>;

/** A moment whose time is known. */
interface KnownTime {
  readonly index: number;
  readonly timeS: number;
}

/** Times that differ by less are the same but for rounding. */
const ROUNDING_S = 1e-9;

/**
 * Groups of moments by their times, one for each moment that can begin one, in the order of their times. Moments without a time are
 * in none, and no group reaches over a gap (`gapsOf`). Throws RangeError for a length below 1, for offsets that do not ascend from
 * 0, and where not one of the two is given.
 *
 * @example
 * const moments = [0, 0.1, 0.2, 0.5, 0.6].map((timeS) => ({ timeS }));
 * windowsOf(moments, { lengthFrames: 2 }).windows; // [[0, 1], [1, 2], [3, 4]]
 * windowsOf(moments, { offsetsS: [0, 0.2] }).windows; // [[0, 2]]
 */
export function windowsOf(moments: readonly Timed[], options: WindowOptions): Windows {
  const { lengthFrames, offsetsS } = options;
  checkOptions(options);
  const periodS = options.periodS ?? periodOf(moments);
  const sorted = knownTimes(moments);
  const none = (reason: string): Windows => ({ windows: [], reason });
  if (sorted.length === 0) return none('no moment has a time');
  if (periodS === undefined) return none('no two moments have times that differ');
  const toleranceS = options.toleranceS ?? periodS / 2;
  const isGap = gapTest(periodS);
  const windows: number[][] = [];
  for (const [at, first] of sorted.entries()) {
    const places =
      lengthFrames === undefined
        ? placesAt(sorted, at, { offsetsS: offsetsS!, toleranceS })
        : placesInRow(sorted, at, { lengthFrames, periodS, toleranceS });
    if (places === undefined) continue;
    const last = places.at(-1)!;
    const between = sorted.slice(at, last + 1);
    if (between.some(({ timeS }, i) => i > 0 && isGap(timeS - between[i - 1].timeS))) continue;
    windows.push([first.index, ...places.map((place) => sorted[place].index)]);
  }
  const wanted =
    lengthFrames === undefined
      ? `moments ${offsetsS!.join(', ')} s apart`
      : `${lengthFrames} moments in a row`;
  return { windows, reason: windows.length === 0 ? `there are no ${wanted}` : undefined };
}

/** The usual time between two moments, seconds: the middle one (the lower of two) of the times between those that follow each other. Undefined where no two differ. */
export function periodOf(moments: readonly Timed[]): number | undefined {
  const sorted = knownTimes(moments);
  const steps = sorted.slice(1).map(({ timeS }, i) => timeS - sorted[i].timeS);
  const apart = steps.filter((stepS) => stepS > ROUNDING_S).sort((a, b) => a - b);
  return apart[Math.floor((apart.length - 1) / 2)];
}

/** The times between moments that follow each other which are longer than one and a half times the usual one (`periodOf`). */
export function gapsOf(moments: readonly Timed[]): readonly Gap[] {
  const periodS = periodOf(moments);
  if (periodS === undefined) return [];
  const isGap = gapTest(periodS);
  const sorted = knownTimes(moments);
  return sorted.slice(1).flatMap(({ index, timeS }, i) => {
    const lengthS = timeS - sorted[i].timeS;
    return isGap(lengthS) ? [{ before: sorted[i].index, after: index, lengthS }] : [];
  });
}

function gapTest(periodS: number): (stepS: number) => boolean {
  return (stepS) => stepS > 1.5 * periodS + ROUNDING_S;
}

/** The moments with a time by their times, those of the same time in their own order. */
function knownTimes(moments: readonly Timed[]): KnownTime[] {
  const known = moments.flatMap(({ timeS }, index) => (timeS === undefined ? [] : [{ index, timeS }]));
  return known.sort((a, b) => a.timeS - b.timeS);
}

/** The places of the moments after the first one, each the usual time after the one before; undefined where one is missing. */
function placesInRow(
  sorted: readonly KnownTime[],
  first: number,
  row: { readonly lengthFrames: number; readonly periodS: number; readonly toleranceS: number },
): number[] | undefined {
  const { lengthFrames, periodS, toleranceS } = row;
  const offsets = Array.from({ length: lengthFrames - 1 }, (_, k) => first + k + 1);
  const fits = offsets.every((place) => {
    const stepS = (sorted[place]?.timeS ?? Infinity) - sorted[place - 1]?.timeS;
    return Math.abs(stepS - periodS) <= toleranceS + ROUNDING_S;
  });
  return fits ? offsets : undefined;
}

/** The places of the moments nearest to the offsets after the first one; undefined where one is too far from its time, or the same as another. */
function placesAt(
  sorted: readonly KnownTime[],
  first: number,
  { offsetsS, toleranceS }: { readonly offsetsS: readonly number[]; readonly toleranceS: number },
): number[] | undefined {
  const places: number[] = [];
  let last = first;
  for (const offsetS of offsetsS.slice(1)) {
    const wantedS = sorted[first].timeS + offsetS;
    let nearest: number | undefined;
    let leastS = toleranceS + ROUNDING_S;
    for (let place = last + 1; place < sorted.length; place++) {
      const offS = sorted[place].timeS - wantedS;
      if (offS > leastS) break;
      if (Math.abs(offS) > leastS || (nearest !== undefined && Math.abs(offS) === leastS)) continue;
      nearest = place;
      leastS = Math.abs(offS);
    }
    if (nearest === undefined) return undefined;
    places.push(nearest);
    last = nearest;
  }
  return places;
}

function checkOptions({ lengthFrames, offsetsS }: WindowOptions): void {
  if ((lengthFrames === undefined) === (offsetsS === undefined))
    throw new RangeError('windows have a length in frames or offsets in seconds, and not both');
  if (lengthFrames !== undefined && !(Number.isSafeInteger(lengthFrames) && lengthFrames >= 1))
    throw new RangeError(`a window has at least 1 frame, not ${lengthFrames}`);
  if (offsetsS === undefined) return;
  const ascending = offsetsS.every((offsetS, i) =>
    offsetS === 0 ? i === 0 : offsetS > (offsetsS[i - 1] ?? Infinity),
  );
  if (offsetsS.length === 0 || !ascending)
    throw new RangeError(`offsets ascend from 0, not ${offsetsS.join(', ')}`);
}
