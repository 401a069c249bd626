import { extname } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { kittiColumns } from './bin-columns.ts';
import { binColumnNames, readKittiBin } from './kitti-bin.ts';
import { readPcd } from './pcd.ts';
import { readPly } from './ply.ts';
import { cloudFromRows, fieldOf, type PointCloud } from './point-cloud.ts';

/** The endings of the point cloud files that `readCloud` takes. */
export const cloudEndings: readonly string[] = ['.bin', '.pcd', '.ply'];

/**
 * A cloud with every field of its file: a KITTI sweep (`.bin`, rows of `columns` numbers where given), PCD or PLY, by
 * the name's ending. Throws InputError for another ending, for a damaged file, and for columns of a file that names its own.
 */
export function readCloud(
  bytes: Uint8Array,
  { file, columns }: { readonly file: string; readonly columns?: number },
): PointCloud {
  if (columns !== undefined && !takesColumns(file))
    throw new InputError({
      file,
      expected: 'a .bin file, which columns go with',
      found: `'${extname(file)}'`,
    });
  switch (extname(file).toLowerCase()) {
    case '.bin': {
      const points = readKittiBin(bytes, { file, columns });
      const cloud = cloudFromRows(points, binColumnNames(columns ?? kittiColumns));
      return columns === undefined ? withDoubts(cloud) : cloud;
    }
    case '.pcd':
      return readPcd(bytes, { file });
    case '.ply':
      return readPly(bytes, { file });
    default:
      throw new InputError({ file, expected: cloudEndings.join(', '), found: `'${extname(file)}'` });
  }
}

/** Whether the file itself does not say how many columns its rows have. */
export function takesColumns(file: string): boolean {
  return extname(file).toLowerCase() === '.bin';
}

/** Says where brightness cannot be right, though nothing shows what the columns are. */
function withDoubts(cloud: PointCloud): PointCloud {
  const negative = (fieldOf(cloud, 'reflectance').data as Float32Array).filter((value) => value < 0).length;
  if (negative === 0) return cloud;
  const note = `Reflectance is negative for ${negative} of the points: the rows may have another number of columns than ${kittiColumns} (--columns).`;
  return { ...cloud, notes: [note] };
}
