import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';

/** A sequence of KITTI's tracking benchmark, before it is opened. */
export interface TrackingPlace {
  /** The folder of its split, which has `image_02`, `velodyne`, `label_02` and so on. */
  readonly folder: string;
  /** Its number, such as `0000`. */
  readonly number: string;
  /** Its number, with its split before it where the path has both. */
  readonly name: string;
  /** `training` or `testing`, or whatever the folder is called. */
  readonly split: string;
}

/** The folders that have a folder for each sequence. */
const OF_FRAMES = ['velodyne', 'image_02', 'image_03'];
/** The folders that have a file for each sequence. */
const OF_LINES = ['calib', 'label_02', 'oxts'];
const SEQUENCE = /^\d{4}$/;

/** Whether a folder with these names in it is a split of the tracking benchmark. */
async function isSplit(folder: string, names: readonly string[]): Promise<boolean> {
  if (names.includes('label_02')) return true;
  const parts = OF_FRAMES.filter((part) => names.includes(part));
  const inside = await Promise.all(parts.map((part) => namesIn(join(folder, part))));
  return inside.some((below) => below.some((name) => SEQUENCE.test(name)));
}

/** The folders of the splits at a path: itself, or `training` and `testing` in it. */
async function splitsAt(path: string): Promise<readonly string[]> {
  const names = await namesIn(path);
  if (await isSplit(path, names)) return [path];
  const inside = ['training', 'testing']
    .filter((name) => names.includes(name))
    .map((name) => join(path, name));
  const are = await Promise.all(inside.map(async (folder) => isSplit(folder, await namesIn(folder))));
  return inside.filter((_, i) => are[i]);
}

/** Whether there are sequences of KITTI's tracking benchmark at a path. */
export async function isKittiTracking(path: string): Promise<boolean> {
  return (await splitsAt(path)).length > 0;
}

/** The sequences at a path, in their order: all of which there are frames, labels, a calibration or records of motion. */
export async function findKittiTracking(path: string): Promise<readonly TrackingPlace[]> {
  const splits = await splitsAt(path);
  const found = splits.map(async (folder) => {
    const split = basename(resolve(folder));
    const folders = await Promise.all(OF_FRAMES.map((part) => namesIn(join(folder, part))));
    const files = await Promise.all(OF_LINES.map((part) => namesIn(join(folder, part))));
    const stems = files.flat().flatMap((name) => /^(\d{4})\.txt$/.exec(name)?.[1] ?? []);
    const numbers = new Set([...folders.flat().filter((name) => SEQUENCE.test(name)), ...stems]);
    const nameOf = (number: string) => (splits.length > 1 ? `${split}/${number}` : number);
    return [...numbers].sort().map((number) => ({ folder, split, number, name: nameOf(number) }));
  });
  return (await Promise.all(found)).flat();
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
