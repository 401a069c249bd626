import { move, transferableSymbol, valueSymbol } from 'piscina';
import { InputError, type InputFault } from '../../engine/input-error.ts';
import { readByHyparquet } from './hyparquet-cells.ts';
import { type Cell, isList } from './parquet-cells.ts';
import { ParquetReader, type ReadTask } from './parquet-reader.ts';

/** What became of a task; a fault crosses threads as plain data. */
export type ReadOutcome = { readonly cells: readonly Cell[] } | { readonly fault: InputFault };

/** Decoded pages that a thread keeps: a row group of pictures may be one page of some 80 MB. */
const KEEP_BYTES = 128 * 2 ** 20;

const reader = new ParquetReader(KEEP_BYTES);

/** What a worker thread does: reads cells, and moves their arrays instead of copying them. */
export async function readAndMove(task: ReadTask): Promise<unknown> {
  const outcome = await readCells(reader, task);
  const buffers = 'cells' in outcome ? outcome.cells.flatMap(buffersOf) : [];
  return move({ [transferableSymbol]: buffers, [valueSymbol]: outcome });
}

/** Reads cells by the page reader, or by hyparquet where the column has another form. */
export async function readCells(pages: ParquetReader, task: ReadTask): Promise<ReadOutcome> {
  try {
    const known = task.chunk.form.type !== undefined;
    return { cells: known ? pages.read(task) : await readByHyparquet(task) };
  } catch (error) {
    if (error instanceof InputError) return { fault: error.fault };
    throw error;
  }
}

function buffersOf(cell: Cell): ArrayBuffer[] {
  if (cell instanceof Uint8Array) return [cell.buffer as ArrayBuffer];
  if (!isList(cell)) return [];
  const { values, nulls } = cell;
  return [values.buffer as ArrayBuffer, ...(nulls === undefined ? [] : [nulls.buffer as ArrayBuffer])];
}
