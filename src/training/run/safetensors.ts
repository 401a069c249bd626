import type { DType, HostTensor } from '../../engine/host-tensor.ts';
import { sizeOf } from '../../engine/host-tensor.ts';
import { InputError } from '../../engine/input-error.ts';

/** What a safetensors file holds. Data of 4-byte tensors are views of the file's bytes where alignment permits. */
export interface Safetensors {
  readonly tensors: Map<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The longest header that the format allows, in bytes. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA = '__metadata__';
const NAME_OF_DTYPE = { float32: 'F32', int32: 'I32', bool: 'BOOL' } as const;

/** How each element type of the format becomes one of ours; `read` gives a view or a converted copy of the bytes. */
interface Element {
  readonly bytes: number;
  readonly dtype: DType;
  read(bytes: Uint8Array, fail: Fail): HostTensor['data'];
}
type Fail = (index: number, expected: string, found: string) => never;

const ELEMENTS: Readonly<Record<string, Element>> = {
  F32: { bytes: 4, dtype: 'float32', read: (bytes) => viewed(bytes, Float32Array) },
  I32: { bytes: 4, dtype: 'int32', read: (bytes) => viewed(bytes, Int32Array) },
  BOOL: { bytes: 1, dtype: 'bool', read: readBool },
  F64: { bytes: 8, dtype: 'float32', read: readFloat64 },
  F16: {
    bytes: 2,
    dtype: 'float32',
    read: (bytes) => Float32Array.from(copied(bytes, Uint16Array), fromHalf),
  },
  BF16: { bytes: 2, dtype: 'float32', read: readBfloat16 },
  I64: { bytes: 8, dtype: 'int32', read: readInt64 },
  I16: { bytes: 2, dtype: 'int32', read: (bytes) => Int32Array.from(copied(bytes, Int16Array)) },
  U16: { bytes: 2, dtype: 'int32', read: (bytes) => Int32Array.from(copied(bytes, Uint16Array)) },
  I8: { bytes: 1, dtype: 'int32', read: (bytes) => Int32Array.from(copied(bytes, Int8Array)) },
  U8: { bytes: 1, dtype: 'int32', read: (bytes) => Int32Array.from(bytes) },
};

/**
 * Named tensors as the bytes of a safetensors file: float32 as F32, int32 as I32, bool as BOOL, the 4-byte tensors first
 * so that all of them lie aligned. Throws on a name given twice and on data that its shape does not hold.
 * Format: https://github.com/huggingface/safetensors#format
 *
 * @example
 * const bytes = encodeSafetensors([['encoder/weight', float32([1, 2], [2])]], { made: 'by hand' });
 * decodeSafetensors(bytes).metadata; // {"made": "by hand"}
 */
export function encodeSafetensors(
  tensors: Iterable<readonly [name: string, tensor: HostTensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = [...tensors];
  const ordered = [
    ...entries.filter(([, tensor]) => tensor.dtype !== 'bool'),
    ...entries.filter(([, tensor]) => tensor.dtype === 'bool'),
  ];
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set(METADATA, metadata);
  let end = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    if (name === METADATA || header.has(name)) throw new Error(`tensor name ${name} is taken`);
    if (data.length !== sizeOf(shape)) throw new Error(`${name}: ${data.length} values in shape [${shape}]`);
    if (data.BYTES_PER_ELEMENT !== ELEMENTS[NAME_OF_DTYPE[dtype]].bytes) {
      throw new Error(`${name}: ${dtype} held in ${data.constructor.name}`);
    }
    const begin = end;
    end += data.byteLength;
    header.set(name, { dtype: NAME_OF_DTYPE[dtype], shape, data_offsets: [begin, end] });
  }
  // Written entry by entry because an object would sort integer-like names and lose `__proto__`.
  const json = `{${[...header].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`;
  const text = new TextEncoder().encode(json);
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(0x20, 8, 8 + headerBytes).set(text, 8);
  let offset = 8 + headerBytes;
  for (const [, { data }] of ordered) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return bytes;
}

/**
 * The tensors and metadata of a safetensors file. F32, F16, BF16 become float32 without loss and F64 by rounding to the
 * nearest float32; I32, I16, U16, I8, U8 and I64 become int32, BOOL bool. Throws an InputError where the header, an
 * offset, a shape or a value cannot be right, and where an I64 or F64 value lies outside the range of its new type.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  { file = 'safetensors data' }: { readonly file?: string } = {},
): Safetensors {
  const fault = (place: string, expected: string, found: string): never => {
    throw new InputError({ file, place, expected, found });
  };
  if (bytes.length < 8) fault('byte 0', 'the 8-byte length of the header', `${bytes.length} bytes`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  const headerRoom = Math.min(bytes.length - 8, MAX_HEADER_BYTES);
  if (length > BigInt(headerRoom)) fault('byte 0', `a header of at most ${headerRoom} bytes`, `${length}`);
  const payload = bytes.subarray(8 + Number(length));
  const header = parseHeader(bytes.subarray(8, 8 + Number(length)), fault);

  const spans: Array<{ name: string; element: Element; shape: number[]; begin: number; end: number }> = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === METADATA) metadata = parseMetadata(entry, fault);
    else spans.push({ name, ...parseEntry(entry, payload.length, (e, f) => fault(`tensor ${name}`, e, f)) });
  }
  let covered = 0;
  for (const { name, begin, end } of spans.sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== covered) fault(`tensor ${name}`, `data from offset ${covered} on`, `offset ${begin}`);
    covered = end;
  }
  if (covered !== payload.length) {
    fault(
      `byte ${8 + Number(length) + covered}`,
      'the end of the file',
      `${payload.length - covered} more bytes`,
    );
  }

  const tensors = new Map<string, HostTensor>();
  for (const { name, element, shape, begin, end } of spans) {
    const data = element.read(payload.subarray(begin, end), (index, expected, found) =>
      fault(`tensor ${name}, element ${index}`, expected, found),
    );
    tensors.set(name, { dtype: element.dtype, shape, data });
  }
  return { tensors, metadata };
}

type Fault = (place: string, expected: string, found: string) => never;

function parseHeader(bytes: Uint8Array, fault: Fault): Record<string, unknown> {
  let header: unknown;
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (error) {
    fault('byte 8', 'a JSON header', (error as Error).message);
  }
  if (!text.startsWith('{') || !isRecord(header)) return fault('byte 8', 'a JSON object', named(header));
  const twice = repeatedKey(text);
  if (twice !== undefined) fault('byte 8', 'every name once', `${JSON.stringify(twice.slice(0, 80))} again`);
  return header;
}

/** The first key that stands twice in one object of a JSON text known to be valid; `JSON.parse` keeps the last in silence. */
function repeatedKey(text: string): string | undefined {
  const open: Array<Set<string>> = [];
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '{') open.push(new Set());
    else if (character === '}') open.pop();
    else if (character === '"') {
      const start = at++;
      for (; text[at] !== '"'; at++) if (text[at] === '\\') at++;
      let next = at + 1;
      while (' \t\r\n'.includes(text[next])) next++;
      if (text[next] !== ':') continue;
      const key = JSON.parse(text.slice(start, at + 1)) as string;
      const keys = open[open.length - 1];
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

function parseMetadata(entry: unknown, fault: Fault): Record<string, string> {
  const strings = isRecord(entry) && Object.values(entry).every((value) => typeof value === 'string');
  return strings ? (entry as Record<string, string>) : fault(METADATA, 'texts by name', named(entry));
}

function parseEntry(entry: unknown, available: number, fault: (expected: string, found: string) => never) {
  const keys = isRecord(entry) ? Object.keys(entry).sort().join() : named(entry);
  if (!isRecord(entry) || keys !== 'data_offsets,dtype,shape')
    return fault('dtype, shape, data_offsets', keys);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(ELEMENTS, dtype)) {
    return fault(`one of the types ${Object.keys(ELEMENTS).join(', ')}`, named(dtype));
  }
  if (!isCounts(shape)) return fault('a shape of whole numbers', named(shape));
  if (!isCounts(offsets) || offsets.length !== 2) return fault('two data offsets', named(offsets));
  const [begin, end] = offsets;
  if (begin > end || end > available) {
    return fault(`data offsets within 0 to ${available}`, `${begin} to ${end}`);
  }
  const element = ELEMENTS[dtype];
  // A product beyond 2^53 is inexact, and then certainly not the size of data in memory.
  if (sizeOf(shape) * element.bytes !== end - begin) {
    return fault(`${sizeOf(shape) * element.bytes} bytes for ${dtype} [${shape}]`, `${end - begin} bytes`);
  }
  return { element, shape, begin, end };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((count) => Number.isSafeInteger(count) && count >= 0);
}

/** A JSON value in a few words, whatever its size. */
function named(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isRecord(value)) return 'an object';
  return String(JSON.stringify(value)).slice(0, 80);
}

interface ViewType<View> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): View;
}

function viewed<View>(bytes: Uint8Array, type: ViewType<View>): View {
  return bytes.byteOffset % type.BYTES_PER_ELEMENT === 0
    ? new type(bytes.buffer, bytes.byteOffset, bytes.length / type.BYTES_PER_ELEMENT)
    : copied(bytes, type);
}

function copied<View>(bytes: Uint8Array, type: ViewType<View>): View {
  const copy = new Uint8Array(bytes);
  return new type(copy.buffer, 0, copy.length / type.BYTES_PER_ELEMENT);
}

function readBool(bytes: Uint8Array, fail: Fail): Uint8Array {
  const wrong = bytes.findIndex((byte) => byte > 1);
  return wrong < 0 ? bytes : fail(wrong, 'a truth value, 0 or 1', String(bytes[wrong]));
}

function readFloat64(bytes: Uint8Array, fail: Fail): Float32Array {
  const wide = copied(bytes, Float64Array);
  const narrow = Float32Array.from(wide);
  const wrong = narrow.findIndex((value, i) => Math.abs(value) === Infinity && Number.isFinite(wide[i]));
  return wrong < 0 ? narrow : fail(wrong, 'a value within float32', String(wide[wrong]));
}

function readBfloat16(bytes: Uint8Array): Float32Array {
  const bits = Uint32Array.from(copied(bytes, Uint16Array), (half) => half << 16);
  return new Float32Array(bits.buffer);
}

function readInt64(bytes: Uint8Array, fail: Fail): Int32Array {
  const wide = copied(bytes, BigInt64Array);
  const narrow = Int32Array.from(wide, (value) => Number(BigInt.asIntN(32, value)));
  const wrong = narrow.findIndex((value, i) => BigInt(value) !== wide[i]);
  return wrong < 0 ? narrow : fail(wrong, 'a value within int32', String(wide[wrong]));
}

/** IEEE 754 binary16 to a number. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
