import { describe, expect, it } from 'vitest';
import { labelFractions } from '../../../src/evaluation/probes/label-fractions.ts';

/** 500 rows of class 0, 100 of class 2, 3 of class 3, none of class 1; mixed. */
const labels = Int32Array.from({ length: 603 }, (_, i) => (i % 201 === 7 ? 3 : i % 6 === 1 ? 2 : 0));
const counts = (indices: ArrayLike<number>) =>
  Array.from(indices).reduce((sums, i) => sums.with(labels[i], sums[labels[i]] + 1), [0, 0, 0, 0]);

describe('labelFractions', () => {
  const choose = (seed: number, fractions?: readonly number[]) =>
    labelFractions(labels, { classes: 4, seed, fractions });

  it('takes its share of every class, at least one of each that there is', () => {
    const all = counts(Array.from(labels.keys()));
    const [one, ten, whole] = choose(0);
    expect([one, ten, whole].map(({ fraction }) => fraction)).toEqual([0.01, 0.1, 1]);
    expect(counts(whole.indices)).toEqual(all);
    expect(counts(ten.indices)).toEqual(all.map((n) => (n === 0 ? 0 : Math.max(1, Math.round(n / 10)))));
    expect(counts(one.indices)).toEqual(all.map((n) => (n === 0 ? 0 : Math.max(1, Math.round(n / 100)))));
    expect(all[1]).toBe(0);
    expect(counts(one.indices)[3]).toBe(1);
  });

  it('lists each row once, in order', () => {
    for (const { indices } of choose(1)) {
      expect([...indices]).toEqual([...new Set(indices)].sort((a, b) => a - b));
    }
  });

  it('nests the smaller in the larger, in other calls too', () => {
    const [one, ten] = choose(2).map(({ indices }) => new Set(indices));
    expect([...one].every((i) => ten.has(i))).toBe(true);
    const [five] = choose(2, [0.05]).map(({ indices }) => new Set(indices));
    expect([...one].every((i) => five.has(i))).toBe(true);
    expect([...five].every((i) => ten.has(i))).toBe(true);
  });

  it('depends on the seed alone', () => {
    expect(choose(3)).toEqual(choose(3));
    expect(choose(3)[1].indices).not.toEqual(choose(4)[1].indices);
  });

  it('refuses shares and labels that are none', () => {
    for (const fraction of [0, -0.1, 1.1, Number.NaN]) {
      expect(() => choose(0, [fraction])).toThrow('above 0 and at most 1');
    }
    expect(() => labelFractions(labels, { classes: 3, seed: 0 })).toThrow('label 3 is not one of 3 classes');
  });
});
