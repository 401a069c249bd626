import { type Cell, isList } from './parquet-cells.ts';
import { waymoLasers } from './sensor-names.ts';
import {
  type Component,
  type ComponentReader,
  cellsOf,
  describeCell,
  hasColumn,
  listOf,
  refuseCell,
} from './v2-component.ts';
import type { LaserSweep, RangeImage } from './waymo-source.ts';

/** The components that lasers are read from; without the latter two pixels have no projections and no poses. */
export interface LaserComponents {
  readonly lidar: Component;
  readonly projection?: Component;
  readonly pose?: Component;
}

/** The lasers of a moment in Waymo's order, each with the returns that it has. Throws InputError for images that cannot be right. */
export async function readLasers(
  reader: ComponentReader,
  { lidar, projection, pose }: LaserComponents,
  timestampMicros: number,
): Promise<readonly LaserSweep[]> {
  const lasers = waymoLasers.filter((laser) => lidar.rows.get(timestampMicros)?.has(laser));
  const images = (component: Component | undefined, name: string, channels: number) =>
    component === undefined
      ? Promise.resolve(lasers.map(() => undefined))
      : readImages(reader, component, { name, channels, timestampMicros, lasers });
  const [ranges, ranges2, projections, projections2, poses, poses2] = await Promise.all([
    images(lidar, RETURN_1, 4),
    images(lidar, RETURN_2, 4),
    images(projection, RETURN_1, 6),
    images(projection, RETURN_2, 6),
    images(pose, RETURN_1, 6),
    images(pose, RETURN_2, 6),
  ]);
  return lasers.map((laser, i) => {
    const first = join(ranges[i], projections[i], poses[i]);
    const second = join(ranges2[i], projections2[i], poses2[i]);
    if (first === undefined && second !== undefined)
      throw refuseCell(lidar, ranges2[i]!.row, RETURN_1, 'a first return where there is a second', 'null');
    return { laser, returns: [first, second].filter((image) => image !== undefined) };
  });
}

const RETURN_1 = 'range_image_return1';
const RETURN_2 = 'range_image_return2';

interface Image {
  readonly component: Component;
  readonly row: number;
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly cell: Float32Array | Int32Array;
}

/** Puts together what several components say of one return. */
function join(
  range: Image | undefined,
  projection: Image | undefined,
  pose: Image | undefined,
): RangeImage | undefined {
  if (range === undefined) return undefined;
  const { height, width } = range;
  for (const image of [projection, pose])
    if (image !== undefined && (image.height !== height || image.width !== width))
      throw refuseCell(
        image.component,
        image.row,
        `${image.name}.shape`,
        `${height} x ${width}, as the range image has`,
        `${image.height} x ${image.width}`,
      );
  return {
    height,
    width,
    values: range.cell as Float32Array,
    ...(projection === undefined ? {} : { projections: projection.cell as Int32Array }),
    ...(pose === undefined ? {} : { poses: pose.cell as Float32Array }),
  };
}

interface WantedImages {
  readonly name: string;
  readonly channels: number;
  readonly timestampMicros: number;
  readonly lasers: readonly string[];
}

/** One image for each laser, or undefined where there is none. */
async function readImages(
  reader: ComponentReader,
  component: Component,
  { name, channels, timestampMicros, lasers }: WantedImages,
): Promise<readonly (Image | undefined)[]> {
  const values = `${name}.values`;
  const shape = `${name}.shape`;
  // A second return need not be there; the first is asked for, so that what is missing is told.
  if (name === RETURN_2 && !hasColumn(component, values)) return lasers.map(() => undefined);
  const bySensor = component.rows.get(timestampMicros);
  const rows = lasers.flatMap((laser) => bySensor?.get(laser) ?? []);
  if (rows.length === 0) return lasers.map(() => undefined);
  const [cells, shapes] = await Promise.all([
    cellsOf(reader, component, values, rows, shape),
    cellsOf(reader, component, shape, rows),
  ]);
  return lasers.map((laser) => {
    const row = bySensor?.get(laser)?.[0];
    if (row === undefined) return undefined;
    const place = rows.indexOf(row);
    const cell = cells[place]!;
    const [height, width, depth, ...more] = listOf(component, row, shape, shapes[place]!) ?? [];
    if (cell === null || (isList(cell) && cell.values.length === 0)) {
      if (height !== undefined && height > 0)
        throw refuseCell(component, row, values, 'the values of an image', 'none');
      return undefined;
    }
    if (!(height! > 0 && width! > 0 && depth === channels && more.length === 0))
      throw refuseCell(
        component,
        row,
        shape,
        `height, width and ${channels}`,
        height === undefined
          ? 'none'
          : [height, width, depth, ...more].filter((n) => n !== undefined).join(' x '),
      );
    const numbers = imageNumbers(component, row, values, cell, component.tag === 'lidar_camera_projection');
    if (numbers.length !== height! * width! * channels)
      throw refuseCell(
        component,
        row,
        values,
        `${height} x ${width} x ${channels} values`,
        `${numbers.length}`,
      );
    return { component, row, name, height: height!, width: width!, cell: numbers };
  });
}

/** Values as they are computed with: writers store floats as doubles, and whole numbers in 64 bits, too. */
function imageNumbers(
  component: Component,
  row: number,
  name: string,
  cell: Cell,
  whole: boolean,
): Float32Array | Int32Array {
  if (!isList(cell)) throw refuseCell(component, row, name, 'a list', describeCell(cell));
  const { values, nulls } = cell;
  if (nulls !== undefined) {
    const count = nulls.reduce((sum, isNull) => sum + isNull, 0);
    throw refuseCell(component, row, name, 'a list of numbers', `one with ${count} nulls among them`);
  }
  if (!whole && values instanceof Float32Array) return values;
  if (whole && values instanceof Int32Array) return values;
  if (!whole && values instanceof Float64Array) return Float32Array.from(values);
  if (whole && values instanceof BigInt64Array) return Int32Array.from(values, Number);
  const found =
    values instanceof Float32Array || values instanceof Float64Array ? 'fractions' : 'whole numbers';
  throw refuseCell(component, row, name, whole ? 'whole numbers' : 'fractions (float or double)', found);
}
