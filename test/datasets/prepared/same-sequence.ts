import { expect } from 'vitest';
import type { FramePart, Moment, Sequence } from '../../../src/datasets/sequence.ts';
import { bytesOf } from '../../../src/pointcloud/scalar-type.ts';

/** Expects that two sequences have the same moments, but for where their files lie, and the same parts to the bit. */
export async function expectSameSequence(found: Sequence, expected: Sequence): Promise<void> {
  expect(found.cameras).toEqual(expected.cameras);
  expect(found.moments.map(headOf)).toEqual(expected.moments.map(headOf));
  for (const index of expected.moments.keys()) {
    const { files, pictures } = expected.moments[index];
    if (files.sweep) {
      const [cloud, same] = [await found.cloud(index), await expected.cloud(index)];
      // Compared as bytes: NaN has many forms.
      const fields = ({ fields: all }: typeof cloud) =>
        all.map(({ data, ...layout }) => ({
          ...layout,
          bytes: Buffer.from(bytesOf(data)).toString('base64'),
        }));
      expect({ ...cloud, fields: fields(cloud) }).toEqual({ ...same, fields: fields(same) });
      expect(Object.hasOwn(cloud, 'viewpoint')).toBe(same.viewpoint !== undefined);
    }
    for (const camera of Object.keys(pictures)) {
      const [{ bytes }, same] = [await found.picture(index, camera), await expected.picture(index, camera)];
      expect(Buffer.compare(bytes, same.bytes)).toBe(0);
    }
    if (files.calibration) {
      for (const camera of expected.cameras) {
        expect(await found.camera(index, camera)).toEqual(await expected.camera(index, camera));
      }
    }
    if (files.labels) expect(await found.labels(index)).toEqual(await expected.labels(index));
  }
}

function headOf({ files, pictures, ...head }: Moment) {
  const parts = (Object.keys(files) as FramePart[]).filter((part) => files[part] !== undefined);
  return { ...head, parts: parts.sort(), pictures: Object.keys(pictures).sort() };
}
