import uPlot from 'uplot';
import type { Unit } from '../../../report/term-names.ts';
import { element, shown } from '../widgets/dom.ts';
import { axisRange, linearTicks, logarithmicTicks, type Range } from './axes.ts';
import { CHANCE_LINE_PX, drawChanceLine } from './chance-line.ts';
import type { ChartColours } from './chart-colours.ts';
import { decimated, nearestIndex, visibleIndices } from './decimation.ts';
import { type CurveValues, valueAt } from './one-axis.ts';
import { valueText } from './wording.ts';

/** Curves of a second run are dashed. */
function dashOf(isDashed: boolean): number[] | undefined {
  return isDashed ? [6, 4] : undefined;
}

/** What a chart shows at a moment. */
export interface ChartView {
  readonly title: string;
  readonly isLarge: boolean;
  readonly unit: Unit;
  /** Ascending, one for each step. */
  readonly x: readonly number[];
  readonly xRange: Range;
  readonly xTicks: (range: Range, count: number) => number[];
  readonly xTickText: (x: number) => string;
  /** The words for a place under the cursor, such as `Step 12`. */
  readonly xText: (x: number) => string;
  readonly curves: ReadonlyArray<{
    readonly label: string;
    readonly values: CurveValues;
    /** Drawn over the values, which are then faint. */
    readonly smoothed: CurveValues | undefined;
    /** Whether it is of a second run. */
    readonly isSecond: boolean;
  }>;
  /** The value when nothing is learned. */
  readonly chance: number | undefined;
  readonly isZoomed: boolean;
  readonly isLogarithmic: boolean;
  readonly note: string | undefined;
}

/** What a chart is given for its lifetime. */
export interface CurveChartOptions {
  readonly colours: () => ChartColours;
  /** The cursor's place on the x axis; undefined once it has left. */
  readonly onCursor: (x: number | undefined) => void;
  readonly onZoom: (range: Range) => void;
  readonly onReset: () => void;
}

const NOTHING = { left: 0, top: 0, width: 0, height: 0 };
/** A drag over fewer pixels is a click. */
const DRAG_PX = 5;
const X_AXIS_PX = 24;
const PADDING_PX = 8;

/** A chart with its title, the values at the cursor and its note. */
export class CurveChart {
  readonly root: HTMLElement;
  private readonly options: CurveChartOptions;
  private readonly title = element('h3');
  private readonly place = element('span', { class: 'run-place' });
  /** What was measured at the cursor, beside its smoothed value. */
  private readonly raw = element('small');
  private readonly value = element('span', { class: 'run-value' });
  private readonly legend = element('div', { class: 'run-legend' });
  private readonly note = element('p', { class: 'run-note', hidden: true });
  private readonly plot = element('div', { class: 'run-plot' });
  private readonly observer = new ResizeObserver(() => this.resized());
  private view: ChartView | undefined;
  private chart: uPlot | undefined;
  /** What the chart was built for; another needs another. */
  private form = '';
  private yRange: Range = [0, 1];
  private dots: HTMLElement[] = [];
  private readouts: HTMLElement[] = [];
  private cursor: number | undefined;

  constructor(options: CurveChartOptions) {
    this.options = options;
    const head = element('header', {}, this.title, this.place, this.value);
    this.root = element('figure', { class: 'run-chart' }, head, this.legend, this.note, this.plot);
    this.observer.observe(this.plot);
  }

  draw(view: ChartView): void {
    this.view = view;
    this.title.textContent = view.title;
    this.root.classList.toggle('is-large', view.isLarge);
    this.root.setAttribute('aria-label', view.title);
    this.note.hidden = view.note === undefined;
    this.note.textContent = view.note ?? '';
    this.redraw();
  }

  /** Shows the values at a place that the cursor has on this or another chart; undefined for the last ones. */
  showCursor(x: number | undefined): void {
    this.cursor = x;
    const { view, chart } = this;
    if (view === undefined || chart === undefined || view.curves.length !== this.readouts.length) return;
    const index = x === undefined ? view.x.length - 1 : nearestIndex(view.x, x);
    const [first] = view.curves;
    // The numbers of the last step, which are no means over the end of the run unless they say so.
    const told = first.smoothed === undefined ? 'last step' : 'last step, smoothed';
    const last = view.isLarge ? told : '';
    this.place.textContent = index < 0 ? '' : x === undefined ? last : view.xText(view.x[index]);
    const isSmoothed = x !== undefined && first.smoothed !== undefined;
    this.raw.textContent = isSmoothed ? `raw ${valueText(valueAt(first.values, index), view.unit)}` : '';
    const left = x === undefined ? -10 : chart.valToPos(x, 'x');
    if (chart.cursor.left !== left) chart.setCursor({ left, top: x === undefined ? -10 : 0 }, false);
    view.curves.forEach(({ values, smoothed }, i) => {
      const value = valueAt(smoothed ?? values, index);
      this.readouts[i].textContent = valueText(value, view.unit);
      const isShown = x !== undefined && Number.isFinite(value) && (!view.isLogarithmic || value > 0);
      this.dots[i].hidden = !isShown;
      if (!isShown) return;
      const [across, down] = [chart.valToPos(view.x[index], 'x'), chart.valToPos(value, 'y')];
      this.dots[i].style.transform = `translate(${across}px, ${down}px)`;
    });
  }

  /** Takes on the page's colours as they are now. */
  recolour(): void {
    this.form = '';
    this.redraw();
  }

  dispose(): void {
    this.observer.disconnect();
    this.chart?.destroy();
    this.root.remove();
  }

  private resized(): void {
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (width === 0 || height === 0) return;
    if (this.chart !== undefined && (this.chart.width !== width || this.chart.height !== height)) {
      this.chart.setSize({ width, height });
    }
    this.redraw();
  }

  private redraw(): void {
    const { view } = this;
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (view === undefined || width === 0 || height === 0) return;
    const form = [
      view.isLogarithmic,
      ...view.curves.map(({ label, smoothed }) => `${label}${smoothed === undefined}`),
    ];
    const data = this.sampled(view, width);
    if (form.join() !== this.form) {
      this.form = form.join();
      this.build(view, data);
    } else this.chart!.setData(data);
    this.showCursor(this.cursor);
  }

  /** As many points as can be told apart, and the range of what is seen of them. */
  private sampled(view: ChartView, width: number): uPlot.AlignedData {
    const [from, to] = visibleIndices(view.x, view.xRange);
    const values = view.curves.map((curve) => curve.values);
    const kept = decimated(view.x, values, { from, to, buckets: Math.ceil(width * devicePixelRatio) });
    // What is undefined is passed over by the line, and null interrupts it.
    const at = (column: CurveValues) =>
      kept.map((index) => {
        const value = column[index];
        return value === undefined || Number.isFinite(value) ? value : null;
      });
    const [raw, smooth] = [
      values.map(at),
      view.curves.flatMap((curve) => (curve.smoothed ? [at(curve.smoothed)] : [])),
    ];
    this.yRange = axisRange(raw, {
      level: view.isZoomed ? undefined : view.chance,
      levelAir:
        CHANCE_LINE_PX / Math.max(60, this.plot.clientHeight - X_AXIS_PX - PADDING_PX - CHANCE_LINE_PX),
      ceiling: view.unit === 'share' ? 1 : undefined,
      isLogarithmic: view.isLogarithmic,
    });
    return [kept.map((index) => view.x[index]), ...raw, ...smooth];
  }

  private build(view: ChartView, data: uPlot.AlignedData): void {
    this.chart?.destroy();
    const colours = this.options.colours();
    const { clientWidth: width, clientHeight: height } = this.plot;
    const curves = view.curves.map(({ smoothed, isSecond }, i) => ({
      stroke: smoothed === undefined ? colours.curves[i % 4] : colours.faint[i % 4],
      width: smoothed === undefined ? 1.5 : 1,
      dash: dashOf(isSecond && smoothed === undefined),
      points: { show: data[0].length < 2 },
    }));
    const smooth = view.curves.flatMap(({ smoothed, isSecond }, i) =>
      smoothed === undefined
        ? []
        : [
            {
              stroke: colours.curves[i % 4],
              width: 1.75,
              dash: dashOf(isSecond),
              points: { show: false },
            },
          ],
    );
    const axis = { stroke: colours.text, font: colours.font, ticks: { show: false }, gap: 6 };
    const grid = { stroke: colours.grid, width: 1 };
    this.chart = new uPlot(
      {
        width,
        height,
        padding: [PADDING_PX, 14, 0, 0],
        legend: { show: false },
        series: [{}, ...curves, ...smooth],
        scales: {
          x: { time: false, range: () => [...this.view!.xRange] },
          y: { distr: view.isLogarithmic ? 3 : 1, range: () => [...this.yRange] },
        },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: X_AXIS_PX,
            splits: (chart) => this.view!.xTicks(this.view!.xRange, chart.width / 75),
            values: (_, splits) => splits.map((x) => this.view!.xTickText(x)),
          },
          {
            ...axis,
            grid,
            size: 50,
            splits: (chart) =>
              (view.isLogarithmic ? logarithmicTicks : linearTicks)(this.yRange, chart.height / 40),
            filter: (_, splits) => splits,
            values: (_, splits) => splits.map((y) => this.tickText(y)),
          },
        ],
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: true, y: false, setScale: false },
          bind: {
            dblclick: () => () => {
              this.options.onReset();
              return null;
            },
          },
        },
        hooks: {
          setSelect: [(chart) => this.selected(chart)],
          draw: [
            (chart) => {
              const { chance } = this.view!;
              if (chance !== undefined) drawChanceLine(chart, chance, colours);
            },
          ],
        },
      },
      data,
      this.plot,
    );
    this.followPointer(this.chart);
    this.buildLegend(view, this.chart, colours);
  }

  private buildLegend({ curves }: ChartView, { over }: uPlot, colours: ChartColours): void {
    this.readouts = curves.map(() => element('output'));
    this.dots = curves.map((_, i) => {
      const dot = element('span', { class: 'run-dot', hidden: true });
      dot.style.background = colours.curves[i % 4];
      return dot;
    });
    over.append(...this.dots);
    const isOne = curves.length === 1;
    this.value.replaceChildren(...(isOne ? [this.readouts[0], this.raw] : []));
    this.legend.hidden = isOne;
    const keys = (isOne ? [] : curves).map(({ label, isSecond }, i) => {
      const swatch = element('i', { class: isSecond ? 'run-swatch is-dashed' : 'run-swatch' });
      swatch.style.color = colours.curves[i % 4];
      return element('span', { class: 'run-key' }, swatch, element('b', {}, label), this.readouts[i]);
    });
    this.legend.replaceChildren(...keys);
  }

  /** uPlot's own event also comes when a chart is drawn anew, wherever the pointer is. */
  private followPointer(chart: uPlot): void {
    chart.over.addEventListener('mousemove', ({ offsetX }) =>
      this.options.onCursor(chart.posToVal(offsetX, 'x')),
    );
    chart.over.addEventListener('mouseleave', () => this.options.onCursor(undefined));
  }

  private selected(chart: uPlot): void {
    const { left, width } = chart.select;
    if (width >= DRAG_PX) this.options.onZoom([chart.posToVal(left, 'x'), chart.posToVal(left + width, 'x')]);
    if (width > 0) chart.setSelect(NOTHING, false);
  }

  private tickText(y: number): string {
    return this.view!.unit === 'share' ? `${shown(100 * y, 4)} %` : shown(y, 4);
  }
}
