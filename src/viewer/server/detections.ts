import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CameraModel, ObjectLabel } from '../../datasets/frame.ts';
import { parseKittiLabels } from '../../datasets/kitti-labels.ts';
import { readFrameText } from '../../datasets/read-frame-file.ts';
import { InputError, reasonOf } from '../../engine/input-error.ts';

/** What a detector found: a folder of KITTI result files, `<frame>.txt` with a score in each line. */
export class Detections {
  readonly folder: string;
  /** Where the maps of objects lie; undefined where there are none. */
  private readonly objects: string | undefined;

  private constructor(folder: string, objects: string | undefined) {
    this.folder = folder;
    this.objects = objects;
  }

  /** For the `data` folder in it, as KITTI's evaluation has it, or the folder itself. Throws InputError where it holds no such file. */
  static async open(path: string): Promise<Detections> {
    for (const folder of [join(path, 'data'), path]) {
      const names = await readdir(folder).catch(() => []);
      if (names.some((name) => /^[^.].*\.txt$/.test(name))) {
        const maps = join(path, 'objects');
        const files = await readdir(maps).catch(() => []);
        const hasMaps = files.some((name) => name.endsWith('.safetensors'));
        return new Detections(folder, hasMaps ? maps : undefined);
      }
    }
    const found = await stat(path).then((info) => (info.isDirectory() ? 'none in it' : 'a file'), reasonOf);
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
    return isThere(this.fileOf(id));
  }

  /** Whether maps of objects lie beside the results. */
  get hasObjects(): boolean {
    return this.objects !== undefined;
  }

  /** Where the maps of a frame's objects lie; undefined where there are none. */
  async objectsOf(id: string): Promise<string | undefined> {
    if (this.objects === undefined) return undefined;
    const file = join(this.objects, `${id}.safetensors`);
    return (await isThere(file)) ? file : undefined;
  }

  /** The objects of a frame that has a file. */
  async of(id: string, camera: CameraModel): Promise<readonly ObjectLabel[]> {
    const file = this.fileOf(id);
    return parseKittiLabels(await readFrameText(file), { file, rectFromLidar: camera.cameraFromLidar });
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
