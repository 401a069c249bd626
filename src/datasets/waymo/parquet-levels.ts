import type { InputError } from '../../engine/input-error.ts';

/** Makes the error for something in a page that cannot be right; it knows file, column, row group and byte. */
export type Refuse = (expected: string, found: string, cause?: unknown) => InputError;

/** Equal numbers that follow each other as one run; neighbouring runs differ. */
export interface Runs {
  readonly values: readonly number[];
  /** Where each run ends, exclusive; the last is how many numbers there are. */
  readonly ends: readonly number[];
}

/** What Parquet's hybrid of runs and packed bits hands over: a run of one number, or numbers packed from a byte on. */
interface HybridReader {
  run(value: number, count: number): void;
  packed(byte: number, count: number): void;
}

/**
 * Levels (definition or repetition) as runs, from Parquet's RLE and bit-packed hybrid without a length before it.
 * Throws what `refuse` makes where bytes are missing or a level is above `highest`.
 */
export function readLevelRuns(bytes: Uint8Array, highest: number, count: number, refuse: Refuse): Runs {
  const width = 32 - Math.clz32(highest);
  const values: number[] = [];
  const ends: number[] = [];
  let seen = 0;
  const add = (value: number, n: number): void => {
    if (value > highest) throw refuse(`levels of at most ${highest}`, String(value));
    seen += n;
    if (values.at(-1) === value) ends[ends.length - 1] = seen;
    else {
      values.push(value);
      ends.push(seen);
    }
  };
  readHybrid(bytes, width, count, refuse, {
    run: add,
    packed: (byte, n) => {
      let value = unpack(bytes, byte, 0, width);
      let begin = 0;
      for (let i = 1; i < n; i++) {
        const next = unpack(bytes, byte, i * width, width);
        if (next === value) continue;
        add(value, i - begin);
        value = next;
        begin = i;
      }
      add(value, n - begin);
    },
  });
  return { values, ends };
}

/** The numbers that index a dictionary of `length` values. Throws what `refuse` makes where bytes are missing or an index is beyond the dictionary. */
export function readIndices(
  bytes: Uint8Array,
  { width, count, length }: { readonly width: number; readonly count: number; readonly length: number },
  refuse: Refuse,
): Int32Array {
  const indices = new Int32Array(count);
  let seen = 0;
  let highest = 0;
  if (width > 0)
    readHybrid(bytes, width, count, refuse, {
      run: (value, n) => {
        if (value > highest) highest = value;
        indices.fill(value, seen, seen + n);
        seen += n;
      },
      packed: (byte, n) => {
        for (let i = 0; i < n; i++) {
          const value = unpack(bytes, byte, i * width, width);
          if (value > highest) highest = value;
          indices[seen + i] = value;
        }
        seen += n;
      },
    });
  if (count > 0 && highest >= length)
    throw refuse(`indices into a dictionary of ${length} values`, String(highest));
  return indices;
}

function readHybrid(
  bytes: Uint8Array,
  width: number,
  count: number,
  refuse: Refuse,
  reader: HybridReader,
): void {
  const short = (at: number): InputError =>
    refuse(`${count} numbers of ${width} bits`, `${bytes.length} bytes, which end early (at ${at})`);
  let at = 0;
  let seen = 0;
  while (seen < count) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (at >= bytes.length) throw short(at);
      const byte = bytes[at++]!;
      header += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
      if (shift > 28) throw refuse('a run of numbers', 'a length of more than 32 bits');
    }
    if (header % 2 === 1) {
      // Groups of eight; what the last one has too many is padding, which some writers leave out.
      const packed = ((header - 1) / 2) * 8;
      const n = Math.min(packed, count - seen);
      if (n === 0) throw refuse('a run of numbers', 'one of length 0');
      if (at + Math.ceil((n * width) / 8) > bytes.length) throw short(at);
      reader.packed(at, n);
      at += (packed * width) / 8;
      seen += n;
    } else {
      const n = header / 2;
      if (n === 0 || n > count - seen) throw refuse(`a run of 1 to ${count - seen} numbers`, `one of ${n}`);
      const size = (width + 7) >> 3;
      if (at + size > bytes.length) throw short(at);
      let value = 0;
      for (let i = 0; i < size; i++) value += bytes[at++]! * 2 ** (8 * i);
      reader.run(value, n);
      seen += n;
    }
  }
}

/**
 * The unsigned number of `width` bits (1 to 32) that begins `bit` bits after a byte, the lowest bit first; what is beyond
 * the end is 0.
 */
function unpack(bytes: Uint8Array, byte: number, bit: number, width: number): number {
  const at = byte + (bit >>> 3);
  const shift = bit & 7;
  let low = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> shift;
  if (shift + width > 32) low |= bytes[at + 4]! << (32 - shift);
  return width === 32 ? low >>> 0 : low & ((1 << width) - 1);
}
