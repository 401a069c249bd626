import { brotliCompressSync, crc32, gzipSync } from 'node:zlib';
import type { ColumnChunk, ColumnMetaData, CompressionCodec, RowGroup, SchemaElement } from 'hyparquet';
import { ByteWriter } from 'hyparquet-writer';
import { writePageHeader } from 'hyparquet-writer/src/datapage.js';
import { writeRleBitPackedHybrid } from 'hyparquet-writer/src/encoding.js';
import { writeMetadata } from 'hyparquet-writer/src/metadata.js';
import { writePlain } from 'hyparquet-writer/src/plain.js';

/** A list, or no list; an element may be null. */
export type List = readonly (number | bigint | null)[] | null;

/** One column of lists, page by page as a test wants it. */
export interface ListColumn {
  readonly name: string;
  readonly type: 'FLOAT' | 'DOUBLE' | 'INT32' | 'INT64';
  readonly rows: readonly List[];
  /** How many entries the pages have, in turn. Pages of version 2 go on to the end of their last row. */
  readonly pageEntries: readonly number[];
  readonly version: 1 | 2;
  readonly codec: CompressionCodec;
  readonly dictionary: boolean;
  /** Whether pages have a checksum. */
  readonly sums: boolean;
  /** Whether lists and elements may be null. */
  readonly nullable: boolean;
}

/** The codecs that Node can write. */
export const compressors: { readonly [codec: string]: (bytes: Uint8Array) => Uint8Array } = {
  UNCOMPRESSED: (bytes) => bytes,
  BROTLI: (bytes) => brotliCompressSync(bytes),
  GZIP: (bytes) => gzipSync(bytes),
};

/**
 * A Parquet file of columns of lists in one row group, with pages that begin within lists where they are of version 1:
 * hyparquet-writer makes no such pages, so only its encoders are used.
 */
export function writePages(columns: readonly ListColumn[]): Uint8Array {
  const writer = new ByteWriter();
  writer.appendBytes(Buffer.from('PAR1'));
  const chunks = columns.map((column) => writeChunk(writer, column));
  const rows = columns[0]!.rows.length;
  const rowGroup = { columns: chunks, total_byte_size: 0n, num_rows: BigInt(rows) } as RowGroup;
  writeMetadata(writer, {
    version: 2,
    created_by: 'test',
    schema: [{ name: 'root', num_children: columns.length }, ...columns.flatMap(schemaOf)],
    num_rows: BigInt(rows),
    row_groups: [rowGroup],
  } as unknown as Parameters<typeof writeMetadata>[1]);
  writer.appendBytes(Buffer.from('PAR1'));
  return writer.getBytes();
}

function schemaOf({ name, type, nullable }: ListColumn): SchemaElement[] {
  const repetition_type = nullable ? 'OPTIONAL' : 'REQUIRED';
  return [
    { name, repetition_type, num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type, type },
  ];
}

interface Entry {
  readonly repetition: number;
  readonly definition: number;
  readonly value: number | bigint | null;
}

/** The levels of a row, by the rules of Dremel. */
function entriesOf(list: List, nullable: boolean): Entry[] {
  const own = nullable ? 1 : 0;
  if (list === null) return [{ repetition: 0, definition: 0, value: null }];
  if (list.length === 0) return [{ repetition: 0, definition: own, value: null }];
  return list.map((value, i) => ({
    repetition: i === 0 ? 0 : 1,
    definition: own + 1 + (nullable && value !== null ? 1 : 0),
    value,
  }));
}

function writeChunk(writer: ByteWriter, column: ListColumn): ColumnChunk {
  const { type, rows, pageEntries, version, nullable, codec } = column;
  const entries = rows.flatMap((list) => entriesOf(list, nullable));
  const start = writer.offset;
  const words = column.dictionary ? [...new Set(entries.flatMap(({ value }) => value ?? []))] : undefined;
  if (words !== undefined) {
    const page = new ByteWriter();
    writePlain(page, words, type, undefined);
    const bytes = compressors[codec]!(page.getBytes());
    writePageHeader(writer, {
      type: 'DICTIONARY_PAGE',
      uncompressed_page_size: page.offset,
      compressed_page_size: bytes.length,
      ...(column.sums ? { crc: crc32(bytes) | 0 } : {}),
      dictionary_page_header: { num_values: words.length, encoding: 'PLAIN' },
    });
    writer.appendBytes(bytes);
  }
  const dataStart = writer.offset;
  let turn = 0;
  for (let from = 0; from < entries.length; turn++) {
    let to = Math.min(entries.length, from + pageEntries[turn % pageEntries.length]!);
    while (version === 2 && to < entries.length && entries[to]!.repetition !== 0) to++;
    writeDataPage(writer, column, entries.slice(from, to), words);
    from = to;
  }
  const meta_data = {
    type,
    encodings: ['PLAIN', 'RLE', 'RLE_DICTIONARY'],
    path_in_schema: [column.name, 'list', 'element'],
    codec,
    num_values: BigInt(entries.length),
    total_uncompressed_size: BigInt(8 * entries.length * 3 + 4096),
    total_compressed_size: BigInt(writer.offset - start),
    data_page_offset: BigInt(dataStart),
    ...(words === undefined ? {} : { dictionary_page_offset: BigInt(start) }),
  } satisfies ColumnMetaData;
  return { file_offset: BigInt(start), meta_data };
}

function writeDataPage(
  writer: ByteWriter,
  { type, version, codec, sums, nullable }: ListColumn,
  entries: readonly Entry[],
  words: readonly (number | bigint)[] | undefined,
): void {
  const present = entries.flatMap(({ value }) => value ?? []);
  const values = new ByteWriter();
  if (words === undefined) writePlain(values, present, type, undefined);
  else {
    const width = Math.ceil(Math.log2(Math.max(1, words.length)));
    values.appendUint8(width);
    const places = new Map(words.map((word, i) => [word, i]));
    writeRleBitPackedHybrid(
      values,
      present.map((value) => places.get(value)!),
      width,
    );
  }
  const encoding = words === undefined ? 'PLAIN' : 'RLE_DICTIONARY';
  const levels = (of: (entry: Entry) => number, width: number): Uint8Array => {
    const packed = new ByteWriter();
    writeRleBitPackedHybrid(packed, entries.map(of), width);
    return packed.getBytes();
  };
  const repetitions = levels(({ repetition }) => repetition, 1);
  const definitions = levels(({ definition }) => definition, nullable ? 2 : 1);
  const sum = (bytes: Uint8Array) => (sums ? { crc: crc32(bytes) | 0 } : {});
  if (version === 1) {
    const page = new ByteWriter();
    for (const part of [repetitions, definitions]) {
      page.appendUint32(part.length);
      page.appendBytes(part);
    }
    page.appendBytes(values.getBytes());
    const bytes = compressors[codec]!(page.getBytes());
    writePageHeader(writer, {
      type: 'DATA_PAGE',
      uncompressed_page_size: page.offset,
      compressed_page_size: bytes.length,
      ...sum(bytes),
      data_page_header: {
        num_values: entries.length,
        encoding,
        definition_level_encoding: 'RLE',
        repetition_level_encoding: 'RLE',
      },
    });
    writer.appendBytes(bytes);
    return;
  }
  const packed = compressors[codec]!(values.getBytes());
  const bytes = Buffer.concat([repetitions, definitions, packed]);
  writePageHeader(writer, {
    type: 'DATA_PAGE_V2',
    uncompressed_page_size: repetitions.length + definitions.length + values.offset,
    compressed_page_size: bytes.length,
    ...sum(bytes),
    data_page_header_v2: {
      num_values: entries.length,
      num_nulls: entries.length - present.length,
      num_rows: entries.filter(({ repetition }) => repetition === 0).length,
      encoding,
      definition_levels_byte_length: definitions.length,
      repetition_levels_byte_length: repetitions.length,
      is_compressed: true,
    },
  });
  writer.appendBytes(bytes);
}
