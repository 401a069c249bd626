import { type FileMetaData, parquetMetadata, parquetSchema, type SchemaTree } from 'hyparquet';
import { InputError } from '../../engine/input-error.ts';
import { type OpenFile, withFile } from './parquet-bytes.ts';

/** The physical types that pages are read of; the rest goes to hyparquet. */
export type PageType = 'FLOAT' | 'DOUBLE' | 'INT32' | 'INT64' | 'BYTE_ARRAY';

/** One column in one row group, with all that is needed to read it: plain data that crosses threads. */
export interface ColumnChunk {
  readonly file: string;
  /** The file's size and time when it was opened; a file that was written since is refused. */
  readonly fileBytes: number;
  readonly fileWrittenMs: number;
  /** The column's name in the table, and the row group, 0 first. */
  readonly column: string;
  readonly group: number;
  /** Rows of the row group, and the row of the table that is its first. */
  readonly rows: number;
  readonly firstRow: number;
  readonly form: ColumnForm;
  readonly codec: string;
  /** Where its pages are, dictionary included. */
  readonly startByte: number;
  readonly endByte: number;
  /** Pairs of levels: the values, and one for each null or empty list. */
  readonly entries: number;
  readonly uncompressedBytes: number;
  /** Where the places of its pages are written, in files that say it. */
  readonly offsetIndex?: { readonly startByte: number; readonly endByte: number };
}

/** How a column nests. */
export interface ColumnForm {
  /** Undefined for a form that only hyparquet reads. */
  readonly type: PageType | undefined;
  /** Whether a row is a list. */
  readonly list: boolean;
  /** The definition level of a value that is there. */
  readonly definition: number;
  /** The least definition level of an element of a list; one less is an empty list, and below that there is no list. */
  readonly elementDefinition: number;
}

/** A Parquet file's footer, as far as it is needed. */
export interface ParquetTable {
  readonly file: string;
  readonly rows: number;
  /** By the names of the table's columns, a chunk for each row group. Of a column of several leaves the first is there, as a form that only hyparquet reads. */
  readonly columns: ReadonlyMap<string, readonly ColumnChunk[]>;
}

/** Reads the footer of a Parquet file. Throws InputError for a file that is none, or whose footer cannot be right. */
export function openParquet(file: string): ParquetTable {
  return withFile(file, (open) => {
    const metadata = readFooter(open);
    try {
      return tableOf(open, metadata);
    } catch (error) {
      if (error instanceof InputError) throw error;
      throw damagedFooter(file, error);
    }
  });
}

/** The footer as hyparquet has it. Throws InputError. */
export function readFooter({ file, bytes, read }: OpenFile): FileMetaData {
  const expected = 'a Parquet file, which begins and ends with PAR1';
  if (bytes < 12) throw new InputError({ file, expected, found: `${bytes} bytes` });
  const magic = (at: number): string => Buffer.from(read(at, at + 4)).toString('latin1');
  for (const [at, place] of [
    [0, 'the first 4 bytes'],
    [bytes - 4, 'the last 4 bytes'],
  ] as const) {
    const found = magic(at);
    if (found === 'PARE') throw new InputError({ file, place, expected, found: 'an encrypted one (PARE)' });
    if (found !== 'PAR1') throw new InputError({ file, place, expected, found: JSON.stringify(found) });
  }
  const length = Buffer.from(read(bytes - 8, bytes - 4)).readUInt32LE();
  if (length > bytes - 12)
    throw new InputError({
      file,
      place: `byte ${bytes - 8}`,
      expected: `a footer of at most ${bytes - 12} bytes`,
      found: `one of ${length}`,
    });
  try {
    return parquetMetadata(read(bytes - 8 - length, bytes));
  } catch (error) {
    throw error instanceof InputError ? error : damagedFooter(file, error);
  }
}

function damagedFooter(file: string, error: unknown): InputError {
  const found = error instanceof Error ? error.message : String(error);
  return new InputError({ file, place: 'the footer', expected: 'a Parquet footer', found }, { cause: error });
}

function tableOf({ file, bytes, writtenMs }: OpenFile, metadata: FileMetaData): ParquetTable {
  const leaves = leavesOf(parquetSchema(metadata));
  const columns = new Map<string, ColumnChunk[]>();
  let firstRow = 0;
  for (const [group, { columns: chunks, num_rows }] of metadata.row_groups.entries()) {
    const refuse = (what: string, expected: string, found: unknown): InputError =>
      new InputError({ file, place: `the footer, row group ${group}, ${what}`, expected, found: `${found}` });
    const rows = Number(num_rows);
    if (!(rows >= 0)) throw refuse('rows', 'a number of rows', num_rows);
    if (chunks.length !== leaves.length)
      throw refuse('columns', `${leaves.length}, as the schema has`, chunks.length);
    for (const [
      index,
      { meta_data: meta, file_path, offset_index_offset, offset_index_length },
    ] of chunks.entries()) {
      const { column, form } = leaves[index]!;
      if (columns.get(column)?.at(-1)?.group === group) continue;
      if (meta === undefined || file_path) throw refuse(column, 'a column in this file', file_path ?? 'none');
      const startByte = Number(meta.dictionary_page_offset || meta.data_page_offset);
      const endByte = startByte + Number(meta.total_compressed_size);
      if (!(startByte >= 4 && endByte >= startByte && endByte <= bytes - 8))
        throw refuse(
          column,
          `pages between the bytes 4 and ${bytes - 8}`,
          `bytes ${startByte} to ${endByte}`,
        );
      const indexed = Number(offset_index_offset ?? 0);
      const indexLength = offset_index_length ?? 0;
      const chunk: ColumnChunk = {
        file,
        fileBytes: bytes,
        fileWrittenMs: writtenMs,
        column,
        group,
        rows,
        firstRow,
        form,
        codec: meta.codec,
        startByte,
        endByte,
        entries: Number(meta.num_values),
        uncompressedBytes: Number(meta.total_uncompressed_size),
        ...(indexed > 0 && indexLength > 0
          ? { offsetIndex: { startByte: indexed, endByte: indexed + indexLength } }
          : {}),
      };
      const before = columns.get(column);
      if (before === undefined) columns.set(column, [chunk]);
      else before.push(chunk);
    }
    firstRow += rows;
  }
  if (metadata.row_groups.length === 0) for (const { column } of leaves) columns.set(column, []);
  return { file, rows: firstRow, columns };
}

interface Leaf {
  readonly column: string;
  readonly form: ColumnForm;
}

const pageTypes: ReadonlySet<string> = new Set<PageType>(['FLOAT', 'DOUBLE', 'INT32', 'INT64', 'BYTE_ARRAY']);

/** The leaves of the schema in the order of the columns of a row group. */
function leavesOf(root: SchemaTree): readonly Leaf[] {
  return root.children.flatMap((column) => {
    const paths: SchemaTree[][] = [];
    collectPaths(column, [], paths);
    return paths.map((path) => ({ column: column.element.name, form: formOf(path, paths.length === 1) }));
  });
}

function collectPaths(node: SchemaTree, above: readonly SchemaTree[], paths: SchemaTree[][]): void {
  const path = [...above, node];
  if (node.children.length === 0) paths.push(path);
  for (const child of node.children) collectPaths(child, path, paths);
}

function formOf(path: readonly SchemaTree[], alone: boolean): ColumnForm {
  let definition = 0;
  let elementDefinition = 0;
  let repetition = 0;
  for (const { element } of path) {
    if (element.repetition_type !== 'REQUIRED') definition++;
    if (element.repetition_type !== 'REPEATED') continue;
    repetition++;
    elementDefinition = definition;
  }
  const { type = '', converted_type, logical_type } = path.at(-1)!.element;
  const known =
    alone &&
    repetition <= 1 &&
    pageTypes.has(type) &&
    !(repetition === 1 && type === 'BYTE_ARRAY') &&
    converted_type !== 'DECIMAL' &&
    logical_type?.type !== 'DECIMAL';
  return {
    type: known ? (type as PageType) : undefined,
    list: repetition > 0,
    definition,
    elementDefinition,
  };
}
