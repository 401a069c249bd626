import type { ViewState } from './view-state.ts';

type Keys = ReadonlyArray<keyof ViewState>;
type Listener = (state: ViewState, before: ViewState) => void;

/** The state of the page, and who wants to know when parts of it change. */
export class Store {
  private current: ViewState;
  private readonly listeners: Array<{ readonly keys: Keys | undefined; readonly listener: Listener }> = [];

  constructor(state: ViewState) {
    this.current = state;
  }

  get state(): ViewState {
    return this.current;
  }

  /** Changes some values; listeners hear of it at once, and only if something is different. */
  set(patch: Partial<ViewState>): void {
    const before = this.current;
    const keys = Object.keys(patch) as Array<keyof ViewState>;
    const changed = keys.filter((key) => !Object.is(before[key], patch[key]));
    if (changed.length === 0) return;
    this.current = { ...before, ...patch };
    for (const { keys: wanted, listener } of this.listeners) {
      if (wanted === undefined || wanted.some((key) => changed.includes(key))) listener(this.current, before);
    }
  }

  /** Calls the listener when one of these values changes. */
  on(keys: Keys, listener: Listener): void {
    this.listeners.push({ keys, listener });
  }

  /** Calls the listener when anything changes. */
  onAny(listener: Listener): void {
    this.listeners.push({ keys: undefined, listener });
  }
}
