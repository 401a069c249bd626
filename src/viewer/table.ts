/** The arrays that a table may hold, by the names that its header has for them. */
const arrayTypes = {
  float32: Float32Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
} as const;

type ArrayType = keyof typeof arrayTypes;

/** An array of a table. */
export type TableArray = InstanceType<(typeof arrayTypes)[ArrayType]>;

/** Named typed arrays, and what they say of themselves in plain JSON. */
export interface Table<Info = unknown> {
  readonly info: Info;
  readonly arrays: { readonly [name: string]: TableArray };
}

interface Header {
  readonly info: unknown;
  readonly arrays: ReadonlyArray<{
    readonly name: string;
    readonly type: ArrayType;
    readonly length: number;
  }>;
}

/** The first bytes of a table, `PPT1`. */
const magic = 0x31545050;
const align = (bytes: number) => (bytes + 3) & ~3;

/** A table as bytes: magic and length of the header as uint32, the header as JSON, then the arrays, each on 4 bytes; little-endian. */
export function encodeTable({ info, arrays }: Table): Uint8Array<ArrayBuffer> {
  const entries = Object.entries(arrays);
  const header: Header = {
    info,
    arrays: entries.map(([name, array]) => ({ name, type: typeOf(array), length: array.length })),
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const begin = align(8 + text.length);
  const bytes = new Uint8Array(entries.reduce((sum, [, array]) => sum + align(array.byteLength), begin));
  const words = new DataView(bytes.buffer);
  words.setUint32(0, magic, true);
  words.setUint32(4, text.length, true);
  bytes.set(text, 8);
  let at = begin;
  for (const [, array] of entries) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += align(array.byteLength);
  }
  return bytes;
}

/** The table in the bytes, its arrays as views of them. Throws an Error for bytes that are no table or end too early. */
export function decodeTable<Info>(bytes: Uint8Array<ArrayBuffer>): Table<Info> {
  const { buffer, byteOffset, byteLength } = bytes;
  const words = new DataView(buffer, byteOffset, byteLength);
  if (byteLength < 8 || words.getUint32(0, true) !== magic) throw new Error('these bytes are no table');
  const textLength = words.getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + textLength))) as Header;
  let at = align(8 + textLength);
  const arrays: { [name: string]: TableArray } = {};
  for (const { name, type, length } of header.arrays) {
    const made = arrayTypes[type];
    if (at + length * made.BYTES_PER_ELEMENT > byteLength) {
      throw new Error(`a table of ${byteLength} bytes ends within '${name}'`);
    }
    arrays[name] = new made(buffer, byteOffset + at, length);
    at += align(length * made.BYTES_PER_ELEMENT);
  }
  return { info: header.info as Info, arrays };
}

function typeOf(array: TableArray): ArrayType {
  const found = Object.entries(arrayTypes).find(([, made]) => array instanceof made);
  return found![0] as ArrayType;
}
