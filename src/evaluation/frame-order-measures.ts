import { InputError } from '../engine/input-error.ts';

/** How well shuffled frames were put in order. */
export interface OrderMeasures {
  readonly clips: number;
  /** The share of clips whose whole order is right. */
  readonly exact: number;
  /** The mean of 1/n! over the clips: what guessing gives of `exact`. */
  readonly chance: number;
  /** The mean of Kendall's tau over the clips: 1 for the right order, -1 for the reverse, 0 for guessing. */
  readonly kendallTau: number;
}

/** How often the nearest candidate is a right one. */
export interface FoundShare {
  /** Items that were asked for. */
  readonly queries: number;
  /** The mean share of right ones among a query's nearest candidates: one nearest as a rule, several where they are equal; null without queries. */
  readonly found: number | null;
  /** The mean share of right ones among a query's candidates: what guessing gives; null without queries. */
  readonly chance: number | null;
}

/** Rows of features, compared by cosine. */
export interface FeatureRows {
  readonly features: ArrayLike<number>;
  /** Numbers a row. */
  readonly width: number;
}

/**
 * Kendall's tau of predicted places in the order against the true order 0, 1, … n-1: of all pairs of frames the share in
 * the right order less the share in the wrong one; pairs of equal places count as neither. InputError for fewer than 2.
 *
 * @example
 * kendallTau([0, 2, 1]); // 0.333
 */
export function kendallTau(places: readonly number[]): number {
  if (places.length < 2 || !places.every(Number.isFinite))
    throw fault('places', 'at least 2 numbers', places.join(', ') || 'none');
  let sum = 0;
  for (let i = 0; i < places.length; i++)
    for (let j = i + 1; j < places.length; j++) sum += Math.sign(places[j] - places[i]);
  return sum / ((places.length * (places.length - 1)) / 2);
}

/** The measures of clips, each given as the predicted places of its frames in their true order: exact where they ascend. InputError without clips, and for clips of fewer than 2 frames. */
export function orderMeasures(clips: ReadonlyArray<readonly number[]>): OrderMeasures {
  if (clips.length === 0) throw fault('clips', 'at least one', 'none');
  const taus = clips.map(kendallTau);
  return {
    clips: clips.length,
    exact: taus.filter((tau) => tau === 1).length / clips.length,
    chance: meanOf(clips.map(({ length }) => 1 / factorial(length))),
    kendallTau: meanOf(taus),
  };
}

/**
 * How often a frame's nearest neighbour among the frames of its drive is one that is `gap` frames away, before or after.
 * The candidates of a frame are all frames of the same drive except the frame itself and those nearer than the gap. Frames
 * without a candidate at the gap, and those with no other candidate, are not asked for. `frames` has the number of each
 * in its drive, so that missing frames are gaps. InputError for lists of different lengths and a gap that is no whole number from 1 on.
 */
export function adjacentFrameRetrieval(
  rows: FeatureRows & { readonly drives: ArrayLike<number | string>; readonly frames: ArrayLike<number> },
  options: { readonly gap: number },
): FoundShare {
  const { drives, frames } = rows;
  const { gap } = options;
  if (!(Number.isInteger(gap) && gap >= 1)) throw fault('gap', 'a whole number from 1 on', `${gap}`);
  const directions = unitRowsOf(rows, { drives, frames });
  return foundShare(directions, (i, j) => {
    if (i === j || drives[i] !== drives[j]) return 'none';
    const away = Math.abs(frames[i] - frames[j]);
    return away < gap ? 'none' : away === gap ? 'right' : 'wrong';
  });
}

/**
 * How often the nearest neighbour of an object at one moment is the same object at another, among objects of its class
 * that are as far from the sensor, within `rangeM`: nothing else would be told apart by what kind it is or by how many
 * points it has. Candidates are the same track at other moments, and of other tracks all of the same class and range, at
 * any moment. Objects without one of either kind are not asked for. `tracks` are unique over all drives. InputError for
 * lists of different lengths and a range that is no length.
 */
export function sameTrackRetrieval(
  rows: FeatureRows & {
    readonly tracks: ArrayLike<number | string>;
    readonly classes: ArrayLike<number | string>;
    /** Metres from the sensor. */
    readonly rangesM: ArrayLike<number>;
  },
  options: { readonly rangeM: number },
): FoundShare {
  const { tracks, classes, rangesM } = rows;
  const { rangeM } = options;
  if (!(rangeM >= 0)) throw fault('rangeM', 'a length from 0 m on', `${rangeM}`);
  const directions = unitRowsOf(rows, { tracks, classes, rangesM });
  return foundShare(directions, (i, j) => {
    if (i === j) return 'none';
    if (tracks[i] === tracks[j]) return 'right';
    return classes[i] === classes[j] && Math.abs(rangesM[i] - rangesM[j]) <= rangeM ? 'wrong' : 'none';
  });
}

/** Asks each row for its nearest among its candidates, which are right or wrong. */
function foundShare(
  directions: readonly Float64Array[],
  kindOf: (query: number, candidate: number) => 'none' | 'right' | 'wrong',
): FoundShare {
  const found: number[] = [];
  const chance: number[] = [];
  directions.forEach((query, i) => {
    const all = { right: 0, wrong: 0 };
    const nearest = { right: 0, wrong: 0 };
    let best = -Infinity;
    directions.forEach((candidate, j) => {
      const kind = kindOf(i, j);
      if (kind === 'none') return;
      all[kind]++;
      const likeness = query.reduce((sum, value, k) => sum + value * candidate[k], 0);
      if (likeness > best) {
        best = likeness;
        nearest.right = 0;
        nearest.wrong = 0;
      }
      if (likeness === best) nearest[kind]++;
    });
    if (all.right === 0 || all.wrong === 0) return;
    found.push(nearest.right / (nearest.right + nearest.wrong));
    chance.push(all.right / (all.right + all.wrong));
  });
  const queries = found.length;
  if (queries === 0) return { queries, found: null, chance: null };
  return { queries, found: meanOf(found), chance: meanOf(chance) };
}

/** The rows at length 1; InputError unless each list has an entry a row, and all numbers are finite. */
function unitRowsOf(
  { features, width }: FeatureRows,
  lists: Readonly<Record<string, ArrayLike<number | string>>>,
): Float64Array[] {
  const count = features.length / width;
  if (!Number.isInteger(count)) throw fault('features', `rows of ${width}`, `${features.length} numbers`);
  for (const [place, list] of Object.entries(lists))
    if (list.length !== count) throw fault(place, `${count}, one for each row`, `${list.length}`);
  return Array.from({ length: count }, (_, i) => {
    const row = Float64Array.from({ length: width }, (_, k) => features[i * width + k]);
    if (!row.every(Number.isFinite)) throw fault(`features, row ${i}`, 'finite numbers', row.join(', '));
    const length = Math.hypot(...row);
    return length === 0 ? row : row.map((value) => value / length);
  });
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function factorial(n: number): number {
  return n <= 1 ? 1 : n * factorial(n - 1);
}

function fault(place: string, expected: string, found: string): InputError {
  return new InputError({ file: 'frame order', place, expected, found });
}
