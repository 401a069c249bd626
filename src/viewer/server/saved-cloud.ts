import { InputError } from '../../engine/input-error.ts';
import { type Box3, pointInBox } from '../../geometry/box.ts';
import type { Matrix44 } from '../../geometry/matrix.ts';
import { coordinateNames, fieldOf, type PointCloud, type PointField } from '../../pointcloud/point-cloud.ts';
import { createScalars } from '../../pointcloud/scalar-type.ts';
import { type Clip, isInside } from '../clip.ts';

/** A cloud that is to be saved, or one to be saved with it. */
export interface SavedPart {
  readonly cloud: PointCloud;
  /** The file it is from. */
  readonly file: string;
  /** From its frame to the one that is saved, 4x4 row-major; as it is without one. */
  readonly matrix?: Matrix44;
}

/** Which points are saved; all that have a place by default. */
export interface SavedChoice {
  readonly clip?: Clip;
  readonly box?: Box3;
}

interface ChosenRows {
  readonly rows: Int32Array;
  /** Rows of x, y, z of the chosen points in the frame that is saved. */
  readonly places: Float64Array;
}

/**
 * The chosen points of clouds as one, with every column of the first; limits are in the frame that is saved. A cloud that
 * is saved whole keeps its order and its rows. Throws InputError where no point is chosen, or where a cloud has other columns.
 */
export function savedCloud(parts: readonly SavedPart[], choice: SavedChoice): PointCloud {
  const [{ cloud: first, file }] = parts;
  for (const { cloud, file: other } of parts.slice(1)) {
    const [expected, found] = [first, cloud].map(columnsInWords);
    if (expected !== found)
      throw new InputError({ file: other, expected: `the columns of ${file}: ${expected}`, found });
  }
  const chosen = parts.map((part) => chosenRows(part, choice));
  const count = chosen.reduce((sum, { rows }) => sum + rows.length, 0);
  if (count === 0) {
    throw new InputError({ file, expected: 'a point that is shown, to be saved', found: 'none' });
  }
  if (parts.length === 1 && count === first.count) return first;
  const coordinates = coordinateNames(first);
  const fields = columnsOf(first).map(({ name, type, count: width }, f): PointField => {
    const axis = coordinates.indexOf(name);
    const isMoved = axis >= 0 && parts.some(({ matrix }) => matrix !== undefined);
    // What was turned is no whole number any more.
    const kept = isMoved && type !== 'float64' ? 'float32' : type;
    const data = createScalars(kept, count * width) as Float64Array<ArrayBuffer>;
    let at = 0;
    parts.forEach(({ cloud, matrix }, p) => {
      const { rows, places } = chosen[p];
      const from = columnsOf(cloud)[f].data as Float64Array<ArrayBuffer>;
      for (let k = 0; k < rows.length; k++) {
        if (axis >= 0 && matrix !== undefined) data[at++] = places[3 * k + axis];
        else for (let e = 0; e < width; e++) data[at++] = from[rows[k] * width + e];
      }
    });
    return { name, type: kept, count: width, data };
  });
  const { viewpoint } = first;
  return { count, width: count, height: 1, fields, ...(viewpoint && { viewpoint }) };
}

/** Its columns without padding. */
function columnsOf({ fields }: PointCloud): PointField[] {
  return fields.filter(({ name }) => name !== '_');
}

function columnsInWords(cloud: PointCloud): string {
  const fields = columnsOf(cloud);
  return fields
    .map(({ name, type, count }) => `${name} ${type}${count === 1 ? '' : ` x ${count}`}`)
    .join(', ');
}

function chosenRows({ cloud, matrix }: SavedPart, { clip, box }: SavedChoice): ChosenRows {
  const [xs, ys, zs] = coordinateNames(cloud).map((name) => fieldOf(cloud, name).data);
  const rows = new Int32Array(cloud.count);
  const places = new Float64Array(3 * cloud.count);
  let count = 0;
  for (let i = 0; i < cloud.count; i++) {
    let [x, y, z] = [Number(xs[i]), Number(ys[i]), Number(zs[i])];
    if (!Number.isFinite(x + y + z)) continue;
    if (matrix !== undefined) {
      const row = (r: number) => matrix[r] * x + matrix[r + 1] * y + matrix[r + 2] * z + matrix[r + 3];
      [x, y, z] = [row(0), row(4), row(8)];
    }
    if (clip !== undefined && !isInside(clip, x, y, z)) continue;
    if (box !== undefined && !pointInBox(box, x, y, z)) continue;
    rows[count] = i;
    places.set([x, y, z], 3 * count);
    count++;
  }
  return { rows: rows.subarray(0, count), places: places.subarray(0, 3 * count) };
}
