import { element } from '../widgets/dom.ts';
import { axisRange, linearTicks, type Range, timeTicks } from './axes.ts';
import { chartColours } from './chart-colours.ts';
import { type ChartPlan, planCharts } from './chart-plan.ts';
import { type ChartView, CurveChart } from './curve-chart.ts';
import { nearestIndex } from './decimation.ts';
import { lossNote } from './loss-note.ts';
import { onAxis, oneAxis } from './one-axis.ts';
import type { RunHistory } from './run-history.ts';
import { countText, durationText, shortCountText } from './wording.ts';

/** How the charts are to be looked at. */
export interface ChartSettings {
  readonly span: number;
  readonly axis: 'step' | 'time';
  readonly isLogarithmic: boolean;
}

/** A run that the charts are drawn from. */
export interface ChartSource {
  /** What its curves are called where there are two runs. */
  readonly title: string;
  /** The name of its objective: losses of several objectives have it before their own. */
  readonly objective: string | undefined;
  readonly history: RunHistory;
  readonly chance: { readonly [loss: string]: number } | undefined;
  readonly isRunning: boolean;
}

/** All charts of a run, over one x axis and with one cursor. */
export class CurveCharts {
  readonly root = element('div', { class: 'run-charts' });
  private readonly charts = new Map<string, CurveChart>();
  private readonly onZoom: (isZoomed: boolean) => void;
  private sources: readonly ChartSource[] = [];
  private settings: ChartSettings = { span: 1, axis: 'step', isLogarithmic: false };
  /** Undefined shows everything. */
  private zoom: Range | undefined;

  constructor({ onZoom }: { readonly onZoom: (isZoomed: boolean) => void }) {
    this.onZoom = onZoom;
  }

  /** Draws one run, or two over one another. */
  draw(sources: readonly ChartSource[], settings: ChartSettings): void {
    if (settings.axis !== this.settings.axis) this.zoom = this.zoomOn(settings.axis);
    this.sources = sources;
    this.settings = settings;
    const plans = plansOf(sources);
    for (const [id, chart] of this.charts) {
      if (plans.some((plan) => plan.id === id)) continue;
      chart.dispose();
      this.charts.delete(id);
    }
    for (const plan of plans) this.chartOf(plan.id).draw(this.viewOf(plan));
    const inOrder = plans.map(({ id }) => this.charts.get(id)!.root);
    // Moving what is in its place already would lose the cursor.
    inOrder.forEach((root, i) => {
      if (this.root.children[i] !== root) this.root.insertBefore(root, this.root.children[i] ?? null);
    });
  }

  /** Shows all of the run again. */
  resetZoom(): void {
    this.setZoom(undefined);
  }

  recolour(): void {
    for (const chart of this.charts.values()) chart.recolour();
  }

  dispose(): void {
    for (const chart of this.charts.values()) chart.dispose();
    this.charts.clear();
  }

  private chartOf(id: string): CurveChart {
    let chart = this.charts.get(id);
    if (chart === undefined) {
      chart = new CurveChart({
        colours: () => chartColours(this.root),
        onCursor: (x) => {
          for (const each of this.charts.values()) each.showCursor(x);
        },
        onZoom: (range) => this.setZoom(range),
        onReset: () => this.setZoom(undefined),
      });
      this.charts.set(id, chart);
      this.root.append(chart.root);
    }
    return chart;
  }

  private setZoom(zoom: Range | undefined): void {
    this.zoom = zoom;
    this.onZoom(zoom !== undefined);
    if (this.sources.length > 0) this.draw(this.sources, this.settings);
  }

  /** The same steps on the other axis. */
  private zoomOn(axis: ChartSettings['axis']): Range | undefined {
    if (this.zoom === undefined || this.sources.length === 0) return undefined;
    const { steps, times } = this.sources[0].history;
    const [from, to] = axis === 'time' ? [steps, times] : [times, steps];
    const [min, max] = this.zoom.map((value) => to[nearestIndex(from, value)]);
    return min < max ? [min, max] : undefined;
  }

  private viewOf({ plans, ...plan }: CommonPlan): ChartView {
    const { span, axis } = this.settings;
    const placesOf = ({ history }: ChartSource) => (axis === 'time' ? history.times : history.steps);
    const x = oneAxis(plans.map(({ source }) => placesOf(source)));
    const areTwo = this.sources.length > 1;
    const curves = plans.flatMap(({ source, plan: { curves: own } }) =>
      own.map(({ column, label }) => {
        const laid = (values: readonly number[]) => onAxis(x, placesOf(source), values);
        const { history, title } = source;
        return {
          label: !areTwo ? label : own.length === 1 ? title : `${title}: ${label}`,
          values: laid(history.column(column)),
          smoothed: plan.isMeasured && span > 1 ? laid(history.smoothed(column, span)) : undefined,
          isSecond: source !== this.sources[0],
        };
      }),
    );
    const notes = plans.flatMap(({ source: { title, history, isRunning }, plan: own }) => {
      if (own.kind !== 'loss') return [];
      const { column } = own.curves[0];
      const note = lossNote({
        values: history.column(column),
        brokenStep: history.brokenStep(column),
        chance: own.chance,
        isRunning,
      });
      return note === undefined ? [] : [areTwo ? `${title}: ${note}` : note];
    });
    const note = notes.length === 0 ? undefined : notes.join(' ');
    const isLogarithmic =
      plan.kind === 'loss' ? this.settings.isLogarithmic : plan.kind === 'rate' && spansDecades(curves);
    return {
      ...plan,
      ...(axis === 'time' ? TIME_AXIS : STEP_AXIS),
      x,
      xRange: this.zoom ?? wholeRange(x),
      curves,
      isZoomed: this.zoom !== undefined,
      isLogarithmic: isLogarithmic && isPositive(curves) && !(plan.chance !== undefined && plan.chance <= 0),
      note,
    };
  }
}

/** A chart of all runs that have it. */
interface CommonPlan extends ChartPlan {
  readonly plans: ReadonlyArray<{ readonly source: ChartSource; readonly plan: ChartPlan }>;
}

/** The charts of the first run, and after them those that only the second has. */
function plansOf(sources: readonly ChartSource[]): CommonPlan[] {
  const found = sources.flatMap((source) =>
    planCharts(source.history, source.chance).map((plan) => ({ source, plan })),
  );
  const ids = new Set(found.map(({ plan }) => plan.id));
  // What a run with one objective calls `loss/cross` has the objective's name in it where there are several.
  const idOf = ({ source, plan }: (typeof found)[number]) => {
    const whole = plan.id.replace('/', `/${source.objective}/`);
    return ids.has(whole) ? whole : plan.id;
  };
  return [...new Set(found.map(idOf))].map((id, i) => {
    const plans = found.filter((each) => idOf(each) === id);
    const chances = new Set(plans.map(({ plan }) => plan.chance));
    // Two runs may differ in what a loss is when nothing is learned: then no line is right for both.
    const chance = chances.size === 1 ? plans[0].plan.chance : undefined;
    return { ...plans[0].plan, id, isLarge: i === 0 && plans[0].plan.isLarge, chance, plans };
  });
}

const STEP_AXIS = {
  xTicks: (range: Range, count: number) => linearTicks(range, count, 1),
  xTickText: shortCountText,
  xText: (x: number) => `Step ${countText(x)}`,
};

const TIME_AXIS = { xTicks: timeTicks, xTickText: durationText, xText: durationText };

function wholeRange(x: readonly number[]): Range {
  const [min, max] = [x[0] ?? 0, x[x.length - 1] ?? 1];
  return min < max ? [min, max] : [min - 1, max + 1];
}

type Curves = ChartView['curves'];

function isPositive(curves: Curves): boolean {
  return curves.every(({ values }) => values.every((value) => value === undefined || !(value <= 0)));
}

/** Whether values lie so far apart that the small ones could not be seen beside the great ones. */
function spansDecades(curves: Curves): boolean {
  const [min, max] = axisRange(
    curves.map(({ values }) => values),
    { isLogarithmic: true },
  );
  return max > 10 * min;
}
