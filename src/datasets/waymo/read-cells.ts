import { InputError, type InputFault } from '../../engine/input-error.ts';
import { readByHyparquet } from './hyparquet-cells.ts';
import type { Cell } from './parquet-cells.ts';
import type { ParquetReader, ReadTask } from './parquet-reader.ts';

/** What became of a task; a fault crosses threads as plain data. */
export type ReadOutcome = { readonly cells: readonly Cell[] } | { readonly fault: InputFault };

/** Reads cells by the page reader, or by hyparquet where the column has a form that the page reader does not know. */
export async function readCells(pages: ParquetReader, task: ReadTask): Promise<ReadOutcome> {
  try {
    const known = task.chunk.form.type !== undefined;
    return { cells: known ? pages.read(task) : await readByHyparquet(task) };
  } catch (error) {
    if (error instanceof InputError) return { fault: error.fault };
    throw error;
  }
}
