import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/engine/random.ts';
import {
  forProductBlocks,
  ownProducts,
  rowProducts,
  transposed,
} from '../../../src/evaluation/probes/row-products.ts';

const random = Random.fromSeed('products');

function drawn(count: number, width: number, kind: typeof Float32Array | typeof Float64Array = Float32Array) {
  const rows = new kind(count * width);
  for (let at = 0; at < rows.length; at++) rows[at] = random.normal();
  return { rows, count, width };
}

describe('products of rows', () => {
  it('are sums from the first number to the last, at every place of a block and for either kind of array', () => {
    for (const [n, m, width] of [
      [1, 1, 1],
      [2, 4, 5],
      [97, 100, 128],
      [10, 193, 300],
    ]) {
      const [a, b] = [drawn(n, width), drawn(m, width, Float64Array)];
      const found = rowProducts(a, b);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < m; j++) {
          let sum = 0;
          for (let k = 0; k < width; k++) sum += a.rows[i * width + k] * b.rows[j * width + k];
          // To the last bit.
          if (found[i * m + j] !== sum) expect(found[i * m + j]).toBe(sum);
        }
      }
      expect(found.length).toBe(n * m);
      expect(ownProducts(a)).toEqual(rowProducts(a, a));
    }
  });

  it('come once each, and in the upper blocks alone where asked', () => {
    const a = drawn(200, 2);
    for (const upper of [false, true]) {
      const seen = new Uint8Array(200 * 200);
      forProductBlocks(
        a,
        a,
        ({ row, column, height, width }) => {
          for (let i = row; i < row + height; i++)
            for (let j = column; j < column + width; j++) seen[i * 200 + j]++;
        },
        { upper },
      );
      expect(Math.max(...seen)).toBe(1);
      for (let i = 0; i < 200; i++) for (let j = i; j < 200; j++) if (seen[i * 200 + j] !== 1) expect.fail();
      expect(seen.includes(0)).toBe(upper);
    }
  });

  it('turn columns to rows', () => {
    const { rows, count, width } = transposed({
      rows: Float64Array.of(1, 2, 3, 4, 5, 6),
      count: 2,
      width: 3,
    });
    expect([[...rows], count, width]).toEqual([[1, 4, 2, 5, 3, 6], 3, 2]);
    const a = drawn(101, 7);
    expect(transposed(transposed(a))).toEqual(a);
  });
});
