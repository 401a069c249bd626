import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError, reasonOf } from '../engine/input-error.ts';
import type { KittiCamera } from '../geometry/kitti-calibration.ts';
import type { KittiRawCalibrationFiles } from '../geometry/kitti-raw-calibration.ts';
import { describeNames } from './kitti-layout.ts';
import { exists } from './numbered-files.ts';

/** Where the parts of a drive lie. */
export interface KittiRawDrive {
  readonly folder: string;
  readonly calibration: Required<KittiRawCalibrationFiles>;
  /** A tracking label file that was given with it, whether it is there or not, or the drive's own `label_02.txt`. */
  readonly tracks: string | undefined;
}

/** The folder of the sweeps in a drive's. */
export const SWEEPS = 'velodyne_points';
/** What the calibration files are called. */
export const CALIBRATION_NAMES = {
  camToCam: 'calib_cam_to_cam.txt',
  veloToCam: 'calib_velo_to_cam.txt',
  imuToVelo: 'calib_imu_to_velo.txt',
} as const;

/** Finds a drive's folder, or the only drive in that of a date, and its calibration beside it or in it. Throws InputError for another layout and for several drives. */
export async function findKittiRawDrive(path: string, tracks: string | undefined): Promise<KittiRawDrive> {
  const folder = await findFolder(path);
  return {
    folder,
    calibration: {
      camToCam: await findCalibration(folder, CALIBRATION_NAMES.camToCam),
      veloToCam: await findCalibration(folder, CALIBRATION_NAMES.veloToCam),
      imuToVelo: await findCalibration(folder, CALIBRATION_NAMES.imuToVelo),
    },
    tracks: tracks ?? (await ownTracks(folder)),
  };
}

/** The cameras, in the order in which they are preferred: left and right colour, left and right grey. */
export const RAW_CAMERAS: readonly KittiCamera[] = [2, 3, 0, 1];

/** The folder of a camera in a drive's, which is the camera's name. */
export function imageFolderOf(camera: KittiCamera): string {
  return `image_0${camera}`;
}

/** The name that a sweep should have in the drive's folder. */
export function sweepName(id: string): string {
  return `${SWEEPS}/data/${id}.bin`;
}

/** The name that a picture should have in the drive's folder. */
export function pictureName(camera: string, id: string): string {
  return `${camera}/data/${id}.png`;
}

/** The parts that are the same for every frame. */
export async function sharedFiles({ calibration, tracks }: KittiRawDrive, driveNotes: string[]) {
  const files = [calibration.camToCam, calibration.veloToCam];
  const there = await Promise.all(files.map(exists));
  files.forEach((file, i) => {
    if (!there[i]) driveNotes.push(`${basename(file)} is missing: points have no pixels`);
  });
  const calibrated = there.every((is) => is);
  const labelled = tracks !== undefined && (await exists(tracks));
  if (tracks !== undefined && !labelled) driveNotes.push(`${tracks} is missing: there are no labels`);
  return {
    ...(calibrated ? { calibration: files } : {}),
    ...(calibrated && labelled ? { labels: [tracks, ...files] } : {}),
  };
}

/** The folder of a drive, or of the only drive of a date. */
async function findFolder(path: string): Promise<string> {
  const expected = 'the folder of a KITTI raw drive, or of a date with one drive in it';
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    const found = error.code === 'ENOTDIR' ? 'a file' : reasonOf(error);
    throw new InputError({ file: path, expected, found }, { cause: error });
  });
  if (isUnsynced(basename(path))) {
    const found = 'an unsynced one (extract), whose pictures are not rectified';
    throw new InputError({ file: path, expected: 'a synced and rectified drive', found });
  }
  if (isDrive(names)) return path;
  const drives = (await drivesAmong(path, names)).filter((name) => !isUnsynced(name));
  if (drives.length === 1) return join(path, drives[0]);
  const found = drives.length > 1 ? `${drives.length} drives: ${drives.join(', ')}` : describeOther(names);
  throw new InputError({ file: path, expected, found });
}

/** The drives in a folder by name, sorted. */
async function drivesAmong(path: string, names: readonly string[]): Promise<string[]> {
  const inside = await Promise.all(names.map((name) => readdir(join(path, name)).catch((): string[] => [])));
  return names.filter((_, i) => isDrive(inside[i])).sort();
}

/**
 * All drives at a path, as paths below it: itself (`''`), those of a date, or those of several dates. Those whose pictures are
 * not rectified are in `unsynced`, not in `synced`.
 */
export async function findKittiRawDrives(
  path: string,
): Promise<{ readonly synced: readonly string[]; readonly unsynced: readonly string[] }> {
  const names = await readdir(path);
  if (isDrive(names)) return { synced: [''], unsynced: [] };
  const dates = names.filter(isDate).sort();
  const ofDates = dates.map(async (date) => {
    const below = (await readdir(join(path, date)).catch((): string[] => [])).filter(isDriveName);
    return (await drivesAmong(join(path, date), below)).map((drive) => `${date}/${drive}`);
  });
  const own = await drivesAmong(path, names.filter(isDriveName));
  const drives = [...own, ...(await Promise.all(ofDates)).flat()];
  return {
    synced: drives.filter((name) => !isUnsynced(name)),
    unsynced: drives.filter(isUnsynced),
  };
}

function isUnsynced(drive: string): boolean {
  return drive.endsWith('_extract');
}

/** Whether a folder is called as KITTI raw's drives are. */
export function isDriveName(name: string): boolean {
  return /_drive_\d+_\w+$/.test(name);
}

function isDate(name: string): boolean {
  return /^\d{4}_\d\d_\d\d$/.test(name);
}

function isDrive(names: readonly string[]): boolean {
  return names.includes(SWEEPS) || names.some((name) => /^image_0[0-3]$/.test(name));
}

/** What a folder holds that is no drive's, with a guess at what it is. */
export function describeOther(names: readonly string[]): string {
  const date = [...names].sort().find(isDate);
  const guesses: ReadonlyArray<readonly [boolean, string]> = [
    [date !== undefined, `perhaps ${date} is meant`],
    [names.includes('label_02') || names.includes('velodyne'), 'this looks like KITTI tracking or odometry'],
    [names.includes('image_2'), 'this looks like KITTI object'],
    [names.includes('training') || names.includes('testing'), 'this looks like KITTI object or tracking'],
    [names.includes('sequences'), 'this looks like KITTI odometry'],
  ];
  return describeNames(names, { guess: guesses.find(([fits]) => fits)?.[1] });
}

/** The tracking labels in a drive's own folder, where generated drives have them. */
async function ownTracks(folder: string): Promise<string | undefined> {
  const file = join(folder, 'label_02.txt');
  return (await exists(file)) ? file : undefined;
}

/** The calibration file of that name beside the drive or in it; where there is none, where it is expected. */
async function findCalibration(folder: string, name: string): Promise<string> {
  const beside = join(folder, '..', name);
  for (const file of [beside, join(folder, name)]) if (await exists(file)) return file;
  return beside;
}
