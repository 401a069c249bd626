import { describe, expect, it } from 'vitest';
import { Store } from '../../../src/viewer/app/store.ts';
import { defaultState } from '../../../src/viewer/app/view-state.ts';

describe('Store', () => {
  it('tells those who want to know of a change, once, with what was before', () => {
    const store = new Store(defaultState);
    const heard: string[] = [];
    store.on(['frame', 'grid'], (state, before) =>
      heard.push(`frame or grid ${before.frame}>${state.frame}`),
    );
    store.on(['tab'], (state) => heard.push(`tab ${state.tab}`));
    store.onAny((state) => heard.push(`any ${state.frame}`));
    store.set({ frame: '7', grid: false });
    expect(heard.splice(0)).toEqual(['frame or grid >7', 'any 7']);
    store.set({ tab: 'run' });
    expect(heard.splice(0)).toEqual(['tab run', 'any 7']);
    store.set({ frame: '7', tab: 'run' });
    store.set({});
    expect(heard).toEqual([]);
    expect(store.state).toEqual({ ...defaultState, frame: '7', grid: false, tab: 'run' });
    expect(defaultState.frame).toBe('');
  });

  it('takes NaN and undefined for what they are', () => {
    const store = new Store({ ...defaultState, low: Number.NaN, point: 3 });
    let heard = 0;
    store.onAny(() => heard++);
    store.set({ low: Number.NaN, high: undefined });
    expect(heard).toBe(0);
    store.set({ point: undefined });
    expect([heard, store.state.point]).toEqual([1, undefined]);
  });

  it('may be changed by those who listen', () => {
    const store = new Store(defaultState);
    const seen: Array<number | undefined> = [];
    store.on(['frame'], () => store.set({ point: undefined }));
    store.on(['frame', 'point'], ({ point }) => seen.push(point));
    store.set({ frame: '1', point: 5 });
    expect(store.state).toMatchObject({ frame: '1', point: undefined });
    expect(seen.at(-1)).toBeUndefined();
  });
});
