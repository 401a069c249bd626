import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { readPcd } from '../../src/pointcloud/pcd.ts';
import { readPly } from '../../src/pointcloud/ply.ts';
import { fieldOf, type PointCloud, xyzOf } from '../../src/pointcloud/point-cloud.ts';

type Columns = ReadonlyArray<readonly [name: string, type: 'float32' | 'float64' | 'uint32']>;
type Read = (columns: Columns, rows: readonly string[], end?: string) => PointCloud;
const bytes = (text: string) => new TextEncoder().encode(text);
const places: Columns = [
  ['x', 'float32'],
  ['y', 'float32'],
  ['z', 'float32'],
];

/** The same rows as a text of either format. */
const formats: ReadonlyArray<readonly [string, Read]> = [
  [
    'pcd',
    (columns, rows, end = '\n') =>
      readPcd(
        bytes(
          [
            `FIELDS ${columns.map(([name]) => name).join(' ')}`,
            `SIZE ${columns.map(([, type]) => (type === 'float64' ? 8 : 4)).join(' ')}`,
            `TYPE ${columns.map(([, type]) => (type === 'uint32' ? 'U' : 'F')).join(' ')}`,
            `POINTS ${rows.length}`,
            'DATA ascii',
            rows.join('\n') + end,
          ].join('\n'),
        ),
      ),
  ],
  [
    'ply',
    (columns, rows, end = '\n') =>
      readPly(
        bytes(
          [
            'ply',
            'format ascii 1.0',
            `element vertex ${rows.length}`,
            ...columns.map(([name, type]) => `property ${type} ${name}`),
            'end_header',
            rows.join('\n') + end,
          ].join('\n'),
        ),
      ),
  ],
];

describe.each(formats)('a %s text', (_, read) => {
  test('may lack its last line end, and the cloud says so', () => {
    const whole = read(places, ['1 2 3', '4 5 6.25']);
    expect(whole.notes).toBeUndefined();
    for (const end of ['', ' ', '\t', '\r']) {
      const cloud = read(places, ['1 2 3', '4 5 6.25'], end);
      expect([...xyzOf(cloud)]).toEqual([1, 2, 3, 4, 5, 6.25]);
      expect(cloud.notes).toEqual([
        'The last line has no line end; if the file was cut inside its last number, that cannot be seen.',
      ]);
    }
    // Blanks after a whole line lack nothing.
    for (const end of ['\n  ', '\n\n', '\r\n']) expect(read(places, ['1 2 3'], end).notes).toBeUndefined();
    expect(() => read(places, ['1.25 2.25 3.25', '4 5'], '')).toThrow(InputError);
    expect(() => read(places, ['1 2 3', '4 5 6 7'], '')).toThrow(InputError);
    expect(() => read(places, ['1 2 3', '4 5 -'], '')).toThrow('expected a value of type float32 for z');
  });

  test('has places of a map as the text says them, though float32 is declared', () => {
    const cloud = read(places, ['500000.12 4649776.45 2.00', '500000.82 4649776.94 2.07']);
    expect(cloud.fields.map(({ type }) => type)).toEqual(['float64', 'float64', 'float64']);
    expect([...fieldOf(cloud, 'x').data]).toEqual([500000.12, 500000.82]);
    expect([...fieldOf(cloud, 'y').data]).toEqual([4649776.45, 4649776.94]);
    expect([...fieldOf(cloud, 'z').data]).toEqual([2, 2.07]);
    expect(cloud.notes?.[0]).toMatch(/Declared as float32.*read as float64/);
    const [x] = xyzOf(cloud, { origin: [500000, 4649776, 0] });
    expect(x).toBeCloseTo(0.12, 6);
  });

  test.each([
    ['one value alone', ['1 2 3', '4 500000.12 6'], 'float64'],
    ['exponents', ['5.0000012e5 2 3'], 'float64'],
    ['whole numbers beyond 2^24', ['16777217 0 0'], 'float64'],
    ['what float32 holds', ['500000.125 4649776.5 16777216'], 'float32'],
    ['few digits', ['500000.1 4.64978e+06 70000'], 'float64'],
    ['2 km away, to the millimetre', ['2500.123 -2047.9999 0'], 'float32'],
    ['3 km away, to a hundredth of one', ['3500.12317 0 0'], 'float64'],
    ['many digits near the sensor', ['0.12345678901234567 -79.1234567891 1.2345678e1'], 'float32'],
    ['values that are missing', ['nan inf -inf', 'nan nan nan'], 'float32'],
    ['the largest of float32', ['3.4028235e38 1e30 -1e20'], 'float32'],
  ])('is as wide as it has to be: %s', (_case, rows, type) => {
    const cloud = read(places, rows);
    expect(cloud.fields.map((field) => field.type)).toEqual([type, type, type]);
    expect(cloud.notes === undefined).toBe(type === 'float32');
  });

  test('widens coordinates together, and other numbers where they need it: colours in the bits of a float keep them', () => {
    const columns: Columns = [
      ['X', 'float32'],
      ['Y', 'float32'],
      ['Z', 'float64'],
      ['rgb', 'float32'],
      ['t', 'float32'],
      ['intensity', 'float32'],
      ['i', 'uint32'],
    ];
    const line = '500000.12 46 1 2.3418408851396162e-38 1700000000.25 0.12345678901234567 7';
    const cloud = read(columns, [line]);
    expect(cloud.fields.map(({ type }) => type)).toEqual([
      'float64',
      'float64',
      'float64',
      'float32',
      'float64',
      'float32',
      'uint32',
    ]);
    expect(cloud.notes?.[0]).toMatch(/read as float64: X, Y, t\.$/);
    expect(fieldOf(cloud, 't').data[0]).toBe(1700000000.25);
    const rgb = fieldOf(cloud, 'rgb').data as Float32Array;
    expect(new Uint32Array(rgb.buffer)[0]).toBe(0xff00ff);
  });

  test('refuses what no float32 is', () => {
    expect(() => read(places, ['1e39 0 0'])).toThrow('expected a value of type float32 for x, found "1e39"');
  });
});

describe('a PLY file', () => {
  const vertices = ['element vertex 2', 'property float x'];
  const camera = ['element camera 1', 'property float px'];
  const header = (format: string, lines: readonly string[], newline = '\n') =>
    ['ply', `format ${format} 1.0`, ...lines, 'end_header', ''].join(newline);
  const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
  const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

  test.each([
    ['none, after', [...vertices, 'element face 0', ...camera], [1, 2, 9]],
    ['none, before', ['element face 0', ...vertices, ...camera], [1, 2, 9]],
    ['none, last', [...vertices, ...camera, 'element face 0'], [1, 2, 9]],
    ['some, before', ['element material 3', ...vertices, ...camera], [1, 2, 9]],
    ['some, after', [...vertices, 'element face 999999999999', ...camera], [1, 2, 9]],
    ['several', ['element a 0', 'element b 2', ...vertices, 'element c 1'], [1, 2]],
  ])('may have elements without properties: %s', (_, lines, values) => {
    const binary = readPly(join(bytes(header('binary_little_endian', lines)), floats(...values)));
    expect([...fieldOf(binary, 'x').data]).toEqual([1, 2]);
    const text = readPly(bytes(`${header('ascii', lines)}${values.join('\n')}\n`));
    expect([...fieldOf(text, 'x').data]).toEqual([1, 2]);
    const more = bytes(`${header('ascii', lines)}${values.join('\n')}\n7\n`);
    expect(() => readPly(more)).toThrow('expected the end of the file');
  });

  test('must have properties of its vertices', () => {
    for (const count of [0, 2])
      expect(() => readPly(bytes(header('ascii', [`element vertex ${count}`])))).toThrow(
        'line 4: expected properties of element "vertex", found none',
      );
  });

  test('may end its lines in CR, the bytes of a point behind them whatever they are', () => {
    // 10 and 13 are bytes of a point here, not the end of a line.
    const points = Uint8Array.of(10, 13, 10, 65, 13, 10, 13, 66);
    for (const newline of ['\r', '\r\n', '\n']) {
      const file = join(bytes(header('binary_little_endian', vertices, newline)), points);
      expect(new Uint8Array(fieldOf(readPly(file), 'x').data.buffer)).toEqual(points);
      const text = `${header('ascii', vertices, newline)}1.5${newline}-2${newline}`;
      expect([...fieldOf(readPly(bytes(text)), 'x').data]).toEqual([1.5, -2]);
      expect(readPly(bytes(text)).notes).toBeUndefined();
      expect(readPly(bytes(text.slice(0, -newline.length))).notes).toHaveLength(1);
    }
    const damaged = header('ascii', ['element vertex x'], '\r');
    expect(() => readPly(bytes(damaged))).toThrow('line 3: expected element');
  });

  test('may have blanks behind its lines', () => {
    const text = header('ascii', [...vertices, 'comment  '], ' \t\n').replace(
      'end_header \t',
      'end_header  ',
    );
    expect(text.startsWith('ply \t\n')).toBe(true);
    expect([...fieldOf(readPly(bytes(`${text}1 \n2\t\n`)), 'x').data]).toEqual([1, 2]);
    const binary = join(bytes(header('binary_big_endian', vertices, ' \n')), new Uint8Array(8));
    // The last line is end_header without what stands behind the other lines.
    expect(readPly(binary).count).toBe(2);
    expect(() => readPly(bytes('ply x\n'))).toThrow('line 1: expected ply');
  });

  test.each(['int64', 'uint64', 'long'])('has no %s', (type) => {
    for (const property of [`${type} t`, `list uchar ${type} t`, `list ${type} int t`])
      expect(() => readPly(bytes(header('ascii', ['element vertex 0', `property ${property}`])))).toThrow(
        `line 4: expected a type of at most 32 bits, or double: PLY has no 64-bit integers, found "property ${property}"`,
      );
    expect(() => readPly(bytes(header('ascii', ['element vertex 0', `property int ${type}`])))).not.toThrow();
  });
});

test('a PCD file may end its lines in CR', () => {
  const lines = ['FIELDS x', 'SIZE 4', 'TYPE F', 'POINTS 1', 'DATA '];
  const ascii = readPcd(bytes(`${lines.join('\r')}ascii\r4.5\r`));
  expect([...fieldOf(ascii, 'x').data]).toEqual([4.5]);
  const binary = Uint8Array.from([...bytes(`${lines.join('\r')}binary\r`), 10, 0, 128, 63]);
  expect(new Uint8Array(fieldOf(readPcd(binary), 'x').data.buffer)).toEqual(Uint8Array.of(10, 0, 128, 63));
});
