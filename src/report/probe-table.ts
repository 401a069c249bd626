import type { ProbeMeasures, ProbeReport } from '../evaluation/probe-report.ts';
import { alignedTable } from './aligned-table.ts';

/** What a probe found, as a table and a sentence or two; percent, one standard error or the deviation of seeds behind ±. */
export function probeTable(report: ProbeReport): string {
  const { standardError, randomEncoder, rawPixels, randomPatches, finetune, setting } = report;
  const cell = (value: number | null, spread?: number | null) =>
    value === null ? '-' : `${value.toFixed(1)}${spread == null ? '' : ` ± ${spread.toFixed(1)}`}`;
  const row = (name: string, measures: ProbeMeasures, spread?: ProbeMeasures) => [
    name,
    cell(measures.knn, spread?.knn),
    cell(measures.knnLeaveOneOut, spread?.knnLeaveOneOut),
    cell(measures.linear, spread?.linear),
  ];
  const rows = [
    row('pretrained (± standard error)', report, standardError),
    ...(randomEncoder === null
      ? []
      : [row(`random encoder (± of ${randomEncoder.seeds} seeds)`, randomEncoder, randomEncoder.std)]),
    ...(rawPixels === null ? [] : [row('raw pixels', rawPixels)]),
    ...(randomPatches === null ? [] : [row('random patches', randomPatches)]),
  ];
  const head = ['% right', `kNN, k ${setting.k}`, 'kNN leave-one-out', 'linear'];
  const distils = finetune.some(({ distilled }) => distilled !== undefined);
  const tuned = finetune.map(({ fraction, pretrained, fromScratch, layer, distilled }) => [
    `${100 * fraction} % of the labels${layer === undefined ? '' : `, head kept to layer ${layer}`}`,
    cell(pretrained),
    cell(fromScratch),
    ...(distilled === undefined ? [] : [cell(distilled)]),
  ]);
  const tunedHead = ['fine-tuned', 'pretrained', 'from scratch', ...(distils ? ['distilled'] : [])];
  return [
    `${setting.training} ${setting.encoder === 'image' ? 'pictures' : 'places'} of ${setting.classes.length} classes` +
      `${setting.test > 0 ? `, ${setting.test} to test on` : ''}; cosine, temperature ${setting.temperature}`,
    alignedTable(head, rows),
    ...(tuned.length === 0 ? [] : [alignedTable(tunedHead, tuned)]),
    report.collapseSentence,
    ...(randomEncoder === null
      ? []
      : [`Random encoders have an effective rank of ${randomEncoder.effectiveRank.toFixed(1)}.`]),
  ].join('\n\n');
}
