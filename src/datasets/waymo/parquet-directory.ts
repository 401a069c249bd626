import { readOffsetIndex } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';
import type { PageHeader } from 'hyparquet/src/types.js';
import { InputError } from '../../engine/input-error.ts';
import type { OpenFile } from './parquet-bytes.ts';
import { type EncodedPage, refuseAt } from './parquet-page.ts';
import type { ColumnChunk } from './parquet-table.ts';

/** Where a page lies, its header included. */
export interface PagePlace {
  readonly startByte: number;
  readonly endByte: number;
}

/** Where the pages of a column are in a row group, and which rows are in which. */
export interface PageDirectory {
  readonly dictionary: PagePlace | undefined;
  readonly pages: readonly PagePlace[];
  /** For each page, and after the last, how many rows begin before it; only as far as that is known yet. */
  readonly rowsBefore: number[];
  /** Whether every page begins with a row. */
  readonly wholeRows: boolean;
  /** Why the pages after the last one cannot be found. */
  readonly fault: InputError | undefined;
}

/**
 * Finds the pages of a column: in the file's offset index where it has one, else from header to header.
 * `entriesOfRows` says how many entries each row has, where that is known from elsewhere; it is used where it agrees
 * with the column's own count, and saves decoding pages to find a row.
 */
export function findPages(
  open: OpenFile,
  chunk: ColumnChunk,
  entriesOfRows: () => Int32Array | undefined,
): PageDirectory {
  if (chunk.offsetIndex !== undefined) return indexedPages(open, chunk, chunk.offsetIndex);
  const { dictionary, places, fault } = walkPages(open, chunk);
  const pages = places.map(({ place }) => place);
  const byRows = !chunk.form.list || places.every(({ header }) => header.data_page_header_v2 !== undefined);
  if (byRows) {
    const rows = places.map(({ header }) =>
      chunk.form.list ? header.data_page_header_v2!.num_rows : entriesOf(header),
    );
    return { dictionary, pages, rowsBefore: sums(rows), wholeRows: true, fault };
  }
  const entries = fault === undefined ? entriesOfRows() : undefined;
  const known = entries?.length === chunk.rows && entries.reduce((sum, n) => sum + n, 0) === chunk.entries;
  const rowsBefore = known
    ? rowsBeforeEntries(entries, sums(places.map(({ header }) => entriesOf(header))))
    : [0];
  return { dictionary, pages, rowsBefore, wholeRows: false, fault };
}

/** Reads a page with its header. Throws InputError where it is damaged. */
export function readPage(
  { read }: OpenFile,
  chunk: ColumnChunk,
  { startByte, endByte }: PagePlace,
): EncodedPage {
  const bytes = read(startByte, endByte);
  const { header, length } = parseHeader(bytes, chunk, startByte);
  const size = header.compressed_page_size;
  if (length + size > bytes.length)
    throw refuseAt(chunk, startByte)(`a page of at most ${bytes.length - length} bytes`, `one of ${size}`);
  return { header, bytes: bytes.subarray(length, length + size) };
}

function indexedPages(
  { read }: OpenFile,
  chunk: ColumnChunk,
  { startByte, endByte }: NonNullable<ColumnChunk['offsetIndex']>,
): PageDirectory {
  const { file, column, group, rows } = chunk;
  const refuse = (expected: string, found: string, cause?: unknown): InputError =>
    new InputError(
      {
        file,
        place: `column ${column}, row group ${group}, offset index at byte ${startByte}`,
        expected,
        found,
      },
      { cause },
    );
  if (endByte > chunk.fileBytes)
    throw refuse('an offset index in the file', `one that ends at byte ${endByte}`);
  const bytes = read(startByte, endByte);
  let pages: (PagePlace & { readonly firstRow: number })[];
  try {
    pages = readOffsetIndex({ view: new DataView(bytes.buffer), offset: 0 }).page_locations.map(
      ({ offset, compressed_page_size, first_row_index }) => ({
        startByte: Number(offset),
        endByte: Number(offset) + compressed_page_size,
        firstRow: Number(first_row_index),
      }),
    );
  } catch (error) {
    throw refuse('the places of pages', error instanceof Error ? error.message : String(error), error);
  }
  for (const [i, page] of pages.entries()) {
    const before = pages[i - 1];
    const least = before?.endByte ?? chunk.startByte;
    if (!(page.startByte >= least && page.endByte > page.startByte && page.endByte <= chunk.endByte))
      throw refuse(
        `page ${i} between the bytes ${least} and ${chunk.endByte}`,
        `bytes ${page.startByte} to ${page.endByte}`,
      );
    const follows = before === undefined ? page.firstRow === 0 : page.firstRow >= before.firstRow;
    if (!follows || page.firstRow > rows)
      throw refuse(`page ${i} to begin with a row after those before it`, `row ${page.firstRow}`);
  }
  const firstByte = pages[0]?.startByte ?? chunk.endByte;
  return {
    dictionary: firstByte > chunk.startByte ? { startByte: chunk.startByte, endByte: firstByte } : undefined,
    pages,
    rowsBefore: [...pages.map(({ firstRow }) => firstRow), rows],
    wholeRows: true,
    fault: undefined,
  };
}

interface Walk {
  readonly dictionary: PagePlace | undefined;
  readonly places: readonly { readonly place: PagePlace; readonly header: PageHeader }[];
  readonly fault: InputError | undefined;
}

/** What is before a damaged header can be read still, so the damage is kept for who asks for what is behind. */
function walkPages(open: OpenFile, chunk: ColumnChunk): Walk {
  const places: { place: PagePlace; header: PageHeader }[] = [];
  let dictionary: PagePlace | undefined;
  let entries = 0;
  let at = chunk.startByte;
  try {
    while (at < chunk.endByte && entries < chunk.entries) {
      const { header, length } = headerAt(open, chunk, at);
      const place = { startByte: at, endByte: at + length + header.compressed_page_size };
      if (!(header.compressed_page_size >= 0 && place.endByte <= chunk.endByte))
        throw refuseAt(chunk, at)(
          `a page that ends at byte ${chunk.endByte} at the latest`,
          `one of ${header.compressed_page_size} bytes`,
        );
      if (header.type === 'DICTIONARY_PAGE') {
        if (places.length > 0) throw refuseAt(chunk, at)('pages of data', 'a dictionary after them');
        dictionary = place;
      } else if (header.type === 'DATA_PAGE' || header.type === 'DATA_PAGE_V2') {
        const count = entriesOf(header);
        if (!(count >= 0)) throw refuseAt(chunk, at)('a page of data with a count of values', String(count));
        entries += count;
        places.push({ place, header });
      }
      at = place.endByte;
    }
    if (entries !== chunk.entries)
      throw refuseAt(chunk, chunk.startByte)(
        `${chunk.entries} values in the pages from here on`,
        `${entries}`,
      );
  } catch (error) {
    if (error instanceof InputError) return { dictionary, places, fault: error };
    throw error;
  }
  return { dictionary, places, fault: undefined };
}

/** Headers have no length before them: a piece that is too short for one is read again, longer. */
function headerAt(
  { read }: OpenFile,
  chunk: ColumnChunk,
  at: number,
): { header: PageHeader; length: number } {
  for (let size = 256; ; size *= 32) {
    const end = Math.min(at + size, chunk.endByte);
    const bytes = read(at, end);
    if (end === chunk.endByte || size > 2 ** 20) return parseHeader(bytes, chunk, at);
    try {
      return parseHeader(bytes, chunk, at);
    } catch {}
  }
}

function parseHeader(
  bytes: Uint8Array,
  chunk: ColumnChunk,
  at: number,
): { readonly header: PageHeader; readonly length: number } {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  try {
    const header = parquetHeader(reader);
    if (header.type === undefined || !(header.compressed_page_size >= 0)) throw new RangeError('none');
    return { header, length: reader.offset };
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw refuseAt(chunk, at)('a page header', found, error);
  }
}

function entriesOf({ data_page_header, data_page_header_v2 }: PageHeader): number {
  return data_page_header?.num_values ?? data_page_header_v2?.num_values ?? Number.NaN;
}

function sums(counts: readonly number[]): number[] {
  const result = [0];
  for (const count of counts) result.push(result.at(-1)! + count);
  return result;
}

/** For each page, how many rows begin before the entry that it begins with. */
function rowsBeforeEntries(entries: Int32Array, pageEntries: readonly number[]): number[] {
  let row = 0;
  let begin = 0;
  return pageEntries.map((first) => {
    while (row < entries.length && begin < first) begin += entries[row++]!;
    return row;
  });
}
