import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encodePng } from '../../src/image/decode-image.ts';
import { writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';

const folders: string[] = [];

/** A folder that `removeFolders` takes away again; without links in its own path. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sequences-')));
  folders.push(folder);
  return folder;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Pixels of cameras 0 to 3, which look ahead; the right ones are 0.5 m to the right. */
const PROJECTIONS = [0, 1, 2, 3].map((camera) => `30 0 20 ${camera % 2 === 1 ? -15 : 0} 0 30 10 0 0 0 1 0`);
/** x right, y down, z forward from x forward, y left, z up; the camera is 0.1 m below the LiDAR and 0.3 m ahead of it. */
const CAMERA_FROM_LIDAR = '0 -1 0 0 0 0 -1 -0.1 1 0 0 -0.3';
/** As the tracking benchmark has it: three of the keys without colons. The unit lies 1 m behind and 0.5 m below the LiDAR. */
export const TRACKING_CALIBRATION = [
  ...PROJECTIONS.map((numbers, camera) => `P${camera}: ${numbers}`),
  'R_rect 1 0 0 0 1 0 0 0 1',
  `Tr_velo_cam ${CAMERA_FROM_LIDAR}`,
  'Tr_imu_velo 1 0 0 -1 0 1 0 0 0 0 1 -0.5',
  '',
].join('\n');
export const ODOMETRY_CALIBRATION = [
  ...PROJECTIONS.map((numbers, camera) => `P${camera}: ${numbers}`),
  `Tr: ${CAMERA_FROM_LIDAR}`,
  '',
].join('\n');
/** An object 10 m ahead of the camera, without its frame and track. */
export const CAR = 'Car 0 0 0.1 1 2 3 4 1.5 1.6 4 0 1 10 0';

/** A picture of one grey, 40 x 20. */
export const pictureOf = (grey: number) =>
  encodePng({ width: 40, height: 20, data: new Uint8Array(2400).fill(grey) });

/** A sweep whose first point has the frame's number for its reflectance, in 256ths, with many more ahead. */
export function sweepOf(frame: number): Uint8Array {
  const rows = new Float32Array(4 * 400);
  for (let i = 0; i < 400; i++) {
    rows.set([4 + (i % 20), ((i * 7) % 13) - 6, ((i * 5) % 7) / 2 - 1.5, (i % 10) / 10], 4 * i);
  }
  rows.set([10, 1, 0, frame / 256]);
  return writeKittiBin(rows);
}

/** A record of a car that drives north at 10 m/s, on the equator where Mercator is plain. */
export function oxtsLine(frame: number): string {
  const latitude = (frame * 180) / (Math.PI * 6378137);
  return `${latitude.toFixed(15)} 8 100 0 0 ${Math.PI / 2} ${Array(24).fill('0').join(' ')}`;
}

/** Sound frames of a tracking sequence in a split's folder, with labels, calibration and records of motion. */
export async function writeTracking(split: string, number: string, frames: readonly number[]): Promise<void> {
  for (const frame of frames) {
    const id = String(frame).padStart(6, '0');
    write(join(split, 'velodyne', number, `${id}.bin`), sweepOf(frame));
    for (const [camera, grey] of [
      ['image_02', frame],
      ['image_03', 100 + frame],
    ] as const)
      write(join(split, camera, number, `${id}.png`), await pictureOf(grey));
  }
  const all = Array.from({ length: frames.at(-1)! + 1 }, (_, frame) => frame);
  write(join(split, 'calib', `${number}.txt`), TRACKING_CALIBRATION);
  write(join(split, 'label_02', `${number}.txt`), all.map((frame) => `${frame} 7 ${CAR}\n`).join(''));
  write(join(split, 'oxts', `${number}.txt`), all.map((frame) => `${oxtsLine(frame)}\n`).join(''));
}

/** Poses of a camera that moves 2 m a frame along its own axis. */
export const poseLine = (frame: number) => `1 0 0 0 0 1 0 0 0 0 1 ${2 * frame}`;

/** Sound frames of an odometry sequence in the benchmark's folder, 0.1 s apart, with poses. */
export async function writeOdometry(root: string, number: string, frames: readonly number[]): Promise<void> {
  const folder = join(root, 'sequences', number);
  for (const frame of frames) {
    const id = String(frame).padStart(6, '0');
    write(join(folder, 'velodyne', `${id}.bin`), sweepOf(frame));
    for (const camera of [0, 1, 2, 3])
      write(join(folder, `image_${camera}`, `${id}.png`), await pictureOf(50 * camera + frame));
  }
  const all = Array.from({ length: frames.at(-1)! + 1 }, (_, frame) => frame);
  write(join(folder, 'calib.txt'), ODOMETRY_CALIBRATION);
  write(join(folder, 'times.txt'), all.map((frame) => `${(frame / 10).toExponential(6)}\n`).join(''));
  write(join(root, 'poses', `${number}.txt`), all.map((frame) => `${poseLine(frame)}\n`).join(''));
}
