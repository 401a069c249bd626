import { Random } from '../engine/random.ts';
import {
  countOutcomes,
  type Matchable,
  type OutcomeCounts,
  outcomesOf,
} from '../evaluation/kitti/detection-outcomes.ts';

/** A frame that may be drawn. */
export interface ChoosableFrame {
  readonly id: string;
  readonly labels: readonly Matchable[];
  readonly detections: readonly Matchable[];
}

/** Frames to be drawn, and from which score on detections are. */
export interface ChosenFrames {
  readonly threshold: number;
  /** How many frames were looked at. */
  readonly looked: number;
  readonly frames: ReadonlyArray<{
    readonly id: string;
    readonly why: 'best' | 'worst' | 'drawn';
    readonly counts: OutcomeCounts;
  }>;
}

export interface ChoosingOptions {
  readonly classes?: readonly string[];
  /** How many of each kind: the best, the worst and others by chance. */
  readonly each?: number;
  readonly seed?: string;
}

/** At most so many frames are looked at, and so many scores tried. */
const MOST_LOOKED = 300;
const MOST_TRIED = 24;
/** Where nothing is right at any score. */
const USUAL_THRESHOLD = 0.3;

/**
 * Chooses frames with labels and detections: the best and the worst by F1 = 2·found / (2·found + missed + false alarms) and
 * some drawn by the seed, at the score at which F1 over all of them is highest. Of many frames 300 drawn ones are looked at.
 */
export function chooseFrames(all: readonly ChoosableFrame[], options: ChoosingOptions = {}): ChosenFrames {
  const { classes, each = 4, seed = 'drawn detections' } = options;
  const random = Random.fromSeed(seed);
  const order = random.fork('frames').permutation(all.length);
  const pool = Array.from(order.subarray(0, MOST_LOOKED), (i) => all[i]);
  const countsAt = (least: number) =>
    pool.map(({ labels, detections }) => {
      const kept = detections.filter(({ score = 1 }) => score >= least);
      return countOutcomes(outcomesOf(labels, kept, { classes }));
    });
  const total = (counts: readonly OutcomeCounts[]): OutcomeCounts => ({
    found: sum(counts.map(({ found }) => found)),
    missed: sum(counts.map(({ missed }) => missed)),
    falseAlarms: sum(counts.map(({ falseAlarms }) => falseAlarms)),
  });
  let [threshold, best] = [USUAL_THRESHOLD, 0];
  for (const tried of triedScores(pool)) {
    const reached = f1(total(countsAt(tried)));
    if (reached > best) [threshold, best] = [tried, reached];
  }
  const counts = countsAt(threshold);
  const candidates = pool
    .map(({ id }, i) => ({ id, counts: counts[i], place: i }))
    .filter(({ counts: { found, missed, falseAlarms } }) => found + missed > 0 && found + falseAlarms > 0);
  const ranked = [...candidates].sort(
    (a, b) => f1(b.counts) - f1(a.counts) || b.counts.found - a.counts.found || a.place - b.place,
  );
  // Of few frames not all can be among the best.
  const most = Math.min(each, Math.ceil(ranked.length / 3));
  const bests = ranked.slice(0, most);
  const rest = ranked.slice(most);
  const worsts = rest.slice(Math.max(0, rest.length - most)).reverse();
  const others = candidates.filter((one) => !bests.includes(one) && !worsts.includes(one)).slice(0, each);
  const chosen = (why: ChosenFrames['frames'][number]['why'], frames: typeof candidates) =>
    frames.map(({ id, counts: own }) => ({ id, why, counts: own }));
  return {
    threshold,
    looked: pool.length,
    frames: [...chosen('best', bests), ...chosen('worst', worsts), ...chosen('drawn', others)],
  };
}

function f1({ found, missed, falseAlarms }: OutcomeCounts): number {
  return found === 0 ? 0 : (2 * found) / (2 * found + missed + falseAlarms);
}

/** Scores at equal shares of all detections. */
function triedScores(pool: readonly ChoosableFrame[]): number[] {
  const scores = pool.flatMap(({ detections }) => detections.flatMap(({ score }) => score ?? []));
  scores.sort((a, b) => a - b);
  const count = Math.min(MOST_TRIED, scores.length);
  const tried = Array.from({ length: count }, (_, k) => scores[Math.floor((k * scores.length) / count)]);
  return [...new Set(tried)];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
