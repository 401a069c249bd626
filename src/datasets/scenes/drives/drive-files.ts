import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { Random } from '../../../engine/random.ts';
import { formatKittiRawCalibration } from '../../../geometry/kitti-raw-calibration.ts';
import { writeKittiBin } from '../../../pointcloud/kitti-bin.ts';
import { CALIBRATION_NAMES } from '../../kitti-raw-layout.ts';
import { formatKittiTimestamp } from '../../kitti-timestamps.ts';
import { formatKittiTracks } from '../../kitti-tracks.ts';
import { prepareFolder } from '../claim-folder.ts';
import { createCamera } from '../scene-camera.ts';
import { replaceFile } from '../scene-files.ts';
import type { Drive } from './compose-drive.ts';
import { formatOxtsAt } from './oxts-record.ts';
import type { DriveFrame } from './render-drive.ts';
import { timeOfFrame, turnS } from './timeline.ts';
import { truthOf } from './truth.ts';

/** The folder of all drives. */
export const dateName = '2026_03_01';
const dawn = BigInt(Date.UTC(2026, 2, 1, 8)) * 1_000_000n;

/** A drive's folder, below that of the data set. */
export function driveName(drive: number): string {
  return join(dateName, `${dateName}_drive_${String(drive).padStart(4, '0')}_sync`);
}

const parts = {
  sweep: ['velodyne_points/data', 'bin'],
  picture: ['image_02/data', 'png'],
  // Each frame's own lines of label_02.txt, so that a run that was interrupted can put them together.
  labels: ['label_parts', 'txt'],
} as const;

function partPath(folder: string, part: keyof typeof parts, frame: number): string {
  const [inside, ending] = parts[part];
  return join(folder, inside, `${frameId(frame)}.${ending}`);
}

function frameId(frame: number): string {
  return String(frame).padStart(10, '0');
}

/** Makes a drive's folders and clears away files in them that were never completed; how many frames it has at most. */
export async function prepareDrive(folder: string): Promise<number> {
  const names: string[] = [];
  for (const inside of [
    ...Object.values(parts).map(([name]) => name),
    'oxts/data',
    'velodyne_points',
    'image_02',
    'oxts',
    '.',
  ])
    names.push(...(await prepareFolder(join(folder, inside))));
  return framesAmong(names);
}

/** The number of the last frame that names speak of, and one; 0 for none. */
export function framesAmong(names: readonly string[]): number {
  return Math.max(0, ...names.map((name) => Number(/^(\d{10})\.(bin|png|txt)$/.exec(name)?.[1] ?? -1) + 1));
}

/** Whether all files of a frame are there. */
export async function hasDriveFrame(folder: string, frame: number): Promise<boolean> {
  const paths = (Object.keys(parts) as Array<keyof typeof parts>).map((part) =>
    partPath(folder, part, frame),
  );
  return (await Promise.all(paths.map(isFile))).every(Boolean);
}

/** Whether what concerns a whole drive has been written for so many frames. */
export async function isFinished(folder: string, frames: number): Promise<boolean> {
  const last = join(folder, 'oxts', 'data', `${frameId(frames - 1)}.txt`);
  return (await isFile(join(folder, 'label_02.txt'))) && (await isFile(last));
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

/** Writes the calibration of all drives. */
export async function writeCalibration(
  out: string,
  imageSize: { width: number; height: number },
): Promise<void> {
  const texts = formatKittiRawCalibration(createCamera(imageSize.width, imageSize.height).calibration);
  for (const part of ['camToCam', 'veloToCam', 'imuToVelo'] as const)
    await replaceFile(join(out, dateName, CALIBRATION_NAMES[part]), texts[part]);
}

/** Writes a frame's files, each complete or not at all; InputError where one cannot be written. */
export async function writeDriveFrame(folder: string, frame: number, made: DriveFrame): Promise<void> {
  const { image, camera, labels } = made;
  const png = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .png({ compressionLevel: 2, adaptiveFiltering: true })
    .toBuffer();
  await replaceFile(partPath(folder, 'sweep', frame), writeKittiBin(made.points));
  await replaceFile(partPath(folder, 'picture', frame), png);
  const lines = formatKittiTracks(frame, labels, { rectFromLidar: camera.rectFromLidar });
  await replaceFile(partPath(folder, 'labels', frame), lines);
}

/** What a drive's own files are written with. */
export interface DriveRecord {
  readonly seed: number | string;
  readonly index: number;
  readonly frames: number;
  readonly rolling: boolean;
  readonly drive: Drive;
}

/** Writes the files that concern all frames of a drive, which are there: labels, truth, times, and at the very last the poses. */
export async function finishDrive(folder: string, record: DriveRecord): Promise<void> {
  const { seed, index, frames, rolling, drive } = record;
  const numbers = Array.from({ length: frames }, (_, frame) => frame);
  const labels: string[] = [];
  for (const frame of numbers) labels.push(await readFile(partPath(folder, 'labels', frame), 'utf8'));
  await replaceFile(join(folder, 'label_02.txt'), labels.join(''));
  await replaceFile(join(folder, 'truth.json'), truthOf(drive, frames));
  const begin = dawn + BigInt(index) * 30_000_000_000n;
  const times = (shiftS: number): string =>
    numbers
      .map((frame) => begin + BigInt(Math.round((timeOfFrame(frame) + shiftS) * 1e9)))
      .map((time) => `${formatKittiTimestamp(time)}\n`)
      .join('');
  const half = rolling ? turnS / 2 : 0;
  await replaceFile(join(folder, 'velodyne_points', 'timestamps_start.txt'), times(-half));
  await replaceFile(join(folder, 'velodyne_points', 'timestamps_end.txt'), times(half));
  for (const part of ['velodyne_points', 'image_02', 'oxts'])
    await replaceFile(join(folder, part, 'timestamps.txt'), times(0));
  const random = Random.fromSeed(seed).fork('drive', index, 'place');
  const options = {
    latitudeDeg: random.uniform(48.5, 49.5),
    longitudeDeg: random.uniform(8, 9),
    altitudeM: random.uniform(100, 200),
    heading: random.uniform(-Math.PI, Math.PI),
    lidarFromImu: createCamera(1242, 375).calibration.lidarFromImu!,
    worldFromLidarAt: drive.worldFromLidarAt,
  };
  for (const frame of numbers)
    await replaceFile(
      join(folder, 'oxts', 'data', `${frameId(frame)}.txt`),
      formatOxtsAt(options, timeOfFrame(frame)),
    );
}
