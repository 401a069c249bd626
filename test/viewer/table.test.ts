import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTable, encodeTable, type TableArray } from '../../src/viewer/table.ts';

const anyArray: fc.Arbitrary<TableArray> = fc.oneof(
  fc.float32Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.uint16Array(),
  fc.uint8Array(),
);
const names = fc.constantFrom('places', 'cells', 'nearest', 'weights', 'ä €', 'a b', 'constructor');

describe('a table', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.dictionary(names, anyArray), fc.jsonValue(), (arrays, value) => {
        const info = { id: '000003 – ä', value };
        const bytes = encodeTable({ info, arrays });
        expect(bytes.length % 4).toBe(0);
        const table = decodeTable<typeof info>(bytes);
        expect(table.info).toEqual(JSON.parse(JSON.stringify(info)));
        expect(table.arrays).toEqual({ ...arrays });
        // From the middle of other bytes, as a part of a larger answer.
        const larger = new Uint8Array(bytes.length + 24);
        larger.set(bytes, 16);
        expect(decodeTable(larger.subarray(16, 16 + bytes.length)).arrays).toEqual({ ...arrays });
      }),
    );
  });

  it('holds the part of a buffer that an array shows', () => {
    const rows = Float32Array.of(1, 2, 3, 4, 5).subarray(1, 4);
    expect(decodeTable(encodeTable({ info: null, arrays: { rows } })).arrays.rows).toEqual(
      Float32Array.of(2, 3, 4),
    );
  });

  it('is an error wherever it is cut, and where it is none', () => {
    const arrays = { first: Uint8Array.of(1, 2, 3), second: Float32Array.of(4, 5) };
    const bytes = encodeTable({ info: { id: 'x' }, arrays });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeTable(bytes.slice(0, length))).toThrow(Error);
    }
    expect(() => decodeTable(bytes.slice(0, bytes.length - 1))).toThrow("ends within 'second'");
    expect(() => decodeTable(new Uint8Array(100))).toThrow('no table');
    expect(() => decodeTable(new TextEncoder().encode('{"message":"no"}'))).toThrow('no table');
  });
});
