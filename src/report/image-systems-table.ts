import { isDeepStrictEqual } from 'node:util';
import { type ImageEncoderConfig, imageEncoderTitle } from '../encoders/encoder-config.ts';
import { meanMeasures } from '../evaluation/measure-features.ts';
import type { ProbeMeasures, ProbeReport } from '../evaluation/probe-report.ts';
import type { SystemResult } from '../training/probe/image-systems.ts';
import type { DotRow } from './dot-chart.ts';

/** What the runs of a preset reach, over seeds, beside random encoders of its form. */
export interface ImageSystemRow {
  readonly preset: string;
  readonly seeds: number;
  readonly mean: ProbeMeasures;
  readonly std: ProbeMeasures;
  readonly effectiveRank: number;
  readonly stepMs: number;
  readonly steps: number;
  /** Its encoder, in words. */
  readonly encoder: string;
  readonly random: NonNullable<ProbeReport['randomEncoder']> | undefined;
  /**
   * How far its least seed is above the random encoders in leave-one-out kNN, in standard errors: of the run's own, of the
   * choice of pictures, and the deviation of the random encoders together. Undefined where random encoders were not measured.
   */
  readonly leastAboveRandom: number | undefined;
  /** Right answers after fine-tuning on shares of the labels, means over seeds. */
  readonly finetune: ReadonlyArray<{
    readonly fraction: number;
    readonly pretrained: number;
    readonly fromScratch: number;
  }>;
}

/** All that the experiment's tables have. */
export interface ImageSystemsSummary {
  readonly rows: readonly ImageSystemRow[];
  readonly rawPixels: ProbeMeasures | undefined;
  readonly randomPatches: ProbeMeasures | undefined;
}

/** The results by preset, in the order in which they were made. `encoderOf` gives the image encoder of a preset. */
export function summarizeImageSystems(
  results: readonly SystemResult[],
  encoderOf: (preset: string) => ImageEncoderConfig,
): ImageSystemsSummary {
  const presets = [...new Set(results.map(({ preset }) => preset))];
  const randoms = results.flatMap(({ preset, report: { randomEncoder } }) =>
    randomEncoder === null ? [] : [{ encoder: encoderOf(preset), random: randomEncoder }],
  );
  const rows = presets.map((preset): ImageSystemRow => {
    const own = results.filter((each) => each.preset === preset);
    const encoder = encoderOf(preset);
    const random = randoms.find((each) => isDeepStrictEqual(each.encoder, encoder))?.random;
    const { mean, std } = meanMeasures(own.map(({ report }) => measuresOf(report)));
    const shares = own[0].report.finetune.map(({ fraction }) => fraction);
    return {
      preset,
      seeds: own.length,
      mean,
      std,
      effectiveRank: meanOf(own.map(({ report }) => report.effectiveRank)),
      stepMs: Math.min(...own.map(({ stepMs }) => stepMs)),
      steps: own[0].steps,
      encoder: imageEncoderTitle(encoder),
      random,
      leastAboveRandom: random && Math.min(...own.flatMap(({ report }) => aboveRandom(report, random) ?? [])),
      finetune: shares.map((fraction) => {
        const of = own.flatMap(({ report }) => report.finetune.filter((each) => each.fraction === fraction));
        return {
          fraction,
          pretrained: meanOf(of.map(({ pretrained }) => pretrained)),
          fromScratch: meanOf(of.map(({ fromScratch }) => fromScratch)),
        };
      }),
    };
  });
  const first = <Name extends 'rawPixels' | 'randomPatches'>(name: Name) =>
    results.flatMap(({ report }) => report[name] ?? [])[0];
  return { rows, rawPixels: first('rawPixels'), randomPatches: first('randomPatches') };
}

function aboveRandom(
  report: ProbeReport,
  random: NonNullable<ProbeReport['randomEncoder']>,
): number | undefined {
  const { knnLeaveOneOut: reached, standardError } = report;
  if (reached === null || random.knnLeaveOneOut === null) return undefined;
  const error = Math.hypot(standardError.knnLeaveOneOut ?? 0, random.std.knnLeaveOneOut ?? 0);
  return (reached - random.knnLeaveOneOut) / error;
}

function measuresOf({ knn, knnLeaveOneOut, linear }: ProbeReport): ProbeMeasures {
  return { knn, knnLeaveOneOut, linear };
}

/** The summary as a table in Markdown: percent as mean ± standard deviation over seeds, the quickest seed's step time. */
export function imageSystemsTable({ rows, rawPixels, randomPatches }: ImageSystemsSummary): string {
  const randoms = new Map(
    rows.flatMap(({ encoder, random }) => (random === undefined ? [] : [[encoder, random]])),
  );
  const shares = rows[0]?.finetune.map(({ fraction }) => fraction) ?? [];
  const head = [
    'features',
    'kNN',
    'leave-one-out',
    'linear',
    'effective rank',
    'above random, standard errors',
    'ms a step',
    'steps',
    ...shares.map((fraction) => `fine-tuned, ${Number((100 * fraction).toPrecision(6))} % (from scratch)`),
  ];
  const line = (cells: readonly string[]) =>
    `| ${[...cells, ...Array(head.length - cells.length).fill('')].join(' | ')} |`;
  const measures = (mean: ProbeMeasures, std?: ProbeMeasures) => [
    cell(mean.knn, std?.knn),
    cell(mean.knnLeaveOneOut, std?.knnLeaveOneOut),
    cell(mean.linear, std?.linear),
  ];
  return [
    line(head),
    line(head.map(() => '---')),
    ...rows.map(({ preset, mean, std, seeds, effectiveRank, leastAboveRandom, stepMs, steps, finetune }) =>
      line([
        `\`${preset}\``,
        ...measures(mean, seeds > 1 ? std : undefined),
        effectiveRank.toFixed(0),
        leastAboveRandom?.toFixed(1) ?? 'not measured',
        stepMs.toFixed(0),
        `${steps}`,
        ...finetune.map(
          ({ pretrained, fromScratch }) => `${pretrained.toFixed(1)} (${fromScratch.toFixed(1)})`,
        ),
      ]),
    ),
    ...[...randoms].map(([encoder, random]) =>
      line([`random ${encoder}`, ...measures(random, random.std), random.effectiveRank.toFixed(0)]),
    ),
    ...(rawPixels === undefined ? [] : [line(['raw pixels', ...measures(rawPixels)])]),
    ...(randomPatches === undefined
      ? []
      : [line(['200 whitened random patches', ...measures(randomPatches)])]),
  ].join('\n');
}

/** The summary's leave-one-out kNN as rows of a chart of dots: each preset beside random encoders of its form. */
export function imageSystemsDots({ rows }: ImageSystemsSummary): DotRow[] {
  return rows.flatMap(({ preset, mean, std, random }) => {
    if (mean.knnLeaveOneOut === null) return [];
    const reached = { value: mean.knnLeaveOneOut, std: std.knnLeaveOneOut ?? 0 };
    const beside = random?.knnLeaveOneOut;
    return [
      {
        name: preset,
        ...reached,
        ...(beside != null && { beside: { value: beside, std: random?.std.knnLeaveOneOut ?? 0 } }),
      },
    ];
  });
}

function cell(value: number | null, std: number | null | undefined): string {
  if (value === null) return '';
  return `${value.toFixed(1)}${std == null ? '' : ` ± ${std.toFixed(1)}`}`;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
