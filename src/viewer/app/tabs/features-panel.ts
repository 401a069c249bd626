import type { ModelName, PlacesInfo } from '../../protocol.ts';
import type { Store } from '../store.ts';
import type { ValueRange } from '../sweep/colouring.ts';
import { button, choice, section, select, showFacts } from '../widgets/controls.ts';
import { element } from '../widgets/dom.ts';
import type { LiveRun } from './live-run.ts';
import { modelSelect } from './model-select.ts';
import { comparedWith, modelName } from './models.ts';

/** What is shown of a frame's features. */
export interface FeaturesShown {
  readonly model: ModelName;
  /** How many places of the sweep have features. */
  readonly places: number;
  readonly info: PlacesInfo;
  /** What was clicked; undefined where features are colours. */
  readonly asked: 'place' | 'cell' | undefined;
  readonly likenessOfCells: ValueRange | undefined;
  /** The shares of the variance that are in the colours. */
  readonly explained: readonly number[] | undefined;
}

/** The controls of features. */
export interface FeaturesPanel {
  readonly root: HTMLElement;
  readonly describe: (shown: FeaturesShown | undefined) => void;
}

/** The panel of a run's features; `other` names a second run. */
export function featuresPanel(store: Store, run: LiveRun, other: string | undefined): FeaturesPanel {
  const explanation = element('p', {});
  const facts = element('dl', { class: 'facts' });
  const root = element(
    'div',
    { class: 'panel' },
    section(
      'Features',
      modelSelect(store, run).root,
      select(
        store,
        'compare',
        'Beside it',
        [
          ['nothing', 'Nothing'],
          ['untrained', 'Before training'],
          ...(other === undefined ? [] : [['run', other] as const]),
        ],
        () => comparedWith(store.state, other !== undefined),
      ),
      choice(store, 'show', 'Show', [
        ['colours', 'Colours'],
        ['similarity', 'Likeness'],
      ]),
      explanation,
      button('Clear what was clicked', () =>
        store.set({ place: undefined, cell: undefined, show: 'colours' }),
      ),
    ),
    section('This frame', facts),
    section(
      'How to read it',
      element(
        'p',
        {},
        'The encoders describe places of the sweep and cells of the picture by lists of numbers, their features. Colours show the three directions in which these differ most, the same ones for both. Between places, points take a mean of the nearest three; cells are shown as they are. Grey points are out of the encoders’ reach.',
      ),
    ),
  );
  return {
    root,
    describe: (shown) => {
      explanation.textContent = explanationOf(shown?.asked);
      showFacts(facts, factsOf(shown));
    },
  };
}

function explanationOf(asked: FeaturesShown['asked']): string {
  switch (asked) {
    case 'place':
      return 'Points are compared as places of two views are, cells of the picture as pictures are with points.';
    case 'cell':
      return 'Points are compared with the cell as points are with pictures, cells with each other.';
    case undefined:
      return 'Click a point or a place on the picture to see what the model finds like it.';
  }
}

function factsOf(shown: FeaturesShown | undefined): Array<readonly [name: string, value: string]> {
  if (shown === undefined) return [];
  const { model, places, info, likenessOfCells, explained } = shown;
  const facts: Array<readonly [string, string]> = [
    ['Model', modelName(model)],
    ['Places of the sweep', String(places)],
    ['Cells of the picture', `${info.cellColumns} × ${info.cellRows}`],
    ['Points take features from', `3 places within ${info.reachM} m`],
  ];
  if (likenessOfCells !== undefined) {
    const { low, high } = likenessOfCells;
    facts.push(['Likeness of cells', `${low.toFixed(2)} to ${high.toFixed(2)}`]);
  }
  if (explained !== undefined) {
    const told = explained.reduce((sum, share) => sum + share, 0);
    facts.push(['Variance in the colours', `${Math.round(100 * told)} %`]);
  }
  return facts;
}
