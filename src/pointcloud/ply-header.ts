import type { ScalarType } from './scalar-type.ts';
import { quote, type TextLines, wordsOf } from './text-lines.ts';

/** How the elements of a PLY file are stored. */
export type PlyEncoding = 'ascii' | 'binary_little_endian' | 'binary_big_endian';

/** One property of an element: a scalar, or a list that starts with its own length. */
export interface PlyProperty {
  readonly name: string;
  readonly type: ScalarType;
  /** The type of the length; undefined for a scalar. */
  readonly lengthType: ScalarType | undefined;
}

/** One kind of thing in a PLY file, such as vertex or face; of one without properties there is nothing to read. */
export interface PlyElement {
  readonly name: string;
  readonly count: number;
  readonly properties: readonly PlyProperty[];
}

/** What the text at the head of a PLY file says. */
export interface PlyHeader {
  readonly encoding: PlyEncoding;
  readonly elements: readonly PlyElement[];
}

const encodings: readonly string[] = [
  'ascii',
  'binary_little_endian',
  'binary_big_endian',
] satisfies PlyEncoding[];
const types = new Map<string, ScalarType>([
  ['char', 'int8'],
  ['uchar', 'uint8'],
  ['short', 'int16'],
  ['ushort', 'uint16'],
  ['int', 'int32'],
  ['uint', 'uint32'],
  ['float', 'float32'],
  ['double', 'float64'],
]);
const longTypes = ['int64', 'uint64', 'long', 'ulong', 'longlong', 'ulonglong'];
for (const type of [...types.values()]) types.set(type, type);

/** The classic PLY name of a type, or undefined for 64-bit integers, which PLY does not have. */
export function plyTypeName(type: ScalarType): string | undefined {
  for (const [name, known] of types) if (known === type) return name;
  return undefined;
}

/** Reads the header up to and including `end_header`; the cursor is then at the first byte of the first element. */
export function readPlyHeader(lines: TextLines): PlyHeader {
  if (wordsOf(lines.next() ?? '').join(' ') !== 'ply')
    throw lines.fault('ply in the first line', 'something else');
  const elements: { name: string; count: number; properties: PlyProperty[] }[] = [];
  let encoding: PlyEncoding | undefined;
  for (let text = lines.next(); text !== undefined; text = lines.next()) {
    const [key, ...words] = wordsOf(text);
    switch (key) {
      case undefined:
      case 'comment':
      case 'obj_info':
        break;
      case 'format':
        if (encoding !== undefined) throw lines.fault('one format line', 'a second one');
        if (words.length !== 2 || !encodings.includes(words[0]) || words[1] !== '1.0')
          throw lines.fault(`format ${encodings.join(', ')} 1.0`, quote(text));
        encoding = words[0] as PlyEncoding;
        break;
      case 'element': {
        const [name, count] = words;
        if (words.length !== 2 || !/^\d{1,15}$/.test(count))
          throw lines.fault('element, its name and its count', quote(text));
        if (elements.some((element) => element.name === name))
          throw lines.fault('elements of different names', `${quote(name)} twice`);
        elements.push({ name, count: Number(count), properties: [] });
        break;
      }
      case 'property': {
        const properties = elements.at(-1)?.properties;
        if (properties === undefined) throw lines.fault('an element before its properties', quote(text));
        const property = readProperty(lines, text, words);
        if (properties.some((other) => other.name === property.name))
          throw lines.fault('properties of different names', `${quote(property.name)} twice`);
        properties.push(property);
        break;
      }
      case 'end_header': {
        if (encoding === undefined) throw lines.fault('a format line before end_header', 'none');
        const vertex = elements.find(({ name }) => name === 'vertex');
        if (vertex?.properties.length === 0) throw lines.fault('properties of element "vertex"', 'none');
        return { encoding, elements };
      }
      default:
        throw lines.fault('format, element, property, comment, obj_info or end_header', quote(text));
    }
  }
  throw lines.fault('a PLY header up to end_header', 'the end of the file');
}

function readProperty(lines: TextLines, text: string, words: readonly string[]): PlyProperty {
  const isList = words[0] === 'list';
  const [typeName, name] = words.slice(isList ? 2 : 0);
  const long = words.find((word) => longTypes.includes(word));
  if (long !== undefined && long !== name)
    throw lines.fault('a type of at most 32 bits, or double: PLY has no 64-bit integers', quote(text));
  const type = types.get(typeName);
  const lengthType = isList ? types.get(words[1]) : undefined;
  const valid = isList ? lengthType !== undefined && !lengthType.startsWith('float') : true;
  if (words.length !== (isList ? 4 : 2) || type === undefined || !valid)
    throw lines.fault(
      `property, a type (${[...types.keys()].join(', ')}) and a name, or property list with an integer length type`,
      quote(text),
    );
  return { name, type, lengthType };
}

/** The header text of one vertex element, `end_header` included. */
export function plyHeaderText(
  encoding: PlyEncoding,
  count: number,
  properties: readonly { readonly name: string; readonly typeName: string }[],
): string {
  return [
    'ply',
    `format ${encoding} 1.0`,
    `element vertex ${count}`,
    ...properties.map(({ name, typeName }) => `property ${typeName} ${name}`),
    'end_header',
    '',
  ].join('\n');
}
