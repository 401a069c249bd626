import type { Context } from '../context.ts';
import { button, choice, section, showFacts, slider, toggle } from '../widgets/controls.ts';
import { element, shown } from '../widgets/dom.ts';
import { metres } from '../widgets/point-card.ts';
import { foundShare, histogram, type Pairs } from './match-lines.ts';
import { modelSelect } from './model-select.ts';
import { modelName } from './models.ts';

/** The controls of the matches. */
export interface MatchesPanel {
  readonly root: HTMLElement;
  readonly setPairs: (pairs: Pairs) => void;
  readonly setVisible: (seen: Int32Array) => void;
  /** The match that the pointer means, by its place in the first view. */
  readonly setHovered: (place: number | undefined) => void;
  readonly problem: (message: string) => void;
}

const bins = 32;
/** The right end of the histogram and of the sliders, metres; beyond it lies the last bin. */
const farM = 4;

export function matchesPanel({ store, run: live }: Context): MatchesPanel {
  // A detector or classifier has no heads that matches are compared by.
  const run = live?.info.learns === 'encoders' ? live : undefined;
  const facts = element('dl', { class: 'facts' });
  const view = element('p', {});
  const bars = element('div', { class: 'histogram', 'aria-hidden': 'true' });
  const count = element('p', { class: 'count' });
  const hovered = element('dl', { class: 'facts' });
  const model = run && modelSelect(store, run);
  let pairs: Pairs | undefined;

  const root = element(
    'div',
    { class: 'panel' },
    section(
      'Two views of one sweep',
      element(
        'p',
        {},
        'The second view is turned, scaled and perhaps mirrored. Every place is matched with one of the other view, so that the sum of distances is least.',
      ),
      view,
      button('Another view', () => store.set({ seed: store.state.seed + 1 }), {
        hint: 'Draw another view (n)',
      }),
      choice(store, 'layout', 'Layout', [
        ['beside', 'Side by side'],
        ['over', 'Overlaid'],
      ]),
    ),
    section(
      'Matches',
      ...(live === run
        ? []
        : [
            element(
              'p',
              {},
              'This run trained a detector, which compares no views: they are drawn as for pretraining, without a model.',
            ),
          ]),
      ...(model === undefined ? [] : [model.root]),
      ...(run === undefined
        ? []
        : [
            choice(store, 'matchColour', 'Colour', [
              ['distance', 'Distance'],
              ['similarity', 'Likeness'],
            ]),
          ]),
      choice(store, 'wrong', 'Show', [
        ['all', 'All'],
        ['right', 'Right'],
        ['wrong', 'Wrong'],
      ]),
      bars,
      slider(store, 'shortest', 'Shortest', {
        min: 0,
        max: farM,
        step: 0.05,
        text: (v) => `${v.toFixed(2)} m`,
      }),
      slider(store, 'longest', 'Longest', {
        min: 0,
        max: farM,
        step: 0.05,
        unset: farM,
        text: (v) => (v >= farM ? 'any' : `${v.toFixed(2)} m`),
      }),
      toggle(store, 'pixelLines', 'Lines to all pixels'),
      count,
    ),
    section('This frame', facts),
    section(
      'Under the pointer',
      hovered,
      element('p', { class: 'hint' }, 'Point at a place or at a mark on the picture.'),
    ),
  );

  return {
    root,
    setPairs: (made) => {
      pairs = made;
      const { info, distanceM, inside } = made;
      view.textContent = `Second view: ${info.view.join(', ')}. Drawn by ${info.drawnBy}, seed ${info.seed}.`;
      const sorted = distanceM.slice().sort();
      const right = distanceM.filter((distance) => distance <= info.gateM).length;
      const intra = foundShare(made.intraRank);
      const cross = foundShare(made.crossRank);
      const share = ({ share, count }: { share: number; count: number }) =>
        `${(100 * share).toFixed(0)} % of ${count}`;
      showFacts(facts, [
        ['Matches', String(distanceM.length)],
        [`Within ${shown(info.gateM)} m`, String(right)],
        ['Median distance', metres(sorted[Math.floor(sorted.length / 2)])],
        ['Seen on the picture', String(inside.filter((each) => each === 1).length)],
        ...(info.model === undefined ? [] : [['Model', modelName(info.model)] as const]),
        ...(intra === undefined ? [] : [['Found in the other view', share(intra)] as const]),
        ...(cross === undefined ? [] : [['Found from the picture', share(cross)] as const]),
      ]);
      model?.follow();
      const counts = histogram(distanceM, farM, bins);
      const most = Math.max(...counts);
      bars.replaceChildren(
        ...counts.map((each, k) => {
          const bar = element('i', {});
          bar.style.height = `${(100 * each) / most}%`;
          const end = ((k + 1) * farM) / bins;
          bar.style.background = end <= info.gateM ? 'var(--good)' : 'var(--bad)';
          return bar;
        }),
      );
    },
    setVisible: (seen) => {
      count.textContent = `${seen.length} of ${pairs?.distanceM.length ?? 0} matches are shown.`;
    },
    setHovered: (place) => {
      root.querySelector<HTMLElement>('.hint')!.hidden = place !== undefined;
      if (place === undefined || pairs === undefined) {
        showFacts(hovered, []);
        return;
      }
      const { distanceM, intraSimilarity, crossSimilarity, intraRank, crossRank } = pairs;
      const ranked = (rank: number) => (rank < 0 ? 'left out' : `${rank + 1} of ${distanceM.length}`);
      showFacts(hovered, [
        ['Distance', metres(distanceM[place])],
        ...(intraSimilarity === undefined
          ? []
          : ([
              ['Likeness of the views', intraSimilarity[place].toFixed(2)],
              ['Of the other view, ranked', ranked(intraRank![place])],
              ['Likeness to the pixel', crossSimilarity![place].toFixed(2)],
              ['From the pixel, ranked', ranked(crossRank![place])],
            ] as const)),
      ]);
    },
    problem: (message) => {
      pairs = undefined;
      showFacts(facts, []);
      showFacts(hovered, []);
      bars.replaceChildren();
      count.textContent = message;
    },
  };
}
