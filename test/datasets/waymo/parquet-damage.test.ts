import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ParquetReader } from '../../../src/datasets/waymo/parquet-reader.ts';
import { openParquet } from '../../../src/datasets/waymo/parquet-table.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { type ListColumn, writePages } from './write-pages.ts';

const folder = mkdtempSync(join(tmpdir(), 'parquet-damage-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'damaged.parquet');

const column: ListColumn = {
  name: 'values',
  type: 'FLOAT',
  rows: Array.from({ length: 9 }, (_, row) =>
    row === 4 ? null : Array.from({ length: (row * 7) % 11 }, (_, i) => (i % 5 === 4 ? null : (row * i) % 6)),
  ),
  pageEntries: [7],
  version: 1,
  codec: 'BROTLI',
  dictionary: false,
  sums: false,
  nullable: true,
};

function readAll(bytes: Uint8Array): unknown {
  writeFileSync(file, bytes);
  const table = openParquet(file);
  return [...table.columns.values()].flat().map((chunk) => {
    // A damaged count of rows is not followed row by row.
    const rows = Array.from({ length: Math.min(chunk.rows, 50) }, (_, row) => row);
    return chunk.form.type === undefined ? undefined : new ParquetReader(0).read({ chunk, rows });
  });
}

function faultOf(bytes: Uint8Array): InputError['fault'] {
  try {
    readAll(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).fault;
  }
  throw new Error('it was taken');
}

/** Where the pages of the only column are. */
function pagesOf(bytes: Uint8Array): { readonly startByte: number; readonly endByte: number } {
  writeFileSync(file, bytes);
  return openParquet(file).columns.get('values')![0]!;
}

describe('a damaged file', () => {
  test.each([
    ['version 1', column],
    ['version 1 with a dictionary', { ...column, dictionary: true }],
    ['version 2', { ...column, version: 2 }],
    [
      'version 2 with a dictionary, plain',
      { ...column, version: 2, dictionary: true, codec: 'UNCOMPRESSED' },
    ],
    ['version 1, plain', { ...column, codec: 'UNCOMPRESSED' }],
  ] as const)('with any byte changed gives values or an error that says where: %s', (_, made) => {
    const good = writePages([made]);
    let refused = 0;
    for (let byte = 0; byte < good.length; byte++) {
      const bytes = Uint8Array.from(good);
      bytes[byte]! ^= [0xff, 0x01, 0x80][byte % 3]!;
      try {
        readAll(bytes);
      } catch (error) {
        if (!(error instanceof InputError)) throw new Error(`byte ${byte}`, { cause: error });
        expect(error.fault.file).toBe(file);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(good.length / 3);
  });

  test('cut off anywhere', () => {
    const good = writePages([column]);
    for (let length = 0; length < good.length; length += 5) faultOf(good.subarray(0, length));
    expect(faultOf(good.subarray(0, 5)).found).toBe('5 bytes');
    expect(faultOf(good.subarray(0, 200)).place).toBe('the last 4 bytes');
  });

  test('a checksum that is wrong, with column, row group and byte', () => {
    const bytes = writePages([{ ...column, sums: true, codec: 'UNCOMPRESSED' }]);
    bytes[pagesOf(bytes).endByte - 1]! ^= 1;
    const fault = faultOf(bytes);
    expect(fault.place).toMatch(/^column values, row group 0, page at byte \d+$/);
    expect(fault.expected).toMatch(/^the checksum [0-9a-f]{8}$/);
  });

  test('bytes that are no BROTLI', () => {
    const bytes = writePages([{ ...column, pageEntries: [1000] }]);
    const start = pagesOf(bytes).startByte;
    // The header of the only page has fewer than 40 bytes.
    bytes.fill(0xff, start + 40, start + 60);
    expect(faultOf(bytes)).toMatchObject({
      place: `column values, row group 0, page at byte ${start}`,
      found: expect.stringMatching(/^damage \(/),
    });
  });

  test('rows before a damaged page are read', () => {
    const rows = Array.from({ length: 12 }, (_, row) => [row, row, row]);
    const bytes = writePages([{ ...column, rows, pageEntries: [6], codec: 'UNCOMPRESSED' }]);
    const { startByte: start, endByte } = pagesOf(bytes);
    const pageLength = (endByte - start) / 6;
    bytes.fill(0xff, start + 3 * pageLength, start + 3 * pageLength + 8);
    writeFileSync(file, bytes);
    const chunk = openParquet(file).columns.get('values')![0]!;
    const reader = new ParquetReader(0);
    const values = (row: number) =>
      (reader.read({ chunk, rows: [row] })[0] as { values: Float32Array }).values;
    for (const row of [0, 3, 4]) expect([...values(row)]).toEqual(rows[row]);
    for (const row of [5, 6, 11])
      expect(() => values(row)).toThrow(/page at byte \d+: expected a page header/);
  });
});
