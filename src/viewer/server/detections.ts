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

  /** The objects of a frame; undefined where the detector left no file for it. */
  async of(id: string, camera: CameraModel): Promise<readonly ObjectLabel[] | undefined> {
    const file = this.fileOf(id);
    const there = await stat(file).catch(() => undefined);
    if (there === undefined) return undefined;
    return parseKittiLabels(await readFrameText(file), { file, rectFromLidar: camera.cameraFromLidar });
  }
}
