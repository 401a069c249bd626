import { RECALL_SAMPLES } from '../evaluation/kitti/kitti-average-precision.ts';
import { type KittiEvaluation, kittiMetrics, minOverlapOf } from '../evaluation/kitti/kitti-evaluation.ts';
import { difficulties, evaluatedClasses, overlapMetrics } from '../evaluation/kitti/kitti-matching.ts';
import { lowBoxes } from './kitti-table.ts';
import type { ReportSection } from './run-report.ts';
import { lineChartSvg } from './vega-svg.ts';

/** Average precision by both rules, and the curves behind it: of the classes that have labels. */
export async function precisionSection(evaluation: KittiEvaluation): Promise<ReportSection> {
  const { ap, curves, overlaps, frames } = evaluation;
  const labelsOf = (name: string, difficulty: string) =>
    curves.find((curve) => curve.name === name && curve.difficulty === difficulty)?.labels ?? 0;
  const classes = evaluatedClasses.filter((name) => labelsOf(name, 'hard') > 0);
  const rules = ['R40', 'R11'] as const;
  const rows = classes.flatMap((name) =>
    kittiMetrics.map((metric) => [
      name,
      metric,
      `> ${minOverlapOf(overlaps, name, metric)}`,
      ...rules.flatMap((rule) =>
        difficulties.map((difficulty) => ap[name][metric][difficulty]?.[rule].toFixed(2) ?? '–'),
      ),
    ]),
  );
  const figures = await Promise.all(
    classes.map(async (name) => {
      const lines = overlapMetrics.flatMap((metric) => {
        const curve = curves.find(
          (each) => each.name === name && each.metric === metric && each.difficulty === 'moderate',
        );
        if (curve === undefined || curve.labels === 0) return [];
        const points = curve.precision.map(
          (value, k) => [(100 * k) / (RECALL_SAMPLES - 1), 100 * value] as const,
        );
        return [{ name: `${metric} > ${minOverlapOf(overlaps, name, metric)}`, points }];
      });
      const svg = await lineChartSvg({ x: 'recall, percent', lines, ends: [0, 100] });
      return {
        title: name,
        note: `moderate, ${labelsOf(name, 'moderate')} labels; precision in percent`,
        svg,
      };
    }),
  );
  const counts = classes.map((name) => {
    const own = difficulties.map((difficulty) => labelsOf(name, difficulty)).join(', ');
    return `${name} ${own}`;
  });
  const few = classes.some((name) => difficulties.some((each) => labelsOf(name, each) < RECALL_SAMPLES));
  const text = [
    `By the rules of KITTI's benchmark on ${frames} frames with results, in percent, with ${overlaps} overlaps: bbox and aos (with orientation) compare rectangles in the picture, bev boxes seen from above, 3d volumes. R40 and R11 are different rules and must not be compared.`,
    classes.length === 0
      ? 'No label counts.'
      : `Labels that count (easy, moderate, hard): ${counts.join('; ')}.`,
    ...lowBoxes(evaluation).map((line) => `${line}.`),
    few ? `With fewer than ${RECALL_SAMPLES} labels the rules stay below 100.` : '',
  ];
  return {
    title: 'Average precision',
    isResult: true,
    text: text.filter(Boolean).join(' '),
    table: {
      head: [
        'class',
        'metric',
        'overlap',
        ...rules.flatMap((rule) => difficulties.map((each) => `${rule} ${each}`)),
      ],
      rows,
    },
    figures,
  };
}
