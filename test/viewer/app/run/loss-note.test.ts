import { expect, it } from 'vitest';
import { lossNote } from '../../../../src/viewer/app/run/loss-note.ts';

function noteOf(values: readonly number[], options: { chance?: number; isRunning?: boolean } = {}) {
  const steps = values.map((_, i) => i + 1);
  return lossNote({ steps, values, chance: options.chance, isRunning: options.isRunning ?? false });
}

const still = Array<number>(100).fill(6.92);

it('says that a loss is where nothing is learned', () => {
  expect(noteOf(still, { chance: 6.93 })).toBe('Ends at 6.92, no better than nothing learned.');
  expect(noteOf(still, { chance: 6.93, isRunning: true })).toBe(
    'Stands at 6.92, no better than nothing learned.',
  );
});

it('says nothing of one that fell, that is not known, or that has hardly begun', () => {
  expect(noteOf(still, { chance: 8 })).toBeUndefined();
  expect(noteOf(still)).toBeUndefined();
  expect(noteOf(still.slice(60), { chance: 6.93, isRunning: true })).toBeUndefined();
  expect(noteOf(still.slice(60), { chance: 6.93 })).toBeDefined();
  expect(noteOf([], { chance: 6.93 })).toBeUndefined();
});

it('names the first step whose loss is no number', () => {
  expect(noteOf([1, Number.NaN, Number.NaN], { chance: 0.5 })).toBe('Not a finite number at step 2.');
});
