import type { Store } from '../store.ts';
import type { ViewState } from '../view-state.ts';
import { moveByArrows } from './arrows.ts';
import { element, icon } from './dom.ts';

/** The keys of the state whose values are of a type. */
type KeysOf<Type> = { [Key in keyof ViewState]: ViewState[Key] extends Type ? Key : never }[keyof ViewState];

/** What can be chosen, and how it is called. */
export type Choices = ReadonlyArray<readonly [value: string, label: string]>;

/** A group of controls under a heading. */
export function section(title: string, ...children: ReadonlyArray<Node | string | undefined>): HTMLElement {
  return element('section', { class: 'group' }, element('h2', {}, title), ...children);
}

/** A switch for a value that is on or off. */
export function toggle(store: Store, key: KeysOf<boolean>, label: string, hint?: string): HTMLElement {
  const input = element('input', {
    type: 'checkbox',
    name: key,
    change: () => store.set({ [key]: input.checked }),
  });
  const follow = () => {
    input.checked = store.state[key];
  };
  follow();
  store.on([key], follow);
  return element('label', { class: 'toggle', title: hint }, input, element('span', {}, label));
}

/** A slider with its value beside it. */
export function slider(
  store: Store,
  key: KeysOf<number | undefined>,
  label: string,
  options: {
    readonly min: number;
    readonly max: number;
    readonly step: number;
    readonly text?: (value: number) => string;
    /** What stands for no value. */
    readonly unset?: number;
  },
): HTMLElement {
  const { min, max, step, text = String, unset = min } = options;
  const value = element('output', {});
  const input = element('input', {
    type: 'range',
    name: key,
    min,
    max,
    step,
    input: () => {
      const chosen = Number(input.value);
      store.set({ [key]: options.unset !== undefined && chosen === unset ? undefined : chosen });
    },
  });
  const follow = () => {
    input.value = String(store.state[key] ?? unset);
    value.textContent = text(store.state[key] ?? unset);
  };
  follow();
  store.on([key], follow);
  return element('label', { class: 'slider' }, element('span', {}, label), input, value);
}

/** A few choices side by side, of which one is taken. */
export function choice(store: Store, key: KeysOf<string>, label: string, choices: Choices): HTMLElement {
  const buttons = choices.map(([value, name]) =>
    element(
      'button',
      { type: 'button', role: 'radio', 'data-value': value, click: () => store.set({ [key]: value }) },
      name,
    ),
  );
  const follow = () => {
    for (const button of buttons) {
      const isChosen = button.dataset.value === store.state[key];
      button.setAttribute('aria-checked', String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
    }
  };
  follow();
  store.on([key], follow);
  const group = element(
    'div',
    { class: 'choice', role: 'radiogroup', 'aria-label': label, 'data-name': key },
    ...buttons,
  );
  moveByArrows(group);
  return element('div', { class: 'row' }, element('span', { class: 'name' }, label), group);
}

/** A drop-down list whose entries may change. */
export class Select {
  readonly root: HTMLElement;
  private readonly input: HTMLSelectElement;
  private readonly current: () => string;
  private shown = '';

  constructor(options: {
    readonly name: string;
    readonly label: string;
    readonly current: () => string;
    readonly onChange: (value: string) => void;
  }) {
    this.current = options.current;
    this.input = element('select', {
      name: options.name,
      change: () => options.onChange(this.input.value),
    });
    this.root = element(
      'label',
      { class: 'row' },
      element('span', { class: 'name' }, options.label),
      this.input,
    );
  }

  /** Nothing happens where they are the ones that are there: a list that is open stays so. */
  setChoices(choices: Choices): void {
    const key = JSON.stringify(choices);
    if (key === this.shown) return;
    this.shown = key;
    this.input.replaceChildren(...choices.map(([value, label]) => element('option', { value }, label)));
    this.follow();
  }

  follow(): void {
    this.input.value = this.current();
  }
}

/** A drop-down list of fixed entries for a value of the state; the entry that is shown is that value, or what it comes to. */
export function select(
  store: Store,
  key: KeysOf<string>,
  label: string,
  choices: Choices,
  current: () => string = () => store.state[key],
): HTMLElement {
  const made = new Select({
    name: key,
    label,
    current,
    onChange: (value) => store.set({ [key]: value }),
  });
  made.setChoices(choices);
  store.on([key], () => made.follow());
  return made.root;
}

/** Names and values side by side, in place of what was there. */
export function showFacts(
  into: HTMLElement,
  facts: ReadonlyArray<readonly [name: string, value: string]>,
): void {
  into.replaceChildren(
    ...facts.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
  );
}

/** A button, with an icon or a word. */
export function button(
  label: string,
  onClick: () => void,
  options: { readonly icon?: string; readonly class?: string; readonly hint?: string } = {},
): HTMLButtonElement {
  const made = element(
    'button',
    {
      type: 'button',
      class: options.class ?? (options.icon === undefined ? 'plain' : 'bare'),
      title: options.hint ?? label,
      'aria-label': label,
      click: onClick,
    },
    options.icon === undefined ? label : icon(options.icon),
  );
  return made;
}

/** What a pane says instead of its content: that it is loading, that there is nothing, or what is wrong. */
export class PaneStatus {
  readonly root = element('div', { class: 'status', hidden: true, role: 'status' });
  private waiting: ReturnType<typeof setTimeout> | undefined;
  private awaited = '';

  loading(message: string): void {
    this.show('loading', message);
  }

  /** As `loading`, but what takes a moment only does not flicker; an error from before disappears. */
  later(message: string): void {
    this.awaited = message;
    if (this.root.dataset.kind === 'loading') this.loading(message);
    else if (this.waiting === undefined) {
      this.clear();
      this.waiting = setTimeout(() => this.loading(this.awaited), 300);
    }
  }

  empty(message: string): void {
    this.show('empty', message);
  }

  problem(message: string): void {
    this.show('problem', message);
  }

  clear(): void {
    this.stopWaiting();
    this.root.hidden = true;
    this.root.replaceChildren();
    this.root.dataset.kind = '';
  }

  private stopWaiting(): void {
    clearTimeout(this.waiting);
    this.waiting = undefined;
  }

  private show(kind: string, message: string): void {
    this.stopWaiting();
    this.root.hidden = false;
    if (this.root.dataset.kind === kind && this.root.firstChild !== null) {
      // A spinner that turns goes on turning.
      this.root.firstChild.textContent = message;
      return;
    }
    this.root.dataset.kind = kind;
    this.root.replaceChildren(element('p', {}, message));
  }
}
