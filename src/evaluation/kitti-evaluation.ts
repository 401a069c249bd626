import {
  type AveragePrecision,
  averagePrecision,
  envelope,
  scoreThresholds,
} from './kitti-average-precision.ts';
import {
  addMatches,
  type Difficulty,
  difficulties,
  type EvaluatedClass,
  evaluatedClasses,
  isAccountable,
  type Measure,
  matchedScores,
  type OverlapMetric,
  overlapMetrics,
  prepareFrame,
  rolesOf,
  type Tally,
} from './kitti-matching.ts';
import type { KittiFramePair } from './kitti-result-files.ts';

/** How much boxes have to overlap, and more: the benchmark's own `strict`, or `loose` for boxes in space. */
export type Overlaps = 'strict' | 'loose';

/** Overlaps of a class: in the image, seen from above, in space. */
const MIN_OVERLAPS: {
  readonly [kind in Overlaps]: { readonly [name in EvaluatedClass]: readonly [number, number, number] };
} = {
  strict: { Car: [0.7, 0.7, 0.7], Pedestrian: [0.5, 0.5, 0.5], Cyclist: [0.5, 0.5, 0.5] },
  loose: { Car: [0.7, 0.5, 0.5], Pedestrian: [0.5, 0.25, 0.25], Cyclist: [0.5, 0.25, 0.25] },
};

/** What is measured: overlap of image boxes, the same with orientation, boxes seen from above, boxes in space. */
export const kittiMetrics = ['bbox', 'aos', 'bev', '3d'] as const;
/** A measure of KITTI's benchmark. */
export type KittiMetric = (typeof kittiMetrics)[number];

/** Average precision of one class, metric and difficulty; null where no label counts, or no detection says what is measured. */
export type ApTable = {
  readonly [name in EvaluatedClass]: {
    readonly [metric in KittiMetric]: { readonly [difficulty in Difficulty]: AveragePrecision | null };
  };
};

/** The curve behind an average precision. */
export interface PrecisionRecall {
  readonly name: EvaluatedClass;
  readonly metric: KittiMetric;
  readonly difficulty: Difficulty;
  /** Labels that count. */
  readonly labels: number;
  /** Precision (or orientation similarity) at the recalls 0, 1/40, …, 1, 0 to 1. */
  readonly precision: readonly number[];
}

/** What KITTI's evaluation finds. */
export interface KittiEvaluation {
  readonly overlaps: Overlaps;
  readonly frames: number;
  readonly ap: ApTable;
  readonly curves: readonly PrecisionRecall[];
}

/** How much boxes of a class have to overlap, and more, in a metric. */
export function minOverlapOf(overlaps: Overlaps, name: EvaluatedClass, metric: KittiMetric): number {
  const place = metric === 'aos' ? 0 : overlapMetrics.indexOf(metric);
  return MIN_OVERLAPS[overlaps][name][place];
}

/**
 * KITTI's evaluation of detections, as the benchmark's own program does it (41 recall positions; Geiger et al. 2012, and
 * the rule R40 since 2019).
 */
export function evaluateKitti(
  frames: readonly KittiFramePair[],
  { overlaps = 'strict' }: { readonly overlaps?: Overlaps } = {},
): KittiEvaluation {
  const curves: PrecisionRecall[] = [];
  for (const name of evaluatedClasses) {
    const oriented = orientationsGiven(frames, name);
    for (const metric of overlapMetrics) {
      if (!boxesGiven(frames, name, metric)) continue;
      const minOverlap = minOverlapOf(overlaps, name, metric);
      const measured = difficultyCurves(frames, { name, metric, minOverlap });
      for (const { difficulty, labels, precision, similarity } of measured) {
        curves.push({ name, metric, difficulty, labels, precision });
        if (metric === 'bbox' && oriented)
          curves.push({ name, metric: 'aos', difficulty, labels, precision: similarity });
      }
    }
  }
  const apOf = (name: EvaluatedClass, metric: KittiMetric, difficulty: Difficulty) => {
    const curve = curves.find(
      (each) => each.name === name && each.metric === metric && each.difficulty === difficulty,
    );
    return curve === undefined || curve.labels === 0 ? null : averagePrecision(curve.precision);
  };
  const table = tableOf(evaluatedClasses, (name) =>
    tableOf(kittiMetrics, (metric) => tableOf(difficulties, (difficulty) => apOf(name, metric, difficulty))),
  );
  return { overlaps, frames: frames.length, ap: table, curves };
}

function difficultyCurves(frames: readonly KittiFramePair[], measure: Measure) {
  const prepared = frames.map((frame) => prepareFrame(frame, measure));
  return difficulties.map((difficulty) => {
    const roles = prepared.map((frame) => rolesOf(frame, measure.name, difficulty));
    const labels = roles.reduce((sum, { valid }) => sum + valid, 0);
    const scores = prepared.flatMap((frame, i) => matchedScores(frame, roles[i]));
    const thresholds = scoreThresholds(scores, labels);
    const tallies = thresholds.map((): Tally => ({ truePositives: 0, accounted: 0, similarity: 0 }));
    const accountable: number[] = [];
    prepared.forEach((frame, i) => {
      addMatches(tallies, frame, { roles: roles[i], thresholds });
      frame.detections.forEach(({ score }, j) => {
        if (isAccountable(frame, roles[i], j)) accountable.push(score);
      });
    });
    const rising = Float64Array.from(accountable).sort();
    const found = tallies.map(
      ({ truePositives, accounted }, k) => truePositives + countFrom(rising, thresholds[k]) - accounted,
    );
    const over = (part: 'truePositives' | 'similarity') =>
      envelope(tallies.map((tally, k) => (found[k] === 0 ? 0 : tally[part] / found[k])));
    return { difficulty, labels, precision: over('truePositives'), similarity: over('similarity') };
  });
}

/** How many numbers of a rising list are at least `least`. */
function countFrom(rising: Float64Array, least: number): number {
  let [low, high] = [0, rising.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] < least) low = middle + 1;
    else high = middle;
  }
  return rising.length - low;
}

/** Whether every detection of a class says where it faces. */
function orientationsGiven(frames: readonly KittiFramePair[], name: EvaluatedClass): boolean {
  return frames.every(({ detections }) =>
    detections.every(({ type, alpha }) => type !== name || alpha !== -10),
  );
}

/** Whether any detection of a class has a box for a metric, as the benchmark asks; a class without detections has missed everything. */
function boxesGiven(frames: readonly KittiFramePair[], name: EvaluatedClass, metric: OverlapMetric): boolean {
  if (metric === 'bbox') return true;
  let any = false;
  for (const { detections } of frames) {
    for (const { type, location: place, sizeM: size } of detections) {
      if (type !== name) continue;
      any = true;
      const axes = metric === 'bev' ? [0, 2] : [0, 1, 2];
      const sides = metric === 'bev' ? [1, 2] : [0, 1, 2];
      if (axes.every((i) => place[i] !== -1000) && sides.every((i) => size[i] > 0)) return true;
    }
  }
  return !any;
}

function tableOf<Key extends string, Value>(
  keys: readonly Key[],
  of: (key: Key) => Value,
): { readonly [key in Key]: Value } {
  return Object.fromEntries(keys.map((key) => [key, of(key)])) as { [key in Key]: Value };
}
