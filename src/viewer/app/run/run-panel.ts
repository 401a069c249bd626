import 'uplot/dist/uPlot.min.css';
import './run.css';
import type { RunApi } from '../api.ts';
import { eachFrame, element } from '../widgets/dom.ts';
import { CurveCharts } from './curve-charts.ts';
import { Poller, type PollResult } from './poller.ts';
import { RunFeed } from './run-feed.ts';
import { RunSide } from './run-side.ts';
import { RunToolbar } from './run-toolbar.ts';
import { spanFor } from './smoothing.ts';

/** Where a run's panel is, what it requests and what it reports. */
export interface RunPanelOptions {
  /** Gets the panel as its only child, of the same size. */
  readonly root: HTMLElement;
  /** The run, and the one that is shown beside it where there is one. */
  readonly runs: ReadonlyArray<{ readonly title: string; readonly api: Pick<RunApi, 'metrics' | 'run'> }>;
  /** Someone wants to see what was learned up to this checkpoint; undefined where that cannot be shown. */
  readonly onCheckpoint: ((step: number) => void) | undefined;
  readonly theme: () => 'dark' | 'light';
}

/** A run as it goes on: its curves, how far it is, its checkpoints and its configuration; and a second one over it. */
export class RunPanel {
  private readonly options: RunPanelOptions;
  private readonly feeds: ReadonlyArray<{ readonly title: string; readonly feed: RunFeed }>;
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
  /** Whether the charts are drawn of other values, or in another way, than they should be. */
  private isStale = true;
  private drawnAs = '';

  constructor(options: RunPanelOptions) {
    this.options = options;
    this.feeds = options.runs.map(({ title, api }) => ({ title, feed: new RunFeed(api) }));
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
    for (const { feed } of this.feeds) feed.lookAgain();
    this.poller.start();
    this.draw();
  }

  private async poll(): Promise<PollResult> {
    const results = await Promise.all(this.feeds.map(({ feed }) => feed.poll()));
    if (this.isDisposed) return 'nothing';
    const [first, second] = this.feeds.map(({ feed }) => feed.info);
    if (first !== undefined) this.side.show(first, second);
    if (results.some((result) => result !== 'nothing')) this.isStale = true;
    const problems = this.feeds.flatMap(({ title, feed: { problem } }) =>
      problem === undefined ? [] : [this.feeds.length === 1 ? problem : `${title}: ${problem}`],
    );
    this.tell(problems.length === 0 ? undefined : problems.join('\n'));
    this.draw();
    return (['more', 'came'] as const).find((each) => results.includes(each)) ?? 'nothing';
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
    const runs = this.feeds.map(({ title, feed }) => ({ title, feed, state: feed.state }));
    const steps = Math.max(...runs.map(({ feed }) => feed.history.length));
    const isCaughtUp = runs.every(({ feed }) => feed.isCaughtUp);
    this.message.hidden = steps > 0 || !this.problem.hidden;
    if (isCaughtUp) this.message.textContent = 'The curves begin with the first step.';
    if (!isCaughtUp && steps === 0) return;
    this.toolbar.setStates(runs);
    this.toolbar.suggestSpan(spanFor(steps));
    const timed = runs.filter(({ feed: { history } }) => history.length > 0);
    this.toolbar.setHasTimes(timed.length > 0 && timed.every(({ feed: { history } }) => history.hasTimes));
    const sources = runs.map(({ title, feed: { history, chance, info }, state: { kind } }) => ({
      title,
      objective: info?.objective,
      history,
      chance,
      isRunning: kind === 'running' || kind === 'still',
    }));
    const drawnAs = sources.map(({ isRunning }) => isRunning).join();
    if (!this.isStale && drawnAs === this.drawnAs) return;
    this.isStale = false;
    this.drawnAs = drawnAs;
    this.charts.draw(sources, this.toolbar.settings);
  }
}
