import type { Refuse } from './parquet-levels.ts';
import type { DataPage } from './parquet-page.ts';
import type { ColumnForm } from './parquet-table.ts';
import { type Numbers, numbersOf } from './parquet-values.ts';

/** A row of a list column. */
export interface ListCell {
  /** Where a value is null there is 0. */
  readonly values: Numbers;
  /** For each value 1 where it is null; absent where none is. */
  readonly nulls?: Uint8Array;
}

/** What a column has in a row; its arrays are its own. */
export type Cell = null | number | bigint | boolean | string | Uint8Array | ListCell;

/** Whether a cell is a list. */
export function isList(cell: Cell): cell is ListCell {
  return cell !== null && typeof cell === 'object' && 'values' in cell && typeof cell.values === 'object';
}

/** The entries of a row that are in one page. */
export interface ListPart {
  readonly page: DataPage;
  readonly start: number;
  readonly end: number;
}

/** A row of a column without lists. */
export function flatCell(page: DataPage, entry: number): Cell {
  const { definitions, valuesBefore, values } = page;
  if (definitions === undefined) return owned(values.at(entry));
  const run = runOf(definitions.ends, entry);
  const next = valuesBefore[run + 1] ?? values.count;
  // A run has values or has none.
  if (next === valuesBefore[run]) return null;
  return owned(values.at(valuesBefore[run]! + entry - (definitions.ends[run - 1] ?? 0)));
}

/** A row of a list column out of its parts. Throws what `refuse` makes for levels that are no list. */
export function listCell(form: ColumnForm, parts: readonly ListPart[], refuse: Refuse): ListCell | null {
  const { definition, elementDefinition } = form;
  const total = parts.reduce((sum, { start, end }) => sum + end - start, 0);
  const first = levelOf(form, parts[0]!);
  if (first < elementDefinition) {
    if (total !== 1) throw refuse('one entry of an empty list', `${total}`);
    return first < elementDefinition - 1 ? null : { values: numbersOf(form.type!, 0) };
  }
  const values = numbersOf(form.type!, total);
  let nulls: Uint8Array | undefined;
  let filled = 0;
  for (const { page, start, end } of parts) {
    if (page.definitions === undefined) {
      page.values.copy(start, end, values, filled);
      filled += end - start;
      continue;
    }
    const { values: levels, ends } = page.definitions;
    for (let run = runOf(ends, start); run < ends.length; run++) {
      const runStart = ends[run - 1] ?? 0;
      const from = Math.max(start, runStart);
      const to = Math.min(end, ends[run]!);
      if (from >= to) break;
      if (levels[run]! < elementDefinition) throw refuse('elements of a list', 'an empty list within one');
      if (levels[run] === definition) {
        const value = page.valuesBefore[run]! + from - runStart;
        page.values.copy(value, value + to - from, values, filled);
      } else {
        nulls ??= new Uint8Array(total);
        nulls.fill(1, filled, filled + to - from);
      }
      filled += to - from;
    }
  }
  return nulls === undefined ? { values } : { values, nulls };
}

function levelOf({ definition }: ColumnForm, { page, start }: ListPart): number {
  const { definitions } = page;
  return definitions === undefined ? definition : definitions.values[runOf(definitions.ends, start)]!;
}

/** The run that an entry is in. */
function runOf(ends: readonly number[], entry: number): number {
  let low = 0;
  let high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! > entry) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Bytes of a page are copied: the page may be kept, and its buffer is not moved away. */
function owned(value: number | bigint | Uint8Array): number | bigint | Uint8Array {
  return typeof value === 'object' ? new Uint8Array(value) : value;
}
