import type { TopLevelSpec } from 'vega-lite';
import { INK, QUIET, SERIES, toSvg } from './vega-svg.ts';

/** A value with its spread, and another one that it is held against. */
export interface DotRow {
  readonly name: string;
  readonly value: number;
  readonly std: number;
  readonly beside?: { readonly value: number; readonly std: number };
}

/** Rows of dots over one axis, the highest first, with vertical lines at `levels`. */
export interface DotChart {
  readonly title: string;
  /** What the dots are, and what the rings beside them are. */
  readonly names: readonly [dot: string, ring: string];
  readonly rows: readonly DotRow[];
  readonly levels: ReadonlyArray<{ readonly name: string; readonly value: number }>;
}

/** A chart of dots as a standing-alone SVG, 22 units a row. */
export function dotChartSvg({ title, names: [dot, ring], rows, levels }: DotChart): Promise<string> {
  const ordered = [...rows].sort((a, b) => b.value - a.value);
  const spread = (name: string, kind: string, { value, std }: { value: number; std: number }) => ({
    name,
    kind,
    value,
    low: value - std,
    high: value + std,
  });
  const values = ordered.flatMap((row) => [
    ...(row.beside === undefined ? [] : [spread(row.name, ring, row.beside)]),
    spread(row.name, dot, row),
  ]);
  const y = {
    field: 'name',
    type: 'nominal',
    sort: ordered.map(({ name }) => name),
    title: null,
    axis: { labelColor: INK, labelFontSize: 12, grid: true, labelLimit: 240 },
  };
  const x = (field: string) => ({
    field,
    type: 'quantitative',
    title: null,
    scale: { zero: false, nice: true },
    axis: { tickCount: 8, grid: false },
  });
  const kinds = { domain: [dot, ring] };
  const legend = { labelLimit: 300, offset: 20 };
  const color = { field: 'kind', type: 'nominal', scale: { ...kinds, range: [SERIES[0], QUIET] }, legend };
  const label = { type: 'text', align: 'center', baseline: 'top', y: -14, fontSize: 11, color: QUIET };
  const lines = levels.map(({ name, value }) => ({ level: name, value }));
  return toSvg(
    {
      title: { text: title, anchor: 'start', fontSize: 13, color: INK },
      layer: [
        {
          data: { values: lines },
          mark: { type: 'rule', strokeDash: [5, 4], strokeWidth: 1.5, color: QUIET },
          encoding: { x: x('value') },
        },
        {
          data: { values: lines },
          mark: label,
          encoding: { x: x('value'), text: { field: 'level', type: 'nominal' } },
        },
        {
          data: { values },
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: { y, x: x('low'), x2: { field: 'high' }, color },
        },
        {
          data: { values },
          mark: { type: 'point', size: 60, opacity: 1, filled: true },
          encoding: {
            y,
            x: x('value'),
            color,
            shape: {
              field: 'kind',
              type: 'nominal',
              scale: { ...kinds, range: ['circle', 'diamond'] },
              legend,
            },
          },
        },
      ],
    } as unknown as TopLevelSpec,
    { width: 640, height: 105 + 22 * rows.length },
  );
}
