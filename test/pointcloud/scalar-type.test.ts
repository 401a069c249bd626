import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createScalars, type ScalarType, scalarText, storeText } from '../../src/pointcloud/scalar-type.ts';

describe('scalars as text', () => {
  test('every float32 comes back to the same bits through text', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        const data = Float32Array.of(value);
        const back = new Float32Array(1);
        return storeText(back, 0, scalarText(data, 0)) && Object.is(back[0], data[0]);
      }),
      { numRuns: 5000 },
    );
  });

  test('every float64 and int64 comes back too', () => {
    fc.assert(
      fc.property(fc.double(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value, whole) => {
        const floats = new Float64Array(1);
        expect(storeText(floats, 0, scalarText(Float64Array.of(value), 0))).toBe(true);
        expect(Object.is(floats[0], value)).toBe(true);
        const integers = new BigInt64Array(1);
        expect(storeText(integers, 0, scalarText(BigInt64Array.of(whole), 0))).toBe(true);
        expect(integers[0]).toBe(whole);
      }),
    );
  });

  test('prints float32 as short as it can be', () => {
    expect(scalarText(Float32Array.of(0.1), 0)).toBe('0.1');
    expect(scalarText(Float32Array.of(0.93773), 0)).toBe('0.93773');
    expect(scalarText(Float32Array.of(-0), 0)).toBe('-0');
  });

  const accepted: [ScalarType, string, number | bigint][] = [
    ['float32', '1e-3', Math.fround(1e-3)],
    ['float32', '-nan(ind)', Number.NaN],
    ['float64', '+Inf', Infinity],
    ['uint8', '255', 255],
    ['int8', '-128', -128],
    ['uint16', '2.0', 2],
    ['uint64', '18446744073709551615', 2n ** 64n - 1n],
    ['int64', '+7', 7n],
  ];
  test.each(accepted)('%s reads %s', (type, text, value) => {
    const data = createScalars(type, 1);
    expect(storeText(data, 0, text)).toBe(true);
    expect(data[0]).toEqual(value);
  });

  const refused: [ScalarType, string][] = [
    ['float32', '1e39'],
    ['float64', '1e999'],
    ['float32', ''],
    ['float32', '0x10'],
    ['float32', '1_000'],
    ['float32', '1,5'],
    ['float32', '.'],
    ['uint8', '256'],
    ['uint8', '-1'],
    ['int32', '1.5'],
    ['int32', 'nan'],
    ['int64', '1.0'],
    ['uint64', '18446744073709551616'],
    ['int64', '9'.repeat(1_000_000)],
  ];
  test.each(refused)('%s refuses %.20s', (type, text) => {
    expect(storeText(createScalars(type, 1), 0, text)).toBe(false);
  });
});
