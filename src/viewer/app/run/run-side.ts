import type { RunInfo } from '../../protocol.ts';
import { element } from '../widgets/dom.ts';
import { type ConfigRow, comparedRows, configRows, matchingRows } from './config-rows.ts';
import { countText } from './wording.ts';

/** Beside the charts: what the run is, its checkpoints and its configuration. */
export class RunSide {
  readonly root: HTMLElement;
  private readonly title = element('h2');
  private readonly about = element('p', { class: 'run-quiet' });
  private readonly problem = element('p', { class: 'run-problem', role: 'alert', hidden: true });
  private readonly checkpoints = element('div', { class: 'run-checkpoints' });
  private readonly search: HTMLInputElement;
  private readonly list = element('dl', { class: 'run-config' });
  private readonly none = element('p', { class: 'run-quiet' });
  private readonly heading = element('h3', {}, 'Configuration');
  private readonly onCheckpoint: ((step: number) => void) | undefined;
  private rows: readonly ConfigRow[] = [];
  /** What is shown; the same is not built anew. */
  private shown = '';

  constructor({ onCheckpoint }: { readonly onCheckpoint: ((step: number) => void) | undefined }) {
    this.onCheckpoint = onCheckpoint;
    this.search = element('input', {
      type: 'search',
      placeholder: 'Search the configuration',
      'aria-label': 'Search the configuration',
      input: () => this.showRows(),
    });
    this.root = element(
      'aside',
      { class: 'run-side' },
      element('section', {}, this.title, this.about),
      element('section', {}, element('h3', {}, 'Checkpoints'), this.checkpoints),
      element(
        'section',
        { class: 'run-grows' },
        this.heading,
        this.problem,
        this.search,
        this.none,
        this.list,
      ),
    );
  }

  /** Shows a run, and where there is a second one how that differs. */
  show(run: RunInfo, second?: RunInfo): void {
    const text = JSON.stringify([run, second]);
    if (text === this.shown) return;
    this.shown = text;
    this.title.textContent = run.name;
    this.title.title = run.name;
    const frames = run.imageSet === undefined ? '' : ` on the frames of “${run.imageSet}”`;
    const what = run.learns === 'detector' ? `Detector ${run.objective}` : run.objective;
    this.about.textContent = run.objective === 'unknown' ? '' : `${what}${frames}`;
    this.problem.hidden = run.problem === undefined;
    this.problem.textContent = run.problem?.message ?? '';
    this.showCheckpoints(run);
    const rows = rowsOf(run);
    this.rows = second === undefined ? rows : comparedRows(rows, rowsOf(second));
    this.heading.textContent =
      second === undefined ? 'Configuration' : `Configuration, and ${second.name}'s where it differs`;
    this.search.hidden = rows.length === 0;
    this.showRows();
  }

  private showCheckpoints({ checkpoints: steps }: RunInfo): void {
    const { onCheckpoint } = this;
    if (steps.length === 0) {
      this.checkpoints.replaceChildren(element('p', { class: 'run-quiet' }, 'None written yet'));
      return;
    }
    const buttons = [...steps].reverse().map((step, i) => {
      const words = [`Step ${countText(step)}`, i === 0 && element('small', {}, 'newest')] as const;
      if (onCheckpoint === undefined) return element('span', {}, ...words);
      const attributes = {
        type: 'button',
        title: 'Show what the encoders see with these weights',
        click: () => onCheckpoint(step),
      };
      return element('button', attributes, ...words);
    });
    this.checkpoints.replaceChildren(...buttons);
  }

  private showRows(): void {
    const rows = matchingRows(this.rows, this.search.value);
    const isNone = rows.length === 0 && this.rows.length > 0;
    this.none.hidden = !isNone;
    this.none.textContent = isNone ? 'Nothing of that name' : '';
    this.list.replaceChildren(
      ...rows.map(({ path, value, other }) =>
        element(
          'div',
          { class: other === undefined ? undefined : 'run-differs' },
          element('dt', {}, ...brokenAtDots(path)),
          element('dd', {}, value, other !== undefined && element('span', { class: 'run-other' }, other)),
        ),
      ),
    );
  }
}

function rowsOf({ config }: RunInfo): ConfigRow[] {
  return config === undefined || config === null ? [] : configRows(config);
}

/** A path that may go on in the next line after each dot. */
function brokenAtDots(path: string): Node[] {
  return path
    .split(/(?<=\.)/)
    .flatMap((part, i) => [...(i === 0 ? [] : [element('wbr')]), document.createTextNode(part)]);
}
