import type { DataReader, DecodedArray } from 'hyparquet';
import { deltaBinaryUnpack, deltaByteArray, deltaLengthByteArray } from 'hyparquet/src/delta.js';
import { byteStreamSplit } from 'hyparquet/src/encoding.js';
import { type Refuse, readIndices } from './parquet-levels.ts';
import type { PageType } from './parquet-table.ts';

/** The numbers of a list column, as it stores them. */
export type Numbers = Float32Array | Float64Array | Int32Array | BigInt64Array;

/** The values of a page, nulls left out. */
export interface PageValues {
  readonly count: number;
  /** One value; bytes are a view of the page. */
  at(index: number): number | bigint | Uint8Array;
  /** Writes the values from `start` to before `end` into `into` from `offset` on; for numbers. */
  copy(start: number, end: number, into: Numbers, offset: number): void;
  /** Bytes of memory that it holds. */
  readonly bytes: number;
}

/** How many bytes a number of a type has; undefined for strings of bytes. */
export function widthOf(type: PageType): 4 | 8 | undefined {
  if (type === 'BYTE_ARRAY') return undefined;
  return type === 'FLOAT' || type === 'INT32' ? 4 : 8;
}

/** An array of so many numbers of a column's type. */
export function numbersOf(type: PageType, length: number): Numbers {
  if (type === 'FLOAT') return new Float32Array(length);
  if (type === 'DOUBLE') return new Float64Array(length);
  if (type === 'INT32') return new Int32Array(length);
  if (type === 'INT64') return new BigInt64Array(length);
  throw new RangeError(`no numbers: ${type}`);
}

/** Values one after the other, as Parquet's PLAIN encoding has them. Throws what `refuse` makes where bytes are missing. */
export function plainValues(bytes: Uint8Array, type: PageType, count: number, refuse: Refuse): PageValues {
  const width = widthOf(type);
  if (width === undefined) return plainStrings(bytes, count, refuse);
  if (bytes.length < count * width)
    throw refuse(`${count * width} bytes of ${count} values`, `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = {
    FLOAT: (at: number) => view.getFloat32(at, true),
    DOUBLE: (at: number) => view.getFloat64(at, true),
    INT32: (at: number) => view.getInt32(at, true),
    INT64: (at: number) => view.getBigInt64(at, true),
  }[type as Exclude<PageType, 'BYTE_ARRAY'>];
  return {
    count,
    bytes: bytes.byteLength,
    at: (index) => read(index * width),
    copy: (start, end, into, offset) =>
      new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(
        bytes.subarray(start * width, end * width),
        offset * width,
      ),
  };
}

function plainStrings(bytes: Uint8Array, count: number, refuse: Refuse): PageValues {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const starts = new Float64Array(count + 1);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = at + 4 <= bytes.length ? view.getUint32(at, true) : 0;
    if (at + 4 + length > bytes.length)
      throw refuse(`${count} strings of bytes`, `${bytes.length} bytes, which end in string ${i}`);
    starts[i] = at + 4;
    at += 4 + length;
  }
  starts[count] = at + 4;
  return {
    count,
    bytes: bytes.byteLength + starts.byteLength,
    at: (index) => bytes.subarray(starts[index], starts[index + 1]! - 4),
    copy: noNumbers,
  };
}

/** Values that are given by their places in a dictionary. Throws what `refuse` makes for places that it lacks. */
export function dictionaryValues(
  bytes: Uint8Array,
  dictionary: { readonly values: PageValues; readonly type: PageType },
  count: number,
  refuse: Refuse,
): PageValues {
  const { values, type } = dictionary;
  const width = count === 0 ? 0 : bytes[0];
  if (width === undefined || width > 32)
    throw refuse('the width of indices, 0 to 32 bits', width === undefined ? 'no byte' : String(width));
  const indices = readIndices(bytes.subarray(1), { width, count, length: values.count }, refuse);
  const table = type === 'BYTE_ARRAY' ? undefined : numbersOf(type, values.count);
  if (table !== undefined) values.copy(0, values.count, table, 0);
  return {
    count,
    bytes: indices.byteLength + (table?.byteLength ?? 0),
    at: (index) => values.at(indices[index]!),
    copy: table === undefined ? noNumbers : gather(table, indices),
  };
}

function gather(table: Numbers, indices: Int32Array): PageValues['copy'] {
  return (start, end, into, offset) => {
    // Arrays of one type: into is made for the column that the table is of.
    const from = table as Float32Array;
    const to = into as Float32Array;
    for (let i = start, j = offset; i < end; i++, j++) to[j] = from[indices[i]!]!;
  };
}

type Decode = (reader: DataReader, count: number) => DecodedArray;

const split =
  (type: PageType): Decode =>
  (reader, count) =>
    byteStreamSplit(reader, count, type, undefined);

function unpacked(make: (count: number) => Int32Array | BigInt64Array): Decode {
  return (reader, count) => {
    const values = make(count);
    deltaBinaryUnpack(reader, count, values);
    return values;
  };
}

const otherDecoders: { readonly [encodingOfType: string]: Decode | undefined } = {
  'BYTE_STREAM_SPLIT of FLOAT': split('FLOAT'),
  'BYTE_STREAM_SPLIT of DOUBLE': split('DOUBLE'),
  'BYTE_STREAM_SPLIT of INT32': split('INT32'),
  'BYTE_STREAM_SPLIT of INT64': split('INT64'),
  'DELTA_BINARY_PACKED of INT32': unpacked((count) => new Int32Array(count)),
  'DELTA_BINARY_PACKED of INT64': unpacked((count) => new BigInt64Array(count)),
  'DELTA_LENGTH_BYTE_ARRAY of BYTE_ARRAY': (reader, count) => {
    const values = new Array<Uint8Array>(count);
    deltaLengthByteArray(reader, count, values);
    return values;
  },
  'DELTA_BYTE_ARRAY of BYTE_ARRAY': (reader, count) => {
    const values = new Array<Uint8Array>(count);
    deltaByteArray(reader, count, values);
    return values;
  },
};

/** Values in one of the encodings that hyparquet decodes: deltas and split streams. Throws what `refuse` makes for bytes that it cannot decode. */
export function otherValues(
  bytes: Uint8Array,
  { encoding, type, count }: { readonly encoding: string; readonly type: PageType; readonly count: number },
  refuse: Refuse,
): PageValues {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  const decode = otherDecoders[`${encoding} of ${type}`];
  if (decode === undefined) throw refuse(`an encoding of ${type} values`, encoding);
  let values: DecodedArray;
  try {
    values = decode(reader, count);
  } catch (error) {
    throw refuse(
      `${count} values, ${encoding}`,
      error instanceof Error ? error.message : String(error),
      error,
    );
  }
  return {
    count,
    bytes: bytes.byteLength,
    at: (index) => values[index],
    copy: (start, end, into, offset) => {
      for (let i = start; i < end; i++) into[offset + i - start] = values[i];
    },
  };
}

function noNumbers(): never {
  throw new RangeError('strings of bytes are no numbers');
}
