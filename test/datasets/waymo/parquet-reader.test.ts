import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, describe, expect, test } from 'vitest';
import { readByHyparquet } from '../../../src/datasets/waymo/hyparquet-cells.ts';
import { type Cell, isList } from '../../../src/datasets/waymo/parquet-cells.ts';
import { decompressors } from '../../../src/datasets/waymo/parquet-codecs.ts';
import { ParquetReader } from '../../../src/datasets/waymo/parquet-reader.ts';
import { type ColumnChunk, openParquet } from '../../../src/datasets/waymo/parquet-table.ts';
import { compressors, type List, type ListColumn, writePages } from './write-pages.ts';

const folder = mkdtempSync(join(tmpdir(), 'parquet-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function save(bytes: Uint8Array | ArrayBuffer): string {
  const file = join(folder, `${files++}.parquet`);
  writeFileSync(file, new Uint8Array(bytes as ArrayBuffer));
  return file;
}

function listOf(cell: Cell): List {
  if (cell === null) return null;
  if (!isList(cell)) throw new Error('no list');
  const { values, nulls } = cell;
  return Array.from<number | bigint, number | bigint | null>(values, (value, i) =>
    nulls?.[i] === 1 ? null : value,
  );
}

function chunksOf(file: string, column: string): readonly ColumnChunk[] {
  return openParquet(file).columns.get(column)!;
}

function readAll(reader: ParquetReader, chunk: ColumnChunk): List[] {
  const rows = Array.from({ length: chunk.rows }, (_, row) => row);
  return reader.read({ chunk, rows }).map(listOf);
}

const column: ListColumn = {
  name: 'values',
  type: 'FLOAT',
  rows: [[1, 2, 3], null, [], [4], [5, 6, 7, 8, 9]],
  pageEntries: [2],
  version: 1,
  codec: 'UNCOMPRESSED',
  dictionary: false,
  sums: false,
  nullable: true,
};

const numberOf = {
  FLOAT: fc.float({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
  DOUBLE: fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
  INT32: fc.integer(),
  INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
};

const anyColumn: fc.Arbitrary<ListColumn> = fc
  .record({
    type: fc.constantFrom('FLOAT' as const, 'DOUBLE' as const, 'INT32' as const, 'INT64' as const),
    nullable: fc.boolean(),
    dictionary: fc.boolean(),
    few: fc.boolean(),
  })
  .chain(({ type, nullable, dictionary, few }) => {
    const value: fc.Arbitrary<number | bigint> = few
      ? fc.constantFrom(...(type === 'INT64' ? [1n, 2n, 3n] : [1, 2, 3]))
      : numberOf[type];
    const element = nullable ? fc.option(value, { freq: 8 }) : value;
    // Long stretches of the same make runs, short ones packed bits.
    const list = fc.oneof(
      fc.array(element, { maxLength: 40 }),
      fc.tuple(element, fc.integer({ min: 0, max: 60 })).map(([one, n]) => new Array(n).fill(one)),
    );
    return fc.record({
      name: fc.constant('values'),
      type: fc.constant(type),
      rows: fc.array(nullable ? fc.option(list, { freq: 6 }) : list, { minLength: 1, maxLength: 12 }),
      pageEntries: fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 3 }),
      version: fc.constantFrom(1 as const, 2 as const),
      codec: fc.constantFrom('UNCOMPRESSED' as const, 'BROTLI' as const, 'GZIP' as const),
      dictionary: fc.constant(dictionary),
      sums: fc.boolean(),
      nullable: fc.constant(nullable),
    });
  });

describe('lists, page by page', () => {
  test('any lists come back as they were written, and as hyparquet reads them', async () => {
    await fc.assert(
      fc.asyncProperty(anyColumn, fc.infiniteStream(fc.nat()), async (made, numbers) => {
        const file = save(writePages([made]));
        const [chunk] = chunksOf(file, 'values');
        const order = made.rows.map((_, row) => row).sort(() => (numbers.next().value % 2 === 0 ? 1 : -1));
        const cells = new ParquetReader(0).read({ chunk: chunk!, rows: order });
        expect(cells.map(listOf)).toEqual(order.map((row) => made.rows[row]));
        // A reader that keeps pages gives the same, whatever was read before.
        const keeping = new ParquetReader(2 ** 20);
        for (const row of order)
          expect(listOf(keeping.read({ chunk: chunk!, rows: [row] })[0]!)).toEqual(made.rows[row]);
        const theirs = await parquetReadObjects({
          file: await asyncBufferFromFile(file),
          compressors: decompressors,
        });
        // hyparquet gives numbers of lists as they are; for it no list is null or undefined.
        expect(theirs.map(({ values }) => values ?? null)).toEqual(made.rows);
        rmSync(file);
      }),
      { numRuns: 300, seed: 7 },
    );
  });

  test('a row goes over several pages, and others begin and end within one', () => {
    for (const entries of [1, 2, 3, 100]) {
      const file = save(writePages([{ ...column, pageEntries: [entries] }]));
      expect(readAll(new ParquetReader(2 ** 20), chunksOf(file, 'values')[0]!)).toEqual(column.rows);
    }
  });

  test('shapes say where rows begin, and shapes that do not agree are not believed', () => {
    const rows = [[1, 2, 3, 4, 5, 6], null, [7, 8], [9, 10, 11, 12]];
    const shapes = { ...column, name: 'shape', type: 'INT32' as const, rows: [[3, 2], null, [1, 2], [2, 2]] };
    const values = { ...column, rows, pageEntries: [4], codec: 'BROTLI' as const };
    const good = openParquet(save(writePages([values, shapes])));
    const task = {
      chunk: good.columns.get('values')![0]!,
      shapes: good.columns.get('shape')![0]!,
      rows: [3],
    };
    expect(new ParquetReader(0).read(task).map(listOf)).toEqual([rows[3]]);
    const wrong = { ...shapes, rows: [[3, 3], null, [1, 2], [2, 2]] };
    const other = openParquet(save(writePages([values, wrong])));
    const both = { chunk: other.columns.get('values')![0]!, shapes: other.columns.get('shape')![0]! };
    expect(new ParquetReader(0).read({ ...both, rows: [0, 1, 2, 3] }).map(listOf)).toEqual(rows);
  });

  test('shapes that say where rows begin spare the pages before them', () => {
    const rows = Array.from({ length: 50 }, (_, row) => Array.from({ length: 8 }, (_, i) => row * 8 + i));
    const shape = { ...column, name: 'shape', type: 'INT32' as const, rows: rows.map(() => [2, 4]) };
    const bytes = writePages([{ ...column, rows, pageEntries: [5], sums: true }, shape]);
    const table = openParquet(save(bytes));
    const chunk = table.columns.get('values')![0]!;
    // Byte 80 of the column's pages is within an early page: its checksum is wrong then.
    bytes[chunk.startByte + 80]! ^= 1;
    const damaged = openParquet(save(bytes));
    const task = { chunk: damaged.columns.get('values')![0]!, rows: [49] };
    expect(() => new ParquetReader(0).read(task)).toThrow(/checksum/);
    const shapes = damaged.columns.get('shape')![0]!;
    expect(new ParquetReader(0).read({ ...task, shapes }).map(listOf)).toEqual([rows[49]]);
  });
});

describe('columns that hyparquet-writer writes', () => {
  const list = (name: string, type: 'FLOAT' | 'INT32') => [
    { name, repetition_type: 'OPTIONAL' as const, num_children: 1, converted_type: 'LIST' as const },
    { name: 'list', repetition_type: 'REPEATED' as const, num_children: 1 },
    { name: 'element', repetition_type: 'OPTIONAL' as const, type },
  ];
  const rows = Array.from({ length: 40 }, (_, row) =>
    row % 7 === 3 ? null : Array.from({ length: (row * 5) % 23 }, (_, i) => ((row * 31 + i * 17) % 50) / 4),
  );
  const texts = rows.map((_, row) => (row % 5 === 4 ? null : `text ${row % 3}`));
  const numbers = rows.map((_, row) => BigInt(row) * 1_000_000_007n);

  test.each(['UNCOMPRESSED', 'SNAPPY', 'BROTLI', 'GZIP'] as const)('%s, with an offset index', (codec) => {
    const bytes = parquetWriteBuffer({
      schema: [
        { name: 'root', num_children: 3 },
        ...list('values', 'FLOAT'),
        { name: 'text', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'number', type: 'INT64', repetition_type: 'REQUIRED' },
      ],
      columnData: [
        { name: 'values', data: rows },
        { name: 'text', data: texts },
        { name: 'number', data: numbers },
      ],
      rowGroupSize: [13, 9],
      pageSize: 64,
      codec,
      compressors,
    });
    const table = openParquet(save(bytes));
    expect(table.rows).toBe(40);
    const chunks = table.columns.get('values')!;
    expect(chunks.map(({ rows }) => rows)).toEqual([13, 9, 9, 9]);
    expect(chunks.some(({ offsetIndex }) => offsetIndex !== undefined)).toBe(true);
    const reader = new ParquetReader(2 ** 20);
    expect(chunks.flatMap((chunk) => readAll(reader, chunk))).toEqual(rows);
    const flat = (name: string) =>
      table.columns
        .get(name)!
        .flatMap((chunk) =>
          reader.read({ chunk, rows: Array.from({ length: chunk.rows }, (_, row) => row) }),
        );
    expect(flat('number')).toEqual(numbers);
    expect(flat('text').map((cell) => cell && Buffer.from(cell as Uint8Array).toString())).toEqual(texts);
  });

  test.each([
    ['BYTE_STREAM_SPLIT', 'FLOAT', [1.5, -2, null, 0.25]],
    ['BYTE_STREAM_SPLIT', 'DOUBLE', [1.1, null, -7e300]],
    ['DELTA_BINARY_PACKED', 'INT32', [5, 4, null, 1000, -3]],
    ['DELTA_BINARY_PACKED', 'INT64', [5n, 4n, null, 2n ** 60n]],
    ['DELTA_LENGTH_BYTE_ARRAY', 'BYTE_ARRAY', [Buffer.from('abc'), null, Buffer.from('')]],
    ['DELTA_BYTE_ARRAY', 'BYTE_ARRAY', [Buffer.from('abcd'), Buffer.from('abx'), null]],
  ] as const)('%s of %s', (encoding, type, data) => {
    const bytes = parquetWriteBuffer({ columnData: [{ name: 'x', type, encoding, data: [...data] }] });
    const [chunk] = chunksOf(save(bytes), 'x');
    const cells = new ParquetReader(0).read({ chunk: chunk!, rows: data.map((_, row) => row) });
    expect(cells.map((cell) => (cell instanceof Uint8Array ? Buffer.from(cell) : cell))).toEqual(data);
  });

  test('a form that only hyparquet reads goes to it', async () => {
    const data = [true, false, null, true];
    const bytes = parquetWriteBuffer({ columnData: [{ name: 'x', type: 'BOOLEAN', data }] });
    const [chunk] = chunksOf(save(bytes), 'x');
    expect(chunk!.form.type).toBeUndefined();
    expect(await readByHyparquet({ chunk: chunk!, rows: [3, 0, 2, 1] })).toEqual([true, true, null, false]);
  });
});

describe('golden/arrow-lists.parquet, written by pyarrow', () => {
  const file = fileURLToPath(new URL('golden/arrow-lists.parquet', import.meta.url));
  const rows = Array.from({ length: 12 }, (_, row) => row);
  const cells = (name: string) => {
    const reader = new ParquetReader(2 ** 20);
    return chunksOf(file, name).flatMap((chunk) =>
      reader.read({ chunk, rows: Array.from({ length: chunk.rows }, (_, row) => row) }),
    );
  };

  test('lists over pages of version 1, first in a dictionary, then plain, in ZSTD', () => {
    expect(chunksOf(file, 'list').map(({ rows, codec }) => [rows, codec])).toEqual([
      [9, 'ZSTD'],
      [3, 'ZSTD'],
    ]);
    const list = (row: number) =>
      Array.from({ length: (row * 23) % 120 }, (_, i) => ((row * 97 + i * i) % 1009) / 8);
    expect(cells('list').map(listOf)).toEqual(
      rows.map((row) => (row === 5 ? null : row === 7 ? [] : list(row))),
    );
  });

  test('lists of a fixed size, and 8-bit keys', () => {
    expect(cells('fixed').map(listOf)).toEqual(rows.map((row) => [row, row + 1, row * row]));
    expect(cells('key')).toEqual(rows.map((row) => (row === 3 ? null : (row % 5) + 1)));
  });
});
