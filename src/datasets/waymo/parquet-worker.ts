import { move, transferableSymbol, valueSymbol } from 'piscina';
import { type Cell, isList } from './parquet-cells.ts';
import { ParquetReader, type ReadTask } from './parquet-reader.ts';
import { readCells } from './read-cells.ts';

/** Decoded pages that a thread keeps: a row group of pictures may be one page of some 80 MB. */
const KEEP_BYTES = 128 * 2 ** 20;

const reader = new ParquetReader(KEEP_BYTES);

/** What a worker thread does: reads cells, and moves their arrays instead of copying them. */
export async function readAndMove(task: ReadTask): Promise<unknown> {
  const outcome = await readCells(reader, task);
  const buffers = 'cells' in outcome ? outcome.cells.flatMap(buffersOf) : [];
  return move({ [transferableSymbol]: buffers, [valueSymbol]: outcome });
}

function buffersOf(cell: Cell): ArrayBuffer[] {
  if (cell instanceof Uint8Array) return [cell.buffer as ArrayBuffer];
  if (!isList(cell)) return [];
  const { values, nulls } = cell;
  return [values.buffer as ArrayBuffer, ...(nulls === undefined ? [] : [nulls.buffer as ArrayBuffer])];
}
