import { Random } from '../../engine/random.ts';
import { averagePrecision } from './kitti-average-precision.ts';
import { type KittiMetric, type MeasureCurve, measuresOf, type Overlaps } from './kitti-evaluation.ts';
import type { Difficulty, EvaluatedClass } from './kitti-matching.ts';
import type { KittiFramePair } from './kitti-result-lines.ts';

/** Where 95 of 100 values lie: from the 2.5th percentile to the 97.5th. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** What is drawn anew, and how often. */
export interface BootstrapOptions {
  /** How many frames a curve has. */
  readonly frames: number;
  readonly resamples: number;
  /** The same generator gives the same frames and trainings, so that what is compared is compared on the same. */
  readonly random: Random;
}

/**
 * Average precision (R40) of trainings on frames that are drawn anew, with repetition, as many as there are; the trainings are
 * drawn likewise, and the mean is over those drawn. One value a resample; null where no label counts in it. All curves are of the
 * same frames in the same order. Efron, Bootstrap Methods: Another Look at the Jackknife, 1979.
 */
export function bootstrapR40(
  curves: ReadonlyArray<MeasureCurve['curve']>,
  { frames, resamples, random }: BootstrapOptions,
): Array<number | null> {
  return Array.from({ length: resamples }, (_, i) => {
    const draw = random.fork('resample', i);
    const times = timesDrawn(frames, draw);
    const trainings = timesDrawn(curves.length, draw);
    let sum = 0;
    for (const [k, curve] of curves.entries()) {
      if (trainings[k] === 0) continue;
      const { labels, precision } = curve(times);
      if (labels === 0) return null;
      sum += trainings[k] * averagePrecision(precision).R40;
    }
    return sum / curves.length;
  });
}

/** How often each of so many is drawn when as many are drawn with repetition. */
function timesDrawn(count: number, random: Random): Uint32Array {
  const times = new Uint32Array(count);
  for (let i = 0; i < count; i++) times[random.integer(count)]++;
  return times;
}

/** The interval of values, leaving out those that are not known; null where half of them are not. */
export function intervalOf(values: ReadonlyArray<number | null>): Interval | null {
  const known = values.filter((value): value is number => value !== null).sort((a, b) => a - b);
  if (known.length === 0 || 2 * known.length < values.length) return null;
  const at = (share: number) => {
    const place = share * (known.length - 1);
    const [below, above] = [known[Math.floor(place)], known[Math.ceil(place)]];
    return below + (above - below) * (place - Math.floor(place));
  };
  return { low: at(0.025), high: at(0.975) };
}

/** What R40 of a measure lies between when the frames are drawn anew. */
export interface MeasureInterval {
  readonly name: EvaluatedClass;
  readonly metric: KittiMetric;
  readonly difficulty: Difficulty;
  readonly R40: Interval;
}

/**
 * The intervals of all measures of a difficulty in which labels count, by so many draws of the frames: how far a number may be
 * from that of another set of frames of the same kind.
 *
 * @example
 * const { frames } = await readKittiFolders({ labels: 'data/kitti', detections: 'runs/point3d/detections' });
 * for (const { name, metric, R40 } of kittiIntervals(frames, { resamples: 1000 })) console.log(name, metric, R40.low, R40.high);
 */
export function kittiIntervals(
  frames: readonly KittiFramePair[],
  {
    overlaps = 'strict',
    difficulty = 'moderate',
    resamples,
    seed = 0,
  }: {
    readonly overlaps?: Overlaps;
    readonly difficulty?: Difficulty;
    readonly resamples: number;
    readonly seed?: number;
  },
): MeasureInterval[] {
  return [...measuresOf(frames, { overlaps })].flatMap((measure) => {
    if (measure.difficulty !== difficulty) return [];
    const options = { frames: frames.length, resamples, random: Random.fromSeed(seed) };
    const R40 = intervalOf(bootstrapR40([measure.curve], options));
    return R40 === null ? [] : [{ name: measure.name, metric: measure.metric, difficulty, R40 }];
  });
}
