import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { exactJson, exactMatrix, exactNumber } from '../../../src/datasets/prepared/exact-json.ts';

const parsed = (text: string) => JSON.parse(text) as unknown;

describe('exactJson', () => {
  it('gives every number back, its sign and what is not finite included', () => {
    fc.assert(
      fc.property(fc.array(fc.double()), (numbers) => {
        expect(z.array(exactNumber).parse(parsed(exactJson(numbers)))).toEqual(numbers);
        const matrix = Float64Array.from(numbers);
        expect(exactMatrix(numbers.length).parse(parsed(exactJson(matrix)))).toEqual(matrix);
      }),
    );
    expect(exactJson([-0, Number.NaN, -Infinity, 0.1])).toBe('[-0,"NaN","-Infinity",0.1]');
  });

  it('is what JSON.stringify gives for all else', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // JSON.stringify loses the sign of zero.
        const plain = JSON.stringify(value);
        if (!exactJson(value).includes('-0')) expect(exactJson(value)).toBe(plain);
        expect(parsed(exactJson(value))).toEqual(value);
      }),
    );
    expect(exactJson({ a: undefined, b: [null, true] })).toBe('{"b":[null,true]}');
    expect(() => exactJson({ time: 5n })).toThrow(TypeError);
  });
});
