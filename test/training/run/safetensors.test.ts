import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { sizeOf } from '../../../src/engine/host-tensor.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { decodeSafetensors, encodeSafetensors } from '../../../src/training/run/safetensors.ts';

/** A file of the format from its parts, written without the encoder. */
function fileOf(header: unknown, payload: readonly number[] | Uint8Array = []): Uint8Array {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return new Uint8Array(Buffer.concat([length, text, Uint8Array.from(payload)]));
}

function oneTensor(dtype: string, shape: number[], payload: Uint8Array): HostTensor {
  const bytes = fileOf({ x: { dtype, shape, data_offsets: [0, payload.length] } }, payload);
  return decodeSafetensors(bytes).tensors.get('x')!;
}

const bytesOf = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

const tensors: fc.Arbitrary<HostTensor> = fc
  .tuple(
    fc.constantFrom('float32', 'int32', 'bool'),
    fc.array(fc.nat({ max: 4 }), { maxLength: 4 }),
    fc.infiniteStream(fc.integer()),
    fc.infiniteStream(fc.float()),
  )
  .map(([dtype, shape, integers, floats]): HostTensor => {
    const length = sizeOf(shape);
    const take = <T>(stream: Iterator<T>) => Array.from({ length }, () => stream.next().value as T);
    if (dtype === 'float32') return { dtype, shape, data: Float32Array.from(take(floats)) };
    if (dtype === 'int32') return { dtype, shape, data: Int32Array.from(take(integers)) };
    return { dtype: 'bool', shape, data: Uint8Array.from(take(integers), (value) => value & 1) };
  });
const names = fc.oneof(fc.string(), fc.constantFrom('__proto__', '7', 'constructor', 'a/b"\\'));
const files = fc.dictionary(names, tensors, { maxKeys: 6 });

describe('safetensors', () => {
  it('gives back what was written, whatever the names, shapes, types and alignment', () => {
    fc.assert(
      fc.property(files, fc.dictionary(names, fc.string()), fc.nat({ max: 9 }), (named, metadata, shift) => {
        const written = encodeSafetensors(Object.entries(named), metadata);
        const moved = new Uint8Array(written.length + shift).subarray(shift);
        moved.set(written);
        const read = decodeSafetensors(moved);
        expect([...read.tensors.keys()].sort()).toEqual(Object.keys(named).sort());
        for (const [name, tensor] of Object.entries(named)) {
          const found = read.tensors.get(name)!;
          expect([found.dtype, found.shape]).toEqual([tensor.dtype, tensor.shape]);
          expect(found.data.constructor).toBe(tensor.data.constructor);
          expect(bytesOf(found.data)).toEqual(bytesOf(tensor.data));
        }
        expect(Object.entries(read.metadata)).toEqual(Object.entries(metadata));
      }),
    );
  });

  it('writes and reads the bytes that the reference implementation writes', () => {
    // safetensors 0.8.0 (Rust core through Python): serialize() of these three tensors.
    const header =
      '{"__metadata__":{"format":"pt"},"b/w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
      '"n":{"dtype":"I32","shape":[],"data_offsets":[8,12]},"a":{"dtype":"BOOL","shape":[3],"data_offsets":[12,15]}}    ';
    const payload = [0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0, 0xf9, 0xff, 0xff, 0xff, 1, 0, 1];
    const golden = Uint8Array.of(200, 0, 0, 0, 0, 0, 0, 0, ...Buffer.from(header), ...payload);
    const written = encodeSafetensors(
      [
        ['a', { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) }],
        ['b/w', { dtype: 'float32', shape: [2], data: Float32Array.of(1, -2.5) }],
        ['n', { dtype: 'int32', shape: [], data: Int32Array.of(-7) }],
      ],
      { format: 'pt' },
    );
    expect(Buffer.from(written).toString('latin1')).toBe(Buffer.from(golden).toString('latin1'));
    const read = decodeSafetensors(golden);
    expect(read.metadata).toEqual({ format: 'pt' });
    expect(read.tensors.get('b/w')).toEqual({ dtype: 'float32', shape: [2], data: Float32Array.of(1, -2.5) });
    expect(read.tensors.get('n')).toEqual({ dtype: 'int32', shape: [], data: Int32Array.of(-7) });
  });

  it('reads aligned 4-byte tensors as views of the file', () => {
    const bytes = encodeSafetensors([
      ['mask', { dtype: 'bool', shape: [3], data: Uint8Array.of(0, 1, 1) }],
      ['weight', { dtype: 'float32', shape: [1], data: Float32Array.of(5) }],
    ]);
    const { tensors } = decodeSafetensors(bytes);
    expect(tensors.get('weight')!.data.buffer).toBe(bytes.buffer);
    expect(tensors.get('mask')!.data.buffer).toBe(bytes.buffer);
  });

  it('reads the other element types', () => {
    const halves = bytesOf(Uint16Array.of(0x3c00, 0xc100, 0x7bff, 0x0001, 0x8000, 0xfc00, 0x7e00));
    expect([...oneTensor('F16', [7], halves).data]).toEqual([1, -2.5, 65504, 2 ** -24, -0, -Infinity, NaN]);
    const brains = bytesOf(Uint16Array.of(0x3f80, 0xc020, 0x7f80));
    expect([...oneTensor('BF16', [3], brains).data]).toEqual([1, -2.5, Infinity]);
    const doubles = bytesOf(Float64Array.of(0.1, -Infinity));
    expect([...oneTensor('F64', [2], doubles).data]).toEqual([Math.fround(0.1), -Infinity]);
    const longs = bytesOf(BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n));
    expect(oneTensor('I64', [2], longs)).toEqual({
      dtype: 'int32',
      shape: [2],
      data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
    });
    expect([...oneTensor('U8', [2], Uint8Array.of(0, 255)).data]).toEqual([0, 255]);
    expect([...oneTensor('I8', [2], Uint8Array.of(0, 255)).data]).toEqual([0, -1]);
    expect([...oneTensor('I16', [1], bytesOf(Int16Array.of(-300))).data]).toEqual([-300]);
    expect([...oneTensor('U16', [1], bytesOf(Uint16Array.of(65000))).data]).toEqual([65000]);
  });

  const x = (entry: object) => ({ x: { dtype: 'F32', shape: [1], data_offsets: [0, 4], ...entry } });
  const hostile = new Uint8Array(16).fill(0xff);
  it.each<[string, Uint8Array, RegExp]>([
    ['no bytes', new Uint8Array(0), /byte 0: expected the 8-byte length of the header, found 0 bytes/],
    ['a header beyond the file', hostile, /header of at most 8 bytes, found 18446744073709551615/],
    ['a header that is no JSON', fileOf('{"x":'), /expected a JSON header/],
    ['a header that is no UTF-8', Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d), /JSON header/],
    ['a list as header', fileOf([]), /expected a JSON object, found a list of 0/],
    ['a space before the header', fileOf(' {}'), /expected a JSON object/],
    [
      'a name twice',
      fileOf('{"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0078":0}'),
      /every name once, found "x" again/,
    ],
    [
      'a key twice',
      fileOf('{"x":{"dtype":"F32","dtype":"I32","shape":[0],"data_offsets":[0,0]}}'),
      /found "dtype" again/,
    ],
    [
      'an unknown type',
      fileOf(x({ dtype: 'F8_E5M2' })),
      /tensor x: expected one of the types .*, found "F8_E5M2"/,
    ],
    ['a type from the prototype', fileOf(x({ dtype: 'constructor' })), /expected one of the types/],
    ['an unknown key', fileOf(x({ strides: [1] })), /expected dtype, shape, data_offsets, found/],
    ['a negative length', fileOf(x({ shape: [-1] })), /expected a shape of whole numbers/],
    ['a fractional length', fileOf(x({ shape: [0.5] })), /expected a shape of whole numbers/],
    ['a huge shape', fileOf(x({ shape: [2 ** 40, 2 ** 40] }), [0, 0, 0, 0]), /found 4 bytes/],
    ['an endless shape', fileOf(x({ shape: Array(40).fill(2 ** 50) }), [0, 0, 0, 0]), /found 4 bytes/],
    ['offsets beyond the file', fileOf(x({}), [0, 0]), /data offsets within 0 to 2, found 0 to 4/],
    [
      'offsets that go back',
      fileOf(x({ data_offsets: [4, 0] }), [0, 0, 0, 0]),
      /within 0 to 4, found 4 to 0/,
    ],
    ['one offset', fileOf(x({ data_offsets: [0] })), /two data offsets, found a list of 1/],
    ['a hole', fileOf(x({ data_offsets: [4, 8] }), Array(8).fill(0)), /from offset 0 on, found offset 4/],
    ['an overlap', fileOf({ ...x({}), y: x({}).x }, [0, 0, 0, 0]), /from offset 4 on, found offset 0/],
    ['bytes left over', fileOf(x({}), [0, 0, 0, 0, 1]), /the end of the file, found 1 more bytes/],
    [
      'metadata that are no texts',
      fileOf({ __metadata__: { a: 1 } }),
      /__metadata__: expected texts by name/,
    ],
    [
      'a truth value of 2',
      fileOf(x({ dtype: 'BOOL', data_offsets: [0, 1] }), [2]),
      /element 0: expected a truth value, 0 or 1, found 2/,
    ],
    [
      'a long integer too long',
      fileOf(x({ dtype: 'I64', data_offsets: [0, 8] }), [0, 0, 0, 0, 1, 0, 0, 0]),
      /within int32, found 4294967296/,
    ],
    [
      'a double too large',
      fileOf(x({ dtype: 'F64', data_offsets: [0, 8] }), bytesOf(Float64Array.of(1e300))),
      /within float32, found 1e\+300/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, { file: 'state.safetensors' })).toThrow(InputError);
    expect(() => decodeSafetensors(bytes, { file: 'state.safetensors' })).toThrow(message);
    expect(() => decodeSafetensors(bytes, { file: 'state.safetensors' })).toThrow(/^state\.safetensors: /);
  });

  it('refuses every file that was cut short or has bytes appended', () => {
    fc.assert(
      fc.property(files, fc.nat(), fc.uint8Array({ minLength: 1 }), (named, at, more) => {
        const bytes = encodeSafetensors(Object.entries(named));
        expect(() => decodeSafetensors(bytes.subarray(0, at % bytes.length))).toThrow(InputError);
        expect(() => decodeSafetensors(Uint8Array.of(...bytes, ...more))).toThrow(InputError);
      }),
    );
  });

  it('answers random and damaged bytes with tensors or an InputError, nothing else', () => {
    const damaged = fc
      .tuple(files, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }))
      .map(([named, edits]) => {
        const bytes = encodeSafetensors(Object.entries(named));
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        return bytes;
      });
    const headers = fc.json().map((json) => fileOf(json));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), headers, damaged), (bytes) => {
        try {
          const { tensors } = decodeSafetensors(bytes);
          for (const { shape, data } of tensors.values()) expect(data.length).toBe(sizeOf(shape));
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses to write a name twice, a wrong shape, a wrong array', () => {
    const tensor: HostTensor = { dtype: 'float32', shape: [1], data: Float32Array.of(1) };
    expect(() =>
      encodeSafetensors([
        ['x', tensor],
        ['x', tensor],
      ]),
    ).toThrow(/taken/);
    expect(() => encodeSafetensors([['__metadata__', tensor]])).toThrow(/taken/);
    expect(() => encodeSafetensors([['x', { ...tensor, shape: [2] }]])).toThrow(/1 values in shape \[2\]/);
    expect(() => encodeSafetensors([['x', { ...tensor, dtype: 'bool' }]])).toThrow(
      /bool held in Float32Array/,
    );
  });
});
