import { InputError } from '../engine/input-error.ts';
import type { FieldLayout } from './packed-rows.ts';
import type { PointCloud, Viewpoint } from './point-cloud.ts';
import { type ScalarType, scalarBytes } from './scalar-type.ts';
import { quote, type TextLines, wordsOf } from './text-lines.ts';

/** How the points of a PCD file are stored. */
export type PcdEncoding = 'ascii' | 'binary' | 'binary_compressed';

/** What the text at the head of a PCD file says. */
export interface PcdHeader {
  /** The fields that have data: those of COUNT 0 have none, and take no place in a point. */
  readonly layout: readonly FieldLayout[];
  /** The names of fields of COUNT 0, padding aside. */
  readonly empty: readonly string[];
  readonly width: number;
  readonly height: number;
  readonly viewpoint: Viewpoint | undefined;
  readonly encoding: PcdEncoding;
}

interface Entry {
  readonly line: number;
  readonly values: readonly string[];
}

const keys = ['VERSION', 'FIELDS', 'SIZE', 'TYPE', 'COUNT', 'WIDTH', 'HEIGHT', 'VIEWPOINT', 'POINTS', 'DATA'];
const versions = ['.7', '0.7', '.6', '0.6', '.5', '0.5'];
const encodings: readonly string[] = ['ascii', 'binary', 'binary_compressed'] satisfies PcdEncoding[];
const types = new Map<string, ScalarType>([
  ['F4', 'float32'],
  ['F8', 'float64'],
  ['I1', 'int8'],
  ['I2', 'int16'],
  ['I4', 'int32'],
  ['I8', 'int64'],
  ['U1', 'uint8'],
  ['U2', 'uint16'],
  ['U4', 'uint32'],
  ['U8', 'uint64'],
]);

/**
 * Reads the header up to and including its DATA line; the cursor is then at the first byte of the points.
 * FIELDS, SIZE, TYPE and DATA must be there, and WIDTH and HEIGHT or POINTS; COUNT is 1 where it is missing.
 */
export function readPcdHeader(lines: TextLines): PcdHeader {
  const entries = readEntries(lines);
  const fault = (entry: Entry, expected: string, found: string) =>
    new InputError({ file: lines.file, place: `line ${entry.line}`, expected, found });
  const required = (key: string): Entry => {
    const entry = entries.get(key);
    if (entry === undefined)
      throw lines.fault(`${key} before DATA`, `only ${[...entries.keys()].join(', ')}`);
    return entry;
  };
  const natural = (entry: Entry, index: number): number => {
    const value = Number(entry.values[index]);
    if (/^\d{1,16}$/.test(entry.values[index]) && Number.isSafeInteger(value)) return value;
    throw fault(entry, 'a whole number', quote(entry.values[index]));
  };
  const size = (key: string): number | undefined => {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.values.length !== 1)
      throw fault(entry, `${key} and one number`, `${entry.values.length} values`);
    return natural(entry, 0);
  };

  const version = entries.get('VERSION');
  if (version !== undefined && !(version.values.length === 1 && versions.includes(version.values[0])))
    throw fault(version, 'VERSION 0.7', quote(version.values.join(' ')));

  const names = required('FIELDS');
  if (names.values.length === 0) throw fault(names, 'at least one field', 'none');
  const columns = ['SIZE', 'TYPE', 'COUNT'].map((key) => {
    const entry = key === 'COUNT' ? entries.get(key) : required(key);
    if (entry !== undefined && entry.values.length !== names.values.length)
      throw fault(entry, `${key} of ${names.values.length} fields`, `${entry.values.length}`);
    return entry;
  });
  const declared = names.values.map((name, i): FieldLayout => {
    if (name !== '_' && names.values.indexOf(name) !== i)
      throw fault(names, 'fields of different names', `${quote(name)} twice`);
    const [bytes, kind, counts] = columns;
    const type = types.get(`${kind?.values[i].toUpperCase()}${bytes?.values[i]}`);
    if (bytes === undefined || kind === undefined || type === undefined)
      throw fault(
        kind ?? names,
        'TYPE and SIZE among F 4 8, I 1 2 4 8, U 1 2 4 8',
        `${kind?.values[i]} ${bytes?.values[i]} for ${quote(name)}`,
      );
    return { name, type, count: counts === undefined ? 1 : natural(counts, i) };
  });
  const layout = declared.filter(({ count }) => count > 0);
  if (layout.length === 0) throw fault(columns[2]!, 'at least one element per point', '0');
  const empty = declared.filter(({ name, count }) => count === 0 && name !== '_').map(({ name }) => name);

  const points = size('POINTS');
  const width = size('WIDTH') ?? (entries.has('HEIGHT') ? undefined : points);
  const height = size('HEIGHT') ?? (entries.has('WIDTH') ? undefined : 1);
  if (width === undefined || height === undefined)
    throw lines.fault('WIDTH and HEIGHT, or POINTS alone', [...entries.keys()].join(', '));
  if (!Number.isSafeInteger(width * height))
    throw fault(required('WIDTH'), 'fewer points', `${width} x ${height}`);
  if (points !== undefined && points !== width * height)
    throw fault(required('POINTS'), `WIDTH x HEIGHT = ${width * height} points`, `${points}`);

  const data = required('DATA');
  const encoding = data.values[0];
  if (data.values.length !== 1 || !encodings.includes(encoding))
    throw fault(data, 'DATA ascii, binary or binary_compressed', quote(data.values.join(' ')));

  const pose = entries.get('VIEWPOINT');
  const viewpoint = pose?.values.map((value) => (value === '' ? Number.NaN : Number(value)));
  if (pose !== undefined && !(viewpoint?.length === 7 && viewpoint.every(Number.isFinite)))
    throw fault(pose, 'VIEWPOINT and 7 finite numbers', quote(pose.values.join(' ')));

  return {
    layout,
    empty,
    width,
    height,
    viewpoint: viewpoint as unknown as Viewpoint | undefined,
    encoding: encoding as PcdEncoding,
  };
}

function readEntries(lines: TextLines): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (let text = lines.next(); text !== undefined; text = lines.next()) {
    const [word, ...values] = wordsOf(text);
    if (word === undefined || word.startsWith('#')) continue;
    const key = word === 'COLUMNS' ? 'FIELDS' : word;
    if (!keys.includes(key)) throw lines.fault(`a PCD header line (${keys.join(', ')})`, quote(text));
    if (entries.has(key)) throw lines.fault(`${key} once`, 'it again');
    entries.set(key, { line: lines.line, values });
    if (key === 'DATA') return entries;
  }
  throw lines.fault('a PCD header up to its DATA line', 'the end of the file');
}

/** The header text of a cloud, DATA line included. */
export function pcdHeaderText(cloud: PointCloud, encoding: PcdEncoding): string {
  const list = (words: readonly (string | number)[]) => words.join(' ');
  const kind = (type: ScalarType) => (type.startsWith('f') ? 'F' : type.startsWith('u') ? 'U' : 'I');
  return [
    '# .PCD v0.7 - Point Cloud Data file format',
    'VERSION 0.7',
    `FIELDS ${list(cloud.fields.map((field) => field.name))}`,
    `SIZE ${list(cloud.fields.map((field) => scalarBytes(field.type)))}`,
    `TYPE ${list(cloud.fields.map((field) => kind(field.type)))}`,
    `COUNT ${list(cloud.fields.map((field) => field.count))}`,
    `WIDTH ${cloud.width}`,
    `HEIGHT ${cloud.height}`,
    `VIEWPOINT ${list(cloud.viewpoint ?? [0, 0, 0, 1, 0, 0, 0])}`,
    `POINTS ${cloud.count}`,
    `DATA ${encoding}`,
    '',
  ].join('\n');
}
