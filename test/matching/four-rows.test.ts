import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { assembled, fourRowMatrix } from '../../src/matching/four-rows.ts';

const source = new URL('../../src/matching/four-rows.wat', import.meta.url);

describe('fourRowMatrix', () => {
  it('runs what its source assembles to', async () => {
    const { parseWat } = await wabt();
    const { buffer } = parseWat('four-rows.wat', readFileSync(source, 'utf8'), {}).toBinary({});
    expect(assembled).toBe(Buffer.from(buffer).toString('base64'));
  });

  it('multiplies and adds four rows, whatever lay in its memory before', () => {
    const side = fc.integer({ min: 1, max: 11 });
    // Whole numbers, so that sums are the same in any order.
    const number = fc.integer({ min: -99, max: 99 });
    fc.assert(
      fc.property(side, side, fc.infiniteStream(number), (rows, columns, numbers) => {
        const draw = () => numbers.next().value;
        const { matrix, stride, vectors, four, multiply, add } = fourRowMatrix(rows, columns);
        const [vector, sums] = vectors;
        expect([...matrix, ...vector, ...sums].every((value) => value === 0)).toBe(true);
        for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) matrix[i * stride + j] = draw();
        for (let j = 0; j < columns; j++) [vector[j], sums[j]] = [draw(), draw()];
        const expected = [...sums];
        for (let first = 0; first < rows; first += 4) {
          multiply(first, vector);
          for (let k = 0; k < 4; k++) {
            let product = 0;
            for (let j = 0; j < columns && first + k < rows; j++) {
              product += matrix[(first + k) * stride + j] * vector[j];
            }
            expect(four[k]).toBe(product);
            four[k] = draw();
            for (let j = 0; j < columns && first + k < rows; j++) {
              expected[j] += matrix[(first + k) * stride + j] * four[k];
            }
          }
          add(first, sums);
        }
        expect([...sums]).toEqual(expected);
      }),
    );
  });
});
