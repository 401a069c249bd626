import { element } from '../widgets/dom.ts';
import type { ChartSettings } from './curve-charts.ts';
import type { RunState } from './run-state.ts';
import { SPANS } from './smoothing.ts';
import { countText, sentence } from './wording.ts';

/** The line above the charts: how the run stands, and how the charts are looked at. */
export class RunToolbar {
  readonly root: HTMLElement;
  private readonly states = element('div', { class: 'run-states', role: 'status' });
  private readonly progress = element(
    'div',
    { class: 'run-progress' },
    element('div', { class: 'run-done' }),
  );
  private readonly slider: HTMLInputElement;
  private readonly span = element('output');
  private readonly axes: readonly HTMLButtonElement[];
  private readonly logarithmic: HTMLInputElement;
  private readonly whole: HTMLButtonElement;
  private readonly onChange: () => void;
  private axis: ChartSettings['axis'] = 'step';
  private isSpanChosen = false;

  constructor(options: { readonly onChange: () => void; readonly onWhole: () => void }) {
    this.onChange = options.onChange;
    this.slider = element('input', {
      type: 'range',
      min: 0,
      max: SPANS.length - 1,
      step: 1,
      value: 0,
      'aria-label': 'Smoothing',
      input: () => {
        this.isSpanChosen = true;
        this.changed();
      },
    });
    this.axes = (['step', 'time'] as const).map((axis) =>
      element(
        'button',
        { type: 'button', 'data-axis': axis, click: () => this.choose(axis) },
        sentence(axis),
      ),
    );
    this.logarithmic = element('input', { type: 'checkbox', change: () => this.changed() });
    this.whole = element(
      'button',
      {
        type: 'button',
        class: 'run-whole',
        hidden: true,
        title: 'Or double-click a chart',
        click: options.onWhole,
      },
      'Show the whole run',
    );
    this.root = element(
      'div',
      { class: 'run-bar' },
      this.states,
      this.whole,
      element('label', { class: 'run-smoothing' }, 'Smoothing', this.slider, this.span),
      element('label', {}, this.logarithmic, 'Logarithmic loss'),
      element(
        'div',
        { class: 'run-axes', role: 'group', 'aria-label': 'What runs from left to right' },
        ...this.axes,
      ),
      this.progress,
    );
    this.follow();
  }

  get settings(): ChartSettings {
    return {
      span: SPANS[Number(this.slider.value)],
      axis: this.axis,
      isLogarithmic: this.logarithmic.checked,
    };
  }

  /** Smooths over so many steps, unless someone chose otherwise. */
  suggestSpan(span: number): void {
    if (this.isSpanChosen) return;
    this.slider.value = String(SPANS.indexOf(span));
    this.follow();
  }

  /** Whether the steps can be shown over time. */
  setHasTimes(hasTimes: boolean): void {
    this.axes[1].disabled = !hasTimes;
    this.axes[1].title = hasTimes ? '' : 'The metrics do not tell the time of each step';
    if (!hasTimes && this.axis === 'time') this.choose('step');
  }

  setZoomed(isZoomed: boolean): void {
    this.whole.hidden = !isZoomed;
  }

  /** How the run stands, and the second one where there is one, each with its name. */
  setStates([first, ...others]: ReadonlyArray<{ readonly title: string; readonly state: RunState }>): void {
    const { kind, share } = first.state;
    const words = ({ title, state }: typeof first) =>
      others.length === 0 ? state.parts : [title, ...state.parts];
    this.states.replaceChildren(
      ...[first, ...others].map((each) =>
        element(
          'div',
          { class: 'run-state', 'data-kind': each.state.kind },
          element('i', { class: 'run-lamp' }),
          ...words(each).map((part) => element('span', {}, part)),
        ),
      ),
    );
    this.progress.hidden = share === undefined || kind === 'finished';
    (this.progress.firstElementChild as HTMLElement).style.width = `${100 * (share ?? 0)}%`;
  }

  private choose(axis: ChartSettings['axis']): void {
    this.axis = axis;
    this.changed();
  }

  private changed(): void {
    this.follow();
    this.onChange();
  }

  private follow(): void {
    const { span } = this.settings;
    this.span.textContent = span === 1 ? 'off' : `${countText(span)} steps`;
    for (const button of this.axes)
      button.setAttribute('aria-pressed', String(button.dataset.axis === this.axis));
  }
}
