import * as vega from 'vega';
import type { TopLevelSpec } from 'vega-lite';
import { compile } from 'vega-lite';

/** Points of a line in order of x. */
export type Points = ReadonlyArray<readonly [x: number, y: number | null]>;

/** A line of a chart; a null breaks it. */
export interface ChartLine {
  readonly name: string;
  readonly points: Points;
  /** Drawn thin and pale, as the raw values behind a smoothed line. */
  readonly faint?: boolean;
}

/** Lines over a common x, with an optional dashed level. */
export interface LineChart {
  readonly x: string;
  readonly lines: readonly ChartLine[];
  readonly level?: { readonly value: number; readonly label: string };
  readonly logarithmic?: boolean;
  /** The ends of the y axis, so that several charts can be compared; whole numbers; those of the lines otherwise. */
  readonly ends?: readonly [low: number, high: number];
}

/** Groups of bars of shares, each group with a line across it at `level`. */
export interface BarChart {
  /** The top of the axis, so that two charts can share it. */
  readonly highest: number;
  readonly groups: ReadonlyArray<{
    readonly name: string;
    readonly level: number;
    readonly bars: ReadonlyArray<{ readonly name: string; readonly value: number; readonly std?: number }>;
  }>;
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';
/** The colour of text. The page may set the variables, for a dark theme say; alone, the SVG has the colours given here. */
export const INK = 'var(--ink, #1c2430)';
/** The colour of what stands back. */
export const QUIET = 'var(--quiet, #5c6675)';
const CARD = 'var(--card, #ffffff)';
const GRID = 'var(--grid, #e4e8ee)';
/** Told apart by the colour-blind as well: dark and light blue and orange, then green and violet. */
export const SERIES = ['#1b6ca8', '#c75b12', '#2a8060', '#7b52ab', '#a83e5c'].map(
  (colour, i) => `var(--series-${i + 1}, ${colour})`,
);

/** For what the eye should pass over, or what others are held against. */
export const PALE = ['var(--pale-1, #b9c2ce)', 'var(--pale-2, #8fb8d8)'];

const POWERS_OF_TEN = Array.from({ length: 21 }, (_, i) => 10 ** (i - 15));

const config: TopLevelSpec['config'] = {
  background: 'transparent',
  font: FONT,
  aria: false,
  view: { stroke: null },
  axis: {
    domain: false,
    ticks: false,
    gridColor: GRID,
    labelColor: QUIET,
    titleColor: QUIET,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
    labelPadding: 6,
    titlePadding: 10,
  },
  axisX: { grid: false, domain: true, domainColor: GRID },
  legend: { labelColor: INK, labelFontSize: 12, symbolStrokeWidth: 3, orient: 'top', title: null, offset: 8 },
  header: { labelColor: INK, labelFontSize: 12, labelFontWeight: 600, title: null, labelPadding: 10 },
};

/** A chart of lines as a standing-alone SVG of 480 x 290 units. */
export async function lineChartSvg(chart: LineChart): Promise<string> {
  const names = [...new Set(chart.lines.filter(({ faint }) => !faint).map(({ name }) => name))];
  const colour = { domain: names, range: names.map((_, i) => SERIES[i % SERIES.length]) };
  const layer = (lines: readonly ChartLine[], mark: object) => ({
    data: { values: lines.flatMap(({ name, points }) => points.map(([x, y]) => ({ name, x, y }))) },
    mark: { type: 'line', ...mark },
    encoding: {
      color: { field: 'name', type: 'nominal', scale: colour, legend: names.length > 1 ? {} : null },
    },
  });
  const faint = chart.lines.filter((line) => line.faint);
  const strong = chart.lines.filter((line) => !line.faint);
  const { level, logarithmic, ends } = chart;
  const linear = ends === undefined ? { zero: false, nice: true } : { domain: ends };
  return toSvg({
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: chart.x,
        scale: { nice: false, zero: false },
        axis: { tickCount: 6, format: 'd' },
      },
      y: {
        field: 'y',
        type: 'quantitative',
        title: null,
        scale: logarithmic ? { type: 'log' } : linear,
        axis: logarithmic
          ? { values: POWERS_OF_TEN, format: '.0e' }
          : { tickCount: 5, format: ends === undefined ? '~g' : 'd' },
      },
    },
    layer: [
      ...(faint.length > 0 ? [layer(faint, { strokeWidth: 1, opacity: 0.35 })] : []),
      layer(strong, { strokeWidth: 2, strokeJoin: 'round', strokeCap: 'round' }),
      ...(level === undefined ? [] : levelLayers(level)),
    ],
  } as unknown as TopLevelSpec);
}

function levelLayers({ value, label }: { readonly value: number; readonly label: string }): object[] {
  const data = { values: [{ y: value, label }] };
  const y = { field: 'y', type: 'quantitative' };
  const text = {
    type: 'text',
    align: 'right',
    baseline: 'bottom',
    dy: -4,
    color: QUIET,
    fontSize: 11,
    x: 'width',
  };
  const encoding = { x: null, y, text: { field: 'label' } };
  return [
    {
      data,
      mark: { type: 'rule', strokeDash: [5, 4], strokeWidth: 1.5, color: QUIET },
      encoding: { x: null, y },
    },
    // A halo in the colour of the card keeps the label readable over the lines.
    { data, mark: { ...text, stroke: CARD, strokeWidth: 4, strokeJoin: 'round' }, encoding },
    { data, mark: text, encoding },
  ];
}

/**
 * A chart of shares, 0 to 1, as groups of up to three bars, as a standing-alone SVG. The last one of a group is to be looked at.
 */
export async function barChartSvg({ groups, highest }: BarChart): Promise<string> {
  const values = groups.flatMap(({ name: group, level, bars }) =>
    bars.map(({ name, value, std = 0 }) => {
      return { group, level, name, value, std, low: Math.max(0, value - std), high: value + std };
    }),
  );
  const names = [...new Set(values.map(({ name }) => name))];
  const order = { sort: names };
  const color = {
    field: 'name',
    scale: { domain: names, range: barColours(names.length) },
    legend: {},
  };
  const xOffset = { field: 'name', type: 'nominal', ...order };
  const y = (field: string) => ({ field, type: 'quantitative', title: null });
  return toSvg({
    data: { values },
    encoding: {
      x: {
        field: 'group',
        type: 'nominal',
        sort: groups.map(({ name }) => name),
        title: null,
        scale: { paddingInner: 0.25, paddingOuter: 0.15 },
        axis: { labelAngle: 0, labelColor: INK, labelFontSize: 12 },
      },
    },
    layer: [
      {
        mark: 'bar',
        encoding: {
          xOffset,
          color: { type: 'nominal', ...order, ...color },
          y: { ...y('value'), scale: { domain: [0, highest] }, axis: { format: '~%', tickCount: 5 } },
        },
      },
      {
        transform: [{ filter: 'datum.std > 0' }],
        mark: { type: 'rule', strokeWidth: 1.5, color: QUIET },
        encoding: { xOffset, y: y('low'), y2: { field: 'high' } },
      },
      {
        mark: { type: 'tick', thickness: 1.5, bandSize: { band: 1 }, color: INK },
        transform: [{ aggregate: [{ op: 'min', field: 'level', as: 'level' }], groupby: ['group'] }],
        encoding: { y: y('level') },
      },
      {
        mark: { type: 'text', dy: -5, baseline: 'bottom', fontSize: 10, color: INK },
        encoding: { xOffset, y: y('high'), text: { field: 'value', format: '.1%' } },
      },
    ],
  } as unknown as TopLevelSpec);
}

/** Pale for what the others are held against. */
function barColours(count: number): string[] {
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? SERIES[0] : PALE[i]));
}

/** A specification as a standing-alone SVG of this size, in the colours of the page. */
export async function toSvg(spec: TopLevelSpec, { width = 480, height = 290 } = {}): Promise<string> {
  const frame = {
    width,
    height,
    padding: 4,
    autosize: { type: 'fit', contains: 'padding' },
    config,
  };
  const compiled = compile({ ...spec, ...frame } as TopLevelSpec).spec;
  return new vega.View(vega.parse(compiled), { renderer: 'none' }).toSVG();
}

/** A specification of several panels, each with its own size, as a standing-alone SVG. */
export async function panelsToSvg(spec: TopLevelSpec): Promise<string> {
  const compiled = compile({ ...spec, padding: 4, config } as TopLevelSpec).spec;
  return new vega.View(vega.parse(compiled), { renderer: 'none' }).toSVG();
}

/** A line of raw values, pale where its average over the `window` values around each is drawn over it. */
export function smoothedLines(name: string, raw: Points, window: number): ChartLine[] {
  if (window <= 1) return [{ name, points: thinned(raw) }];
  return [
    { name, points: thinned(raw), faint: true },
    { name, points: thinned(averaged(raw, window)) },
  ];
}

/** A centred moving average, which does not lag; it passes over gaps and what lies beyond the ends. */
function averaged(points: Points, window: number): Points {
  const sums = new Float64Array(points.length + 1);
  const counts = new Float64Array(points.length + 1);
  for (const [i, [, y]] of points.entries()) {
    sums[i + 1] = sums[i] + (y ?? 0);
    counts[i + 1] = counts[i] + (y === null ? 0 : 1);
  }
  return points.map(([x, y], i) => {
    const from = Math.max(0, i - (window >> 1));
    const to = Math.min(points.length, i + (window >> 1) + 1);
    return [x, y === null ? null : (sums[to] - sums[from]) / (counts[to] - counts[from])];
  });
}

/** At most about 800 points that look the same: of each stretch its lowest and its highest, and every gap. */
export function thinned(points: Points, stretches = 400): Points {
  const length = Math.ceil(points.length / stretches);
  if (length <= 2) return points;
  return Array.from({ length: Math.ceil(points.length / length) }, (_, i) => {
    const stretch = points.slice(i * length, (i + 1) * length);
    const gap = stretch.find(([, y]) => y === null);
    if (gap !== undefined) return [gap];
    const byHeight = [...stretch].sort((a, b) => a[1]! - b[1]!);
    return [byHeight[0], byHeight[byHeight.length - 1]].sort((a, b) => a[0] - b[0]);
  }).flat();
}
