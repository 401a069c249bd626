import { type AveragePrecision, averagePrecision } from './kitti-average-precision.ts';
import { curvesOf, type FrameTimes } from './kitti-curves.ts';
import {
  type Difficulty,
  difficulties,
  type EvaluatedClass,
  evaluatedClasses,
  heightOf,
  LEAST_HEIGHT_PX,
  type OverlapMetric,
  overlapMetrics,
} from './kitti-matching.ts';
import type { KittiFramePair, KittiObjectLine } from './kitti-result-lines.ts';

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

/** A curve over the recalls. */
export interface RecallCurve {
  /** Labels that count. */
  readonly labels: number;
  /** Precision (or orientation similarity) at the recalls 0, 1/40, …, 1, 0 to 1. */
  readonly precision: readonly number[];
}

/** The curve behind an average precision. */
export interface PrecisionRecall extends RecallCurve {
  readonly name: EvaluatedClass;
  readonly metric: KittiMetric;
  readonly difficulty: Difficulty;
}

/** What KITTI's evaluation finds. */
export interface KittiEvaluation {
  readonly overlaps: Overlaps;
  readonly frames: number;
  readonly ap: ApTable;
  readonly curves: readonly PrecisionRecall[];
  /** Of the classes that have detections without height in the image, or only such as are too low to count. */
  readonly low: readonly LowDetections[];
}

/** Detections of a class that count in no metric, for their boxes in the image are too low. */
export interface LowDetections {
  readonly name: EvaluatedClass;
  /** Lower than `LEAST_HEIGHT_PX`. */
  readonly low: number;
  /** Of them, those whose box is no pixel high, as where none was written. */
  readonly flat: number;
  /** All of the class. */
  readonly detections: number;
}

/** How much boxes of a class have to overlap, and more, in a metric. */
export function minOverlapOf(overlaps: Overlaps, name: EvaluatedClass, metric: KittiMetric): number {
  const place = metric === 'aos' ? 0 : overlapMetrics.indexOf(metric);
  return MIN_OVERLAPS[overlaps][name][place];
}

/**
 * KITTI's evaluation of detections, as the benchmark's own program does it (41 recall positions; Geiger et al. 2012, and
 * the rule R40 since 2019).
 *
 * @example
 * const { frames } = await readKittiFolders({ labels: 'data/kitti', detections: 'runs/point3d/detections' });
 * const { ap } = evaluateKitti(frames);
 * console.log(ap.Car['3d'].moderate?.R40);
 */
export function evaluateKitti(
  frames: readonly KittiFramePair[],
  { overlaps = 'strict' }: { readonly overlaps?: Overlaps } = {},
): KittiEvaluation {
  const curves: PrecisionRecall[] = [];
  for (const { name, metric, difficulty, curve } of measuresOf(frames, { overlaps })) {
    curves.push({ name, metric, difficulty, ...curve() });
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
  return { overlaps, frames: frames.length, ap: table, curves, low: lowDetections(frames) };
}

/** A class, metric and difficulty for which there are detections. */
export interface MeasureCurve extends Pick<PrecisionRecall, 'name' | 'metric' | 'difficulty'> {
  /** Its curve over the frames, of which the i-th is there `times[i]` times; once each by default. */
  curve(times?: FrameTimes): RecallCurve;
}

/** All that can be measured of the frames, in the order of classes, metrics and difficulties. */
export function* measuresOf(
  frames: readonly KittiFramePair[],
  { overlaps = 'strict' }: { readonly overlaps?: Overlaps } = {},
): Generator<MeasureCurve> {
  const oriented = orientationsGiven(frames);
  for (const name of evaluatedClasses) {
    for (const metric of overlapMetrics) {
      if (!boxesGiven(frames, name, metric)) continue;
      const minOverlap = minOverlapOf(overlaps, name, metric);
      for (const { difficulty, curves } of curvesOf(frames, { name, metric, minOverlap })) {
        const of = (part: 'precision' | 'similarity') => (times?: FrameTimes) => {
          const { labels, [part]: precision } = curves(times);
          return { labels, precision };
        };
        yield { name, metric, difficulty, curve: of('precision') };
        if (metric === 'bbox' && oriented) yield { name, metric: 'aos', difficulty, curve: of('similarity') };
      }
    }
  }
}

/** Whether every detection, of whatever class, says where it faces, as the benchmark asks. */
function orientationsGiven(frames: readonly KittiFramePair[]): boolean {
  return frames.every(({ detections }) => detections.every(({ alpha }) => alpha !== -10));
}

/** What a detection has to have for a metric: a box in the image begins at 0 or right of it; what is not known of a place is -1000. */
const HAS_BOX: { readonly [metric in OverlapMetric]: (detection: KittiObjectLine) => boolean } = {
  bbox: ({ box2: [left] }) => left >= 0,
  bev: ({ location: [x, , z], sizeM: [, width, length] }) =>
    x !== -1000 && z !== -1000 && width > 0 && length > 0,
  '3d': ({ location, sizeM }) => location.every((at) => at !== -1000) && sizeM.every((side) => side > 0),
};

/** Whether any detection of a class has a box for a metric, as the benchmark asks; a class without detections has missed everything. */
function boxesGiven(frames: readonly KittiFramePair[], name: EvaluatedClass, metric: OverlapMetric): boolean {
  const own = frames.flatMap(({ detections }) => detections.filter(({ type }) => type === name));
  return own.length === 0 || own.some(HAS_BOX[metric]);
}

/** Detections of each class that no difficulty counts, for their boxes in the image are too low. */
function lowDetections(frames: readonly KittiFramePair[]): LowDetections[] {
  return evaluatedClasses.flatMap((name) => {
    const own = frames.flatMap(({ detections }) => detections.filter(({ type }) => type === name));
    const low = own.filter((each) => heightOf(each) < LEAST_HEIGHT_PX).length;
    const flat = own.filter((each) => heightOf(each) === 0).length;
    return flat > 0 || (low > 0 && low === own.length) ? [{ name, low, flat, detections: own.length }] : [];
  });
}

function tableOf<Key extends string, Value>(
  keys: readonly Key[],
  of: (key: Key) => Value,
): { readonly [key in Key]: Value } {
  return Object.fromEntries(keys.map((key) => [key, of(key)])) as { [key in Key]: Value };
}
