import type { Features } from './features.ts';
import { principalAxes } from './principal-axes.ts';

/** Red, green and blue of every row, uint8 [rows·3], and the share of the variance that each direction has. */
export interface PrincipalColours {
  readonly places: Uint8Array<ArrayBuffer>;
  readonly cells: Uint8Array<ArrayBuffer>;
  readonly explained: readonly [number, number, number];
}

/** Scores below and above these shares of all are cut off. */
const [lowest, highest] = [0.02, 0.98];

/** A direction with less than this part of the whole variance has no colours but the middle one. */
const leastShare = 1e-9;

const middle = 127;

/** Features around their mean; those that count are what means, axes and scales are made of. */
interface Modality {
  readonly width: number;
  /** Rows less their mean. */
  readonly centred: Float64Array;
  readonly counted: readonly number[];
}

/**
 * Features of two modalities as colours: each around its own mean, by the three principal axes of both together, on scales
 * that both share; a modality weighs the same however many rows it has. Where they have no `common` space, or one has no
 * rows, each goes by its own axes, and `explained` is of the first that there is. `counts` says which cells are looked at
 * for that; all get colours.
 */
export function principalColours(
  places: Features,
  cells: Features,
  { common, counts = () => true }: { readonly common: boolean; readonly counts?: (cell: number) => boolean },
): PrincipalColours {
  const modalities = [centred(places, () => true), centred(cells, counts)];
  const present = modalities.filter(({ centred: rows }) => rows.length > 0);
  const groups = common ? [present] : present.map((modality) => [modality]);
  const painted = groups.map(coloursOf);
  const colours = new Map(painted.flatMap(({ colours: each }) => [...each]));
  const [first, second] = modalities.map((modality) => colours.get(modality) ?? new Uint8Array(0));
  return { places: first, cells: second, explained: painted[0]?.explained ?? [0, 0, 0] };
}

/** Modalities of one width as colours, and the share of the variance that each direction has. */
function coloursOf(modalities: readonly Modality[]) {
  const { width } = modalities[0];
  const covariance = new Float64Array(width * width);
  for (const modality of modalities) addCovariance(covariance, modality);
  let variance = 0;
  for (let d = 0; d < width; d++) variance += covariance[d * width + d];
  const { axes, variances } = principalAxes(covariance, width, 3);
  const colours = modalities.map(({ centred: rows }) => new Uint8Array(3 * (rows.length / width)));
  axes.forEach((axis, channel) => {
    const scores = modalities.map((modality) => scoresAlong(axis, modality));
    const scale = variances[channel] > leastShare * variance ? scaleOf(scores, modalities) : () => middle;
    scores.forEach((each, m) => {
      each.forEach((score, row) => {
        colours[m][3 * row + channel] = scale(score);
      });
    });
  });
  const [red, green, blue] = variances.map((each) => (variance > 0 ? each / variance : 0));
  return {
    colours: new Map(modalities.map((modality, m) => [modality, colours[m]] as const)),
    explained: [red, green, blue] as const,
  };
}

function centred({ width, rows }: Features, counts: (row: number) => boolean): Modality {
  const counted = Array.from({ length: rows.length / width }, (_, row) => row).filter(counts);
  const mean = new Float64Array(width);
  for (const row of counted)
    for (let d = 0; d < width; d++) mean[d] += rows[row * width + d] / counted.length;
  return { width, centred: Float64Array.from(rows, (value, i) => value - mean[i % width]), counted };
}

/** Adds half of the modality's covariance: both together weigh one. */
function addCovariance(covariance: Float64Array, { width, centred: rows, counted }: Modality): void {
  const weight = 0.5 / counted.length;
  for (const row of counted) {
    const values = rows.subarray(row * width, (row + 1) * width);
    for (let i = 0; i < width; i++) {
      const factor = weight * values[i];
      for (let j = 0, at = i * width; j < width; j++) covariance[at + j] += factor * values[j];
    }
  }
}

function scoresAlong(axis: Float64Array, { width, centred: rows }: Modality): Float64Array {
  return Float64Array.from({ length: rows.length / width }, (_, row) => {
    let sum = 0;
    for (let d = 0; d < width; d++) sum += rows[row * width + d] * axis[d];
    return sum;
  });
}

/** What takes scores to 0..255, from the lowest that is not cut off to the highest. */
function scaleOf(
  scores: readonly Float64Array[],
  modalities: readonly Modality[],
): (score: number) => number {
  const weighed = modalities.flatMap(({ counted }, m) =>
    counted.map((row): Weighed => ({ score: scores[m][row], weight: 0.5 / counted.length })),
  );
  weighed.sort((a, b) => a.score - b.score);
  const [low, high] = [quantile(weighed, lowest), quantile(weighed, highest)];
  if (!(high > low)) return () => middle;
  return (score) => Math.round(255 * Math.min(1, Math.max(0, (score - low) / (high - low))));
}

interface Weighed {
  readonly score: number;
  readonly weight: number;
}

/** The first score, ascending, up to which that share of the whole weight lies. */
function quantile(ascending: readonly Weighed[], share: number): number {
  const total = ascending.reduce((sum, { weight }) => sum + weight, 0);
  let passed = 0;
  for (const { score, weight } of ascending) {
    passed += weight;
    if (passed >= share * total) return score;
  }
  return ascending[ascending.length - 1].score;
}
