import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/engine/random.ts';
import { bankAfter, initBank } from '../../../src/objectives/parts/memory-bank.ts';
import { expectNear, valuesOf } from '../../nn/tensors.ts';
import { golden, randomRows, rowsOf, unit } from '../tiny-image-run.ts';

type Rows = ReadonlyArray<readonly number[]>;

describe('the memory bank', () => {
  const ones = (bank: Rows) => rowsOf(bank.map(unit));
  const index = (numbers: number[]) => tf.tensor1d(numbers, 'int32');

  it('begins uniform in ±√(3/D), not with rows of length one', () => {
    const { data, shape } = initBank(Random.fromSeed(3), { rows: 400, width: 12 });
    expect(shape).toEqual([400, 12]);
    expect(Math.max(...data)).toBeGreaterThan(0.49);
    expect(Math.max(...data)).toBeLessThanOrEqual(0.5);
    expect(Math.min(...data)).toBeGreaterThanOrEqual(-0.5);
    expect(Array.from(data).reduce((sum, value) => sum + value ** 2, 0) / data.length).toBeCloseTo(1 / 12, 2);
    expect(Math.abs(Math.hypot(...data.slice(0, 12)) - 1)).toBeGreaterThan(1e-3);
  });

  it('has the golden row after a batch, and all other rows as they were', () => {
    const before = ones(golden.queue);
    const after = bankAfter(before, { values: ones(golden.a), index: index([0, 1, 2, 3]) }, 0.5);
    const found = valuesOf(after);
    expectNear(found.slice(0, 4), [-0.23011538, -0.28152275, -0.33293012, 0.87002838], 6);
    expect(found.slice(16)).toEqual(valuesOf(before).slice(16));
  });

  it('keeps the last of values with one number, made of the row as it was before the batch', () => {
    const before = rowsOf(randomRows('bank', 6, 3));
    const values = randomRows('values', 5, 3).map(unit);
    const written = (numbers: number[], rows: Rows) =>
      valuesOf(bankAfter(before, { values: rowsOf(rows), index: index(numbers) }, 0.25));
    const found = written([4, 2, 4, 0, 4], values);
    expect(found).toEqual(written([2, 0, 4], [values[1], values[3], values[4]]));
    expect(found).not.toEqual(written([2, 0, 4], [values[1], values[3], values[0]]));
    const old = (before.arraySync() as number[][])[4];
    const moved = unit(old.map((value, d) => 0.25 * value + 0.75 * values[4][d]));
    expectNear(found.slice(12, 15), moved, 6);
  });

  it('stays with momentum 1, but for the lengths of the rows, and takes the values with momentum 0', () => {
    const before = rowsOf(randomRows('bank', 3, 4));
    const value = rowsOf([unit([1, 2, 3, 4])]);
    const row = (momentum: number) =>
      valuesOf(bankAfter(before, { values: value, index: index([1]) }, momentum)).slice(4, 8);
    const begun = unit(valuesOf(before).slice(4, 8));
    expectNear(row(1), begun, 6);
    expectNear(row(0), unit([1, 2, 3, 4]), 6);
  });
});
