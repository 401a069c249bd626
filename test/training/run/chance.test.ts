import { expect, it } from 'vitest';
import { endOf, endsAtChance, marginOf } from '../../../src/training/run/chance.ts';

it.each<[string, number[], number, boolean]>([
  ['on the value', Array(50).fill(6.93), 6.93, true],
  ['above it', Array(50).fill(8), 6.93, true],
  ['hardly below it', Array(50).fill(6.85), 6.93, true],
  ['clearly below it', Array(50).fill(6.5), 6.93, false],
  ['at the end only', [...Array(40).fill(5), ...Array(10).fill(6.93)], 6.93, true],
  ['at the start only', [...Array(40).fill(6.93), ...Array(10).fill(5)], 6.93, false],
  ['a negative value', Array(5).fill(-1), -1, true],
  ['below a negative value', Array(5).fill(-1.5), -1, false],
  ['zero', [1, 0, 0, 0], 0, true],
  ['below zero', [-0.1, -0.5], 0, false],
  ['nothing at all', [], 1, false],
])('a loss ends at chance: %s', (_, values, chance, expected) => {
  expect(endsAtChance(values, chance)).toBe(expected);
});

it('the margin is a fiftieth of the value, or of the beginning where the value is 0', () => {
  expect(marginOf([9, 8], -5)).toBeCloseTo(0.1, 12);
  expect(marginOf([9, 8], 0)).toBeCloseTo(0.18, 12);
  const edge = 10 - marginOf([20], 10);
  expect([endsAtChance([edge], 10), endsAtChance([edge - 1e-9], 10)]).toEqual([true, false]);
});

it('a loss ends at the mean of the last tenth, at least of its last value', () => {
  expect(endOf([...Array(18).fill(9), 2, 4])).toBe(3);
  expect(endOf([9, 2])).toBe(2);
});
