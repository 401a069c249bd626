import 'uplot/dist/uPlot.min.css';
import './run.css';
import type { MetricsTail, RunInfo } from '../../protocol.ts';
import { eachFrame, element } from '../widgets/dom.ts';
import { CurveCharts } from './curve-charts.ts';
import { Poller, type PollResult } from './poller.ts';
import { RunHistory } from './run-history.ts';
import { RunSide } from './run-side.ts';
import { stateOf } from './run-state.ts';
import { RunToolbar } from './run-toolbar.ts';
import { spanFor } from './smoothing.ts';

/** Where a run's panel is, what it requests and what it reports. */
export interface RunPanelOptions {
  /** Gets the panel as its only child, of the same size. */
  readonly root: HTMLElement;
  readonly fetchTail: (offset: number) => Promise<MetricsTail>;
  readonly fetchRun: () => Promise<RunInfo>;
  /** Someone wants to see what was learned up to this checkpoint; undefined where that cannot be shown. */
  readonly onCheckpoint: ((step: number) => void) | undefined;
  readonly theme: () => 'dark' | 'light';
}

/** So many lines in an answer mean that more may wait already. */
const MANY_LINES = 200;

/** A run as it goes on: its curves, how far it is, its checkpoints and its configuration. */
export class RunPanel {
  private readonly options: RunPanelOptions;
  private readonly history = new RunHistory();
  private readonly toolbar: RunToolbar;
  private readonly charts: CurveCharts;
  private readonly side: RunSide;
  private readonly message = element('p', { class: 'run-message', role: 'status' }, 'Reading the run…');
  private readonly problem = element('p', { class: 'run-problem', role: 'alert', hidden: true });
  private readonly panel: HTMLElement;
  private readonly poller = new Poller({ poll: () => this.poll() });
  private readonly draw = eachFrame(() => this.drawNow());
  private readonly onVisibility = () => this.follow();
  private isShown = false;
  private isDisposed = false;
  private offset = 0;
  private chance: MetricsTail['chance'];
  private run: RunInfo | undefined;
  /** Whether the metrics were read to their end once. */
  private isCaughtUp = false;
  private sawSteps = false;
  private newestAt = performance.now();
  /** Whether the charts are drawn of other values, or in another way, than they should be. */
  private isStale = true;
  private wasRunning = true;

  constructor(options: RunPanelOptions) {
    this.options = options;
    this.toolbar = new RunToolbar({ onChange: () => this.changed(), onWhole: () => this.charts.resetZoom() });
    this.charts = new CurveCharts({ onZoom: (isZoomed) => this.toolbar.setZoomed(isZoomed) });
    this.side = new RunSide({ onCheckpoint: options.onCheckpoint });
    const curves = element('div', { class: 'run-curves' }, this.problem, this.message, this.charts.root);
    this.panel = element('div', { class: 'run-panel' }, this.toolbar.root, curves, this.side.root);
    this.panel.dataset.theme = options.theme();
    options.root.replaceChildren(this.panel);
    document.addEventListener('visibilitychange', this.onVisibility);
  }

  /** Begins to ask for what is new. */
  show(): void {
    this.isShown = true;
    this.follow();
  }

  /** Asks for nothing until it is shown again. */
  hide(): void {
    this.isShown = false;
    this.follow();
  }

  themeChanged(): void {
    this.panel.dataset.theme = this.options.theme();
    this.charts.recolour();
  }

  dispose(): void {
    this.isDisposed = true;
    this.poller.stop();
    document.removeEventListener('visibilitychange', this.onVisibility);
    this.charts.dispose();
    this.panel.remove();
  }

  private follow(): void {
    if (this.isDisposed || !this.isShown || document.hidden) {
      this.poller.stop();
      return;
    }
    // Nobody looked in between.
    this.newestAt = performance.now();
    this.poller.start();
    this.draw();
  }

  private async poll(): Promise<PollResult> {
    const [tail, run] = await Promise.allSettled([
      this.options.fetchTail(this.offset),
      this.options.fetchRun(),
    ]);
    if (this.isDisposed) return 'nothing';
    if (run.status === 'fulfilled') {
      this.run = run.value;
      this.side.show(run.value);
    }
    const result = tail.status === 'fulfilled' ? this.take(tail.value) : 'nothing';
    const failed = [tail, run].find((settled) => settled.status === 'rejected');
    this.tell(
      failed?.reason.message ?? (tail.status === 'fulfilled' ? tail.value.problem?.message : undefined),
    );
    this.draw();
    return result;
  }

  private take({ offset, restarted, chance, lines }: MetricsTail): PollResult {
    const isNew = lines.length > 0 || restarted;
    if (restarted) this.history.clear();
    this.history.append(lines);
    this.offset = offset;
    this.chance = chance;
    if (isNew) {
      this.isStale = true;
      this.newestAt = performance.now();
      this.sawSteps = this.isCaughtUp;
    }
    if (lines.length >= MANY_LINES) return 'more';
    this.isCaughtUp = true;
    return isNew ? 'came' : 'nothing';
  }

  private tell(problem: string | undefined): void {
    this.problem.hidden = problem === undefined;
    this.problem.textContent = problem ?? '';
  }

  private changed(): void {
    this.isStale = true;
    this.draw();
  }

  private drawNow(): void {
    if (this.isDisposed) return;
    const { history, chance, run } = this;
    const state = stateOf(history, {
      totalSteps: run?.totalSteps,
      sawSteps: this.sawSteps,
      quietSeconds: (performance.now() - this.newestAt) / 1000,
    });
    this.message.hidden = history.length > 0 || !this.problem.hidden;
    if (this.isCaughtUp) this.message.textContent = 'The curves begin with the first step.';
    if (!this.isCaughtUp && history.length === 0) return;
    this.toolbar.setState(state);
    this.toolbar.suggestSpan(spanFor(history.length));
    this.toolbar.setHasTimes(history.hasTimes);
    const isRunning = state.kind === 'running' || state.kind === 'still';
    if (!this.isStale && isRunning === this.wasRunning) return;
    this.isStale = false;
    this.wasRunning = isRunning;
    this.charts.draw({ history, chance, isRunning }, this.toolbar.settings);
  }
}
