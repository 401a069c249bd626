import { describe, expect, it } from 'vitest';
import {
  categoriesOf,
  categoryColour,
  colourCategories,
  isCategorical,
} from '../../../../src/viewer/app/sweep/categories.ts';
import { noValue } from '../../../../src/viewer/app/sweep/colouring.ts';
import { columnsOf, wholeSweep } from './streamed-sweep.ts';

function columnOf(name: string, values: readonly number[]) {
  const sweep = wholeSweep(
    columnsOf(
      values.map((_, i) => [i, 0, 0] as const),
      { [name]: values },
    ),
  );
  return sweep.header.columns[3];
}

describe('kinds of points', () => {
  it('are the whole numbers of a column that is named for them', () => {
    for (const name of [
      'label',
      'class',
      'Classification',
      'instance',
      'ring',
      'ReturnNumber',
      'cluster_id',
      'id',
    ])
      expect(isCategorical(columnOf(name, [0, 3, 7])), name).toBe(true);
    for (const name of ['intensity', 'reflectance', 'time', 'elongation', 'width'])
      expect(isCategorical(columnOf(name, [0, 3, 7])), name).toBe(false);
    expect(isCategorical(columnOf('label', [0, 0.5, 1]))).toBe(false);
  });

  it('have colours of their own that do not change with what else there is', () => {
    const colours = Array.from({ length: 60 }, (_, value) => categoryColour(value).join());
    expect(new Set(colours).size).toBe(60);
    expect(categoryColour(-1)).toEqual(noValue);
    expect(categoryColour(Number.NaN)).toEqual(noValue);
    for (const channel of categoryColour(1234)) {
      expect(Number.isInteger(channel) && channel >= 0 && channel <= 255).toBe(true);
    }
    const into = new Uint8Array(12);
    colourCategories([2, Number.NaN, 5], 10, into);
    expect([...into]).toEqual([...categoryColour(12), 255, ...noValue, 255, ...categoryColour(15), 255]);
  });

  it('are counted, by their number', () => {
    expect(categoriesOf([3, 1, 3, Number.NaN, 3], 4)).toEqual([
      { value: 5, count: 1 },
      { value: 7, count: 3 },
    ]);
  });
});
