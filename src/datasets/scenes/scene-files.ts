import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { threadId } from 'node:worker_threads';
import sharp from 'sharp';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import { formatKittiCalibration } from '../../geometry/kitti-calibration.ts';
import { writeKittiBin } from '../../pointcloud/kitti-bin.ts';
import { encodeKittiDepth } from '../kitti-depth.ts';
import { formatKittiLabels } from '../kitti-labels.ts';
import type { RenderedScene } from './render-scene.ts';

/** What frames have besides a sweep, a picture, a calibration and labels. */
export interface SceneParts {
  /** The depth of every pixel. */
  readonly depth?: boolean;
}

/** The folders of a KITTI object data set's split, and their files' endings; depth is extra. */
const endings = { velodyne: 'bin', image_2: 'png', calib: 'txt', label_2: 'txt', depth_2: 'png' } as const;

type Part = keyof typeof endings;

function partsOf({ depth = false }: SceneParts): Part[] {
  return (Object.keys(endings) as Part[]).filter((part) => depth || part !== 'depth_2');
}

/** The folders a data set consists of, from its root. */
export function sceneFolders(wanted: SceneParts): string[] {
  return [...partsOf(wanted).map((part) => join('training', part)), 'ImageSets'];
}

/** The name of a frame's files. */
export function frameName(index: number): string {
  return String(index).padStart(6, '0');
}

/** Whether all files of a frame are there. */
export async function hasFrame(out: string, index: number, wanted: SceneParts): Promise<boolean> {
  const found = await Promise.all(
    partsOf(wanted).map((part) =>
      stat(partPath(out, part, index)).then(
        (entry) => entry.isFile(),
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}

function partPath(out: string, part: Part, index: number): string {
  return join(out, 'training', part, `${frameName(index)}.${endings[part]}`);
}

/** Writes a frame's files, each complete or not at all; InputError where one cannot be written. */
export async function writeFrame(out: string, index: number, scene: RenderedScene): Promise<void> {
  const { image, camera, depth } = scene;
  const png = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .png({ compressionLevel: 2, adaptiveFiltering: true })
    .toBuffer();
  const path = (part: Part): string => partPath(out, part, index);
  await replaceFile(path('velodyne'), writeKittiBin(scene.points));
  await replaceFile(path('image_2'), png);
  await replaceFile(path('calib'), formatKittiCalibration(scene.calibration));
  await replaceFile(
    path('label_2'),
    formatKittiLabels(scene.labels, { rectFromLidar: camera.rectFromLidar }),
  );
  if (depth !== undefined) await replaceFile(path('depth_2'), await encodeKittiDepth(depth, image));
}

/** Writes a file under another name and renames it; InputError that names the file where that fails. */
export async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${threadId}.tmp`);
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (error) {
    // Where that fails too, the first failure is the one to tell.
    await rm(temporary, { force: true }).catch(() => {});
    throw cannotWrite(path, content.length, error);
  }
}

/** What a failed write is to the user: no room, no permission, no such place. */
export function cannotWrite(path: string, bytes: number, error: unknown): unknown {
  const fault = error as NodeJS.ErrnoException;
  const { code } = fault;
  if (error instanceof InputError || code === undefined) return error;
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code);
  const expected = full ? `room for ${bytes} bytes` : 'a path that can be written';
  return new InputError(
    { file: path, expected, found: full ? `no space left (${code})` : reasonOf(fault) },
    { cause: error },
  );
}
