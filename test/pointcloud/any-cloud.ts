import fc from 'fast-check';
import type { PointCloud, PointField } from '../../src/pointcloud/point-cloud.ts';
import { bytesOf, createScalars, type ScalarType } from '../../src/pointcloud/scalar-type.ts';

/** Clouds of any fields of these types with any bits in them; NaNs are the usual one, for text keeps no other. */
export function cloudWithFields(
  types: readonly ScalarType[],
  options: { readonly padding: boolean; readonly maxCount: number },
): fc.Arbitrary<PointCloud> {
  const name = fc.constantFrom(
    'x',
    'y',
    'z',
    'rgb',
    'intensity',
    'fpfh',
    't',
    'ring',
    ...(options.padding ? ['_'] : []),
  );
  const layout = fc.record({
    name,
    type: fc.constantFrom(...types),
    count: fc.integer({ min: 1, max: options.maxCount }),
  });
  const layouts = fc.uniqueArray(layout, {
    minLength: 1,
    maxLength: 6,
    comparator: (a, b) => a.name === b.name && a.name !== '_',
  });
  return fc
    .tuple(layouts, fc.nat(5), fc.nat(4), fc.infiniteStream(fc.nat(255)))
    .map(([chosen, width, height, bytes]) => {
      const fields = chosen.map(({ name, type, count }): PointField => {
        const data = createScalars(type, width * height * count);
        const view = bytesOf(data);
        for (let i = 0; i < view.length; i++) view[i] = bytes.next().value as number;
        if (data instanceof Float32Array || data instanceof Float64Array)
          for (let i = 0; i < data.length; i++) if (Number.isNaN(data[i])) data[i] = Number.NaN;
        return { name, type, count, data };
      });
      return { count: width * height, width, height, fields, viewpoint: [1, 2.5, -3, 1, 0, 0, 1e-7] };
    });
}

/** The bits of every field, for comparisons that tell 0 from -0. */
export function bitsOf(cloud: PointCloud) {
  return cloud.fields.map(({ name, type, count, data }) => ({ name, type, count, bits: [...bytesOf(data)] }));
}

/** The byte where the last word of a text begins. A text that is cut behind it cannot be told from a whole one. */
export function lastWordAt(text: Uint8Array): number {
  let at = text.length;
  while (at > 0 && text[at - 1] <= 32) at--;
  while (at > 0 && text[at - 1] > 32) at--;
  return at;
}
