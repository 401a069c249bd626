import type { RetrievalResult } from '../evaluation/retrieval-result.ts';
import { alignedTable } from './aligned-table.ts';

/** Retrieval in words: each task and metric by chance, untrained and trained. */
export function retrievalTable({ split, frames, pool, rows }: RetrievalResult): string {
  const percent = (value: number | null) => (value === null ? '-' : `${(100 * value).toFixed(2)}%`);
  const cells = rows.map(({ task, metric, chance, random, before, after }) => [
    `${task} ${metric}`,
    percent(chance),
    `${percent(random.mean)} ± ${percent(random.std)}`,
    percent(before),
    percent(after),
  ]);
  const seeds = rows[0]?.random.seeds ?? 0;
  const head = ['right among', 'chance', `random weights (${seeds} seeds)`, 'before', 'after'];
  return `retrieval on ${frames} frames of '${split}', one right answer among ${pool} points\n${alignedTable(head, cells)}`;
}
