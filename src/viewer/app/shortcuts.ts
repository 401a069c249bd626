import type { Store } from './store.ts';
import type { Tab } from './view-state.ts';
import type { Shortcut } from './widgets/help.ts';

/** The parts of the page by name. */
export const tabNames: { readonly [Of in Tab]: string } = {
  scene: 'Scene',
  matches: 'Matches',
  features: 'Features',
  run: 'Run',
};

/** What keys do that is not a mere change of the state. */
export interface Actions {
  readonly play: () => void;
  readonly step: (by: number) => void;
  readonly fit: () => void;
  readonly toggleTheme: () => void;
  readonly help: () => void;
}

/** The keys of the page. */
export function shortcutsOf(
  store: Store,
  tabs: readonly Tab[],
  { play, step, fit, toggleTheme, help }: Actions,
): Shortcut[] {
  const set = (...patch: Parameters<Store['set']>) => store.set(...patch);
  const sizeBy = (by: number) => set({ size: Math.max(0.5, Math.min(8, store.state.size + by)) });
  const sweepsBy = (by: number) =>
    set({ neighbours: Math.max(0, Math.min(10, store.state.neighbours + by)) });
  const shortcut = (keys: readonly string[], what: string, run: () => void, name = keys[0]): Shortcut => ({
    keys,
    name,
    what,
    run,
  });
  return [
    shortcut([' '], 'play or pause', play, 'space'),
    shortcut([',', 'ArrowLeft'], 'frame before', () => step(-1)),
    shortcut(['.', 'ArrowRight'], 'next frame', () => step(1)),
    ...tabs.map((tab, k) => shortcut([String(k + 1)], tabNames[tab].toLowerCase(), () => set({ tab }))),
    shortcut(['p'], 'look freely', () => set({ view: 'perspective' })),
    shortcut(['b'], 'look from above', () => set({ view: 'birds-eye' })),
    shortcut(['c'], 'look through the camera', () => set({ view: 'camera' })),
    shortcut(['f'], 'fit the points on the screen', fit),
    shortcut(['m'], 'measure a distance', () => set({ tab: 'scene', measure: !store.state.measure })),
    shortcut(['l'], 'labels on or off', () => set({ labels: !store.state.labels })),
    shortcut(['k'], 'tracks on or off', () => set({ tracks: !store.state.tracks })),
    shortcut([']'], 'one more sweep of each side', () => sweepsBy(1)),
    shortcut(['['], 'one sweep fewer', () => sweepsBy(-1)),
    shortcut(['g'], 'ground grid on or off', () => set({ grid: !store.state.grid })),
    shortcut(['+', '='], 'larger points', () => sizeBy(0.5)),
    shortcut(['-'], 'smaller points', () => sizeBy(-0.5)),
    ...(tabs.includes('matches')
      ? [shortcut(['n'], 'matches: another view', () => set({ seed: store.state.seed + 1 }))]
      : []),
    shortcut(['t'], 'dark or light', toggleTheme),
    shortcut(
      ['Escape'],
      'select nothing, end measuring',
      () => set({ point: undefined, place: undefined, cell: undefined, measure: false }),
      'esc',
    ),
    shortcut(['?', 'h'], 'this list', help),
  ];
}
