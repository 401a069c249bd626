import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { readKittiBin, writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import { describeWithRealData } from '../real-data.ts';

const bytesOfFloats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

describe('readKittiBin', () => {
  test('reads what was written, at any offset in memory, as a copy', () => {
    const row = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1 }), fc.nat(9), (rows, offset) => {
        const points = Float32Array.from(rows.flat());
        const written = writeKittiBin(points);
        const shifted = new Uint8Array(written.length + offset).subarray(offset);
        shifted.set(written);
        const read = readKittiBin(shifted);
        expect(read).toEqual(points);
        shifted.fill(0);
        expect(read).toEqual(points);
      }),
    );
  });

  test.each([
    ['an empty file', new Uint8Array(0), 'a.bin: expected at least one point, found no bytes'],
    [
      'a truncated point',
      new Uint8Array(39),
      'a.bin: byte 32, point 2: expected 16 bytes a point, found 7 bytes',
    ],
    [
      'NaN',
      bytesOfFloats(0, 0, 0, 0, 1, Number.NaN, 0, 0),
      'a.bin: byte 20, point 1, y: expected a finite number',
    ],
    ['infinity', bytesOfFloats(0, 0, 0, -Infinity), 'a.bin: byte 12, point 0, reflectance'],
  ])('refuses %s', (_, bytes, message) => {
    const read = () => readKittiBin(bytes, { file: 'a.bin' });
    expect(read).toThrow(InputError);
    expect(read).toThrow(message);
  });

  test('never writes what it would not read', () => {
    for (const points of [new Float32Array(0), new Float32Array(6), Float32Array.of(0, 0, 0, Infinity)])
      expect(() => writeKittiBin(points)).toThrow(InputError);
  });

  test('answers any bytes with points or an InputError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(readKittiBin(bytes).length).toBe(bytes.length / 4);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
    );
  });
});

describeWithRealData('readKittiBin of a KITTI frame', 'kitti-object/training/velodyne/000000.bin', (path) => {
  test('has its points, and is written back byte for byte', () => {
    const bytes = readFileSync(path);
    const points = readKittiBin(bytes);
    expect(points.length / 4).toBe(115384);
    for (let i = 0; i < points.length; i += 4) {
      if (points[i + 3] < 0 || points[i + 3] > 1 || Math.hypot(points[i], points[i + 1]) > 130)
        expect.fail(`point ${i / 4} is not of this sensor`);
    }
    expect(Buffer.compare(writeKittiBin(points), bytes)).toBe(0);
  });

  test('is never read cut, except after a whole point', () => {
    const bytes = readFileSync(path).subarray(0, 320);
    for (let end = 0; end < bytes.length; end++) {
      const read = () => readKittiBin(bytes.subarray(0, end));
      if (end > 0 && end % 16 === 0) expect(read()).toHaveLength(end / 4);
      else expect(read).toThrow(InputError);
    }
  });
});
