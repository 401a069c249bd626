/** Recall is sampled at 0, 1/40, …, 1. */
export const RECALL_SAMPLES = 41;

/** Average precision, percent, by both rules; they differ, and must never share a column. */
export interface AveragePrecision {
  /** The mean over the recalls 1/40, 2/40, …, 1: the benchmark's rule since October 2019. */
  readonly R40: number;
  /** The mean over the recalls 0, 0.1, …, 1: up to 9.09 points for a single true positive. */
  readonly R11: number;
}

/**
 * The scores at which recall is next to 0, 1/40, …, 1, from the scores of all true positives and the number of labels that
 * count: walking down the scores, one is passed over where the next is nearer to the recall that is due.
 */
export function scoreThresholds(scores: readonly number[], labels: number): number[] {
  const sorted = [...scores].sort((a, b) => b - a);
  const thresholds: number[] = [];
  let due = 0;
  sorted.forEach((score, i) => {
    const recall = (i + 1) / labels;
    const isLast = i === sorted.length - 1;
    const next = isLast ? recall : (i + 2) / labels;
    if (next - due < due - recall && !isLast) return;
    thresholds.push(score);
    due += 1 / (RECALL_SAMPLES - 1);
  });
  return thresholds;
}

/** Values at the thresholds as a curve over the 41 recalls: each at least what follows it, 0 where no threshold reaches. */
export function envelope(values: readonly number[]): number[] {
  const curve = Array.from({ length: RECALL_SAMPLES }, (_, i) => values[i] ?? 0);
  for (let i = curve.length - 2; i >= 0; i--) curve[i] = Math.max(curve[i], curve[i + 1]);
  return curve;
}

/**
 * The average precision of a curve over the 41 recalls.
 *
 * @example
 * // One of a hundred objects is found, and nothing else: the two rules differ.
 * const curve = Array.from({ length: 41 }, (_, i) => (i === 0 ? 1 : 0));
 * averagePrecision(curve); // {"R40": 0.00, "R11": 9.09}
 */
export function averagePrecision(curve: readonly number[]): AveragePrecision {
  const mean = (indices: readonly number[]) =>
    (100 * indices.reduce((sum, i) => sum + curve[i], 0)) / indices.length;
  const all = Array.from({ length: RECALL_SAMPLES }, (_, i) => i);
  return { R40: mean(all.slice(1)), R11: mean(all.filter((i) => i % 4 === 0)) };
}
