import { InputError } from '../engine/input-error.ts';
import { concatBytes, createFields, packRows, unpackRows } from './packed-rows.ts';
import {
  type PlyElement,
  type PlyEncoding,
  type PlyProperty,
  plyHeaderText,
  plyTypeName,
  readPlyHeader,
} from './ply-header.ts';
import { checkCloud, type PointCloud, type PointField } from './point-cloud.ts';
import { createScalars, type ScalarType, scalarBytes, storeText } from './scalar-type.ts';
import { TextFields } from './text-fields.ts';
import { missingEnd, quote, TextLines } from './text-lines.ts';
import { writeTextRows } from './text-rows.ts';

/**
 * Reads the vertices of a PLY 1.0 file (ascii, little or big endian): every scalar property becomes a field.
 * Lists, and elements other than `vertex` (faces, edges), are read over and checked, but not kept; an element without
 * properties takes no place in the file. In text, fields declared as float32 may become float64 as `TextFields` says.
 * InputError for headers that contradict themselves, text that is no number or out of a type's range, a file that is
 * shorter or longer than its elements, and one without vertices' properties.
 *
 * @example
 * import { readFile } from 'node:fs/promises';
 * const cloud = readPly(await readFile('data/scan.ply'), { file: 'data/scan.ply' });
 * xyzOf(cloud); // [1, 2, 3, 4, 5, 6]
 */
export function readPly(bytes: Uint8Array, options: { readonly file?: string } = {}): PointCloud {
  const lines = new TextLines(bytes, options.file ?? 'PLY');
  const { encoding, elements } = readPlyHeader(lines);
  const vertex = elements.find((element) => element.name === 'vertex');
  const layout =
    vertex?.properties.filter(isScalar).map(({ name, type }) => ({ name, type, count: 1 })) ?? [];
  if (vertex === undefined || layout.length === 0)
    throw lines.fault(
      'an element vertex with scalar properties',
      elements.map(({ name }) => name).join(', '),
    );
  checkSize(lines, encoding, elements);
  const size = { count: vertex.count, width: vertex.count, height: 1 };
  if (encoding === 'ascii') {
    const stored = new TextFields(layout, vertex.count);
    for (const element of elements) readText(lines, element, element === vertex ? stored : undefined);
    lines.expectEnd();
    const { fields, notes } = stored.finish();
    const said = lines.endIsMissing ? [...notes, missingEnd] : notes;
    return { ...size, fields, ...(said.length > 0 && { notes: said }) };
  }
  const fields = createFields(layout, vertex.count);
  const bigEndian = encoding === 'binary_big_endian';
  for (const element of elements)
    readBinary(lines, element, { fields: element === vertex ? fields : [], bigEndian });
  if (lines.offset !== bytes.length)
    throw new InputError({
      file: lines.file,
      place: `byte ${lines.offset}`,
      expected: 'the end of the file after the last element',
      found: `${bytes.length - lines.offset} bytes more`,
    });
  return { ...size, fields };
}

/**
 * The bytes of a PLY file with the cloud's points as vertices. PLY knows neither padding, which is left out, nor fields
 * of several elements, which become properties name_0, name_1 and so on, nor grids and viewpoints, nor 64-bit integers
 * (InputError).
 *
 * @example
 * import { writeFile } from 'node:fs/promises';
 * const cloud = cloudFromRows(Float32Array.of(1, 2, 3, 0.5), ['x', 'y', 'z', 'intensity']);
 * await writeFile('sweep.ply', writePly(cloud, { encoding: 'binary_little_endian' }));
 */
export function writePly(
  cloud: PointCloud,
  options: { readonly encoding: PlyEncoding },
): Uint8Array<ArrayBuffer> {
  const file = 'PLY to write';
  checkCloud(cloud, file);
  const kept = cloud.fields.filter((field) => field.name !== '_');
  const properties = kept.flatMap(({ name, type, count }) => {
    const typeName = plyTypeName(type);
    if (typeName === undefined)
      throw new InputError({
        file,
        place: `field ${name}`,
        expected: 'a type of at most 32 bits, or float64',
        found: type,
      });
    return Array.from({ length: count }, (_, i) => ({ name: count === 1 ? name : `${name}_${i}`, typeName }));
  });
  const names = new Set(properties.map((property) => property.name));
  if (names.size === 0 || names.size < properties.length)
    throw new InputError({
      file,
      expected: 'one or more properties of different names',
      found: [...names].join(', '),
    });
  const header = new TextEncoder().encode(plyHeaderText(options.encoding, cloud.count, properties));
  const body =
    options.encoding === 'ascii'
      ? writeTextRows(kept, cloud.count)
      : [packRows(kept, { points: cloud.count, bigEndian: options.encoding === 'binary_big_endian' })];
  return concatBytes([header, ...body]);
}

function isScalar(property: PlyProperty): boolean {
  return property.lengthType === undefined;
}

/** Refuses more elements than the rest of the file could hold, before anything is allocated for them. */
function checkSize(lines: TextLines, encoding: PlyEncoding, elements: readonly PlyElement[]): void {
  const left = lines.bytes.length - lines.offset;
  // In text the last value needs no separator.
  let least = encoding === 'ascii' ? -1 : 0;
  for (const { count, properties } of elements)
    for (const { type, lengthType } of properties)
      least += count * (encoding === 'ascii' ? 2 : scalarBytes(lengthType ?? type));
  if (least > left)
    throw new InputError({
      file: lines.file,
      place: `byte ${lines.offset}`,
      expected: `at least ${least} bytes of ${elements.map(({ name, count }) => `${count} ${name}`).join(', ')}`,
      found: `${left}`,
    });
}

function readText(lines: TextLines, element: PlyElement, stored: TextFields | undefined): void {
  if (element.properties.length === 0) return;
  const scratch = element.properties.map(({ type, lengthType }) => ({
    value: createScalars(type, 1),
    length: createScalars(lengthType ?? type, 1),
  }));
  for (let row = 0; row < element.count; row++) {
    const words = lines.nextWords();
    if (words === undefined)
      throw lines.fault(
        `${element.count} of element ${element.name}`,
        `the end of the file after ${row} of them`,
      );
    let column = 0;
    let field = 0;
    element.properties.forEach(({ name, type, lengthType }, i) => {
      let values = 1;
      if (lengthType !== undefined) {
        if (column >= words.length || !storeText(scratch[i].length, 0, words[column]))
          throw lines.fault(`the length of list ${name}`, quote(words[column] ?? 'the end of the line'));
        values = Number(scratch[i].length[0]);
        column++;
      }
      if (values < 0 || column + values > words.length)
        throw lines.fault(`${values} values for ${name}`, `${words.length - column} in the line`);
      const kept = lengthType === undefined ? stored : undefined;
      for (let end = column + values; column < end; column++) {
        const word = words[column];
        if (!(kept?.store(field, row, word) ?? storeText(scratch[i].value, 0, word)))
          throw lines.fault(`a value of type ${type} for ${name}`, quote(word));
      }
      if (lengthType === undefined) field++;
    });
    if (column !== words.length)
      throw lines.fault(`${column} values for one ${element.name}`, `${words.length}`);
  }
}

function readBinary(
  lines: TextLines,
  element: PlyElement,
  options: { readonly fields: readonly PointField[]; readonly bigEndian: boolean },
): void {
  const { bytes, file } = lines;
  const { count, properties } = element;
  const need = (size: number, row: number) => {
    if (lines.offset + size > bytes.length)
      throw new InputError({
        file,
        place: `byte ${lines.offset}`,
        expected: `${size} bytes of ${element.name} ${row} of ${count}`,
        found: `${bytes.length - lines.offset} bytes before the end of the file`,
      });
  };
  if (properties.every(isScalar)) {
    const size = count * properties.reduce((sum, { type }) => sum + scalarBytes(type), 0);
    need(size, 0);
    if (options.fields.length > 0)
      unpackRows(bytes, options.fields, {
        offset: lines.offset,
        points: count,
        bigEndian: options.bigEndian,
      });
    lines.offset += size;
    return;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let row = 0; row < count; row++) {
    let field = 0;
    for (const { name, type, lengthType } of properties) {
      if (lengthType === undefined) {
        const size = scalarBytes(type);
        need(size, row);
        const kept = options.fields[field++];
        if (kept !== undefined)
          unpackRows(bytes, [{ ...kept, data: kept.data.subarray(row, row + 1) }], {
            offset: lines.offset,
            points: 1,
            bigEndian: options.bigEndian,
          });
        lines.offset += size;
        continue;
      }
      need(scalarBytes(lengthType), row);
      const length = readLength(view, lines.offset, { type: lengthType, littleEndian: !options.bigEndian });
      if (length < 0)
        throw new InputError({
          file,
          place: `byte ${lines.offset}`,
          expected: `the length of list ${name}`,
          found: `${length}`,
        });
      lines.offset += scalarBytes(lengthType);
      need(length * scalarBytes(type), row);
      lines.offset += length * scalarBytes(type);
    }
  }
}

function readLength(
  view: DataView,
  offset: number,
  options: { readonly type: ScalarType; readonly littleEndian: boolean },
): number {
  switch (options.type) {
    case 'int8':
      return view.getInt8(offset);
    case 'uint8':
      return view.getUint8(offset);
    case 'int16':
      return view.getInt16(offset, options.littleEndian);
    case 'uint16':
      return view.getUint16(offset, options.littleEndian);
    case 'int32':
      return view.getInt32(offset, options.littleEndian);
    default:
      return view.getUint32(offset, options.littleEndian);
  }
}
