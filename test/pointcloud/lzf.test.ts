import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { compressLzf, decompressLzf } from '../../src/pointcloud/lzf.ts';

const text = (value: string) => new TextEncoder().encode(value);

describe('LZF', () => {
  test('decompresses runs made by hand: literals, a copy, a long copy that overlaps itself', () => {
    expect(decompressLzf(Uint8Array.of(2, 97, 98, 99), 3)).toEqual(text('abc'));
    expect(decompressLzf(Uint8Array.of(2, 97, 98, 99, 0x20, 2), 6)).toEqual(text('abcabc'));
    expect(decompressLzf(Uint8Array.of(0, 97, 0xe0, 255, 0), 265)).toEqual(text('a'.repeat(265)));
  });

  test('gives back what was compressed', () => {
    const pieces = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 100 }),
        fc.tuple(fc.nat(255), fc.nat(2000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
        fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(60)).map(([unit, times]) => {
          return Uint8Array.from({ length: unit.length * times }, (_, i) => unit[i % unit.length]);
        }),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(pieces, (parts) => {
        const input = Uint8Array.from(parts.flatMap((part) => [...part]));
        const packed = compressLzf(input);
        expect(decompressLzf(packed, input.length)).toEqual(input);
        expect(packed.length).toBeLessThanOrEqual(input.length + Math.ceil(input.length / 32));
      }),
    );
  });

  test('finds repeats at the farthest distance and not beyond, and makes runs small', () => {
    const noise = Uint8Array.from({ length: 8192 }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 13) & 255);
    for (const gap of [8191, 8192]) {
      const input = Uint8Array.from([...noise.subarray(0, gap), ...noise.subarray(0, 300)]);
      expect(decompressLzf(compressLzf(input), input.length)).toEqual(input);
    }
    expect(compressLzf(new Uint8Array(100_000)).length).toBeLessThan(1200);
  });

  test.each([
    ['literals beyond the end', [5, 1, 2], 6],
    ['a copy without its distance', [0, 1, 0x20], 4],
    ['a long copy without its distance', [0, 1, 0xe0, 4], 14],
    ['a copy from before the start', [0, 1, 0x20, 1], 4],
    ['too many literals', [2, 1, 2, 3], 2],
    ['too long a copy', [0, 1, 0x40, 0], 4],
    ['too little', [0, 1], 2],
    ['a size that no such input has', [0, 1], 2 ** 40],
  ])('refuses %s', (_, bytes, size) => {
    expect(() => decompressLzf(Uint8Array.from(bytes), size)).toThrow(InputError);
  });

  test('answers any bytes with as many as asked for, or an InputError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(600), (bytes, size) => {
        try {
          expect(decompressLzf(bytes, size)).toHaveLength(size);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
    );
  });
});
