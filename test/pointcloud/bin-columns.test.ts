import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import { columnsShown } from '../../src/pointcloud/bin-columns.ts';
import { binColumnNames, readKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import { fieldOf } from '../../src/pointcloud/point-cloud.ts';
import { readCloud } from '../../src/pointcloud/read-cloud.ts';

const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer);

/** Rows of a scanner's places and of what comes behind them. */
function rowsOf(
  points: number,
  behind: (i: number) => number[],
  place = (value: number) => value,
): Float32Array {
  const random = Random.fromSeed('columns');
  const rows = Array.from({ length: points }, (_, i) => [
    place(random.uniform(-40, 40)),
    place(random.uniform(-40, 40)),
    place(random.uniform(-2, 3)),
    ...behind(i),
  ]);
  return Float32Array.from(rows.flat());
}

const bright = (i: number) => (i * 7) % 256;
const ring = (i: number) => i % 32;

describe('rows of more than four columns', () => {
  test.each([
    ['nuScenes', 5, rowsOf(400, (i) => [bright(i), ring(i)])],
    ['four points', 5, rowsOf(4, (i) => [bright(i), ring(i)])],
    ['one quarter of a sweep', 5, rowsOf(400, (i) => [bright(i), ring(i)], Math.abs)],
    ['brightness from 0 to 1', 5, rowsOf(400, (i) => [bright(i) / 255, ring(i)])],
    ['sweeps laid together, with their times', 5, rowsOf(400, (i) => [bright(i), 0.05 * (i % 10)])],
    ['rings and times', 6, rowsOf(400, (i) => [bright(i), ring(i), 0.05 * (i % 10)])],
    ['an elongation too', 7, rowsOf(400, (i) => [bright(i), 0.3, 1, ring(i)])],
  ])('are told: %s', (_, columns, values) => {
    expect(columnsShown(values)).toBe(columns);
    if (values.length % 4 !== 0) return;
    const read = () => readKittiBin(bytesOf(values), { file: 'a.bin' });
    expect(read).toThrow(InputError);
    expect(read).toThrow(
      `a.bin: expected rows of 4 columns, x, y, z, reflectance, found ${values.length / columns} points of ${columns} columns`,
    );
    expect(readKittiBin(bytesOf(values), { columns })).toEqual(values);
    expect(readKittiBin(bytesOf(values), { columns: 4 })).toEqual(values);
  });

  test.each([
    ['KITTI', rowsOf(400, (i) => [bright(i) / 255])],
    ['reflectance from 0 to 255', rowsOf(400, (i) => [bright(i)])],
    ['that, of one quarter of a sweep', rowsOf(400, (i) => [bright(i)], Math.abs)],
    ['that, with fractions', rowsOf(400, (i) => [bright(i) + 0.5], Math.abs)],
    [
      'that, on a grid of whole metres',
      rowsOf(
        400,
        (i) => [bright(i)],
        (value) => Math.abs(Math.round(value)),
      ),
    ],
    ['reflectance from -1 to 1', rowsOf(400, (i) => [bright(i) / 128 - 1])],
    ['16 bits', rowsOf(400, (i) => [bright(i) * 257])],
  ])('are not seen in rows of four: %s', (_, values) => {
    expect(columnsShown(values)).toBeUndefined();
    expect(readKittiBin(bytesOf(values))).toEqual(values);
  });

  test('are suggested where rows of four are not whole', () => {
    const file = bytesOf(rowsOf(401, (i) => [bright(i), ring(i)]));
    expect(() => readKittiBin(file, { file: 'a.bin' })).toThrow(
      'a.bin: byte 8016, point 501: expected 16 bytes a point, found 4 bytes before the end of the file: it has no whole rows of 4 columns, but of 5 (inspect and view take --columns)',
    );
    expect(() => readKittiBin(file, { columns: 6 })).toThrow('no whole rows of 6 columns, but of 5 (');
    expect(() => readKittiBin(file.subarray(0, 8019), { columns: 5 })).toThrow(
      'found 19 bytes before the end of the file: it has no whole rows of 5 columns',
    );
    expect(() => readKittiBin(file, { columns: 2 })).toThrow('columns: expected a whole number from 3 to 64');
  });

  test('are asked about where brightness is negative and nothing more is known', () => {
    const cloud = readCloud(bytesOf(rowsOf(40, (i) => [i === 7 ? -0.5 : 0.5])), { file: 'a.bin' });
    expect(cloud.notes).toEqual([
      'Reflectance is negative for 1 of the points: the rows may have another number of columns than 4 (--columns).',
    ]);
    expect(readCloud(bytesOf(rowsOf(40, () => [0.5])), { file: 'a.bin' }).notes).toBeUndefined();
  });

  test('have names, and go with files that have none', () => {
    const file = bytesOf(rowsOf(400, (i) => [bright(i), ring(i)]));
    const cloud = readCloud(file, { file: 'sweep.pcd.bin', columns: 5 });
    expect(cloud.count).toBe(400);
    expect(cloud.fields.map(({ name }) => name)).toEqual(['x', 'y', 'z', 'reflectance', 'column5']);
    expect([...fieldOf(cloud, 'column5').data.subarray(30, 34)]).toEqual([30, 31, 0, 1]);
    expect(binColumnNames(3)).toEqual(['x', 'y', 'z']);
    expect(() => readCloud(file, { file: 'a.pcd', columns: 5 })).toThrow(
      'a.pcd: expected a .bin file, which columns go with',
    );
    const bad = Float32Array.of(1, 2, 3, 4, Number.NaN);
    expect(() => readKittiBin(bytesOf(bad), { columns: 5 })).toThrow(
      'byte 16, point 0, column5: expected a finite',
    );
  });
});
