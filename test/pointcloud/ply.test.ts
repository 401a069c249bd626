import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { readPly, writePly } from '../../src/pointcloud/ply.ts';
import { cloudFromRows, fieldOf, type PointCloud, xyzOf } from '../../src/pointcloud/point-cloud.ts';
import { describeWithRealData } from '../real-data.ts';
import { bitsOf, cloudWithFields, lastWordAt } from './any-cloud.ts';

const encodings = ['ascii', 'binary_little_endian', 'binary_big_endian'] as const;
const plyTypes = ['float32', 'float64', 'int8', 'uint8', 'int16', 'uint16', 'int32', 'uint32'] as const;
const bytes = (text: string) => new TextEncoder().encode(text);
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

/** Vertices that carry a list between their scalars, after an element of another kind and before faces. */
const meshHeader = (format: string) => `ply
format ${format} 1.0
comment made by hand
obj_info nothing
element camera 1
property double time
property list char short path
element vertex 2
property float x
property list uint8 int near
property ushort ring
element face 1
property list uint uchar vertex_indices
property char flag
end_header
`;

function meshBody(littleEndian: boolean): Uint8Array {
  const body = new DataView(new ArrayBuffer(64));
  let at = 0;
  const put = (size: 1 | 2 | 4 | 8, value: number, float = false) => {
    if (size === 1) body.setUint8(at, value);
    else if (size === 2) body.setUint16(at, value, littleEndian);
    else if (size === 8) body.setFloat64(at, value, littleEndian);
    else if (float) body.setFloat32(at, value, littleEndian);
    else body.setUint32(at, value, littleEndian);
    at += size;
  };
  put(8, 0.25);
  put(1, 2);
  put(2, 7);
  put(2, 8);
  put(4, 1.5, true);
  put(1, 0);
  put(2, 513);
  put(4, -2.5, true);
  put(1, 1);
  put(4, 99);
  put(2, 3);
  put(4, 3);
  for (const corner of [0, 1, 0]) put(1, corner);
  put(1, 5);
  return new Uint8Array(body.buffer, 0, at);
}

const meshes: Record<(typeof encodings)[number], Uint8Array> = {
  ascii: bytes(`${meshHeader('ascii')}0.25 2 7 8\n1.5 0 513\n-2.5 1 99 3\n3 0 1 0 5\n`),
  binary_little_endian: join(bytes(meshHeader('binary_little_endian')), meshBody(true)),
  binary_big_endian: join(bytes(meshHeader('binary_big_endian')), meshBody(false)),
};

describe('writePly and readPly', () => {
  test.each(encodings)('%s gives back every scalar field, bit for bit', (encoding) => {
    fc.assert(
      fc.property(cloudWithFields(plyTypes, { padding: false, maxCount: 1 }), (cloud) => {
        const read = readPly(writePly(cloud, { encoding }));
        expect(bitsOf(read)).toEqual(bitsOf(cloud));
        expect(read).toMatchObject({ count: cloud.count, width: cloud.count, height: 1 });
      }),
    );
  });

  test('leaves padding out and numbers the elements of a field', () => {
    const cloud: PointCloud = {
      count: 2,
      width: 2,
      height: 1,
      fields: [
        { name: 'x', type: 'float32', count: 1, data: Float32Array.of(1, 2) },
        { name: 'rgb', type: 'uint8', count: 3, data: Uint8Array.of(1, 2, 3, 4, 5, 6) },
        { name: '_', type: 'uint8', count: 4, data: new Uint8Array(8) },
      ],
    };
    for (const encoding of encodings) {
      // In text and in binary alike: what PLY cannot name does not get into the rows.
      const read = readPly(writePly(cloud, { encoding }));
      expect(read.fields.map(({ name }) => name)).toEqual(['x', 'rgb_0', 'rgb_1', 'rgb_2']);
      expect([...fieldOf(read, 'rgb_1').data]).toEqual([2, 5]);
    }
  });

  test('refuse to write 64-bit integers, and names that meet', () => {
    const field = { name: 'a', count: 1 } as const;
    const sizes = { count: 1, width: 1, height: 1 };
    const long = { ...field, type: 'int64', data: new BigInt64Array(1) } as const;
    expect(() => writePly({ ...sizes, fields: [long] }, { encoding: 'ascii' })).toThrow(
      'field a: expected a type',
    );
    const pair = { ...field, count: 2, type: 'int8', data: new Int8Array(2) } as const;
    const meets = { ...field, name: 'a_1', type: 'int8', data: new Int8Array(1) } as const;
    expect(() => writePly({ ...sizes, fields: [pair, meets] }, { encoding: 'ascii' })).toThrow(InputError);
  });
});

describe('readPly', () => {
  test.each(encodings)('%s: reads over lists and other elements', (encoding) => {
    const cloud = readPly(meshes[encoding]);
    expect(cloud.fields.map(({ name, type }) => `${name} ${type}`)).toEqual(['x float32', 'ring uint16']);
    expect([...fieldOf(cloud, 'x').data]).toEqual([1.5, -2.5]);
    expect([...fieldOf(cloud, 'ring').data]).toEqual([513, 3]);
  });

  test.each(encodings)(
    '%s: a mesh cut anywhere is refused, one with a changed byte never crashes',
    (encoding) => {
      const whole = meshes[encoding];
      // The last number of the text has one digit: cut behind it, only the line end is missing.
      const last = encoding === 'ascii' ? lastWordAt(whole) : whole.length - 1;
      for (let end = 0; end <= last; end++)
        expect(() => readPly(whole.subarray(0, end)), `cut at ${end}`).toThrow(InputError);
      fc.assert(
        fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
          const changed = whole.slice();
          changed[at] = value;
          try {
            readPly(changed);
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
          }
        }),
        { numRuns: 500 },
      );
    },
  );

  test('answers any bytes with an InputError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        expect(() => readPly(noise)).toThrow(InputError);
        expect(() => readPly(join(bytes('ply\n'), noise))).toThrow(InputError);
      }),
    );
  });

  const head = (...lines: string[]) => bytes(['ply', ...lines, 'end_header', ''].join('\n'));
  test.each([
    ['another file', bytes('plx\n'), 'line 1: expected ply'],
    ['no format', head('element vertex 0', 'property float x'), 'line 4: expected a format line'],
    ['two formats', head('format ascii 1.0', 'format ascii 1.0'), 'line 3: expected one format line'],
    ['an unknown format', head('format ascii 2.0'), 'line 2: expected format'],
    ['a count that is none', head('format ascii 1.0', 'element vertex -1'), 'line 3: expected element'],
    [
      'an unknown type',
      head('format ascii 1.0', 'element vertex 0', 'property quad x'),
      'line 4: expected property',
    ],
    ['a list by floats', head('format ascii 1.0', 'element vertex 0', 'property list float int x'), 'line 4'],
    [
      'a property of nothing',
      head('format ascii 1.0', 'property float x'),
      'line 3: expected an element before',
    ],
    [
      'an element of nothing',
      head('format ascii 1.0', 'element vertex 9'),
      'line 4: expected properties of element',
    ],
    [
      'no vertices',
      head('format ascii 1.0', 'element face 0', 'property float x'),
      'expected an element vertex',
    ],
    [
      'one element twice',
      head('format ascii 1.0', 'element a 0', 'element a 0'),
      'line 4: expected elements',
    ],
    ['an unknown line', head('format ascii 1.0', 'vertices 4'), 'line 3: expected format, element'],
    [
      'more points than bytes',
      head('format ascii 1.0', 'element vertex 999999999999', 'property float x'),
      'byte',
    ],
    [
      'more points than bytes, in binary',
      head(
        'format binary_big_endian 1.0',
        'element vertex 999999999999999',
        'property list uint int x',
        'property int y',
      ),
      'byte',
    ],
  ])('refuses %s', (_, file, message) => {
    expect(() => readPly(file)).toThrow(InputError);
    expect(() => readPly(file)).toThrow(message);
  });

  test('refuses lists of negative or hostile length, and bytes after the end', () => {
    const listed = (length: string) =>
      bytes(
        `ply\nformat ascii 1.0\nelement vertex 1\nproperty int x\nproperty list int int l\nend_header\n5 ${length}\n`,
      );
    expect(readPly(listed('1 7')).count).toBe(1);
    for (const length of ['-1', '4294967295', '3 1 2', '1 1 2'])
      expect(() => readPly(listed(length))).toThrow(InputError);
    const whole = meshes.binary_little_endian;
    expect(() => readPly(join(whole, Uint8Array.of(0)))).toThrow(
      'expected the end of the file after the last element',
    );
    const negative = meshes.binary_little_endian.slice();
    negative[bytes(meshHeader('binary_little_endian')).length + 8] = 255;
    expect(() => readPly(negative)).toThrow('expected the length of list path, found -1');
  });
});

describeWithRealData('readPly of real files', 'ply', (folder) => {
  test('a short ascii cloud, cut anywhere, is refused', () => {
    const whole = readFileSync(`${folder}/test_sample_ascii.ply`);
    const points = xyzOf(readPly(whole));
    expect(points).toHaveLength(21);
    expect([...points.subarray(18)]).toEqual([0.198, 8.38004, -0.053054].map(Math.fround));
    const last = lastWordAt(whole);
    for (let end = 0; end <= last; end++)
      expect(() => readPly(whole.subarray(0, end)), `cut at ${end}`).toThrow(InputError);
    for (let end = last + 1; end < whole.length; end++) {
      // "-" alone is no number.
      const cut = whole.subarray(last, end).toString();
      if (/\d$/.test(cut)) expect(readPly(whole.subarray(0, end)).notes?.[0]).toMatch(/no line end/);
    }
  });

  test('a mesh with faces', () => {
    const whole = readFileSync(`${folder}/knot.ply`);
    const cloud = readPly(whole);
    expect(cloud.count).toBe(1440);
    const start = whole.indexOf('end_header\n') + 'end_header\n'.length;
    const y77 = whole.readFloatLE(start + 77 * 12 + 4);
    expect(fieldOf(cloud, 'y').data[77]).toBe(y77);
    for (let end = 0; end < whole.length; end += 101)
      expect(() => readPly(whole.subarray(0, end)), `cut at ${end}`).toThrow(InputError);
  });

  test('an outdoor scan, through every encoding', () => {
    const whole = readFileSync(`${folder}/source.ply`);
    const cloud = readPly(whole);
    expect(cloud.count).toBe(69792);
    expect(cloud.fields.map(({ name }) => name)).toEqual(['x', 'y', 'z', 'scalar_intensity']);
    const body = whole.subarray(whole.indexOf('end_header\n') + 'end_header\n'.length);
    const little = writePly(cloud, { encoding: 'binary_little_endian' });
    expect(Buffer.compare(little.subarray(little.length - body.length), body)).toBe(0);
    for (const encoding of encodings) {
      const back = readPly(writePly(cloud, { encoding }));
      for (const { name, data } of cloud.fields)
        expect(Buffer.compare(Buffer.from(data.buffer), Buffer.from(fieldOf(back, name).data.buffer))).toBe(
          0,
        );
    }
  });
});

test('rows become a cloud and come back', () => {
  const rows = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const cloud = cloudFromRows(rows, ['x', 'y', 'z', 'intensity']);
  expect(xyzOf(readPly(writePly(cloud, { encoding: 'ascii' })))).toEqual(Float32Array.of(1, 2, 3, 5, 6, 7));
});
