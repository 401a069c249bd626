import { describe, expect, it } from 'vitest';
import { onAxis, oneAxis, valueAt } from '../../../../src/viewer/app/run/one-axis.ts';

describe('curves of several runs on one axis', () => {
  const [first, second] = [
    [1, 2, 4],
    [2, 3, 6],
  ];

  it('have the places of all, in order and each once; a single one keeps its own', () => {
    expect(oneAxis([first, second])).toEqual([1, 2, 3, 4, 6]);
    expect(oneAxis([first])).toBe(first);
  });

  it('lie where their own places are, and leave those of others open', () => {
    const axis = oneAxis([first, second]);
    expect(onAxis(axis, second, [20, Number.NaN, 60])).toEqual([undefined, 20, Number.NaN, undefined, 60]);
    expect(onAxis(axis, first, [10, 20, 40])).toEqual([10, 20, undefined, 40, undefined]);
    const values = [1, 2, 3];
    expect(onAxis(first, first, values)).toBe(values);
    expect(onAxis(axis, [], [])).toEqual(axis.map(() => undefined));
  });

  it('are read where they last had a value', () => {
    const values = [undefined, 20, undefined, Number.NaN, undefined];
    expect([0, 1, 2, 4].map((index) => valueAt(values, index))).toEqual([Number.NaN, 20, 20, Number.NaN]);
  });
});
