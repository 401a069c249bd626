import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { compressLzf } from '../../src/pointcloud/lzf.ts';
import { readPcd, writePcd } from '../../src/pointcloud/pcd.ts';
import { fieldOf, type PointCloud, xyzOf } from '../../src/pointcloud/point-cloud.ts';

/** What programs write that differs from the format's own description. */
const encoder = new TextEncoder();
const head = (lines: { [key: string]: string }) =>
  encoder.encode(
    Object.entries({ VERSION: '0.7', ...lines })
      .map(([key, value]) => `${key} ${value}\n`)
      .join(''),
  );
const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const text = (header: { [key: string]: string }, body: string) =>
  join(head({ ...header, DATA: 'ascii' }), encoder.encode(body));
const xyz = { FIELDS: 'x y z', SIZE: '4 4 4', TYPE: 'F F F', COUNT: '1 1 1' };
const valuesOf = (cloud: PointCloud, name: string) => [...fieldOf(cloud, name).data];

describe('fields of COUNT 0', () => {
  const header = {
    FIELDS: 'x _ ring label noise',
    SIZE: '4 1 1 4 2',
    TYPE: 'F U U F U',
    COUNT: '1 0 1 0 1',
    WIDTH: '2',
    HEIGHT: '1',
  };
  const row = (x: number, ring: number, noise: number) =>
    join(floats(x), Uint8Array.of(ring, noise & 255, noise >> 8));

  test.each([
    ['binary', join(head({ ...header, DATA: 'binary' }), row(0.5, 7, 300), row(-1, 8, 301))],
    ['ascii', text(header, '0.5 7 300\n-1 8 301\n')],
    [
      'binary_compressed',
      join(
        head({ ...header, DATA: 'binary_compressed' }),
        words(14, 14),
        floats(0.5, -1),
        Uint8Array.of(7, 8, 44, 1, 45, 1),
      ),
    ],
  ])('take no place in a point (%s)', (_, file) => {
    const cloud = readPcd(file);
    expect(cloud.fields.map(({ name }) => name)).toEqual(['x', 'ring', 'noise']);
    expect(valuesOf(cloud, 'x')).toEqual([0.5, -1]);
    expect(valuesOf(cloud, 'ring')).toEqual([7, 8]);
    expect(valuesOf(cloud, 'noise')).toEqual([300, 301]);
    expect(cloud.notes).toEqual(['Field label has COUNT 0: there are no data of it.']);
  });

  test('cannot be all there is', () => {
    expect(() => readPcd(text({ ...header, COUNT: '0 0 0 0 0' }, ''))).toThrow(
      'line 5: expected at least one element per point',
    );
  });
});

describe('binary_compressed', () => {
  const size = { WIDTH: '2', HEIGHT: '1', DATA: 'binary_compressed' };

  test('of equal sizes holds the bytes as they are', () => {
    const planes = floats(0, 3, 1, 4, 2, 5);
    const file = join(head({ ...xyz, ...size }), words(24, 24), planes);
    expect([...xyzOf(readPcd(file))]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(() => readPcd(file.subarray(0, file.length - 1))).toThrow(
      'expected 24 compressed bytes, found 23',
    );
    expect(readPcd(join(file, new Uint8Array(9))).count).toBe(2);
    expect(() => readPcd(join(file, Uint8Array.of(1)))).toThrow('expected the end of the file, or zeros');
  });

  test('is written so where nothing is gained, and never with LZF of the same size', () => {
    // 32 literals, a copy of 34 bytes in 3 and so on: LZF of some of these lengths has the same size.
    for (let length = 1; length < 80; length++) {
      const data = Uint8Array.from({ length }, (_, i) => (i < length - 3 ? (i * i * 37 + i) & 255 : 9));
      const cloud: PointCloud = {
        count: length,
        width: length,
        height: 1,
        fields: [{ name: 'i', type: 'uint8', count: 1, data }],
      };
      const file = writePcd(cloud, { encoding: 'binary_compressed' });
      expect(valuesOf(readPcd(file), 'i')).toEqual([...data]);
      const packed = Math.min(compressLzf(data).length, length);
      const start = new TextDecoder('latin1').decode(file).indexOf('compressed\n') + 'compressed\n'.length;
      expect(new DataView(file.buffer).getUint32(start, true)).toBe(packed);
    }
  });

  const padded = {
    FIELDS: 'x _ intensity _',
    SIZE: '4 1 4 2',
    TYPE: 'F U F I',
    COUNT: '1 4 1 3',
    ...size,
  };
  const kept = floats(0.5, 1.5, 10, 20);

  test('may name padding that its data lack', () => {
    for (const planes of [words(16, 16), words(compressLzf(kept).length, 16)].map((sizes) =>
      join(sizes, sizes[0] === 16 ? kept : compressLzf(kept)),
    )) {
      const cloud = readPcd(join(head(padded), planes));
      expect(cloud.fields.map(({ name }) => name)).toEqual(['x', 'intensity']);
      expect(valuesOf(cloud, 'intensity')).toEqual([10, 20]);
    }
  });

  test('may have the padding in its data too', () => {
    const planes = join(floats(0.5, 1.5), new Uint8Array(8).fill(3), floats(10, 20), new Uint8Array(12));
    const packed = compressLzf(planes);
    const cloud = readPcd(join(head(padded), words(packed.length, planes.length), packed));
    expect(cloud.fields.map(({ name }) => name)).toEqual(['x', '_', 'intensity', '_']);
    expect(valuesOf(cloud, 'intensity')).toEqual([10, 20]);
    expect(() => readPcd(join(head(padded), words(20, 20), new Uint8Array(20)))).toThrow(
      'expected 36 uncompressed bytes (2 points of 18 bytes), found 20',
    );
  });

  test('is written without padding, in header and data', () => {
    const binary = join(
      head({ ...padded, DATA: 'binary' }),
      ...[0, 1].map((i) => join(floats(0.5 + i), words(0), floats(10 + 10 * i), new Uint8Array(6))),
    );
    const file = writePcd(readPcd(binary), { encoding: 'binary_compressed' });
    const header = new TextDecoder('latin1').decode(file);
    expect(header).toContain('FIELDS x intensity\nSIZE 4 4\nTYPE F F\nCOUNT 1 1\n');
    const start = header.indexOf('compressed\n') + 'compressed\n'.length;
    expect([...file.subarray(start + 4)]).toEqual([...words(16), ...kept]);
    const padding: PointCloud = {
      count: 1,
      width: 1,
      height: 1,
      fields: [{ name: '_', type: 'uint8', count: 1, data: new Uint8Array(1) }],
    };
    expect(() => writePcd(padding, { encoding: 'binary_compressed' })).toThrow(InputError);
    expect(readPcd(writePcd(padding, { encoding: 'binary' })).fields).toHaveLength(1);
  });
});

describe('ascii', () => {
  test("has missing values as Microsoft's library writes them", () => {
    const body = ['1.#QNAN -1.#IND 1.#INF', '-1.#INF 1.#SNAN 1.#IND00', '-1.#INF00e+000 1.#qnan0 +1.#INF'];
    const cloud = readPcd(text({ ...xyz, WIDTH: '3', HEIGHT: '1' }, `${body.join('\n')}\n`));
    const { NaN: none, POSITIVE_INFINITY: most } = Number;
    expect([...xyzOf(cloud)]).toEqual([none, none, most, -most, none, none, -most, none, most]);
    for (const word of ['1.#', '1.#IN', '2.#INF', '1.#INFO', '1.#QNANx'])
      expect(() => readPcd(text({ ...xyz, POINTS: '1' }, `0 0 ${word}\n`))).toThrow(
        'line 8: expected a value',
      );
  });

  test('may have comments between points and behind them', () => {
    const body = '# first\n1 2 3\n\n  #second\n4 5 6 # the last\n#\n';
    expect([...xyzOf(readPcd(text({ ...xyz, POINTS: '2' }, body)))]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(() => readPcd(text({ ...xyz, POINTS: '1' }, '1 2 # 3\n'))).toThrow('line 8: expected 3 values');
    expect(() => readPcd(text({ ...xyz, POINTS: '1' }, '1 2 3\n# 4\n5 6 7\n'))).toThrow(
      'line 10: expected the end of the file',
    );
  });

  test('may have types in lower case', () => {
    const header = { FIELDS: 'x i j', SIZE: '4 2 1', TYPE: 'f u i', POINTS: '1' };
    const cloud = readPcd(text(header, '1.5 65535 -1\n'));
    expect(cloud.fields.map(({ type }) => type)).toEqual(['float32', 'uint16', 'int8']);
  });
});
