import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { readPcd, writePcd } from '../../src/pointcloud/pcd.ts';
import { cloudFromRows, fieldOf, type PointCloud, xyzOf } from '../../src/pointcloud/point-cloud.ts';
import { describeWithRealData } from '../real-data.ts';
import { bitsOf, cloudWithFields, lastWordAt } from './any-cloud.ts';

const encodings = ['ascii', 'binary', 'binary_compressed'] as const;
const everyType = [
  'float32',
  'float64',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
] as const;
/** The cloud as a file of that encoding has it: compressed data have no padding. */
const asWritten = (cloud: PointCloud, encoding: string): PointCloud =>
  encoding === 'binary_compressed'
    ? { ...cloud, fields: cloud.fields.filter(({ name }) => name !== '_') }
    : cloud;
const hasFields = ({ fields }: PointCloud) => fields.some(({ name }) => name !== '_');
const missingEnd = /^The last line has no line end/;
const bytes = (text: string) => new TextEncoder().encode(text);
const header = (changes: Record<string, string | undefined> = {}, body = '1 2\n3 4\n') => {
  const lines: Record<string, string | undefined> = {
    VERSION: '0.7',
    FIELDS: 'x i',
    SIZE: '4 1',
    TYPE: 'F U',
    COUNT: '1 1',
    WIDTH: '2',
    HEIGHT: '1',
    VIEWPOINT: '0 0 0 1 0 0 0',
    POINTS: '2',
    DATA: 'ascii',
    ...changes,
  };
  const kept = Object.entries(lines).filter(([, value]) => value !== undefined);
  return bytes(`# .PCD\n${kept.map(([key, value]) => `${key} ${value}\n`).join('')}${body}`);
};

describe('writePcd and readPcd', () => {
  const clouds = cloudWithFields(everyType, { padding: true, maxCount: 4 });

  test.each(encodings)('%s gives back every field of every type, bit for bit', (encoding) => {
    fc.assert(
      fc.property(clouds.filter(hasFields), fc.nat(7), (cloud, offset) => {
        const written = writePcd(cloud, { encoding });
        const shifted = new Uint8Array(written.length + offset).subarray(offset);
        shifted.set(written);
        const read = readPcd(shifted);
        expect(bitsOf(read)).toEqual(bitsOf(asWritten(cloud, encoding)));
        expect({ ...read, fields: [] }).toEqual({ ...cloud, fields: [] });
      }),
    );
  });

  test('compress planes that repeat themselves', () => {
    const cloud = cloudFromRows(new Float32Array(4 * 5000), ['x', 'y', 'z', 'intensity']);
    expect(writePcd(cloud, { encoding: 'binary_compressed' }).length).toBeLessThan(1500);
  });

  test('keep NaN points, and clouds of many chunks of text', () => {
    const rows = Float32Array.from({ length: 3 * 40000 }, (_, i) => (i % 7 === 0 ? Number.NaN : Math.sin(i)));
    const cloud = cloudFromRows(rows, ['x', 'y', 'z']);
    for (const encoding of encodings) {
      const back = xyzOf(readPcd(writePcd(cloud, { encoding })));
      expect(Buffer.compare(Buffer.from(back.buffer), Buffer.from(rows.buffer))).toBe(0);
    }
  });

  const unwritable: [string, PointCloud][] = [
    ['no fields', { count: 0, width: 0, height: 1, fields: [] }],
    ['a size that is not its points', { ...cloudFromRows(new Float32Array(2), ['x']), width: 3 }],
    ['a name of two words', cloudFromRows(new Float32Array(2), ['a b'])],
    ['one name twice', cloudFromRows(new Float32Array(2), ['x', 'x'])],
    [
      'data of another type',
      {
        count: 1,
        width: 1,
        height: 1,
        fields: [{ name: 'x', type: 'int8', count: 1, data: new Uint8Array(1) }],
      },
    ],
    [
      'too little data',
      {
        count: 2,
        width: 2,
        height: 1,
        fields: [{ name: 'x', type: 'int8', count: 1, data: new Int8Array(1) }],
      },
    ],
  ];
  test.each(unwritable)('refuse to write %s', (_, cloud) => {
    expect(() => writePcd(cloud, { encoding: 'ascii' })).toThrow(InputError);
  });
});

describe('readPcd of headers', () => {
  test('takes what older versions leave out', () => {
    const old = header({
      VERSION: '.5',
      COUNT: undefined,
      WIDTH: undefined,
      HEIGHT: undefined,
      VIEWPOINT: undefined,
    });
    const cloud = readPcd(old);
    expect(cloud).toMatchObject({ count: 2, width: 2, height: 1 });
    expect(cloud.viewpoint).toBeUndefined();
    expect([...fieldOf(cloud, 'i').data]).toEqual([2, 4]);
    expect(readPcd(header({ POINTS: undefined })).count).toBe(2);
  });

  test('takes CRLF, tabs and blank lines', () => {
    const text = new TextDecoder().decode(header({}, '1\t2\n\n  3 4 \n\n')).replaceAll('\n', '\r\n');
    expect([...fieldOf(readPcd(bytes(text)), 'x').data]).toEqual([1, 3]);
  });

  test.each([
    ['an unknown version', header({ VERSION: '0.8' }), 'line 2: expected VERSION 0.7'],
    ['an unknown key', header({ NORMALS: '1' }), 'line'],
    ['one key twice', bytes('VERSION .7\nVERSION .7\n'), 'line 2: expected VERSION once'],
    ['no fields line', header({ FIELDS: undefined }), 'expected FIELDS before DATA'],
    ['no fields', header({ FIELDS: '' }), 'line 3: expected at least one field'],
    ['two fields of one name', header({ FIELDS: 'x x' }), 'line 3: expected fields of different names'],
    ['sizes for other fields', header({ SIZE: '4' }), 'line 4: expected SIZE of 2 fields, found 1'],
    ['a type that is none', header({ TYPE: 'F Q' }), 'line 5: expected TYPE and SIZE among'],
    ['a size that its type has not', header({ SIZE: '2 1' }), 'found F 2 for "x"'],
    ['no elements', header({ COUNT: '0 0' }), 'line 6: expected at least one element'],
    ['a negative width', header({ WIDTH: '-2' }), 'line 7: expected a whole number, found "-2"'],
    ['a height alone', header({ WIDTH: undefined }), 'expected WIDTH and HEIGHT'],
    [
      'points that are not the grid',
      header({ POINTS: '3' }),
      'line 10: expected WIDTH x HEIGHT = 2 points, found 3',
    ],
    ['a viewpoint without rotation', header({ VIEWPOINT: '0 0 0' }), 'line 9: expected VIEWPOINT'],
    ['an unknown encoding', header({ DATA: 'zip' }), 'line 11: expected DATA ascii, binary'],
    ['no end', bytes('# .PCD\nVERSION .7\n'), 'line 2: expected a PCD header up to its DATA line'],
    ['a name cut short', bytes('VERSION .7\nFIEL'), 'line 2: expected a line end'],
  ])('refuses %s', (_, file, message) => {
    expect(() => readPcd(file)).toThrow(InputError);
    expect(() => readPcd(file)).toThrow(message);
  });

  test.each([
    ['too few values', '1 2\n3\n\n\n', 'line 13: expected 2 values'],
    ['too many values', '1 2 3\n3 4\n', 'line 12: expected 2 values'],
    [
      'text that is no number',
      '1 2\nthree 4\n',
      'line 13: expected a value of type float32 for x, found "three"',
    ],
    ['a number that the type cannot hold', '1 256\n3 4\n', 'line 12: expected a value of type uint8 for i'],
    ['too few points', '1 2\n\n\n\n\n', 'expected 2 points, found the end of the file after 1'],
    ['too many points', '1 2\n3 4\n5 6\n', 'line 14: expected the end of the file'],
    ['a last line that was cut between its values', '1 2\n3    ', 'line 13: expected 2 values'],
  ])('refuses %s', (_, body, message) => {
    expect(() => readPcd(header({}, body))).toThrow(message);
  });

  test.each(encodings)('refuses a size beyond the file before anything is allocated (%s)', (encoding) => {
    for (const [WIDTH, HEIGHT] of [
      ['4000000000', '1'],
      ['90071992', '100000'],
      ['9007199254740991', '1000'],
    ]) {
      const file = header({ WIDTH, HEIGHT, POINTS: undefined, COUNT: '1 1', DATA: encoding }, '12345678');
      expect(() => readPcd(file)).toThrow(InputError);
    }
    expect(() => readPcd(header({ COUNT: '9007199254740991 1', DATA: encoding }))).toThrow(InputError);
  });
});

describe('readPcd of damaged files', () => {
  const noteOrFault = (file: Uint8Array) => {
    try {
      return `${readPcd(file).notes}`;
    } catch (error) {
      return (error as Error).name;
    }
  };

  test('answers any bytes with an InputError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        expect(() => readPcd(noise)).toThrow(InputError);
      }),
    );
  });

  test.each(encodings)(
    '%s: a file cut anywhere is refused, one with a changed byte never crashes',
    (encoding) => {
      const cloud = cloudWithFields(everyType, { padding: true, maxCount: 3 });
      fc.assert(
        fc.property(
          cloud.filter(({ count }) => count > 0).filter(hasFields),
          fc.nat(),
          fc.nat(255),
          (original, at, value) => {
            const written = writePcd(original, { encoding });
            const end = at % written.length;
            if (encoding === 'ascii' && end > lastWordAt(written)) {
              // A number that was cut may be one still; then it is said that the line end is missing.
              expect(noteOrFault(written.subarray(0, end))).toMatch(/line end|InputError/);
            } else expect(() => readPcd(written.subarray(0, end))).toThrow(InputError);
            written[at % written.length] = value;
            try {
              readPcd(written);
            } catch (error) {
              expect(error).toBeInstanceOf(InputError);
            }
          },
        ),
        { numRuns: 300 },
      );
    },
  );

  test('binary points may be followed by zeros only', () => {
    const cloud = cloudFromRows(Float32Array.of(1, 2, 3), ['x', 'y', 'z']);
    for (const encoding of ['binary', 'binary_compressed'] as const) {
      const written = writePcd(cloud, { encoding });
      const longer = new Uint8Array(written.length + 100);
      longer.set(written);
      expect(readPcd(longer)).toEqual(readPcd(written));
      longer[longer.length - 1] = 1;
      expect(() => readPcd(longer)).toThrow(
        `byte ${longer.length - 1}: expected the end of the file, or zeros`,
      );
    }
  });
});

describeWithRealData('readPcd of real files', 'pcd', (folder) => {
  const load = (name: string) => readFileSync(`${folder}/${name}`);
  const read = (name: string) => readPcd(load(name), { file: name });

  test('the ascii, binary and binary_compressed files of one cloud read the same', () => {
    const [ascii, binary, compressed] = ['ascii.pcd', 'binary.pcd', 'binary_compressed.pcd'].map(read);
    expect(bitsOf(compressed)).toEqual(bitsOf(binary));
    expect(binary).toMatchObject({ count: 213, width: 213, height: 1, viewpoint: [0, 0, 0, 1, 0, 0, 0] });
    expect(ascii.fields.map(({ name }) => name)).toEqual(['x', 'y', 'z', 'rgb']);
    for (const { name, data } of ascii.fields)
      data.forEach((value, i) => {
        // The text has five significant digits.
        const exact = Number(fieldOf(binary, name).data[i]);
        expect(Math.abs(Number(value) - exact)).toBeLessThanOrEqual(6e-5 * Math.abs(exact));
      });
    expect([...xyzOf(ascii).subarray(0, 3)]).toEqual([0.93773, 0.33763, 0].map(Math.fround));
  });

  test('keeps padding, several elements a field, grids and empty clouds', () => {
    const padded = read('ascii_with_underscore.pcd');
    expect(padded.fields.map(({ name }) => name)).toEqual(['x', 'y', 'z', '_']);
    expect(padded.fields[3].data).toEqual(fieldOf(read('ascii.pcd'), 'rgb').data);
    const many = fieldOf(read('ascii_multi_count.pcd'), 'intensity');
    expect(many.count).toBe(4);
    expect([...many.data.subarray(28)]).toEqual([0.8, 0.8, 0.8, 0.8].map(Math.fround));
    const grid = read('ascii_organized.pcd');
    expect(grid).toMatchObject({ count: 8, width: 4, height: 2 });
    expect(bitsOf(read('binary_compressed_organized.pcd'))).toEqual(bitsOf(grid));
    expect(read('ascii_with_empty_points.pcd')).toMatchObject({ count: 0, width: 0, height: 0 });
  });

  test('refuses files that are no PCD, and says where', () => {
    expect(() => read('ascii_empty.pcd')).toThrow('ascii_empty.pcd: line 0: expected a PCD header');
    expect(() => read('ascii_invalid_header.pcd')).toThrow('line 3: expected a PCD header line');
    expect(() => read('missingheader.pcd')).toThrow('line 1: expected a PCD header line');
    expect(() => read('utm17_comma.pcd')).toThrow(
      'line 11: expected 3 values apart by spaces, found 1: "289814.15,4320978.61',
    );
  });

  test('UTM coordinates are what the text says, though the header says float32', () => {
    expect(bitsOf(read('utm17_tab.pcd'))).toEqual(bitsOf(read('utm17_space.pcd')));
    expect(fieldOf(read('utm17_space.pcd'), 'Y')).toMatchObject({ type: 'float64' });
    expect(fieldOf(read('utm17_space.pcd'), 'Y').data[0]).toBe(4320978.61);
    const exact = readPcd(load('utm17_space.pcd'), { asciiFloat64: true });
    expect(fieldOf(exact, 'Y').data[0]).toBe(4320978.61);
    const near = xyzOf(exact, { origin: [289814, 4320978, 170] });
    expect([...near.subarray(0, 3)].map((v) => Number(v.toFixed(4)))).toEqual([0.15, 0.61, 0.76]);
  });

  test('every readable file survives every encoding', () => {
    for (const name of readdirSync(folder)) {
      let cloud: PointCloud;
      try {
        cloud = read(name);
      } catch {
        continue;
      }
      for (const encoding of encodings)
        expect(bitsOf(readPcd(writePcd(cloud, { encoding }))), `${name} ${encoding}`).toEqual(
          bitsOf(asWritten(cloud, encoding)),
        );
    }
  });

  test('a file cut anywhere is refused, or only its padding or its last number was cut', () => {
    for (const name of readdirSync(folder)) {
      const whole = load(name);
      const expected = (() => {
        try {
          return bitsOf(readPcd(whole));
        } catch {
          return undefined;
        }
      })();
      const step = whole.length > 1000 ? 29 : 1;
      for (let end = 0; end < whole.length; end += end < 300 ? 1 : step) {
        let cut: PointCloud;
        try {
          cut = readPcd(whole.subarray(0, end));
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          continue;
        }
        if (cut.notes?.some((note) => missingEnd.test(note))) {
          expect(end, name).toBeGreaterThan(lastWordAt(whole));
          continue;
        }
        expect(
          whole.subarray(end).every((byte) => byte === 0 || byte === 10),
          `${name} ${end}`,
        ).toBe(true);
        expect(bitsOf(cut), `${name} cut at ${end}`).toEqual(expected);
      }
    }
  });
});
