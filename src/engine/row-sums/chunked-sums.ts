import type { Graph, Value } from '../graph.ts';
import { concat, reshape } from '../operations.ts';
import { chunkSize } from './sum-tables.ts';

/** Adds up chunks: (A, M, `chunkSize`, C) to (A, M, C). */
export type AddUp = (chunks: Value) => Value;

/** Sums of the rows of x (A, rows, C) by tables (see `fillTables`): (A, sums, C). */
export function chunkedSums(graph: Graph, x: Value, tables: readonly Value[], addUp: AddUp): Value {
  const { type } = x;
  const [planes, , channels] = x.shape;
  const zeros = graph.fill(0, type, [planes, 1, channels]);
  const rowsOf = (from: readonly Value[], table: Value) =>
    graph.node('Gather', [concat(graph, [...from, zeros], 1), table], {
      type,
      shape: [planes, table.shape[0], channels],
      attributes: { axis: 1 },
    });
  const levels: Value[] = [];
  for (const table of tables.slice(0, -1)) {
    const members = rowsOf([levels.at(-1) ?? x], table);
    const shape = [planes, table.shape[0] / chunkSize, chunkSize, channels];
    levels.push(addUp(reshape(graph, members, shape)));
  }
  return rowsOf(levels, tables.at(-1)!);
}
