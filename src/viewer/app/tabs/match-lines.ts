import { transformPoints } from '../../../geometry/matrix.ts';
import type { PairsTable } from '../../protocol.ts';
import { colourTable } from '../sweep/colour-maps.ts';
import { rangeOf, type ValueRange } from '../sweep/colouring.ts';
import type { ViewState } from '../view-state.ts';

/** Colours of matches without a distance, at the gate and beyond it: red, green, blue. */
export const rightColour = [98, 205, 138] as const;
const gateColour = [242, 200, 76] as const;
export const wrongColour = [255, 92, 92] as const;

/** Typed parts of a pairs table. */
export interface Pairs {
  readonly info: PairsTable['info'];
  readonly alphaPoints: Float32Array;
  readonly betaPoints: Float32Array;
  readonly alpha: Float32Array;
  readonly beta: Float32Array;
  readonly betaInLidar: Float32Array;
  readonly partner: Int32Array;
  readonly distanceM: Float32Array;
  readonly pixels: Float32Array;
  readonly inside: Uint8Array;
  readonly intraSimilarity?: Float32Array;
  readonly crossSimilarity?: Float32Array;
  readonly intraRank?: Int32Array;
  readonly crossRank?: Int32Array;
}

export function pairsOf({ info, arrays }: PairsTable): Pairs {
  return { info, ...arrays } as unknown as Pairs;
}

/** The matches that the state lets be seen, as places of alpha. */
export function visibleMatches({ distanceM, info }: Pairs, state: ViewState): Int32Array {
  const { shortest, longest = Infinity, wrong } = state;
  const seen: number[] = [];
  distanceM.forEach((distance, i) => {
    const isWrong = distance > info.gateM;
    if (wrong === 'right' && isWrong) return;
    if (wrong === 'wrong' && !isWrong) return;
    if (distance >= shortest && distance <= longest) seen.push(i);
  });
  return Int32Array.from(seen);
}

/** Where the second view lies: on its own, to the right of the first, or with the view undone over it. 4x4 row-major. */
export function betaMatrix(
  { info, alphaPoints, betaPoints }: Pairs,
  layout: ViewState['layout'],
): Float64Array {
  if (layout === 'over') return Float64Array.from(info.lidarFromView);
  const left = extent(alphaPoints, 1)[0];
  const [, right] = extent(betaPoints, 1);
  const ahead = extent(alphaPoints, 0)[0] - extent(betaPoints, 0)[0];
  const gapM = 6;
  return Float64Array.of(1, 0, 0, ahead, 0, 1, 0, left - right - gapM, 0, 0, 1, 0, 0, 0, 0, 1);
}

/** Lines of some matches: rows of both ends, and their colours, with those beyond the gate red. */
export function matchLines(
  pairs: Pairs,
  seen: Int32Array,
  { matrix, state }: { readonly matrix: Float64Array; readonly state: ViewState },
): { readonly segments: Float32Array; readonly colours: Uint8Array; readonly dashed: Uint8Array } {
  const beta = transformPoints(matrix, pairs.beta, 3);
  const segments = new Float32Array(6 * seen.length);
  const colours = new Uint8Array(4 * seen.length);
  const dashed = new Uint8Array(seen.length);
  seen.forEach((i, k) => {
    segments.set(pairs.alpha.subarray(3 * i, 3 * i + 3), 6 * k);
    segments.set(beta.subarray(3 * pairs.partner[i], 3 * pairs.partner[i] + 3), 6 * k + 3);
    colours.set([...matchColour(pairs, i, state), 230], 4 * k);
    dashed[k] = pairs.distanceM[i] > pairs.info.gateM ? 1 : 0;
  });
  return { segments, colours, dashed };
}

/** The colour of one match: by its length or by how alike its ends look to the model. */
export function matchColour(
  { distanceM, info, intraSimilarity }: Pairs,
  i: number,
  { matchColour: by }: ViewState,
): readonly [number, number, number] {
  if (by === 'similarity' && intraSimilarity !== undefined) return likenessColour(intraSimilarity, i);
  if (distanceM[i] > info.gateM) return wrongColour;
  const t = distanceM[i] / info.gateM;
  const mix = (c: 0 | 1 | 2) => Math.round(rightColour[c] + (gateColour[c] - rightColour[c]) * t);
  return [mix(0), mix(1), mix(2)];
}

/** The colour map of likeness. */
export const likenessMap = 'turbo';

/** The ends of cosines that were asked for before. */
const ends = new WeakMap<Float32Array, ValueRange>();

/** The colour of one of some cosines, between the ends of them all. */
export function likenessColour(cosines: Float32Array, i: number): readonly [number, number, number] {
  const { low, high } = endsOf(cosines);
  const table = colourTable(likenessMap);
  const level = Math.max(0, Math.min(255, Math.round((255 * (cosines[i] - low)) / (high - low))));
  return [table[3 * level], table[3 * level + 1], table[3 * level + 2]];
}

/** The ends of the likeness of matches. */
export function likenessRange({ intraSimilarity }: Pairs): ValueRange {
  return intraSimilarity === undefined ? { low: 0, high: 1 } : endsOf(intraSimilarity);
}

function endsOf(cosines: Float32Array): ValueRange {
  const range = ends.get(cosines) ?? rangeOf(cosines);
  ends.set(cosines, range);
  return range;
}

/** How many of so many values lie in each of `bins` equal parts of 0 … high; what is beyond is in the last. */
export function histogram(values: Float32Array, high: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) counts[Math.min(bins - 1, Math.floor((value / high) * bins))]++;
  return counts;
}

/** The share of ranks that are 0, among those that count; undefined where none does. */
export function foundShare(
  ranks: Int32Array | undefined,
): { readonly share: number; readonly count: number } | undefined {
  if (ranks === undefined) return undefined;
  const counted = ranks.filter((rank) => rank >= 0);
  if (counted.length === 0) return undefined;
  return { share: counted.filter((rank) => rank === 0).length / counted.length, count: counted.length };
}

/** The lowest and the highest number of a column of rows of `stride` numbers (4). */
export function extent(rows: Float32Array, column: number, stride = 4): [low: number, high: number] {
  let low = Infinity;
  let high = -Infinity;
  for (let at = column; at < rows.length; at += stride) {
    if (rows[at] < low) low = rows[at];
    if (rows[at] > high) high = rows[at];
  }
  return [low, high];
}
