import { envelope, scoreThresholds } from './kitti-average-precision.ts';
import {
  type Difficulty,
  difficulties,
  isAccountable,
  type Measure,
  matchedScores,
  prepareFrame,
  rolesOf,
  talliesOf,
} from './kitti-matching.ts';
import type { KittiFramePair } from './kitti-result-lines.ts';

/** How often each frame is there. */
export type FrameTimes = ArrayLike<number>;

/** Curves over the 41 recalls. */
interface Curves {
  /** Labels that count. */
  readonly labels: number;
  readonly precision: readonly number[];
  /** Precision with each true positive counting by how nearly it faces where its label does. */
  readonly similarity: readonly number[];
}

/** A difficulty, and its curves over the frames, of which the i-th is there `times[i]` times; once each by default. */
export interface DifficultyCurves {
  readonly difficulty: Difficulty;
  curves(times?: FrameTimes): Curves;
}

/** Scores in some order, and the frames that they are of. */
interface Scores {
  readonly scores: Float64Array;
  readonly frames: Int32Array;
}

/**
 * The curves of a class and metric. What overlaps, and what labels take at a threshold, is worked out once, so that the
 * frames can be counted again soon with other numbers of each.
 */
export function curvesOf(frames: readonly KittiFramePair[], measure: Measure): DifficultyCurves[] {
  const prepared = frames.map((frame) => prepareFrame(frame, measure));
  return difficulties.map((difficulty) => {
    const roles = prepared.map((frame) => rolesOf(frame, measure.name, difficulty));
    const matched = risingScores(prepared.map((frame, i) => matchedScores(frame, roles[i])));
    const accountable = risingScores(
      prepared.map((frame, i) =>
        frame.detections.flatMap(({ score }, j) => (isAccountable(frame, roles[i], j) ? score : [])),
      ),
    );
    const tallies = prepared.map((frame, i) => talliesOf(frame, roles[i]));
    const counted = (times: FrameTimes): Curves => {
      const labels = roles.reduce((sum, { valid }, i) => sum + valid * times[i], 0);
      const thresholds = scoreThresholds(repeated(matched, times), labels);
      const sums = thresholds.map(() => ({ truePositives: 0, accounted: 0, similarity: 0 }));
      tallies.forEach((of, i) => {
        if (times[i] === 0) return;
        of(thresholds).forEach(({ truePositives, accounted, similarity }, k) => {
          sums[k].truePositives += truePositives * times[i];
          sums[k].accounted += accounted * times[i];
          sums[k].similarity += similarity * times[i];
        });
      });
      const from = numbersFrom(accountable, times);
      const found = sums.map(
        ({ truePositives, accounted }, k) => truePositives + from(thresholds[k]) - accounted,
      );
      const over = (part: 'truePositives' | 'similarity') =>
        envelope(sums.map((sum, k) => (found[k] === 0 ? 0 : sum[part] / found[k])));
      return { labels, precision: over('truePositives'), similarity: over('similarity') };
    };
    // Precision and similarity are asked for one after the other.
    let once: Curves | undefined;
    const curves = (times?: FrameTimes): Curves => {
      if (times !== undefined) return counted(times);
      once ??= counted(new Uint8Array(frames.length).fill(1));
      return once;
    };
    return { difficulty, curves };
  });
}

function risingScores(ofFrames: readonly (readonly number[])[]): Scores {
  const all = ofFrames.flatMap((scores, frame) => scores.map((score) => ({ score, frame })));
  all.sort((a, b) => a.score - b.score);
  return {
    scores: Float64Array.from(all, ({ score }) => score),
    frames: Int32Array.from(all, ({ frame }) => frame),
  };
}

/** Each score as often as its frame is there. */
function repeated({ scores, frames }: Scores, times: FrameTimes): number[] {
  const all: number[] = [];
  scores.forEach((score, i) => {
    for (let k = 0; k < times[frames[i]]; k++) all.push(score);
  });
  return all;
}

/** How many scores, each as often as its frame is there, are at least so much. */
function numbersFrom({ scores, frames }: Scores, times: FrameTimes): (least: number) => number {
  const above = new Float64Array(scores.length + 1);
  for (let i = scores.length - 1; i >= 0; i--) above[i] = above[i + 1] + times[frames[i]];
  return (least) => {
    let [low, high] = [0, scores.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (scores[middle] < least) low = middle + 1;
      else high = middle;
    }
    return above[low];
  };
}
