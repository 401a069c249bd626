import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { imageEndings } from '../image/image-format.ts';
import { cloudEndings } from '../pointcloud/read-cloud.ts';
import { describeFolder, hasKittiParts, hasObjectParts } from './kitti-layout.ts';
import { findKittiRawDrives, isDriveName } from './kitti-raw-layout.ts';
import { indexName } from './prepared/prepared-index.ts';

/** The kinds of data that can be opened. */
export type DataKind =
  | 'KITTI object data set'
  | 'KITTI raw drive'
  | 'point clouds'
  | 'image folder'
  | 'prepared shards';

/** So many folders are looked into for a first picture. */
const FOLDERS = 1000;

/** What a file or folder is, by the names in it; undefined for anything else. Throws the system's error where it cannot be read. */
export async function dataKindOf(path: string): Promise<DataKind | undefined> {
  if (!(await stat(path)).isDirectory()) return isCloud(path) ? 'point clouds' : undefined;
  const names = await readdir(path);
  if (names.includes(indexName)) return 'prepared shards';
  if (await isKittiRaw(path, names)) return 'KITTI raw drive';
  if (await isKittiObject(path, names)) return 'KITTI object data set';
  if (names.some(isCloud)) return 'point clouds';
  if (await holdsPicture(path, { left: FOLDERS })) return 'image folder';
  // Without a part of it, which whoever opens it names.
  return names.includes('training') ? 'KITTI object data set' : undefined;
}

/** What lies at a path that is no data, in a few words. */
export async function describeOtherData(path: string): Promise<string> {
  return (await stat(path)).isDirectory() ? describeFolder(path) : 'another file';
}

function isCloud(name: string): boolean {
  return cloudEndings.some((ending) => name.toLowerCase().endsWith(ending));
}

async function isKittiRaw(path: string, names: readonly string[]): Promise<boolean> {
  if (names.includes('velodyne_points') || names.some(isDriveName)) return true;
  if (/^image_0\d$/.test(names.find((name) => name.startsWith('image_0')) ?? '')) return true;
  const { synced, unsynced } = await findKittiRawDrives(path);
  return synced.length + unsynced.length > 0;
}

async function isKittiObject(path: string, names: readonly string[]): Promise<boolean> {
  const splits = names.filter((name) => name === 'training' || name === 'testing');
  const inside = splits.map((split) => readdir(join(path, split)).catch((): string[] => []));
  return hasObjectParts(names) || (await Promise.all(inside)).some(hasObjectParts);
}

/** Whether there is a picture at any depth; gives up after so many folders, and where KITTI's data lies deeper. */
async function holdsPicture(folder: string, budget: { left: number }): Promise<boolean> {
  budget.left--;
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const shown = entries.filter(({ name }) => !name.startsWith('.'));
  if (hasKittiParts(shown.map(({ name }) => name))) budget.left = 0;
  else if (shown.some((entry) => !entry.isDirectory() && isPicture(entry.name))) return true;
  for (const entry of shown) {
    if (budget.left <= 0) return false;
    const isFolder = entry.isDirectory() || entry.isSymbolicLink();
    if (isFolder && (await holdsPicture(join(folder, entry.name), budget))) return true;
  }
  return false;
}

function isPicture(name: string): boolean {
  return imageEndings.includes(extname(name).toLowerCase());
}
