import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { InputError, reasonOf } from '../engine/input-error.ts';

/** Where the parts of a KITTI object data set lie. */
export interface KittiLayout {
  /** The folder that has `image_2`, `velodyne` and `calib`. */
  readonly folder: string;
  /** The folder with the lists of frames, `<root>/ImageSets`, whether it is there or not. */
  readonly imageSets: string;
}

/** The endings of pictures in KITTI's layouts. */
export const KITTI_IMAGE_ENDINGS: readonly string[] = ['.png', '.jpg', '.jpeg'];

/** Finds the split's folder in the data set's, or takes the folder itself if it is one. Throws InputError that says what is there instead. */
export async function findKittiLayout(
  root: string,
  split: 'training' | 'testing',
  parts: readonly string[],
): Promise<KittiLayout> {
  const inside = await foldersOf(root);
  const isSplit = parts.every((part) => inside.includes(part));
  const folder = isSplit ? root : join(root, split);
  if (!isSplit) {
    const expected = `a folder ${split} with ${parts.join(', ')} in it, or such a folder itself`;
    if (!inside.includes(split)) {
      throw new InputError({ file: root, expected, found: await describe(root, inside) });
    }
    const below = await foldersOf(folder);
    const missing = parts.filter((part) => !below.includes(part));
    if (missing.length > 0) {
      const found = `no ${missing.join(', ')}: ${await describe(folder, below)}`;
      throw new InputError({
        file: folder,
        expected: `the folder${parts.length === 1 ? '' : 's'} ${parts.join(', ')}`,
        found,
      });
    }
  } else if (['training', 'testing'].includes(basename(resolve(root))) && basename(resolve(root)) !== split) {
    throw new InputError({ file: root, expected: `the ${split} split`, found: `a folder ${basename(root)}` });
  }
  return { folder, imageSets: join(isSplit ? dirname(resolve(root)) : root, 'ImageSets') };
}

/** The names of files by their stem (in Unicode's composed form), for files with one of these endings; hidden files are left out. */
export async function filesByStem(folder: string, endings: readonly string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of await readdir(folder)) {
    const ending = endings.find((candidate) => name.toLowerCase().endsWith(candidate));
    if (ending === undefined || name.startsWith('.')) continue;
    const stem = name.slice(0, -ending.length).normalize();
    const other = files.get(stem);
    if (other !== undefined) {
      throw new InputError({
        file: folder,
        place: stem,
        expected: 'one file',
        found: `${other} and ${name}`,
      });
    }
    files.set(stem, name);
  }
  return files;
}

async function foldersOf(path: string): Promise<string[]> {
  const found = await stat(path).then((entry) => (entry.isDirectory() ? undefined : 'a file'), reasonOf);
  if (found !== undefined) {
    throw new InputError({ file: path, expected: 'the folder of a KITTI object data set', found });
  }
  const names = await readdir(path);
  const kinds = await Promise.all(names.map((name) => stat(join(path, name)).catch(() => undefined)));
  return names.filter((_, i) => kinds[i]?.isDirectory() === true);
}

/** What a folder holds, in a few words, with a guess at what it is. */
export async function describeFolder(path: string): Promise<string> {
  return describe(path, await foldersOf(path));
}

async function describe(path: string, folders: readonly string[]): Promise<string> {
  const names = await readdir(path);
  return describeNames(names, { folders, guess: await guessOf(path, names, folders) });
}

/** Whether a folder with these names in it is one of KITTI's, with a part each of the frames of a drive. */
export function hasKittiParts(names: readonly string[]): boolean {
  return hasObjectParts(names) || names.some((name) => /^(velodyne_points|image_0[0-3])$/.test(name));
}

/** Whether a folder with these names in it is a split of a KITTI object data set: it has sweeps, or the left colour camera. */
export function hasObjectParts(names: readonly string[]): boolean {
  if (names.includes('velodyne')) return true;
  // KITTI has cameras 0 to 3; image_1 to image_9 is a series of something else.
  const cameras = names.flatMap((name) => /^image_(\d+)$/.exec(name)?.[1] ?? []);
  const areKittis =
    cameras.every((camera) => /^[0-3]$/.test(camera)) && !(cameras.includes('1') && !cameras.includes('0'));
  return cameras.includes('2') && areKittis;
}

/** The names in a folder in a few words, the `folders` among them with a slash, and a guess at what it is. */
export function describeNames(
  names: readonly string[],
  { folders = [], guess }: { readonly folders?: readonly string[]; readonly guess: string | undefined },
): string {
  if (names.length === 0) return 'an empty folder';
  const shown = [...names].sort().slice(0, 8);
  const more = names.length > shown.length ? ` and ${names.length - shown.length} more` : '';
  const marked = shown.map((name) => (folders.includes(name) ? `${name}/` : name));
  return `${marked.join(', ')}${more}${guess === undefined ? '' : ` (${guess})`}`;
}

async function guessOf(
  path: string,
  names: readonly string[],
  folders: readonly string[],
): Promise<string | undefined> {
  const has = (...wanted: string[]) => wanted.every((name) => names.includes(name));
  if (has('sequences') || has('calib.txt', 'times.txt')) return 'this looks like KITTI odometry';
  if (has('label_02') || (has('image_02', 'velodyne') && !has('velodyne_points')))
    return 'this looks like KITTI tracking';
  const raw = /^\d{4}_\d\d_\d\d(_drive_\d{4}_\w+)?$/;
  if (has('velodyne_points') || has('calib_cam_to_cam.txt') || folders.some((name) => raw.test(name)))
    return 'this looks like KITTI raw';
  if (names.some((name) => name.endsWith('.tfrecord'))) return 'this looks like Waymo';
  const other = ['training', 'testing'].find((split) => folders.includes(split));
  if (other !== undefined) return `the split ${other} is there`;
  for (const folder of folders.slice(0, 32)) {
    const below = await readdir(join(path, folder)).catch((): string[] => []);
    if (below.includes('training')) return `${folder} has a folder training, perhaps it is meant`;
  }
  return undefined;
}
