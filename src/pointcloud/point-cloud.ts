import { InputError } from '../engine/input-error.ts';
import { createScalars, type ScalarArray, type ScalarType } from './scalar-type.ts';

/** One named property of every point, such as `x`, `intensity` or a descriptor of many elements. */
export interface PointField {
  /** Its name in the file; `_` marks padding. */
  readonly name: string;
  readonly type: ScalarType;
  /** Elements per point. */
  readonly count: number;
  /** All points' elements, point by point: (points, count). */
  readonly data: ScalarArray;
}

/** Where a cloud was taken from: translation x, y, z in metres, then the quaternion w, x, y, z. */
export type Viewpoint = readonly [number, number, number, number, number, number, number];

/** A cloud with every field of its file; unordered clouds have height 1. */
export interface PointCloud {
  /** Points, width times height. */
  readonly count: number;
  readonly width: number;
  readonly height: number;
  readonly fields: readonly PointField[];
  readonly viewpoint?: Viewpoint;
  /** What one should know of how it was read, a sentence each; undefined where there is nothing. */
  readonly notes?: readonly string[];
}

/** Whether a field is one of a point's coordinates: x, y or z, one element of it. */
export function isCoordinate({ name, count }: Pick<PointField, 'name' | 'count'>): boolean {
  return /^[xyz]$/i.test(name) && count === 1;
}

/** The field of that name, or an InputError that lists the fields there are. */
export function fieldOf(cloud: PointCloud, name: string): PointField {
  const field = cloud.fields.find((candidate) => candidate.name === name);
  if (field !== undefined) return field;
  const names = cloud.fields.map((candidate) => candidate.name).join(', ');
  throw new InputError({ file: 'point cloud', expected: `a field ${name}`, found: names || 'no field' });
}

/**
 * The named single-element fields as rows, (points, names) in float32: `rowsOf(cloud, ['x', 'y', 'z', 'intensity'])` is
 * what a Frame holds.
 *
 * @example
 * const cloud = cloudFromRows(Float32Array.of(1, 2, 3, 0.5), ['x', 'y', 'z', 'intensity']);
 * rowsOf(cloud, ['z', 'x']); // [3, 1]
 */
export function rowsOf(cloud: PointCloud, names: readonly string[]): Float32Array<ArrayBuffer> {
  return fillRows(
    cloud,
    names.map((name) => fieldOf(cloud, name)),
    [],
  );
}

/**
 * The coordinates (points, 3) in float32, from the fields x, y, z or X, Y, Z.
 * The origin is subtracted in float64 first: clouds in UTM coordinates need one, for float32 alone steps by half a metre there.
 */
export function xyzOf(
  cloud: PointCloud,
  options: { readonly origin?: readonly [number, number, number] } = {},
): Float32Array<ArrayBuffer> {
  const names = coordinateNames(cloud);
  return fillRows(
    cloud,
    names.map((name) => fieldOf(cloud, name)),
    options.origin ?? [],
  );
}

/** What the coordinates of a cloud are called: x, y, z or X, Y, Z. */
export function coordinateNames(cloud: PointCloud): readonly string[] {
  return cloud.fields.some((field) => field.name === 'x') ? ['x', 'y', 'z'] : ['X', 'Y', 'Z'];
}

function fillRows(cloud: PointCloud, fields: readonly PointField[], origin: readonly number[]) {
  const width = fields.length;
  const rows = new Float32Array(cloud.count * width);
  fields.forEach(({ name, count, data }, column) => {
    if (count !== 1)
      throw new InputError({
        file: 'point cloud',
        place: `field ${name}`,
        expected: 'one element per point',
        found: `${count}`,
      });
    const offset = origin[column] ?? 0;
    for (let i = 0; i < cloud.count; i++) rows[i * width + column] = Number(data[i]) - offset;
  });
  return rows;
}

/**
 * An unordered cloud with one float32 field for each column of rows (points, names).
 *
 * @example
 * const cloud = cloudFromRows(Float32Array.of(1, 2, 3, 0.5), ['x', 'y', 'z', 'intensity']);
 * fieldOf(cloud, 'intensity').data; // [0.5]
 */
export function cloudFromRows(rows: Float32Array, names: readonly string[]): PointCloud {
  const width = names.length;
  const count = width === 0 ? 0 : rows.length / width;
  if (!Number.isInteger(count) || (width === 0 && rows.length > 0))
    throw new InputError({
      file: 'point rows',
      expected: `a multiple of ${width} numbers (${names.join(', ')})`,
      found: `${rows.length}`,
    });
  const fields = names.map((name, column): PointField => {
    const data = new Float32Array(count);
    for (let i = 0; i < count; i++) data[i] = rows[i * width + column];
    return { name, type: 'float32', count: 1, data };
  });
  return { count, width: count, height: 1, fields };
}

/** Makes sure, before a cloud is written, that its sizes, types and names fit together; InputError otherwise. */
export function checkCloud(cloud: PointCloud, file: string): void {
  const fault = (place: string, expected: string, found: string) =>
    new InputError({ file, place, expected, found });
  const { count, width, height, fields } = cloud;
  if (!Number.isSafeInteger(count) || count < 0 || count !== width * height)
    throw fault('size', `${width} x ${height} points`, `${count}`);
  if (fields.length === 0) throw fault('fields', 'at least one', 'none');
  const seen = new Set<string>();
  for (const field of fields) {
    const place = `field ${field.name}`;
    if (!/^\S+$/.test(field.name)) throw fault(place, 'a name without spaces', `"${field.name}"`);
    if (field.name !== '_' && seen.has(field.name)) throw fault(place, 'one field of that name', 'two');
    seen.add(field.name);
    if (!Number.isSafeInteger(field.count) || field.count < 1)
      throw fault(place, 'at least one element per point', `${field.count}`);
    if (field.data.constructor !== createScalars(field.type, 0).constructor)
      throw fault(place, `${field.type} data`, field.data.constructor.name);
    if (field.data.length !== count * field.count)
      throw fault(place, `${count * field.count} elements`, `${field.data.length}`);
  }
}
