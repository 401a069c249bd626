import { expect, it } from 'vitest';
import { lossNote } from '../../../../src/viewer/app/run/loss-note.ts';

function noteOf(
  values: readonly number[],
  options: { chance?: number; isRunning?: boolean; brokenStep?: number } = {},
) {
  const { chance, isRunning = false, brokenStep } = options;
  return lossNote({ values, brokenStep, chance, isRunning });
}

const still = Array<number>(100).fill(6.92);

it('says that a loss is where nothing is learned', () => {
  expect(noteOf(still, { chance: 6.93 })).toBe('Ends at 6.92, no better than chance.');
  expect(noteOf(still, { chance: 6.93, isRunning: true })).toBe('Stands at 6.92, no better than chance.');
});

it('says nothing of one that fell, that is not known, or that has hardly begun', () => {
  expect(noteOf(still, { chance: 8 })).toBeUndefined();
  expect(noteOf(still)).toBeUndefined();
  expect(noteOf(still.slice(60), { chance: 6.93, isRunning: true })).toBeUndefined();
  expect(noteOf(still.slice(60), { chance: 6.93 })).toBeDefined();
  expect(noteOf([], { chance: 6.93 })).toBeUndefined();
});

it('names the first step whose loss is no number', () => {
  const values = [1, Number.NaN, Number.NaN];
  expect(noteOf(values, { chance: 0.5, brokenStep: 2 })).toBe('Not a finite number at step 2.');
});

it('judges a loss by the steps that told it', () => {
  const untold = Array<number>(100).fill(Number.NaN);
  const seldom = still.flatMap((value) => [value, Number.NaN]);
  expect(noteOf(untold, { chance: 6.93 })).toBeUndefined();
  expect(noteOf([...untold, 6.92], { chance: 6.93, isRunning: true })).toBeUndefined();
  expect(noteOf([...untold, 3], { chance: 6.93 })).toBeUndefined();
  expect(noteOf(seldom, { chance: 6.93 })).toBe('Ends at 6.92, no better than chance.');
});
