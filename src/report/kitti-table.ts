import type { MeasureInterval } from '../evaluation/kitti/bootstrap.ts';
import { RECALL_SAMPLES } from '../evaluation/kitti/kitti-average-precision.ts';
import { type KittiEvaluation, kittiMetrics, minOverlapOf } from '../evaluation/kitti/kitti-evaluation.ts';
import { difficulties, evaluatedClasses, LEAST_HEIGHT_PX } from '../evaluation/kitti/kitti-matching.ts';
import { alignedTable } from './aligned-table.ts';

/**
 * An evaluation in words: every number under its rule, and every row with the overlap that it asks for; with the intervals of R40
 * where there are some.
 */
export function kittiTable(evaluation: KittiEvaluation, intervals: readonly MeasureInterval[] = []): string {
  const { overlaps, frames, ap } = evaluation;
  const rows = evaluatedClasses.flatMap((name) =>
    kittiMetrics.map((metric) => [
      name,
      metric,
      minOverlapOf(overlaps, name, metric).toFixed(2),
      ...(['R40', 'R11'] as const).flatMap((rule) =>
        difficulties.map((difficulty) => ap[name][metric][difficulty]?.[rule].toFixed(2) ?? '-'),
      ),
    ]),
  );
  const head = ['class', 'metric', 'overlap >'];
  const columns = ['R40', 'R11'].flatMap((rule) => difficulties.map((difficulty) => `${rule} ${difficulty}`));
  return [
    `average precision in percent, ${frames} frames, ${overlaps} overlaps; R40 and R11 are different rules, not comparable`,
    alignedTable([...head, ...columns], rows),
    ...intervals.map(
      ({ name, metric, difficulty, R40: { low, high } }) =>
        `${name} ${metric} R40 ${difficulty}: ${low.toFixed(2)} to ${high.toFixed(2)} in 95 of 100 draws of the frames`,
    ),
    ...fewLabels(evaluation),
    ...lowBoxes(evaluation),
  ].join('\n');
}

/** Why detections count in no metric, class by class. */
export function lowBoxes({ low }: KittiEvaluation): string[] {
  return low.map(
    ({ name, low: count, flat, detections }) =>
      `${count} of ${detections} ${name} detections have boxes in the image lower than ${LEAST_HEIGHT_PX} pixels (${flat} of no height): ` +
      "by the benchmark's rule they count in no metric, bev and 3d among them; write the boxes in the image that belong to them",
  );
}

/** What has fewer labels than recalls are sampled, where by the benchmark's rule not even a faultless detector reaches 100. */
function fewLabels({ curves }: KittiEvaluation): string[] {
  const few = curves.filter(({ labels }) => labels > 0 && labels < RECALL_SAMPLES);
  if (few.length === 0) return [];
  // They are the same in every metric that is evaluated.
  const named = [...new Set(few.map(({ name, difficulty, labels }) => `${name} ${difficulty} ${labels}`))];
  return [
    `labels that count: ${named.join(', ')}; with fewer than ${RECALL_SAMPLES} the rules stay below 100`,
  ];
}
