import { button } from './controls.ts';
import { byId, element } from './dom.ts';

/** What a key does. */
export interface Shortcut {
  readonly keys: readonly string[];
  /** How the keys are called. */
  readonly name: string;
  readonly what: string;
  readonly run: () => void;
}

const pointer: ReadonlyArray<readonly [string, string]> = [
  ['drag', 'turn; while flying: look around'],
  ['right drag', 'move sideways'],
  ['wheel', 'nearer and farther, towards the pointer'],
  ['double click', 'turn about this point'],
  ['click', 'select the point, here or on the picture'],
  ['w a s d q e', 'fly, with shift faster'],
];

/** Runs shortcuts, unless one is writing in a field or another key is held. */
export function listenForKeys(shortcuts: readonly Shortcut[]): void {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    const writes =
      target instanceof HTMLInputElement && target.type !== 'checkbox'
        ? target.type !== 'range' || event.key.startsWith('Arrow')
        : target instanceof HTMLSelectElement;
    if (writes) return;
    // The space bar presses the button that has the focus.
    if (event.key === ' ' && (target instanceof HTMLButtonElement || target instanceof HTMLInputElement))
      return;
    const found = shortcuts.find(({ keys }) => keys.includes(event.key));
    if (found === undefined || byId<HTMLDialogElement>('help').open) return;
    event.preventDefault();
    found.run();
  });
}

/** Opens the list of keys. */
export function showHelp(shortcuts: readonly Shortcut[]): void {
  const dialog = byId<HTMLDialogElement>('help');
  const rows = [...shortcuts.map(({ name, what }) => [name, what] as const), ...pointer];
  dialog.replaceChildren(
    element('h2', {}, 'Keys and pointer'),
    element(
      'dl',
      { class: 'keys' },
      ...rows.flatMap(([name, what]) => [
        element('dt', {}, element('kbd', {}, name)),
        element('dd', {}, what),
      ]),
    ),
    button('Close', () => dialog.close()),
  );
  dialog.showModal();
}
