import { InputError } from '../../engine/input-error.ts';
import { PageCache } from './page-cache.ts';
import { type OpenFile, withFile } from './parquet-bytes.ts';
import { type Cell, flatCell, isList, type ListPart, listCell } from './parquet-cells.ts';
import { findPages, type PageDirectory, type PagePlace, readPage } from './parquet-directory.ts';
import { type DataPage, decodeDictionary, decodePage, refuseAt, sizeOf } from './parquet-page.ts';
import type { ColumnChunk } from './parquet-table.ts';
import type { PageValues } from './parquet-values.ts';

/** What to read: rows of a column in one row group, 0 first, in any order. */
export interface ReadTask {
  readonly chunk: ColumnChunk;
  readonly rows: readonly number[];
  /** A column of the same row group with short lists whose products are how many values the rows have. */
  readonly shapes?: ColumnChunk;
}

/**
 * Reads rows of columns page by page, and keeps the pages that it decoded last, so that rows that are read in their
 * order decode each page once.
 */
export class ParquetReader {
  readonly #pages: PageCache;
  readonly #directories = new Map<string, PageDirectory>();

  /** Keeps at most so many bytes of pages, but always the last one. */
  constructor(keepBytes: number) {
    this.#pages = new PageCache(keepBytes);
  }

  /** The cells of the rows, in the order in which they are asked for. Throws InputError for what cannot be right, and for a file that was written since. */
  read({ chunk, rows, shapes }: ReadTask): Cell[] {
    return withFile(chunk.file, (open) => {
      const { file, fileBytes, fileWrittenMs } = chunk;
      if (open.bytes !== fileBytes || open.writtenMs !== fileWrittenMs)
        throw new InputError({
          file,
          expected: `the file that was opened, of ${fileBytes} bytes`,
          found: `another, of ${open.bytes} bytes`,
        });
      const directory = this.#directory(open, chunk, shapes);
      const cells = new Array<Cell>(rows.length);
      // In the order of the pages, whatever order is asked for: each page is decoded once.
      const places = [...rows.keys()].sort((a, b) => rows[a]! - rows[b]!);
      for (const place of places) cells[place] = this.#cell(open, chunk, directory, rows[place]!);
      return cells;
    });
  }

  #cell(open: OpenFile, chunk: ColumnChunk, directory: PageDirectory, row: number): Cell {
    const { pages, rowsBefore, wholeRows } = directory;
    const index = this.#pageOf(open, chunk, directory, row);
    const page = this.#page(open, chunk, directory, index);
    const refuse = refuseAt(chunk, pages[index]!.startByte);
    const place = row - rowsBefore[index]!;
    const { starts, entries } = page;
    if (place >= (starts?.length ?? entries))
      throw refuse(`a page with ${place + 1} rows`, `one with ${starts?.length ?? entries}`);
    if (starts === undefined) return flatCell(page, place);
    if ((wholeRows || index === 0) && starts[0] !== 0)
      throw refuse('a page that begins with a row', 'one that goes on with the row before');
    const parts: ListPart[] = [{ page, start: starts[place]!, end: starts[place + 1] ?? entries }];
    // The last row of a page may go on in the pages behind it.
    let unfinished = !wholeRows && place === starts.length - 1;
    for (let next = index + 1; unfinished && next < pages.length; next++) {
      const more = this.#page(open, chunk, directory, next);
      const end = more.starts?.[0] ?? more.entries;
      if (end > 0) parts.push({ page: more, start: 0, end });
      unfinished = end === more.entries;
    }
    // Behind a damaged header there may be more of the row.
    if (unfinished && directory.fault !== undefined) throw directory.fault;
    return listCell(chunk.form, parts, refuse);
  }

  /** The page in which a row begins. Where rows are not known beforehand, pages are decoded from the last known one on. */
  #pageOf(open: OpenFile, chunk: ColumnChunk, directory: PageDirectory, row: number): number {
    const { pages, rowsBefore, fault } = directory;
    if (!(row >= 0 && row < chunk.rows)) throw new RangeError(`row ${row} of ${chunk.rows}`);
    while (rowsBefore.at(-1)! <= row) {
      const next = rowsBefore.length - 1;
      if (next >= pages.length) {
        if (fault !== undefined) throw fault;
        throw refuseAt(chunk, chunk.startByte)(
          `${chunk.rows} rows in the pages from here on`,
          `${rowsBefore.at(-1)}`,
        );
      }
      const { starts, entries } = this.#page(open, chunk, directory, next);
      rowsBefore.push(rowsBefore.at(-1)! + (starts?.length ?? entries));
    }
    // The last page before which not more rows begin than there are before the row.
    let low = 0;
    let high = rowsBefore.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (rowsBefore[middle]! <= row) low = middle;
      else high = middle;
    }
    return low;
  }

  #directory(open: OpenFile, chunk: ColumnChunk, shapes: ColumnChunk | undefined): PageDirectory {
    const key = keyOf(chunk, chunk.startByte);
    const known = this.#directories.get(key);
    if (known !== undefined) return known;
    const entries = (): Int32Array | undefined =>
      shapes === undefined ? undefined : this.#entriesByShape(open, shapes);
    const directory = findPages(open, chunk, entries);
    // Directories are small: what was used long ago is given up by count.
    if (this.#directories.size >= 256) this.#directories.delete(this.#directories.keys().next().value!);
    this.#directories.set(key, directory);
    return directory;
  }

  /** How many entries each row of a column of values has, by its column of shapes; what shapes cannot tell is undefined. */
  #entriesByShape(open: OpenFile, shapes: ColumnChunk): Int32Array | undefined {
    if (!shapes.form.list || shapes.form.type === undefined) return undefined;
    const directory = this.#directory(open, shapes, undefined);
    const entries = new Int32Array(shapes.rows);
    for (let row = 0; row < shapes.rows; row++) {
      const cell = this.#cell(open, shapes, directory, row);
      const sizes = isList(cell) ? Array.from<number | bigint, number>(cell.values, Number) : [];
      // A list that is null or empty has one entry.
      entries[row] =
        sizes.length === 0
          ? 1
          : Math.max(
              1,
              sizes.reduce((n, size) => n * size),
            );
    }
    return entries;
  }

  #page(open: OpenFile, chunk: ColumnChunk, { pages, dictionary }: PageDirectory, index: number): DataPage {
    const place = pages[index]!;
    return this.#keep(chunk, place, () => {
      const refuse = refuseAt(chunk, place.startByte);
      const words = (): PageValues | undefined =>
        dictionary === undefined ? undefined : this.#dictionary(open, chunk, dictionary);
      const page = decodePage(chunk, readPage(open, chunk, place), words, refuse);
      return { value: page, bytes: sizeOf(page) };
    });
  }

  #dictionary(open: OpenFile, chunk: ColumnChunk, place: PagePlace): PageValues {
    return this.#keep(chunk, place, () => {
      const refuse = refuseAt(chunk, place.startByte);
      const values = decodeDictionary(chunk, readPage(open, chunk, place), refuse);
      return { value: values, bytes: values.bytes };
    });
  }

  #keep<Value extends DataPage | PageValues>(
    chunk: ColumnChunk,
    { startByte, endByte }: PagePlace,
    make: () => { readonly value: Value; readonly bytes: number },
  ): Value {
    const column = `${chunk.file} ${chunk.column}`;
    return this.#pages.get({ key: keyOf(chunk, startByte), column, about: endByte - startByte }, make);
  }
}

function keyOf({ file, fileWrittenMs }: ColumnChunk, byte: number): string {
  return `${byte} ${fileWrittenMs} ${file}`;
}
