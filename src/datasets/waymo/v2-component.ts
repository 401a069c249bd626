import { InputError } from '../../engine/input-error.ts';
import { type Cell, isList } from './parquet-cells.ts';
import type { ReadColumn } from './parquet-lanes.ts';
import type { ColumnChunk, ParquetTable } from './parquet-table.ts';
import { type ComponentTag, readComponents } from './v2-tags.ts';

/** A component of one segment: a table, and which of its rows are whose. */
export interface Component {
  readonly tag: ComponentTag;
  readonly table: ParquetTable;
  /** By time in microseconds (0 for what belongs to the segment) and the sensor's name ('' where there is none), the rows. */
  readonly rows: ReadonlyMap<number, ReadonlyMap<string, readonly number[]>>;
}

/** Reads cells of a component, and names the place in its errors. */
export interface ComponentReader {
  readonly read: ReadColumn;
  /** The lane of a column. */
  lane(column: string): number;
}

/** The full name of a component's column: `range_image_return1.values` is `[LiDARComponent].range_image_return1.values`. */
export function columnName(tag: ComponentTag, name: string): string {
  return `[${readComponents[tag].prefix}].${name}`;
}

/** Whether a component has a column. */
export function hasColumn({ tag, table }: Component, name: string): boolean {
  return table.columns.has(columnName(tag, name));
}

/**
 * The cells of a component's column in so many rows of its table, in their order; `shapes` is the column with the shapes
 * of the lists. Throws InputError for a column that is not there.
 */
export async function cellsOf(
  reader: ComponentReader,
  component: Component,
  name: string,
  rows: readonly number[],
  shapes?: string,
): Promise<readonly Cell[]> {
  const column = columnName(component.tag, name);
  const ofShapes = shapes === undefined ? undefined : columnName(component.tag, shapes);
  return readTableColumn(reader.read, component.table, column, {
    rows,
    shapes: ofShapes,
    lane: reader.lane(column),
  });
}

/** The cells of a table's column in the rows that are named, in their order. Throws InputError for a column that is not there. */
export async function readTableColumn(
  read: ReadColumn,
  table: ParquetTable,
  column: string,
  {
    rows,
    shapes,
    lane = 0,
  }: { readonly rows: readonly number[]; readonly shapes?: string; readonly lane?: number },
): Promise<readonly Cell[]> {
  const chunks = table.columns.get(column);
  if (chunks === undefined)
    throw new InputError({ file: table.file, expected: `a column ${column}`, found: describeColumns(table) });
  const groups = new Map<ColumnChunk, { places: number[]; rows: number[] }>();
  for (const [place, row] of rows.entries()) {
    const chunk = chunks.find(({ firstRow, rows: count }) => row >= firstRow && row < firstRow + count);
    if (chunk === undefined) throw new RangeError(`row ${row} of ${table.rows}`);
    const group = groups.get(chunk) ?? { places: [], rows: [] };
    groups.set(chunk, group);
    group.places.push(place);
    group.rows.push(row - chunk.firstRow);
  }
  const cells = new Array<Cell>(rows.length).fill(null);
  await Promise.all(
    [...groups].map(async ([chunk, { places, rows: inGroup }]) => {
      const ofShapes = shapes === undefined ? undefined : table.columns.get(shapes)?.[chunk.group];
      const found = await read({ chunk, rows: inGroup, shapes: ofShapes }, lane);
      for (const [i, place] of places.entries()) cells[place] = found[i]!;
    }),
  );
  return cells;
}

/** An error at a cell. */
export function refuseCell(
  component: Component,
  row: number,
  name: string,
  expected: string,
  found: string,
): InputError {
  const place = `row ${row}, ${columnName(component.tag, name)}`;
  return new InputError({ file: component.table.file, place, expected, found });
}

/** A number that a cell has, whatever type its column is of. Throws InputError for anything else. */
export function numberOf(component: Component, row: number, name: string, cell: Cell): number {
  const value = typeof cell === 'bigint' ? Number(cell) : cell;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw refuseCell(component, row, name, 'a number', describeCell(cell));
}

/** A text that a cell has. Throws InputError for anything else. */
export function textOf(component: Component, row: number, name: string, cell: Cell): string {
  if (typeof cell === 'string') return cell;
  if (cell instanceof Uint8Array)
    return Buffer.from(cell.buffer, cell.byteOffset, cell.byteLength).toString();
  throw refuseCell(component, row, name, 'a text', describeCell(cell));
}

/** The numbers of a list, whatever type they are of; undefined for no list. Throws InputError where one is null. */
export function listOf(
  component: Component,
  row: number,
  name: string,
  cell: Cell,
): readonly number[] | undefined {
  if (cell === null) return undefined;
  if (!isList(cell)) throw refuseCell(component, row, name, 'a list', describeCell(cell));
  if (cell.nulls !== undefined)
    throw refuseCell(component, row, name, 'a list of numbers', 'one with nulls among them');
  return Array.from<number | bigint, number>(cell.values, Number);
}

/** A rigid transform (4x4, row-major). Throws InputError for what is none. */
export function transformOf(component: Component, row: number, name: string, cell: Cell): Float64Array {
  const values = listOf(component, row, name, cell);
  const refuse = (found: string): InputError =>
    refuseCell(component, row, name, '16 numbers of a transform, 0 0 0 1 the last', found);
  if (values?.length !== 16) throw refuse(values === undefined ? 'null' : `${values.length} numbers`);
  const last = values.slice(12);
  if (!values.every(Number.isFinite) || last.some((value, i) => Math.abs(value - (i === 3 ? 1 : 0)) > 1e-6))
    throw refuse(values.every(Number.isFinite) ? `${last.join(' ')} the last` : 'some that are no numbers');
  return Float64Array.from(values);
}

/** What a cell has, in a word. */
export function describeCell(cell: Cell): string {
  if (cell === null) return 'null';
  if (isList(cell)) return `a list of ${cell.values.length}`;
  if (cell instanceof Uint8Array) {
    const text = Buffer.from(cell.subarray(0, 40)).toString();
    return /^[\x20-\x7e]*$/.test(text) ? JSON.stringify(text) : `${cell.length} bytes`;
  }
  return String(cell);
}

function describeColumns({ columns }: ParquetTable): string {
  const names = [...columns.keys()];
  return names.length === 0
    ? 'no columns'
    : `${names.length} columns: ${names.slice(0, 4).join(', ')}${names.length > 4 ? ', …' : ''}`;
}
