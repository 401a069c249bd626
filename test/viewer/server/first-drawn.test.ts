import { expect, it } from 'vitest';
import type { Moment } from '../../../src/datasets/sequence.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { cloudFromRows } from '../../../src/pointcloud/point-cloud.ts';
import { firstDrawn } from '../../../src/viewer/server/first-drawn.ts';

const everything = { check: async () => {} };

/** Clouds of these rows of x, y, z; undefined cannot be read. */
function cloudsOf(kind: string, clouds: ReadonlyArray<readonly number[] | undefined>) {
  const moments = clouds.map(
    (_, k): Moment => ({ id: `${k}.pcd`, files: { sweep: [`${k}.pcd`] }, pictures: {}, notes: [] }),
  );
  const cloud = async (index: number) => {
    const rows = clouds[index];
    if (rows === undefined) throw new InputError({ file: `${index}.pcd`, expected: 'points', found: 'none' });
    return cloudFromRows(Float32Array.from(rows), ['x', 'y', 'z']);
  };
  return { kind, moments, cloud };
}

it('is the first file of a folder that has a point with a place, and a note names those before', async () => {
  const sound = [1, 2, 3];
  const clouds = [
    undefined,
    [],
    [Number.NaN, 1, 1, 1, Number.NaN, 1],
    undefined,
    [Number.NaN, 0, 0, ...sound],
  ];
  expect(await firstDrawn(cloudsOf('point clouds', clouds), everything)).toEqual({
    first: 4,
    notes: ['4.pcd is shown first: 0.pcd, 1.pcd, 2.pcd and 1 more cannot be drawn'],
  });
  expect(await firstDrawn(cloudsOf('point clouds', [sound, undefined]), everything)).toEqual({
    first: 0,
    notes: [],
  });
  expect((await firstDrawn(cloudsOf('point clouds', [undefined]), everything)).first).toBe(0);
  // A file that may not be read is passed over as well, and other errors are not hidden.
  const guard = {
    check: async (file: string) => {
      if (file === '0.pcd') throw new InputError({ file, expected: 'a file in the folder', found: 'a link' });
    },
  };
  expect((await firstDrawn(cloudsOf('point clouds', [sound, sound]), guard)).first).toBe(1);
  const broken = { ...cloudsOf('point clouds', [sound]), cloud: () => Promise.reject(new TypeError('no')) };
  await expect(firstDrawn(broken, everything)).rejects.toThrow(TypeError);
});

it('is the first frame with a sweep of other data, which is not read', async () => {
  const drive = cloudsOf('KITTI raw drive', [undefined, undefined, undefined]);
  const moments = drive.moments.map((moment, k) => (k < 2 ? { ...moment, files: {} } : moment));
  expect(await firstDrawn({ ...drive, moments }, everything)).toEqual({ first: 2, notes: [] });
});
