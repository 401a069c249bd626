import type { ProbeMeasures } from './probe-report.ts';
import type { LabelledFeatures } from './probes/features.ts';
import { type LinearClassifier, linearProbe } from './probes/linear-probe.ts';
import { knnAccuracy, knnLeaveOneOut } from './probes/nearest-neighbours.ts';

/** How features are measured. */
export interface MeasureOptions {
  readonly k: number;
  readonly temperature: number;
  /** The linear classifier; undefined leaves the linear probe out. */
  readonly classifier?: LinearClassifier;
}

/** Features of the pictures with labels, and of those to test on, where there are any. */
export interface ProbedFeatures {
  readonly training: LabelledFeatures;
  readonly test: LabelledFeatures | undefined;
}

/** What frozen features are worth, and one standard error of each, percent. */
export function measureFeatures(
  { training, test }: ProbedFeatures,
  { k, temperature, classifier }: MeasureOptions,
): { readonly measures: ProbeMeasures; readonly standardError: ProbeMeasures } {
  const options = { k: [k], temperature };
  const [alone] = training.count > 1 ? knnLeaveOneOut(training, options) : [undefined];
  const [voted] = test === undefined ? [undefined] : knnAccuracy(training, test, options);
  const fitted =
    test === undefined || classifier === undefined ? undefined : linearProbe(training, test, { classifier });
  const each = (part: 'accuracy' | 'standardError'): ProbeMeasures => ({
    knn: voted === undefined ? null : 100 * voted[part],
    knnLeaveOneOut: alone === undefined ? null : 100 * alone[part],
    linear: fitted === undefined ? null : 100 * fitted[part],
  });
  return { measures: each('accuracy'), standardError: each('standardError') };
}

/** Mean and standard deviation of several measures, each by itself; null where one of them was not measured. */
export function meanMeasures(all: readonly ProbeMeasures[]): {
  readonly mean: ProbeMeasures;
  readonly std: ProbeMeasures;
} {
  const over = (reduce: (values: number[]) => number): ProbeMeasures => {
    const one = (name: keyof ProbeMeasures) => {
      const values = all.flatMap((each) => each[name] ?? []);
      return values.length < all.length || values.length === 0 ? null : reduce(values);
    };
    return { knn: one('knn'), knnLeaveOneOut: one('knnLeaveOneOut'), linear: one('linear') };
  };
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const std = (values: number[]) => {
    const middle = mean(values);
    const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0);
    return Math.sqrt(squares / Math.max(1, values.length - 1));
  };
  return { mean: over(mean), std: over(std) };
}
