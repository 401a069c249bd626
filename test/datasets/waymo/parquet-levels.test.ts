import { describe, expect, test } from 'vitest';
import { type Refuse, readIndices, readLevelRuns } from '../../../src/datasets/waymo/parquet-levels.ts';
import { InputError } from '../../../src/engine/input-error.ts';

const refuse: Refuse = (expected, found) => new InputError({ file: 'levels', expected, found });

/** Numbers packed one after the other, the lowest bit first, in whole groups of eight, behind their header. */
function packed(values: readonly number[], width: number): Uint8Array {
  const groups = Math.ceil(values.length / 8);
  const bits = values.reduce((sum, value, i) => sum | (BigInt(value) << BigInt(i * width)), 0n);
  const bytes = Array.from({ length: groups * width }, (_, i) => Number((bits >> BigInt(8 * i)) & 0xffn));
  return Uint8Array.of(groups * 2 + 1, ...bytes);
}

describe('numbers in runs and packed bits', () => {
  test('are read at every width', () => {
    for (let width = 1; width <= 31; width++) {
      const values = Array.from({ length: 21 }, (_, i) => (Math.imul(i + 3, 2654435761) >>> 0) % 2 ** width);
      const read = readIndices(packed(values, width), { width, count: 21, length: 2 ** width }, refuse);
      expect([...read]).toEqual(values);
    }
  });

  test('as in the description of the format: 0 to 7 in 3 bits, and a run of hundred fours', () => {
    // From the Parquet format's page on encodings: 0 1 2 … 7 in three bytes.
    const bytes = Uint8Array.of(3, 0b10001000, 0b11000110, 0b11111010, 200, 1, 4);
    expect([...readIndices(bytes, { width: 3, count: 108, length: 8 }, refuse)]).toEqual([
      ...[0, 1, 2, 3, 4, 5, 6, 7],
      ...new Array(100).fill(4),
    ]);
    expect(readLevelRuns(bytes, 7, 108, refuse)).toEqual({
      values: [0, 1, 2, 3, 4, 5, 6, 7, 4],
      ends: [1, 2, 3, 4, 5, 6, 7, 8, 108],
    });
  });

  test.each([
    ['a run that is too long', [20, 1], /a run of 1 to 8 numbers, found one of 10/],
    ['a run of nothing', [0, 1], /found one of 0/],
    ['groups of nothing', [1], /found one of length 0/],
    ['no bytes', [], /which end early/],
    ['packed bits that end early', [3], /which end early/],
    ['a run without its number', [16], /which end early/],
    ['a length that does not end', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], /more than 32 bits/],
  ] as const)('%s is refused', (_, bytes, message) => {
    expect(() => readLevelRuns(Uint8Array.from(bytes), 1, 8, refuse)).toThrow(message);
  });

  test('levels and indices that are too high are refused', () => {
    expect(() => readLevelRuns(Uint8Array.of(16, 3), 2, 8, refuse)).toThrow(/levels of at most 2, found 3/);
    expect(() => readIndices(Uint8Array.of(16, 3), { width: 2, count: 8, length: 3 }, refuse)).toThrow(
      /a dictionary of 3 values, found 3/,
    );
  });
});
