import { lossName, metricName, spaced, type Unit } from '../../../report/term-names.ts';
import type { RunHistory } from './run-history.ts';
import { SPEED } from './run-history.ts';
import { sentence } from './wording.ts';

/** A chart before it is drawn: which columns of a run it shows. */
export interface ChartPlan {
  /** The same for the same chart as the run grows. */
  readonly id: string;
  readonly title: string;
  readonly kind: 'loss' | 'metric' | 'rate' | 'speed';
  readonly isLarge: boolean;
  readonly unit: Unit;
  /** Settings are drawn as they are; what is measured can be smoothed. */
  readonly isMeasured: boolean;
  readonly curves: ReadonlyArray<{ readonly column: string; readonly label: string }>;
  /** The value when nothing is learned. */
  readonly chance: number | undefined;
}

/** The charts of a run: its total loss large, each term, metrics, learning rates, speed and where the time goes. */
export function planCharts(
  history: RunHistory,
  chance: { readonly [loss: string]: number } | undefined = {},
): ChartPlan[] {
  const within = (group: string) =>
    history.names.filter((name) => name.startsWith(`${group}/`)).map((name) => name.slice(group.length + 1));
  return [
    ...lossPlans(within('loss'), chance),
    ...metricPlans(within('metric')),
    ...ratePlans(history, within('learningRate')),
    ...speedPlans(history, within('profile')),
  ];
}

function lossPlans(terms: readonly string[], chance: { readonly [loss: string]: number }): ChartPlan[] {
  const inOrder = [...terms].sort((a, b) => Number(b === 'total') - Number(a === 'total'));
  return inOrder.map((term, i) => ({
    id: `loss/${term}`,
    title: sentence(lossName(term)),
    kind: 'loss',
    isLarge: i === 0,
    unit: 'number',
    isMeasured: true,
    curves: [{ column: `loss/${term}`, label: sentence(lossName(term)) }],
    chance: chance[term],
  }));
}

/** How often the right one is among the first 1 and the first 5 are two curves of one chart. */
function metricPlans(names: readonly string[]): ChartPlan[] {
  const charts = new Map<string, Array<{ column: string; label: string }>>();
  for (const name of names) {
    const [, stem, rank] = /^(.*)[tT]op(\d+)$/.exec(name) ?? [];
    const chart = stem === undefined ? name : `${stem}Top`;
    const label = rank === undefined ? sentence(metricName(name).words) : `Top ${rank}`;
    charts.set(chart, [...(charts.get(chart) ?? []), { column: `metric/${name}`, label }]);
  }
  return [...charts].map(([chart, curves]) => {
    const first = metricName(curves[0].column.slice('metric/'.length));
    return {
      id: `metric/${chart}`,
      title: sentence(first.words.replace(/, top \d+$/, '')),
      kind: 'metric',
      isLarge: false,
      unit: first.unit,
      isMeasured: true,
      curves,
      chance: undefined,
    };
  });
}

/** Groups of parameters that have the same learning rate throughout share a curve. */
function ratePlans(history: RunHistory, names: readonly string[]): ChartPlan[] {
  const curves: Array<{ column: string; label: string }> = [];
  for (const name of names) {
    const column = `learningRate/${name}`;
    const values = history.column(column);
    const same = curves.find((curve) =>
      history.column(curve.column).every((value, i) => Object.is(value, values[i])),
    );
    if (same === undefined) curves.push({ column, label: sentence(spaced(name)) });
    else same.label += `, ${spaced(name)}`;
  }
  if (curves.length === 0) return [];
  return [
    {
      id: 'learningRate',
      title: curves.length === 1 ? 'Learning rate' : 'Learning rates',
      kind: 'rate',
      isLarge: false,
      unit: 'number',
      isMeasured: false,
      curves: curves.length === 1 ? [{ ...curves[0], label: 'Learning rate' }] : curves,
      chance: undefined,
    },
  ];
}

function speedPlans(history: RunHistory, names: readonly string[]): ChartPlan[] {
  const plan = { kind: 'speed', isLarge: false, isMeasured: true, chance: undefined } as const;
  const speed = { column: SPEED, label: 'Samples per second' };
  // The stages of loading run beside one another and are no parts of a step's time.
  const labels: Record<string, string> = { computeMs: 'Computing', waitMs: 'Waiting for data' };
  const parts = names
    .filter((name) => Object.hasOwn(labels, name))
    .map((name) => ({ column: `profile/${name}`, label: labels[name] }));
  return [
    ...(history.column(SPEED).length === 0
      ? []
      : [{ ...plan, id: SPEED, title: 'Samples per second', unit: 'number', curves: [speed] } as const]),
    ...(parts.length === 0
      ? []
      : [{ ...plan, id: 'profile', title: 'Time of a step', unit: 'milliseconds', curves: parts } as const]),
  ];
}
