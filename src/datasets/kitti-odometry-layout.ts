import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** A sequence of KITTI's odometry benchmark, before it is opened. */
export interface OdometryPlace {
  /** Its folder, which has `image_2`, `velodyne`, `calib.txt` and so on. */
  readonly folder: string;
  /** Its number, such as `00`. */
  readonly number: string;
  /** The file of its poses, whether it is there or not. */
  readonly poses: string;
}

const SEQUENCE = /^\d\d$/;

/** Whether a folder with these names in it is a sequence of the odometry benchmark: a file of the benchmark beside sweeps or pictures, or both files. */
function isSequence(names: readonly string[]): boolean {
  const files = ['calib.txt', 'times.txt'].filter((name) => names.includes(name));
  return files.length === 2 || (files.length === 1 && hasFrames(names));
}

function hasFrames(names: readonly string[]): boolean {
  return names.includes('velodyne') || names.some((name) => /^image_[0-3]$/.test(name));
}

/** The folder of sequences at a path: itself, or `sequences` in it. */
async function sequencesIn(
  path: string,
): Promise<{ readonly folder: string; readonly numbers: readonly string[] }> {
  for (const folder of [path, join(path, 'sequences')]) {
    const numbers = (await namesIn(folder)).filter((name) => SEQUENCE.test(name)).sort();
    const inside = await Promise.all(numbers.map((number) => namesIn(join(folder, number))));
    // In a folder of that name they may lack some of it.
    const isNamed = folder !== path || basename(resolve(path)) === 'sequences';
    const isOne = (names: readonly string[]) =>
      isSequence(names) || (isNamed && (names.includes('calib.txt') || hasFrames(names)));
    const are = numbers.filter((_, i) => isOne(inside[i]));
    if (are.length > 0) return { folder, numbers: are };
  }
  return { folder: path, numbers: [] };
}

/** Whether there are sequences of KITTI's odometry benchmark at a path. */
export async function isKittiOdometry(path: string): Promise<boolean> {
  return isSequence(await namesIn(path)) || (await sequencesIn(path)).numbers.length > 0;
}

/** The sequences at a path, in their order: itself, those of a folder `sequences`, or those in the folder with `sequences` and `poses`. */
export async function findKittiOdometry(path: string): Promise<readonly OdometryPlace[]> {
  if (isSequence(await namesIn(path))) return [placeOf(path)];
  const { folder, numbers } = await sequencesIn(path);
  return numbers.map((number) => placeOf(join(folder, number)));
}

/** The folder `poses` lies beside `sequences`. */
function placeOf(folder: string): OdometryPlace {
  const number = basename(resolve(folder));
  const isRelative = basename(folder) === number && basename(dirname(folder)) === 'sequences';
  const above = isRelative ? dirname(dirname(folder)) : dirname(dirname(resolve(folder)));
  return { folder, number, poses: join(above, 'poses', `${number}.txt`) };
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
