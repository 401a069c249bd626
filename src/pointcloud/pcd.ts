import { InputError } from '../engine/input-error.ts';
import { compressLzf, decompressLzf, lzfLargestRatio } from './lzf.ts';
import {
  concatBytes,
  createFields,
  type FieldLayout,
  packRows,
  rowBytes,
  unpackRows,
} from './packed-rows.ts';
import { type PcdEncoding, type PcdHeader, pcdHeaderText, readPcdHeader } from './pcd-header.ts';
import { checkCloud, type PointCloud, type PointField } from './point-cloud.ts';
import { bytesOf } from './scalar-type.ts';
import { isShort } from './text-fields.ts';
import { TextLines } from './text-lines.ts';
import { readTextRows, writeTextRows } from './text-rows.ts';

/**
 * Reads a Point Cloud Data file (pcl, versions 0.5 to 0.7; ascii, binary, binary_compressed) with every field as its
 * header declares it, padding included where the data has it. In text, fields that are declared as float32 are
 * float64 where float32 would lose what the text says (`TextFields` has the rule); with `asciiFloat64` every float32 field
 * of a text is, packed colours aside. The cloud's notes say so.
 * InputError for headers that contradict themselves, text that is no number or out of a type's range, and a file that
 * is shorter or longer than its points (zero bytes after binary points are padding, and fine).
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * const cloud = readPcd(await readFile('data/sweep.pcd'), { file: 'data/sweep.pcd' });
 * cloud.count; // 2
 * fieldOf(cloud, 'intensity').data; // [0.5, 0.25]
 */
export function readPcd(
  bytes: Uint8Array,
  options: { readonly file?: string; readonly asciiFloat64?: boolean } = {},
): PointCloud {
  const lines = new TextLines(bytes, options.file ?? 'PCD');
  const declared = readPcdHeader(lines);
  const header =
    options.asciiFloat64 && declared.encoding === 'ascii'
      ? { ...declared, layout: declared.layout.map(widened) }
      : declared;
  const { width, height, viewpoint, empty } = header;
  const { fields, notes = [] } = readers[header.encoding](lines, header);
  const said = [...empty.map((name) => `Field ${name} has COUNT 0: there are no data of it.`), ...notes];
  return {
    count: width * height,
    width,
    height,
    fields,
    ...(viewpoint && { viewpoint }),
    ...(said.length > 0 && { notes: said }),
  };
}

/**
 * The bytes of a PCD 0.7 file that `readPcd` reads back to the same cloud, but for this: in ascii, NaN loses its payload,
 * and binary_compressed has no padding (fields `_`), for PCL expects none there.
 *
 * @example
 * import { writeFile } from 'node:fs/promises';
 * const cloud = cloudFromRows(Float32Array.of(1, 2, 3, 0.5), ['x', 'y', 'z', 'intensity']);
 * await writeFile('sweep.pcd', writePcd(cloud, { encoding: 'binary_compressed' }));
 */
export function writePcd(
  cloud: PointCloud,
  options: { readonly encoding: PcdEncoding },
): Uint8Array<ArrayBuffer> {
  checkCloud(cloud, 'PCD to write');
  const written =
    options.encoding === 'binary_compressed' ? { ...cloud, fields: withoutPadding(cloud.fields) } : cloud;
  if (written.fields.length === 0)
    throw new InputError({ file: 'PCD to write', expected: 'a field beside padding', found: 'none' });
  const header = new TextEncoder().encode(pcdHeaderText(written, options.encoding));
  return concatBytes([header, ...writers[options.encoding](written)]);
}

function widened(field: FieldLayout): FieldLayout {
  return isShort(field) ? { ...field, type: 'float64' } : field;
}

function withoutPadding<Field extends FieldLayout>(fields: readonly Field[]): Field[] {
  return fields.filter(({ name }) => name !== '_');
}

interface Body {
  readonly fields: PointField[];
  readonly notes?: readonly string[];
}

const readers: Record<PcdEncoding, (lines: TextLines, header: PcdHeader) => Body> = {
  ascii(lines, { layout, width, height }) {
    const points = width * height;
    const values = layout.reduce((sum, field) => sum + field.count, 0);
    // A value takes a character and a separator, and the last one needs no separator.
    checkSize(lines, { points, least: 2 * values, spare: 1 });
    return readTextRows(lines, layout, points);
  },

  binary(lines, { layout, width, height }) {
    const points = width * height;
    const stride = rowBytes(layout);
    checkSize(lines, { points, least: stride });
    const fields = createFields(layout, points);
    unpackRows(lines.bytes, fields, { offset: lines.offset, points });
    checkPadding(lines, lines.offset + points * stride);
    return { fields };
  },

  binary_compressed(lines, header) {
    const { bytes, file, offset } = lines;
    const points = header.width * header.height;
    if (points === 0 && offset === bytes.length) return { fields: createFields(header.layout, 0) };
    if (bytes.length - offset < 8)
      throw new InputError({
        file,
        place: `byte ${offset}`,
        expected: 'the sizes of the compressed data (8 bytes)',
        found: `${bytes.length - offset} bytes`,
      });
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 8);
    const [packed, unpacked] = [view.getUint32(0, true), view.getUint32(4, true)];
    const start = offset + 8;
    // PCL names padding in the header and leaves it out of the data; others have it in both.
    const layout = [header.layout, withoutPadding(header.layout)].find(
      (each) => each.length > 0 && unpacked === points * rowBytes(each),
    );
    if (layout === undefined)
      throw new InputError({
        file,
        place: `byte ${offset + 4}`,
        expected: `${points * rowBytes(header.layout)} uncompressed bytes (${points} points of ${rowBytes(header.layout)} bytes)`,
        found: `${unpacked}`,
      });
    if (packed > bytes.length - start)
      throw new InputError({
        file,
        place: `byte ${start}`,
        expected: `${packed} compressed bytes`,
        found: `${bytes.length - start}`,
      });
    checkSize(lines, { points, least: rowBytes(layout) / lzfLargestRatio });
    const data = bytes.subarray(start, start + packed);
    // What LZF does not make smaller is stored as it is.
    const planes = packed === unpacked ? data : decompressLzf(data, unpacked, { file });
    const fields = createFields(layout, points);
    let from = 0;
    for (const { data } of fields) {
      bytesOf(data).set(planes.subarray(from, from + data.byteLength));
      from += data.byteLength;
    }
    checkPadding(lines, start + packed);
    return { fields };
  },
};

const writers: Record<PcdEncoding, (cloud: PointCloud) => Uint8Array[]> = {
  ascii: ({ fields, count }) => writeTextRows(fields, count),
  binary: ({ fields, count }) => [packRows(fields, { points: count })],
  binary_compressed({ fields }) {
    const planes = concatBytes(fields.map((field) => bytesOf(field.data)));
    if (planes.length >= 2 ** 32)
      throw new InputError({
        file: 'PCD to write',
        expected: 'less than 4 GiB for binary_compressed',
        found: `${planes.length} bytes`,
      });
    const packed = compressLzf(planes);
    const data = packed.length < planes.length ? packed : planes;
    return [bytesOf(new Uint32Array([data.length, planes.length])), data];
  },
};

/** Refuses more points than the rest of the file could hold, before anything is allocated for them. */
function checkSize(
  lines: TextLines,
  options: { readonly points: number; readonly least: number; readonly spare?: number },
): void {
  const left = lines.bytes.length - lines.offset + (options.spare ?? 0);
  if (options.points * options.least <= left) return;
  throw new InputError({
    file: lines.file,
    place: `byte ${lines.offset}`,
    expected: `${options.points} points in at least ${Math.ceil(options.points * options.least)} bytes`,
    found: `${lines.bytes.length - lines.offset} bytes`,
  });
}

function checkPadding({ bytes, file }: TextLines, start: number): void {
  for (let i = start; i < bytes.length; i++)
    if (bytes[i] !== 0)
      throw new InputError({
        file,
        place: `byte ${i}`,
        expected: 'the end of the file, or zeros, after the last point',
        found: `${bytes[i]}`,
      });
}
