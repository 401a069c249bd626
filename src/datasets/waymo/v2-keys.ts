import { InputError } from '../../engine/input-error.ts';
import type { Cell } from './parquet-cells.ts';
import type { ReadColumn } from './parquet-lanes.ts';
import type { ParquetTable } from './parquet-table.ts';
import { waymoCameras, waymoLasers } from './sensor-names.ts';
import { type Component, describeCell, readTableColumn } from './v2-component.ts';
import { type ComponentTag, readComponents } from './v2-tags.ts';

const SEGMENT = 'key.segment_context_name';
const TIME = 'key.frame_timestamp_micros';

/**
 * The components that a table has, one for each segment, with the rows sorted out by their keys. Throws InputError for keys
 * that cannot be right: null, of no sensor, or twice the same sensor in a moment.
 */
export async function readKeys(
  read: ReadColumn,
  table: ParquetTable,
  tag: ComponentTag,
): Promise<ReadonlyMap<string, Component>> {
  const kind: (typeof readComponents)[ComponentTag] & { readonly sensor?: string } = readComponents[tag];
  const rows = Array.from({ length: table.rows }, (_, row) => row);
  const [segments, times, sensors] = await Promise.all([
    readTableColumn(read, table, SEGMENT, { rows }),
    kind.timed ? readTableColumn(read, table, TIME, { rows }) : undefined,
    kind.sensor === undefined ? undefined : readTableColumn(read, table, kind.sensor, { rows }),
  ]);
  const bySegment = new Map<string, Map<number, Map<string, number[]>>>();
  const texts = new Map<string, string>();
  for (const row of rows) {
    const segment = segmentOf(table, row, segments[row]!, texts);
    const time = times === undefined ? 0 : timeOf(table, row, times[row]!);
    const sensor = sensors === undefined ? '' : sensorOf(table, row, kind.sensor!, sensors[row]!);
    const byTime = entryOf(bySegment, segment, () => new Map<number, Map<string, number[]>>());
    const bySensor = entryOf(byTime, time, () => new Map<string, number[]>());
    entryOf(bySensor, sensor, () => []).push(row);
  }
  const result = new Map<string, Component>();
  for (const [segment, byTime] of bySegment) {
    if (tag !== 'lidar_box') requireOneRow(table, tag, byTime);
    result.set(segment, { tag, table, rows: byTime });
  }
  return result;
}

function requireOneRow(
  { file }: ParquetTable,
  tag: ComponentTag,
  byTime: ReadonlyMap<number, ReadonlyMap<string, readonly number[]>>,
): void {
  for (const [time, bySensor] of byTime)
    for (const [sensor, rows] of bySensor) {
      if (rows.length === 1) continue;
      const of = [sensor, readComponents[tag].timed ? `at ${time}` : '']
        .filter((part) => part !== '')
        .join(' ');
      throw new InputError({
        file,
        place: `rows ${rows.slice(0, 4).join(', ')}`,
        expected: `one row of ${tag} ${of}`.trim(),
        found: `${rows.length}`,
      });
    }
}

function segmentOf(table: ParquetTable, row: number, cell: Cell, texts: Map<string, string>): string {
  const text =
    cell instanceof Uint8Array
      ? Buffer.from(cell.buffer, cell.byteOffset, cell.byteLength).toString()
      : typeof cell === 'string'
        ? cell
        : '';
  if (text === '') throw refuseKey(table, row, SEGMENT, 'the name of a segment', cell);
  // One string for a segment instead of one for each row.
  return entryOf(texts, text, () => text);
}

function timeOf(table: ParquetTable, row: number, cell: Cell): number {
  const time = typeof cell === 'bigint' ? Number(cell) : cell;
  if (typeof time === 'number' && Number.isSafeInteger(time) && time > 0) return time;
  throw refuseKey(table, row, TIME, 'a time in microseconds', cell);
}

function sensorOf(table: ParquetTable, row: number, key: string, cell: Cell): string {
  const names: readonly string[] = key === 'key.laser_name' ? waymoLasers : waymoCameras;
  const name =
    typeof cell === 'number' || typeof cell === 'bigint'
      ? names[Number(cell) - 1]
      : cell instanceof Uint8Array || typeof cell === 'string'
        ? names.find((candidate) => candidate === Buffer.from(cell as Uint8Array).toString())
        : undefined;
  if (name !== undefined) return name;
  const expected = `one of ${names.map((candidate, i) => `${candidate} (${i + 1})`).join(', ')}`;
  throw refuseKey(table, row, key, expected, cell);
}

function refuseKey(
  { file }: ParquetTable,
  row: number,
  key: string,
  expected: string,
  cell: Cell,
): InputError {
  return new InputError({ file, place: `row ${row}, ${key}`, expected, found: describeCell(cell) });
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const value = make();
  map.set(key, value);
  return value;
}
