import type { PointField } from './point-cloud.ts';
import { bytesOf, createScalars, type ScalarType, scalarBytes } from './scalar-type.ts';

/** A field without its data: what a header says of it. */
export interface FieldLayout {
  readonly name: string;
  readonly type: ScalarType;
  /** Elements per point. */
  readonly count: number;
}

/** The bytes of one point. */
export function rowBytes(layout: readonly FieldLayout[]): number {
  return layout.reduce((sum, field) => sum + field.count * scalarBytes(field.type), 0);
}

/** Fields of zeros for that many points. */
export function createFields(layout: readonly FieldLayout[], points: number): PointField[] {
  return layout.map(({ name, type, count }) => ({
    name,
    type,
    count,
    data: createScalars(type, points * count),
  }));
}

/** Fills the fields from packed rows that start at `offset`; there must be enough bytes. */
export function unpackRows(
  bytes: Uint8Array,
  fields: readonly PointField[],
  options: { readonly offset: number; readonly points: number; readonly bigEndian?: boolean },
): void {
  const stride = rowBytes(fields);
  let first = options.offset;
  for (const field of fields) {
    const size = scalarBytes(field.type);
    const width = field.count * size;
    const target = bytesOf(field.data);
    for (let point = 0, to = 0, from = first; point < options.points; point++, from += stride)
      for (let i = 0; i < width; i++) target[to++] = bytes[from + i];
    if (options.bigEndian) swapBytes(target, size);
    first += width;
  }
}

/** The fields as packed rows, one point after the other. */
export function packRows(
  fields: readonly PointField[],
  options: { readonly points: number; readonly bigEndian?: boolean },
): Uint8Array<ArrayBuffer> {
  const stride = rowBytes(fields);
  const packed = new Uint8Array(stride * options.points);
  let first = 0;
  for (const field of fields) {
    const size = scalarBytes(field.type);
    const width = field.count * size;
    const source = options.bigEndian ? bytesOf(field.data).slice() : bytesOf(field.data);
    if (options.bigEndian) swapBytes(source, size);
    for (let point = 0, from = 0, to = first; point < options.points; point++, to += stride)
      for (let i = 0; i < width; i++) packed[to + i] = source[from++];
    first += width;
  }
  return packed;
}

/** Reverses the bytes of every element in place. */
function swapBytes(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size)
    for (let low = start, high = start + size - 1; low < high; low++, high--) {
      const swapped = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = swapped;
    }
}

/** Several byte arrays as one. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
