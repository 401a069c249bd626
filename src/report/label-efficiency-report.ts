import { beginnings, type Cell, type CellResult } from '../training/detection/label-efficiency.ts';
import { barChartSvg } from './vega-svg.ts';

/** Mean and standard deviation (of the sample) over seeds. */
export interface Spread {
  readonly mean: number;
  readonly std: number;
  readonly values: readonly number[];
}

/** One share of labels: what the detector reaches from each beginning, and the difference, seed by seed. */
export interface LabelEfficiencyRow {
  readonly fraction: number;
  readonly frames: number;
  readonly scratch: Spread;
  readonly pretrained: Spread;
  /** Pretrained minus scratch, of the same seed: the same frames, order and first values of the heads. */
  readonly difference: Spread;
}

/** The rows of one measure, such as `Car bev 0.5 R40`; a cell without a number is an error of whoever asks for it. */
export function labelEfficiencyRows(results: readonly CellResult[], measure: string): LabelEfficiencyRow[] {
  const fractions = [...new Set(results.map(({ fraction }) => fraction))].sort((a, b) => a - b);
  return fractions.map((fraction) => {
    const own = results.filter((result) => result.fraction === fraction);
    const by = (beginning: Cell['beginning']) =>
      new Map(
        own.filter((each) => each.beginning === beginning).map((each) => [each.seed, each.ap[measure] ?? 0]),
      );
    const [scratch, pretrained] = beginnings.map(by);
    const differences = [...scratch].flatMap(([seed, value]) =>
      pretrained.has(seed) ? [pretrained.get(seed)! - value] : [],
    );
    return {
      fraction,
      frames: own[0].frames,
      scratch: spreadOf([...scratch.values()]),
      pretrained: spreadOf([...pretrained.values()]),
      difference: spreadOf(differences),
    };
  });
}

/** The rows as a table in Markdown, AP in percent as mean ± standard deviation over seeds. */
export function labelEfficiencyTable(rows: readonly LabelEfficiencyRow[], measure: string): string {
  const shown = ({ mean, std }: Spread) => `${mean.toFixed(1)} ± ${std.toFixed(1)}`;
  const signed = ({ mean, std, values }: Spread) =>
    `${mean >= 0 ? '+' : ''}${mean.toFixed(1)} ± ${std.toFixed(1)} (${values.filter((v) => v > 0).length} of ${values.length} seeds up)`;
  return [
    `| labels | frames | ${measure}, from scratch | pretrained | pretrained - scratch, by seed |`,
    '| --- | --- | --- | --- | --- |',
    ...rows.map(
      ({ fraction, frames, scratch, pretrained, difference }) =>
        `| ${percent(fraction)} | ${frames} | ${shown(scratch)} | ${shown(pretrained)} | ${signed(difference)} |`,
    ),
  ].join('\n');
}

/** The rows as bars with their spread, named by their share of labels and number of frames: a standing-alone SVG. */
export function labelEfficiencyChart(rows: readonly LabelEfficiencyRow[]): Promise<string> {
  const highest = Math.max(
    0.01,
    ...rows.flatMap(({ scratch, pretrained }) =>
      [scratch, pretrained].map(({ mean, std }) => (mean + std) / 100),
    ),
  );
  return barChartSvg({
    highest: Math.min(1, 1.1 * highest),
    groups: rows.map(({ fraction, frames, scratch, pretrained }) => ({
      name: `${percent(fraction)} (${frames})`,
      level: 0,
      bars: [
        { name: 'from scratch', value: scratch.mean / 100, std: scratch.std / 100 },
        { name: 'pretrained', value: pretrained.mean / 100, std: pretrained.std / 100 },
      ],
    })),
  });
}

function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / Math.max(1, values.length - 1)), values };
}

function percent(fraction: number): string {
  return `${Number((100 * fraction).toPrecision(6))} %`;
}
