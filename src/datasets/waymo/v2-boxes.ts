import type { Cell } from './parquet-cells.ts';
import {
  type Component,
  type ComponentReader,
  cellsOf,
  describeCell,
  hasColumn,
  numberOf,
  readTableColumn,
  refuseCell,
  textOf,
} from './v2-component.ts';
import type { WaymoBox } from './waymo-source.ts';

/** Waymo's numbers of types, 0 first. */
const types = ['unknown', 'vehicle', 'pedestrian', 'sign', 'cyclist'] as const;

const numbers = ['center.x', 'center.y', 'center.z', 'size.x', 'size.y', 'size.z', 'heading'].map(
  (name) => `box.${name}`,
);
const TYPE = 'type';
const POINTS = 'num_lidar_points_in_box';
const ID = 'key.laser_object_id';

/** The labelled boxes of a moment in the order of their rows. Throws InputError for columns that are missing and boxes that cannot be right. */
export async function readBoxes(
  reader: ComponentReader,
  component: Component,
  timestampMicros: number,
): Promise<readonly WaymoBox[]> {
  const rows = component.rows.get(timestampMicros)?.get('') ?? [];
  if (rows.length === 0) return [];
  const [ids, kinds, points, ...columns] = await Promise.all([
    readTableColumn(reader.read, component.table, ID, { rows }),
    cellsOf(reader, component, TYPE, rows),
    hasColumn(component, POINTS) ? cellsOf(reader, component, POINTS, rows) : rows.map(() => null),
    ...numbers.map((name) => cellsOf(reader, component, name, rows)),
  ]);
  return rows.map((row, i) => {
    const [x, y, z, length, width, height, heading] = numbers.map((name, column) =>
      numberOf(component, row, name, columns[column]![i]!),
    ) as [number, number, number, number, number, number, number];
    return {
      type: typeOf(component, row, kinds[i]!),
      id: textOf(component, row, ID, ids[i]!),
      center: [x, y, z],
      size: [length, width, height],
      heading,
      ...(points[i] === null ? {} : { points: numberOf(component, row, POINTS, points[i]!) }),
    };
  });
}

/** A type is a number, or a name such as `TYPE_VEHICLE`. */
function typeOf(component: Component, row: number, cell: Cell): string {
  const type =
    typeof cell === 'number' || typeof cell === 'bigint'
      ? types[Number(cell)]
      : types.find(
          (name) =>
            cell !== null &&
            name ===
              textOf(component, row, TYPE, cell)
                .replace(/^TYPE_/, '')
                .toLowerCase(),
        );
  if (type !== undefined) return type;
  const expected = `one of ${types.map((name, number) => `${name} (${number})`).join(', ')}`;
  throw refuseCell(component, row, TYPE, expected, describeCell(cell));
}
