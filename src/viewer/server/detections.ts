import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CameraModel, ObjectLabel } from '../../datasets/frame.ts';
import { parseKittiLabels } from '../../datasets/kitti-labels.ts';
import { readFrameText } from '../../datasets/read-frame-file.ts';
import { InputError } from '../../engine/input-error.ts';

/** What a detector found: a folder of KITTI result files, `<frame>.txt` with a score in each line. */
export class Detections {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** For the folder itself or the `data` folder in it, as KITTI's evaluation has it. Throws InputError where it holds no such file. */
  static async open(path: string): Promise<Detections> {
    for (const folder of [path, join(path, 'data')]) {
      const names = await readdir(folder).catch(() => []);
      if (names.some((name) => /^\d+\.txt$/.test(name))) return new Detections(folder);
    }
    const found = await stat(path).then(
      (info) => (info.isDirectory() ? 'none in it' : 'a file'),
      (error: NodeJS.ErrnoException) => error.code ?? error.message,
    );
    throw new InputError({
      file: path,
      expected: 'a folder with KITTI result files such as 000000.txt',
      found,
    });
  }

  /** Where the results of a frame lie, whether there are any or not. */
  fileOf(id: string): string {
    return join(this.folder, `${id}.txt`);
  }

  /** Whether the detector left a file for a frame. */
  async has(id: string): Promise<boolean> {
    return stat(this.fileOf(id)).then(
      () => true,
      () => false,
    );
  }

  /** The objects of a frame that has a file. */
  async of(id: string, camera: CameraModel): Promise<readonly ObjectLabel[]> {
    const file = this.fileOf(id);
    return parseKittiLabels(await readFrameText(file), { file, rectFromLidar: camera.cameraFromLidar });
  }
}
