import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { imageEndings } from '../image/image-format.ts';
import { cloudEndings } from '../pointcloud/read-cloud.ts';
import { describeFolder, hasKittiParts, hasObjectParts } from './kitti-layout.ts';
import { isKittiOdometry } from './kitti-odometry-layout.ts';
import { findKittiRawDrives, isDriveName } from './kitti-raw-layout.ts';
import { isKittiTracking } from './kitti-tracking-layout.ts';
import { indexName } from './prepared/index-name.ts';
import { isTfRecordName } from './waymo/tfrecord.ts';
import { isParquetName, isWaymoComponents } from './waymo/v2-layout.ts';

/** The kinds of data that can be opened. */
export type DataKind = SequenceKind | 'image folder';

/** The kinds of data that sequences are opened of. */
export type SequenceKind = DriveKind | 'point clouds';

/** The kinds of drives, in the order in which they are told apart. */
export const driveKinds = [
  'prepared shards',
  'KITTI tracking sequence',
  'KITTI odometry sequence',
  'KITTI raw drive',
  'KITTI object data set',
  'Waymo records',
  'Waymo components',
] as const;

/** Data with sweeps and pictures. */
export type DriveKind = (typeof driveKinds)[number];

/** How each kind of drive is known by the names in a folder. */
const isKind: { readonly [Kind in DriveKind]: (path: string, names: readonly string[]) => Promise<boolean> } =
  {
    'prepared shards': async (_, names) => names.includes(indexName),
    'KITTI tracking sequence': isKittiTracking,
    'KITTI odometry sequence': isKittiOdometry,
    'KITTI raw drive': isKittiRaw,
    'KITTI object data set': isKittiObject,
    'Waymo records': async (_, names) => names.some(isTfRecordName),
    'Waymo components': isWaymoComponents,
  };

/** So many folders are looked into for a first picture. */
const FOLDERS = 1000;

/** What a file or folder is, by the names in it; undefined for anything else. Throws the system's error where it cannot be read. */
export async function dataKindOf(path: string): Promise<DataKind | undefined> {
  if (!(await stat(path)).isDirectory()) return kindOfFile(path);
  const names = await readdir(path);
  for (const kind of driveKinds) if (await isKind[kind](path, names)) return kind;
  if (names.some(isCloud)) return 'point clouds';
  if (await holdsPicture(path, { left: FOLDERS })) return 'image folder';
  // Without a part of it, which whoever opens it names.
  return names.includes('training') ? 'KITTI object data set' : undefined;
}

/** The kinds of drives and what else can be opened in words: `a KITTI object data set, a KITTI raw drive or a run`. */
export function driveKindsOr(...others: readonly string[]): string {
  const kinds = [...driveKinds].sort().map((kind) => (kind.startsWith('KITTI') ? `a ${kind}` : kind));
  return new Intl.ListFormat('en-GB', { type: 'disjunction' }).format([...kinds, ...others]);
}

/** What lies at a path that is no data, in a few words. */
export async function describeOtherData(path: string): Promise<string> {
  return (await stat(path)).isDirectory() ? describeFolder(path) : 'another file';
}

function kindOfFile(path: string): DataKind | undefined {
  if (isTfRecordName(path)) return 'Waymo records';
  if (isParquetName(path)) return 'Waymo components';
  return isCloud(path) ? 'point clouds' : undefined;
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
