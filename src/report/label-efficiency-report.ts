import { Random } from '../engine/random.ts';
import { bootstrapR40, type Interval, intervalOf } from '../evaluation/kitti/bootstrap.ts';
import type { MeasureCurve } from '../evaluation/kitti/kitti-evaluation.ts';
import { type Cell, type CellResult, SCRATCH } from '../training/detection/label-efficiency.ts';

/** Mean and standard deviation (of the sample) over seeds. */
export interface Spread {
  readonly mean: number;
  readonly std: number;
  readonly values: readonly number[];
}

/** What the detector reaches from an arm's encoders. */
export interface ArmSpread {
  readonly name: string;
  readonly reached: Spread;
  /** The arm minus scratch, of the same seed: the same frames, order and first values of the heads. */
  readonly difference: Spread;
  /** What the mean difference lies between when held-out frames and seeds are drawn anew. */
  readonly interval?: Interval;
}

/** One share of labels: what the detector reaches from scratch and from each arm, and the difference, seed by seed. */
export interface LabelEfficiencyRow {
  readonly fraction: number;
  readonly frames: number;
  readonly scratch: Spread;
  readonly arms: readonly ArmSpread[];
}

/** The curve of a measure on the held-out frames after a cell's training, and how many frames there are. */
export interface CellCurve extends Cell {
  readonly frames: number;
  readonly curve: MeasureCurve['curve'];
}

/** How often held-out frames and seeds are drawn. */
const RESAMPLES = 1000;

/**
 * The rows of one measure, such as `Car bev 0.5 R40`; a measure that no label counts in is 0. With the cells' curves of the measure
 * differences have intervals; both sides are measured on the same draws of frames and seeds.
 */
export function labelEfficiencyRows(
  results: readonly CellResult[],
  measure: string,
  curves: readonly CellCurve[] = [],
): LabelEfficiencyRow[] {
  const fractions = [...new Set(results.map(({ fraction }) => fraction))].sort((a, b) => a - b);
  const names = [...new Set(results.map(({ beginning }) => beginning))].filter((name) => name !== SCRATCH);
  return fractions.map((fraction) => {
    const own = results.filter((result) => result.fraction === fraction);
    const by = (beginning: string) =>
      new Map(
        own.filter((each) => each.beginning === beginning).map((each) => [each.seed, each.ap[measure] ?? 0]),
      );
    const scratch = by(SCRATCH);
    const arms = names.map((name): ArmSpread => {
      const values = by(name);
      const differences = [...scratch].flatMap(([seed, value]) =>
        values.has(seed) ? [values.get(seed)! - value] : [],
      );
      const reached = spreadOf([...values.values()]);
      const interval = differenceInterval(
        curves.filter((each) => each.fraction === fraction),
        name,
      );
      return { name, reached, difference: spreadOf(differences), interval };
    });
    return { fraction, frames: own[0].frames, scratch: spreadOf([...scratch.values()]), arms };
  });
}

/** The interval of an arm minus scratch, over the seeds that both have; undefined where there are no two. */
function differenceInterval(curves: readonly CellCurve[], arm: string): Interval | undefined {
  const of = (beginning: string) => curves.filter((each) => each.beginning === beginning);
  const pairs = of(SCRATCH).flatMap((scratch) => {
    const other = of(arm).find(({ seed }) => seed === scratch.seed);
    return other === undefined ? [] : [[scratch, other] as const];
  });
  if (pairs.length < 2) return undefined;
  const [scratch, reached] = [0, 1].map((side) =>
    bootstrapR40(
      pairs.map((pair) => pair[side].curve),
      { frames: pairs[0][0].frames, resamples: RESAMPLES, random: Random.fromSeed('label efficiency') },
    ),
  );
  const differences = reached.map((value, i) =>
    value === null || scratch[i] === null ? null : value - scratch[i],
  );
  return intervalOf(differences) ?? undefined;
}

/**
 * The rows as a table in Markdown, AP in percent as mean ± standard deviation over seeds: one arm beside scratch in a line, several below
 * each other. Intervals are of the mean difference.
 */
export function labelEfficiencyTable(rows: readonly LabelEfficiencyRow[], measure: string): string {
  const [{ arms }] = rows;
  if (arms.length !== 1) return tableOfArms(rows, measure);
  const [{ name }] = arms;
  return [
    `| labels | frames | ${measure}, from scratch | ${name} | ${name} - scratch, by seed |`,
    '| --- | --- | --- | --- | --- |',
    ...rows.map(
      ({ fraction, frames, scratch, arms: [{ reached, difference, interval }] }) =>
        `| ${percent(fraction)} | ${frames} | ${shown(scratch)} | ${shown(reached)} | ${signed(difference)}${shownInterval(interval)} |`,
    ),
  ].join('\n');
}

function tableOfArms(rows: readonly LabelEfficiencyRow[], measure: string): string {
  return [
    `| labels | frames | encoders begin | ${measure} | minus scratch, by seed |`,
    '| --- | --- | --- | --- | --- |',
    ...rows.flatMap(({ fraction, frames, scratch, arms }) => [
      `| ${percent(fraction)} | ${frames} | from scratch | ${shown(scratch)} | |`,
      ...arms.map(
        ({ name, reached, difference, interval }) =>
          `| | | ${name} | ${shown(reached)} | ${signed(difference)}${shownInterval(interval)} |`,
      ),
    ]),
  ].join('\n');
}

function shown({ mean, std, values }: Spread): string {
  return values.length === 0 ? 'not measured' : `${mean.toFixed(1)} ± ${std.toFixed(1)}`;
}

function signed({ mean, std, values }: Spread): string {
  if (values.length === 0) return 'not measured';
  const up = values.filter((value) => value > 0).length;
  return `${mean >= 0 ? '+' : ''}${mean.toFixed(1)} ± ${std.toFixed(1)} (${up} of ${values.length} seeds up)`;
}

function shownInterval(interval: Interval | undefined): string {
  return interval === undefined ? '' : `, 95 %: ${interval.low.toFixed(1)} to ${interval.high.toFixed(1)}`;
}

function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / Math.max(1, values.length - 1)), values };
}

/** A share as percent. */
export function percent(fraction: number): string {
  return `${Number((100 * fraction).toPrecision(6))} %`;
}
