import { extname } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { readKittiBin } from './kitti-bin.ts';
import { readPcd } from './pcd.ts';
import { readPly } from './ply.ts';
import { cloudFromRows, type PointCloud } from './point-cloud.ts';

/** The endings of the point cloud files that `readCloud` takes. */
export const cloudEndings: readonly string[] = ['.bin', '.pcd', '.ply'];

/** A cloud with every field of its file: a KITTI sweep (`.bin`), PCD or PLY, told by the name's ending. Throws InputError for another ending and for a damaged file. */
export function readCloud(bytes: Uint8Array, { file }: { readonly file: string }): PointCloud {
  switch (extname(file).toLowerCase()) {
    case '.bin':
      return cloudFromRows(readKittiBin(bytes, { file }), ['x', 'y', 'z', 'reflectance']);
    case '.pcd':
      return readPcd(bytes, { file });
    case '.ply':
      return readPly(bytes, { file });
    default:
      throw new InputError({ file, expected: cloudEndings.join(', '), found: `'${extname(file)}'` });
  }
}
