import { type AsyncBuffer, parquetReadObjects } from 'hyparquet';
import { InputError } from '../../engine/input-error.ts';
import { withFile } from './parquet-bytes.ts';
import type { Cell } from './parquet-cells.ts';
import { decompressors } from './parquet-codecs.ts';
import type { ReadTask } from './parquet-reader.ts';
import { readFooter } from './parquet-table.ts';

/**
 * Reads the rows of a column of any form by hyparquet's own reader, which decodes the whole row group. Lists of numbers
 * become arrays of doubles. Throws InputError for what hyparquet cannot read, and for lists of anything but numbers.
 */
export async function readByHyparquet({ chunk, rows }: ReadTask): Promise<Cell[]> {
  const { file, column, group, firstRow } = chunk;
  const refuse = (expected: string, found: string, cause?: unknown): InputError =>
    new InputError({ file, place: `column ${column}, row group ${group}`, expected, found }, { cause });
  const buffer: AsyncBuffer = {
    byteLength: chunk.fileBytes,
    slice: (start, end = chunk.fileBytes) =>
      withFile(file, ({ read }) => read(start, end).buffer as ArrayBuffer),
  };
  let found: Record<string, unknown>[];
  try {
    found = await parquetReadObjects({
      file: buffer,
      metadata: withFile(file, readFooter),
      columns: [column],
      rowStart: firstRow,
      rowEnd: firstRow + chunk.rows,
      compressors: decompressors,
      utf8: false,
    });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw refuse('a column that can be read', error instanceof Error ? error.message : String(error), error);
  }
  return rows.map((row) => {
    const value = found[row]?.[column] ?? null;
    if (Array.isArray(value)) {
      const numbers = value.map((item: unknown) => (item === null || item === undefined ? 0 : Number(item)));
      if (
        numbers.some(Number.isNaN) &&
        value.some((item) => typeof item !== 'number' && typeof item !== 'bigint')
      )
        throw refuse('a list of numbers', 'other lists');
      const nulls = Uint8Array.from(value, (item: unknown) => (item === null || item === undefined ? 1 : 0));
      return { values: Float64Array.from(numbers), ...(nulls.includes(1) ? { nulls } : {}) };
    }
    if (value === null || value instanceof Uint8Array) return value;
    if (
      typeof value === 'number' ||
      typeof value === 'bigint' ||
      typeof value === 'boolean' ||
      typeof value === 'string'
    )
      return value;
    throw refuse('a number, a text, bytes or a list', typeof value);
  });
}
