import type { TopLevelSpec } from 'vega-lite';
import { type LabelEfficiencyRow, percent, type Spread } from './label-efficiency-report.ts';
import { INK, PALE, panelsToSvg, QUIET, SERIES } from './vega-svg.ts';

/** The rows of one measure, which is the title of its panel. */
export interface MeasurePanel {
  readonly measure: string;
  readonly rows: readonly LabelEfficiencyRow[];
}

const COLUMNS = 3;
const y = { type: 'quantitative', title: null };
const mean = { ...y, field: 'value', aggregate: 'mean' };

/**
 * A panel a measure, over one axis: by share of labels and number of frames a bar for the mean over seeds from scratch and from each
 * arm, with a dot for each seed. A standing-alone SVG.
 */
export function labelEfficiencyChart(panels: readonly MeasurePanel[]): Promise<string> {
  const spreads = ({ scratch, arms }: LabelEfficiencyRow): ReadonlyArray<readonly [string, Spread]> => [
    ['from scratch', scratch],
    ...arms.map(({ name, reached }) => [name, reached] as const),
  ];
  const valuesOf = ({ rows }: MeasurePanel) =>
    rows.flatMap((row) =>
      spreads(row).flatMap(([name, { values }]) =>
        values.map((value) => ({ name, value, group: groupOf(row) })),
      ),
    );
  const names = [...new Set(panels.flatMap(valuesOf).map(({ name }) => name))];
  const range = names.map((_, i) => (i === 0 ? PALE[0] : SERIES[(i - 1) % SERIES.length]));
  const color = {
    field: 'name',
    type: 'nominal',
    sort: names,
    scale: { domain: names, range },
    legend: { offset: 16 },
  };
  const panel = (of: MeasurePanel) => ({
    title: { text: of.measure, anchor: 'start', fontSize: 12, color: INK, offset: 10 },
    data: { values: valuesOf(of) },
    width: 260,
    height: 170,
    encoding: {
      x: {
        field: 'group',
        type: 'nominal',
        sort: of.rows.map(groupOf),
        title: null,
        scale: { paddingInner: 0.25, paddingOuter: 0.15 },
        axis: { labelAngle: 0, labelColor: INK, labelFontSize: 12 },
      },
      xOffset: { field: 'name', type: 'nominal', sort: names },
    },
    layer: [
      {
        mark: 'bar',
        encoding: {
          color,
          // With room for the numbers above bars of 100.
          y: { ...mean, scale: { domain: [0, 112] }, axis: { values: [0, 25, 50, 75, 100] } },
        },
      },
      {
        mark: { type: 'point', filled: true, size: 18, opacity: 1, color: INK },
        encoding: { y: { ...y, field: 'value' } },
      },
      {
        mark: { type: 'text', dy: -6, baseline: 'bottom', fontSize: 10, color: QUIET },
        encoding: {
          y: { ...y, field: 'value', aggregate: 'max' },
          text: { field: 'value', aggregate: 'mean', format: '.1f' },
        },
      },
    ],
  });
  return panelsToSvg({
    concat: panels.map(panel),
    columns: COLUMNS,
    spacing: 30,
  } as unknown as TopLevelSpec);
}

function groupOf({ fraction, frames }: LabelEfficiencyRow): string {
  return `${percent(fraction)} (${frames})`;
}
