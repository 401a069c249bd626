import { element } from '../widgets/dom.ts';
import { axisRange, linearTicks, type Range, timeTicks } from './axes.ts';
import { chartColours } from './chart-colours.ts';
import { type ChartPlan, planCharts } from './chart-plan.ts';
import { type ChartView, CurveChart } from './curve-chart.ts';
import { nearestIndex } from './decimation.ts';
import { lossNote } from './loss-note.ts';
import type { RunHistory } from './run-history.ts';
import { countText, durationText, shortCountText } from './wording.ts';

/** How the charts are to be looked at. */
export interface ChartSettings {
  readonly span: number;
  readonly axis: 'step' | 'time';
  readonly isLogarithmic: boolean;
}

/** What the charts are drawn from. */
export interface ChartSource {
  readonly history: RunHistory;
  readonly chance: { readonly [loss: string]: number } | undefined;
  readonly isRunning: boolean;
}

/** All charts of a run, over one x axis and with one cursor. */
export class CurveCharts {
  readonly root = element('div', { class: 'run-charts' });
  private readonly charts = new Map<string, CurveChart>();
  private readonly onZoom: (isZoomed: boolean) => void;
  private source: ChartSource | undefined;
  private settings: ChartSettings = { span: 1, axis: 'step', isLogarithmic: false };
  /** Undefined shows everything. */
  private zoom: Range | undefined;

  constructor({ onZoom }: { readonly onZoom: (isZoomed: boolean) => void }) {
    this.onZoom = onZoom;
  }

  draw(source: ChartSource, settings: ChartSettings): void {
    if (settings.axis !== this.settings.axis) this.zoom = this.zoomOn(settings.axis);
    this.source = source;
    this.settings = settings;
    const plans = planCharts(source.history, source.chance);
    for (const [id, chart] of this.charts) {
      if (plans.some((plan) => plan.id === id)) continue;
      chart.dispose();
      this.charts.delete(id);
    }
    for (const plan of plans) this.chartOf(plan.id).draw(this.viewOf(plan, source));
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
    if (this.source !== undefined) this.draw(this.source, this.settings);
  }

  /** The same steps on the other axis. */
  private zoomOn(axis: ChartSettings['axis']): Range | undefined {
    if (this.zoom === undefined || this.source === undefined) return undefined;
    const { steps, times } = this.source.history;
    const [from, to] = axis === 'time' ? [steps, times] : [times, steps];
    const [min, max] = this.zoom.map((value) => to[nearestIndex(from, value)]);
    return min < max ? [min, max] : undefined;
  }

  private viewOf(plan: ChartPlan, { history, isRunning }: ChartSource): ChartView {
    const { span, axis } = this.settings;
    const x = axis === 'time' ? history.times : history.steps;
    const curves = plan.curves.map(({ column, label }) => ({
      label,
      values: history.column(column),
      smoothed: plan.isMeasured && span > 1 ? history.smoothed(column, span) : undefined,
    }));
    const [first] = plan.curves;
    const note =
      plan.kind === 'loss'
        ? lossNote({
            values: history.column(first.column),
            brokenStep: history.brokenStep(first.column),
            chance: plan.chance,
            isRunning,
          })
        : undefined;
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
  return curves.every(({ values }) => values.every((value) => !(value <= 0)));
}

/** Whether values lie so far apart that the small ones could not be seen beside the great ones. */
function spansDecades(curves: Curves): boolean {
  const [min, max] = axisRange(
    curves.map(({ values }) => values),
    { isLogarithmic: true },
  );
  return max > 10 * min;
}
