import { InputError } from '../../engine/input-error.ts';
import type { PointCloud, PointField } from '../../pointcloud/point-cloud.ts';
import type { Column } from '../point-stream.ts';
import type { PointInfo } from '../protocol.ts';

/** The columns of a cloud as they are sent: x, y, z, then every field of one element, and packed colours as red, green and blue. */
export function columnsOf(cloud: PointCloud, file: string): Column[] {
  const named = new Map(cloud.fields.map((field) => [field.name.toLowerCase(), field]));
  const coordinates = ['x', 'y', 'z'].map((name) => {
    const field = named.get(name);
    if (field !== undefined && field.count === 1) return { name, values: numbersOf(field) };
    const names = cloud.fields.map((each) => each.name).join(', ');
    throw new InputError({ file, expected: 'fields x, y and z', found: names || 'no fields' });
  });
  const rest = cloud.fields.filter(
    ({ name, count }) => count === 1 && name !== '_' && !['x', 'y', 'z'].includes(name.toLowerCase()),
  );
  return [
    ...coordinates,
    ...rest.flatMap((field): Column[] => {
      if (isPackedColour(field)) return unpacked(field);
      return [{ name: field.name, values: numbersOf(field) }];
    }),
  ];
}

/** Every value that the file has for a point, as text. */
export function pointInfo(cloud: PointCloud, index: number): PointInfo {
  const fields = cloud.fields
    .filter(({ name }) => name !== '_')
    .map(({ name, count, data }) => ({
      name,
      values: Array.from({ length: count }, (_, k) => {
        const value = data[index * count + k];
        return typeof value === 'number' && data instanceof Float32Array ? shortest(value) : String(value);
      }),
    }));
  return { index, fields };
}

/** The fewest digits that are this float32 number and no other. */
function shortest(value: number): string {
  // Nine are always enough.
  let digits = 6;
  while (digits < 9 && Math.fround(Number(value.toPrecision(digits))) !== value) digits++;
  return String(Number(value.toPrecision(digits)));
}

/** PCD's colour: blue in the lowest byte of a 32-bit number that is often declared as a float. */
function isPackedColour({ name, data }: PointField): boolean {
  return /^rgba?$/i.test(name) && data.BYTES_PER_ELEMENT === 4;
}

function unpacked({ data }: PointField): Column[] {
  const words = new Uint32Array(data.buffer, data.byteOffset, data.length);
  return (['red', 'green', 'blue'] as const).map((name, c) => ({
    name,
    values: Uint8Array.from(words, (word) => (word >>> (16 - 8 * c)) & 255),
  }));
}

function numbersOf({ data }: PointField): ArrayLike<number> {
  return data instanceof BigInt64Array || data instanceof BigUint64Array
    ? Float64Array.from(data, Number)
    : data;
}
