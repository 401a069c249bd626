import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import protobuf from 'protobufjs/minimal.js';

const inflateAsync = promisify(inflate);

/** No range image is larger; what would become so is refused while it is unpacked. */
const LIMIT_BYTES = 2 ** 28;

/** Numbers with their shape, row-major. */
export interface Matrix<Values> {
  readonly shape: readonly number[];
  readonly values: Values;
}

/** The bytes of a zlib stream. Throws an Error for one that is damaged, cut or larger than 256 MiB. */
export async function unpack(bytes: Uint8Array): Promise<Uint8Array> {
  // Many small pieces of the result would take longer to join than to unpack.
  const chunkSize = Math.min(Math.max(16 * bytes.length, 2 ** 16), 2 ** 22);
  return inflateAsync(bytes, { maxOutputLength: LIMIT_BYTES, chunkSize });
}

/** A `MatrixFloat` message. Throws an Error for what is none. */
export function parseMatrixFloat(bytes: Uint8Array): Matrix<Float32Array> {
  return parseMatrix(bytes, {
    single: 5,
    all: (packed) => {
      if (packed.length % 4 !== 0) throw new Error(`${packed.length} bytes of float32`);
      // A copy, because floats have to begin at a multiple of four; a Buffer's own slice would be none.
      return new Float32Array(new Uint8Array(packed).buffer);
    },
    next: (reader) => reader.float(),
    join: (parts) => joinInto(new Float32Array(lengthOf(parts)), parts),
  });
}

/** A `MatrixInt32` message. Throws an Error for what is none. */
export function parseMatrixInt32(bytes: Uint8Array): Matrix<Int32Array> {
  return parseMatrix(bytes, {
    single: 0,
    all: unpackVarints,
    next: (reader) => reader.int32(),
    join: (parts) => joinInto(new Int32Array(lengthOf(parts)), parts),
  });
}

interface NumberForm<Values> {
  /** The wire type of a number by itself. */
  readonly single: number;
  all(packed: Uint8Array): Values;
  next(reader: protobuf.Reader): number;
  join(parts: ReadonlyArray<ArrayLike<number>>): Values;
}

function parseMatrix<Values extends Float32Array | Int32Array>(
  bytes: Uint8Array,
  form: NumberForm<Values>,
): Matrix<Values> {
  const reader = protobuf.Reader.create(bytes);
  const parts: Values[] = [];
  const singles: number[] = [];
  const shape: number[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const wire = tag & 7;
    if (tag >>> 3 === 1 && wire === 2) parts.push(form.all(reader.bytes()));
    else if (tag >>> 3 === 1 && wire === form.single) singles.push(form.next(reader));
    else if (tag >>> 3 === 2 && wire === 2) shape.push(...parseShape(reader.bytes()));
    else reader.skipType(wire);
  }
  if (parts.length === 1 && singles.length === 0) return { shape, values: parts[0] };
  return { shape, values: form.join([...parts, singles]) };
}

function parseShape(bytes: Uint8Array): number[] {
  const reader = protobuf.Reader.create(bytes);
  const dims: number[] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === ((1 << 3) | 2)) dims.push(...unpackVarints(reader.bytes()));
    else if (tag === 1 << 3) dims.push(reader.int32());
    else reader.skipType(tag & 7);
  }
  return dims;
}

/** Varints one behind the other, as int32; a million of them in a few milliseconds. */
function unpackVarints(bytes: Uint8Array): Int32Array {
  let count = 0;
  for (let i = 0; i < bytes.length; i++) if (bytes[i] < 0x80) count++;
  if (bytes.length > 0 && bytes[bytes.length - 1] >= 0x80) throw new Error('a number that is cut');
  const values = new Int32Array(count);
  let at = 0;
  for (let n = 0; n < count; n++) {
    let value = 0;
    // Negative numbers have ten bytes, of which an int32 needs the first five.
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    values[n] = value;
  }
  return values;
}

function lengthOf(parts: ReadonlyArray<ArrayLike<number>>): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function joinInto<Values extends Float32Array | Int32Array>(
  values: Values,
  parts: ReadonlyArray<ArrayLike<number>>,
): Values {
  let at = 0;
  for (const part of parts) {
    values.set(part, at);
    at += part.length;
  }
  return values;
}
