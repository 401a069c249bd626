import { type KittiEvaluation, kittiMetrics, minOverlapOf } from '../evaluation/kitti-evaluation.ts';
import { difficulties, evaluatedClasses } from '../evaluation/kitti-matching.ts';
import { alignedTable } from './aligned-table.ts';

/** An evaluation in words: every number under its rule, and every row with the overlap that it asks for. */
export function kittiTable({ overlaps, frames, ap }: KittiEvaluation): string {
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
  return `average precision in percent, ${frames} frames, ${overlaps} overlaps; R40 and R11 are different rules, not comparable\n${alignedTable([...head, ...columns], rows)}`;
}
