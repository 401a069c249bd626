import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/engine/input-error.ts';
import { cloudFromRows, fieldOf, type PointCloud, rowsOf, xyzOf } from '../../src/pointcloud/point-cloud.ts';

const rows = Float32Array.of(1, 2, 3, 0.5, 4, 5, 6, 0.25);
const cloud = cloudFromRows(rows, ['x', 'y', 'z', 'intensity']);

describe('point clouds', () => {
  test('are made of rows and give them back', () => {
    expect(cloud).toMatchObject({ count: 2, width: 2, height: 1 });
    expect(rowsOf(cloud, ['x', 'y', 'z', 'intensity'])).toEqual(rows);
    expect(rowsOf(cloud, ['intensity', 'x'])).toEqual(Float32Array.of(0.5, 1, 0.25, 4));
    expect(xyzOf(cloud)).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(() => cloudFromRows(rows, ['x', 'y', 'z'])).toThrow(InputError);
  });

  test('say which fields there are when one is missing', () => {
    expect(() => fieldOf(cloud, 'rgb')).toThrow('expected a field rgb, found x, y, z, intensity');
    expect(() => xyzOf(cloudFromRows(rows, ['a', 'b']))).toThrow('expected a field X');
  });

  test('subtract an origin before rounding, from integers of 64 bits too, and take single elements only', () => {
    const field = { count: 1 } as const;
    const far: PointCloud = {
      count: 1,
      width: 1,
      height: 1,
      fields: [
        { ...field, name: 'X', type: 'float64', data: Float64Array.of(4320978.61) },
        { ...field, name: 'Y', type: 'int64', data: BigInt64Array.of(2n ** 40n + 3n) },
        { ...field, name: 'Z', type: 'float32', data: Float32Array.of(7) },
        { name: 'normal', type: 'float32', count: 3, data: new Float32Array(3) },
      ],
    };
    const near = xyzOf(far, { origin: [4320978, 2 ** 40, 0] });
    expect(near[0]).toBeCloseTo(0.61, 6);
    expect([...near.subarray(1)]).toEqual([3, 7]);
    expect(() => rowsOf(far, ['normal'])).toThrow('field normal: expected one element per point, found 3');
  });
});
