import { describe, expect, it } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import type { PointCloud, PointField } from '../../../src/pointcloud/point-cloud.ts';
import { createScalars, type ScalarType } from '../../../src/pointcloud/scalar-type.ts';
import { clipOf, unclipped } from '../../../src/viewer/clip.ts';
import { savedCloud } from '../../../src/viewer/server/saved-cloud.ts';

function field(name: string, type: ScalarType, values: readonly number[], count = 1): PointField {
  const data = createScalars(type, values.length);
  values.forEach((value, i) => {
    data[i] = data instanceof BigInt64Array ? BigInt(value) : value;
  });
  return { name, type, count, data };
}

function cloudOf(fields: readonly PointField[]): PointCloud {
  const count = fields[0].data.length / fields[0].count;
  return { count, width: count / 2, height: 2, fields };
}

const four = cloudOf([
  field('x', 'float32', [1, 2, 3, Number.NaN]),
  field('_', 'uint8', [1, 2, 3, 4]),
  field('y', 'float32', [0, 0, 1, 0]),
  field('z', 'float32', [0, 0, 0, 0]),
  field('label', 'int64', [7, 8, 9, 10]),
  field('descriptor', 'uint8', [1, 2, 3, 4, 5, 6, 7, 8], 2),
]);
const part = { cloud: four, file: 'a.pcd' };
const values = (cloud: PointCloud) =>
  Object.fromEntries(cloud.fields.map(({ name, data }) => [name, [...data].map(Number)]));

describe('a cloud that is saved', () => {
  it('has the points that have a place and are within the limits, with every column', () => {
    const all = savedCloud([part], {});
    expect([all.count, all.width, all.height]).toEqual([3, 3, 1]);
    expect(values(all)).toEqual({
      ...{ x: [1, 2, 3], y: [0, 0, 1], z: [0, 0, 0], label: [7, 8, 9] },
      descriptor: [1, 2, 3, 4, 5, 6],
    });
    expect(all.fields.map(({ type, count }) => [type, count])).toEqual([
      ...['float32', 'float32', 'float32', 'int64'].map((type) => [type, 1]),
      ['uint8', 2],
    ]);
    const clip = clipOf({ ...unclipped, xMin: 2 });
    expect(values(savedCloud([part], { clip })).label).toEqual([8, 9]);
    const box = { center: [3, 1, 0], sizeM: [1, 1, 1], yaw: 0 } as const;
    expect(values(savedCloud([part], { box })).label).toEqual([9]);
    expect(values(savedCloud([part], { clip: clipOf({ ...unclipped, far: 2 }) })).label).toEqual([7, 8]);
  });

  it('is the file where no point is left out', () => {
    const whole = cloudOf(['x', 'y', 'z'].map((name) => field(name, 'float64', [1, 2])));
    expect(savedCloud([{ cloud: whole, file: 'b.pcd' }], {})).toBe(whole);
  });

  it('has other sweeps where they lie in its own frame', () => {
    // A quarter turn to the left, and ten metres ahead.
    const matrix = Float64Array.of(0, -1, 0, 10, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    const both = savedCloud([part, { cloud: four, file: 'c.pcd', matrix }], {
      clip: clipOf({ ...unclipped, xMin: 2, yMax: 2 }),
    });
    expect(values(both)).toMatchObject({
      x: [2, 3, 10, 10],
      y: [0, 1, 1, 2],
      label: [8, 9, 7, 8],
      descriptor: [3, 4, 5, 6, 1, 2, 3, 4],
    });
  });

  it('is refused where no point is chosen, and where columns differ', () => {
    expect(() => savedCloud([part], { clip: clipOf({ ...unclipped, xMin: 50 }) })).toThrow(
      /a\.pcd.*a point that is shown/,
    );
    const other = cloudOf(['x', 'y', 'z'].map((name) => field(name, 'float32', [1, 2])));
    const both = () => savedCloud([part, { cloud: other, file: 'd.pcd' }], {});
    expect(both).toThrow(InputError);
    expect(both).toThrow(/d\.pcd.*label int64/);
  });
});
