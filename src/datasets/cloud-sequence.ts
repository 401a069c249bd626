import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import type { PointCloud } from '../pointcloud/point-cloud.ts';
import { cloudEndings, readCloud, takesColumns } from '../pointcloud/read-cloud.ts';
import type { CameraModel, ObjectLabel } from './frame.ts';
import { readPictureFile } from './picture-file.ts';
import { readFrameFile } from './read-frame-file.ts';
import { type EncodedPicture, fileOf, type Moment, type Sequence } from './sequence.ts';

/** Point cloud files (KITTI `.bin`, PCD, PLY) one after the other: a single file, or those of a folder in the order of their names. */
export class CloudSequence implements Sequence {
  readonly kind: string;
  readonly name: string;
  readonly root: string;
  readonly moments: readonly Moment[];
  readonly cameras: readonly string[] = [];

  private readonly columns: number | undefined;

  private constructor(root: string, files: readonly string[], columns: number | undefined) {
    if (columns !== undefined && !files.some(takesColumns))
      throw new InputError({ file: root, expected: 'a .bin file, which columns go with', found: 'none' });
    this.columns = columns;
    this.kind = files.length === 1 ? 'point cloud' : 'point clouds';
    this.root = root;
    this.name = basename(resolve(root));
    this.moments = files.map((file) => ({
      id: basename(file),
      files: { sweep: [file] },
      pictures: {},
      notes: [],
    }));
  }

  /**
   * Lists the clouds of a folder, or takes a file; reads none yet. `columns` is what `.bin` files have, if not KITTI's four.
   * Throws InputError where there is no cloud, or none that columns go with.
   */
  static async open(root: string, { columns }: { readonly columns?: number } = {}): Promise<CloudSequence> {
    if (!(await stat(root)).isDirectory()) return new CloudSequence(root, [root], columns);
    const names = await readdir(root);
    const clouds = names
      .filter((name) => cloudEndings.includes(extname(name).toLowerCase()) && !name.startsWith('.'))
      .sort(new Intl.Collator('en', { numeric: true }).compare);
    if (clouds.length === 0) {
      throw new InputError({
        file: root,
        expected: `point clouds (${cloudEndings.join(', ')})`,
        found: names.length === 0 ? 'an empty folder' : names.slice(0, 5).join(', '),
      });
    }
    return new CloudSequence(
      root,
      clouds.map((name) => join(root, name)),
      columns,
    );
  }

  async cloud(index: number): Promise<PointCloud> {
    const file = fileOf(this, index, 'sweep');
    const columns = takesColumns(file) ? this.columns : undefined;
    return readCloud(await readFrameFile(file), { file, columns });
  }

  async picture(index: number): Promise<EncodedPicture> {
    return readPictureFile(this, index);
  }

  async camera(index: number): Promise<CameraModel> {
    throw new InputError({ file: fileOf(this, index, 'calibration'), expected: 'a camera', found: 'none' });
  }

  async labels(index: number): Promise<readonly ObjectLabel[]> {
    throw new InputError({ file: fileOf(this, index, 'labels'), expected: 'labels', found: 'none' });
  }
}
