import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fileNamesOf, shardName } from '../../../src/datasets/prepared/member-names.ts';
import { TAR_NAME_BYTES, tarHead } from '../../../src/datasets/prepared/ustar.ts';

it('names keep what is plain', () => {
  expect(fileNamesOf(['0000000005', '1.pcd', '1_pcd', 'A', 'a', '', 'é'], 'moment')).toEqual([
    ...['0000000005', '1_pcd', '1_pcd_2', 'A', 'a_4', '_5', '_'],
  ]);
  expect(fileNamesOf(['a', 'a_2', 'a'], 'moment')).toEqual(['a', 'a_2', 'a_2_']);
  expect(fileNamesOf(['x'.repeat(49)], 'moment')).toEqual([`${'x'.repeat(38)}_0`]);
  expect(shardName('2011_09_26_drive_0005_sync', 12)).toBe('2011_09_26_drive_0005_sync-00012.tar');
});

it('names are different, whatever they are made of, and fit in a tar', () => {
  const some = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.constantFrom('a', 'A', 'a_1', 'a_2', 'a.1', '_', '__'),
  );
  fc.assert(
    fc.property(fc.array(some, { maxLength: 20 }), fc.string(), (names, camera) => {
      const made = fileNamesOf(names, 'moment');
      expect(new Set(made.map((name) => name.toLowerCase())).size).toBe(names.length);
      const [own] = fileNamesOf([camera], 'camera');
      for (const name of made) {
        expect(`${name}.${own}.jpg`.length).toBeLessThanOrEqual(TAR_NAME_BYTES);
        tarHead({ name: `${name}.${own}.jpg`, bytes: 0 });
      }
    }),
  );
});
