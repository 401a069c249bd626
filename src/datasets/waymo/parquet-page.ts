import { crc32 } from 'node:zlib';
import type { PageHeader } from 'hyparquet/src/types.js';
import { InputError } from '../../engine/input-error.ts';
import { decompressors } from './parquet-codecs.ts';
import { type Refuse, type Runs, readLevelRuns } from './parquet-levels.ts';
import type { ColumnChunk } from './parquet-table.ts';
import { dictionaryValues, otherValues, type PageValues, plainValues } from './parquet-values.ts';

/** A page of data, decoded as far as rows can be cut out of it. */
export interface DataPage {
  /** Pairs of levels. */
  readonly entries: number;
  /** The entries that rows begin with; undefined where every entry is a row. */
  readonly starts: Int32Array | undefined;
  /** Undefined where every value is there. */
  readonly definitions: Runs | undefined;
  /** For each run of definitions, the values before it. */
  readonly valuesBefore: readonly number[];
  readonly values: PageValues;
}

/** A page as it lies in its file. */
export interface EncodedPage {
  readonly header: PageHeader;
  /** What follows the header. */
  readonly bytes: Uint8Array;
}

/** Makes the errors of one page. */
export function refuseAt({ file, column, group }: ColumnChunk, byte: number): Refuse {
  const place = `column ${column}, row group ${group}, page at byte ${byte}`;
  return (expected, found, cause) => new InputError({ file, place, expected, found }, { cause });
}

/** The values of a dictionary page. Throws what `refuse` makes. */
export function decodeDictionary(chunk: ColumnChunk, page: EncodedPage, refuse: Refuse): PageValues {
  const header = page.header.dictionary_page_header;
  if (header === undefined) throw refuse('a dictionary', `a page of ${page.header.type}`);
  if (header.encoding !== 'PLAIN' && header.encoding !== 'PLAIN_DICTIONARY')
    throw refuse('a plain dictionary', String(header.encoding));
  checkSum(page, refuse);
  const bytes = decompress(page.bytes, page.header.uncompressed_page_size, chunk, refuse);
  return plainValues(bytes, chunk.form.type!, countOf(header.num_values, refuse), refuse);
}

/** Decodes a page of data of either version. Throws what `refuse` makes for what cannot be right. */
export function decodePage(
  chunk: ColumnChunk,
  page: EncodedPage,
  dictionary: () => PageValues | undefined,
  refuse: Refuse,
): DataPage {
  checkSum(page, refuse);
  const { entries, encoding, repetitions, definitions, values, nulls } = partsOf(chunk, page, refuse);
  const { list, definition } = chunk.form;
  const starts = list ? startsOf(readLevelRuns(repetitions, 1, entries, refuse), entries) : undefined;
  const runs = definition === 0 ? undefined : readLevelRuns(definitions, definition, entries, refuse);
  const { before, count } = countValues(runs, definition, entries);
  if (nulls !== undefined && entries - count !== nulls)
    throw refuse(`${nulls} entries without a value, as the page's header has`, String(entries - count));
  const complete = runs === undefined || count === entries;
  return {
    entries,
    starts,
    definitions: complete ? undefined : runs,
    valuesBefore: complete ? [] : before,
    values: decodeValues(chunk, { bytes: values, encoding, count }, dictionary, refuse),
  };
}

/** Bytes of memory that a page holds. */
export function sizeOf({ values, starts, definitions }: DataPage): number {
  return values.bytes + (starts?.byteLength ?? 0) + 16 * (definitions?.ends.length ?? 0);
}

interface PageParts {
  readonly entries: number;
  readonly encoding: string;
  readonly repetitions: Uint8Array;
  readonly definitions: Uint8Array;
  readonly values: Uint8Array;
  readonly nulls?: number;
}

const nothing = new Uint8Array(0);

function partsOf(chunk: ColumnChunk, { header, bytes }: EncodedPage, refuse: Refuse): PageParts {
  const size = header.uncompressed_page_size;
  const { list, definition } = chunk.form;
  const v2 = header.data_page_header_v2;
  if (v2 !== undefined) {
    const entries = countOf(v2.num_values, refuse);
    const ofRepetitions = countOf(v2.repetition_levels_byte_length, refuse);
    const levels = ofRepetitions + countOf(v2.definition_levels_byte_length, refuse);
    if (levels > bytes.length) throw refuse(`levels of at most ${bytes.length} bytes`, `${levels} bytes`);
    const rest = bytes.subarray(levels);
    const plain = v2.is_compressed === false || rest.length === 0;
    return {
      entries,
      encoding: v2.encoding,
      repetitions: bytes.subarray(0, ofRepetitions),
      definitions: bytes.subarray(ofRepetitions, levels),
      values: plain ? rest : decompress(rest, size - levels, chunk, refuse),
      nulls: v2.num_nulls,
    };
  }
  const v1 = header.data_page_header;
  if (v1 === undefined) throw refuse('a page of data', `one of ${header.type}`);
  const page = decompress(bytes, size, chunk, refuse);
  let rest = page;
  const levels = (wanted: boolean, encoding: string): Uint8Array => {
    if (!wanted) return nothing;
    if (encoding !== 'RLE') throw refuse('levels in runs (RLE)', encoding);
    if (rest.length < 4) throw refuse('the length of levels, 4 bytes', `${rest.length} bytes`);
    const length = new DataView(rest.buffer, rest.byteOffset).getUint32(0, true);
    if (4 + length > rest.length) throw refuse(`levels of ${length} bytes`, `${rest.length - 4} bytes`);
    const found = rest.subarray(4, 4 + length);
    rest = rest.subarray(4 + length);
    return found;
  };
  const repetitions = levels(list, v1.repetition_level_encoding);
  const definitions = levels(definition > 0, v1.definition_level_encoding);
  return {
    entries: countOf(v1.num_values, refuse),
    encoding: v1.encoding,
    repetitions,
    definitions,
    values: rest,
  };
}

function decodeValues(
  { form }: ColumnChunk,
  {
    bytes,
    encoding,
    count,
  }: { readonly bytes: Uint8Array; readonly encoding: string; readonly count: number },
  dictionary: () => PageValues | undefined,
  refuse: Refuse,
): PageValues {
  const type = form.type!;
  if (encoding === 'PLAIN') return plainValues(bytes, type, count, refuse);
  if (encoding !== 'PLAIN_DICTIONARY' && encoding !== 'RLE_DICTIONARY')
    return otherValues(bytes, { encoding, type, count }, refuse);
  // A page of nulls alone may come without a dictionary.
  if (count === 0) return plainValues(nothing, type, 0, refuse);
  const values = dictionary();
  if (values === undefined) throw refuse('a dictionary before the pages', 'none');
  return dictionaryValues(bytes, { values, type }, count, refuse);
}

function decompress(
  bytes: Uint8Array,
  length: number,
  { codec, uncompressedBytes }: ColumnChunk,
  refuse: Refuse,
): Uint8Array {
  const decompressor = decompressors[codec];
  if (decompressor === undefined) throw refuse(`a codec of ${Object.keys(decompressors).join(', ')}`, codec);
  if (!(length >= 0 && length <= uncompressedBytes))
    throw refuse(
      `a page of at most ${uncompressedBytes} bytes, as the column has in all`,
      `one of ${length}`,
    );
  // Empty pages are written without a codec's own frame.
  if (bytes.length === 0 && length === 0) return bytes;
  let page: Uint8Array;
  try {
    page = decompressor(bytes, length);
  } catch (error) {
    throw refuse(`${length} bytes in ${codec}`, `damage (${(error as Error).message})`, error);
  }
  if (page.length !== length) throw refuse(`${length} bytes in ${codec}`, `${page.length}`);
  return page;
}

function checkSum({ header, bytes }: EncodedPage, refuse: Refuse): void {
  if (header.crc === undefined) return;
  const hex = (sum: number): string => `${(sum >>> 0).toString(16).padStart(8, '0')}`;
  const found = crc32(bytes);
  if (hex(found) !== hex(header.crc)) throw refuse(`the checksum ${hex(header.crc)}`, hex(found));
}

function startsOf({ values, ends }: Runs, entries: number): Int32Array {
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i] === 0) count += ends[i]! - (ends[i - 1] ?? 0);
  const starts = new Int32Array(entries === 0 ? 0 : count);
  let n = 0;
  for (let i = 0; i < values.length; i++)
    if (values[i] === 0) for (let entry = ends[i - 1] ?? 0; entry < ends[i]!; entry++) starts[n++] = entry;
  return starts;
}

function countValues(
  runs: Runs | undefined,
  definition: number,
  entries: number,
): { readonly before: readonly number[]; readonly count: number } {
  if (runs === undefined) return { before: [], count: entries };
  const before: number[] = [];
  let count = 0;
  for (let i = 0; i < runs.values.length; i++) {
    before.push(count);
    if (runs.values[i] === definition) count += runs.ends[i]! - (runs.ends[i - 1] ?? 0);
  }
  return { before, count };
}

function countOf(value: number | undefined, refuse: Refuse): number {
  if (value !== undefined && Number.isInteger(value) && value >= 0) return value;
  throw refuse('a count in the page header', String(value));
}
