import { describe, expect, it } from 'vitest';
import { float32, int32, isHostTensor, scalar, sizeOf } from '../../src/engine/host-tensor.ts';
import { InputError } from '../../src/engine/input-error.ts';

describe('tensors in host memory', () => {
  it('keep the array that they are given', () => {
    const data = Float32Array.of(1, 2, 3, 4);
    expect(float32(data, [2, 2]).data).toBe(data);
    const whole = Int32Array.of(1);
    expect(int32(whole, []).data).toBe(whole);
  });

  it('convert lists of numbers', () => {
    expect(float32([0.1, 2], [2])).toEqual({ dtype: 'float32', shape: [2], data: Float32Array.of(0.1, 2) });
    expect(int32([-1], [1, 1])).toEqual({ dtype: 'int32', shape: [1, 1], data: Int32Array.of(-1) });
    expect(scalar(0.5)).toEqual({ dtype: 'float32', shape: [], data: Float32Array.of(0.5) });
  });

  it('hold as many values as their shape says', () => {
    expect(sizeOf([])).toBe(1);
    expect(sizeOf([3, 0, 2])).toBe(0);
    expect(sizeOf([3, 5, 7])).toBe(105);
    expect(() => float32([1, 2, 3], [2, 2])).toThrow('a tensor of shape [2,2] holds 4 values, 3 were given');
    expect(() => int32([1, 2], [])).toThrow('holds 1 values, 2 were given');
    expect(float32([], [0, 3]).data.length).toBe(0);
  });

  it('are told from other leaves', () => {
    expect(isHostTensor(scalar(1))).toBe(true);
    for (const other of [null, undefined, 3, 'a', [], { dtype: 'float32', shape: [] }, new Float32Array(1)]) {
      expect(isHostTensor(other)).toBe(false);
    }
  });
});

describe('errors in what the user gave', () => {
  it('say file, place, expected and found in one line', () => {
    const fault = { file: 'a.pcd', place: 'line 3', expected: 'a number', found: "'x'" };
    const cause = new Error('why');
    const error = new InputError(fault, { cause });
    expect(error.message).toBe("a.pcd: line 3: expected a number, found 'x'");
    expect([error.name, error.fault, error.cause]).toEqual(['InputError', fault, cause]);
    expect(new InputError({ file: 'a', expected: 'b', found: 'c' }).message).toBe('a: expected b, found c');
  });
});
