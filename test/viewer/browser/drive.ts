import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodePng } from '../../../src/image/decode-image.ts';
import { writeKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import type { Place } from './eyes.ts';

/** The frames of the drive that are there: the 4th is missing. */
export const driveFrames = [0, 1, 2, 3, 5] as const;
/** How far the car drives from frame to frame; there are ten frames in a second. */
export const stepM = 1;

/** What stands still, in the first frame's LiDAR frame. */
export const posts: readonly Place[] = [
  [12, 4, 0],
  [16, -6, 0],
  [20, 2, 0],
];
/** Somebody who walks across, in the same frame. */
export const walker = (frame: number): Place => [8, -3 + 1.5 * frame, 0];
/** Of a car that crosses the street, as the first frame's LiDAR has it: its middle in a frame. */
export const crossingCar = (frame: number): Place => [14, -4 + 2 * frame, -0.8];

/** The camera sits in the LiDAR and looks ahead, 40 x 20 pixels. */
const calibration = {
  'calib_cam_to_cam.txt': [
    'R_rect_00: 1 0 0 0 1 0 0 0 1',
    ...[0, 1, 2, 3].map((camera) => `P_rect_0${camera}: 30 0 20 0 0 30 10 0 0 0 1 0`),
  ].join('\n'),
  'calib_velo_to_cam.txt': 'R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n',
  'calib_imu_to_velo.txt': 'R: 1 0 0 0 1 0 0 0 1\nT: 0 0 0\n',
};

/** Writes a KITTI raw drive of a car that goes straight on past posts, and its tracks; gives both paths. */
export async function writeDrive(root: string): Promise<{ readonly path: string; readonly tracks: string }> {
  const date = join(root, '2011_09_26');
  const drive = join(date, '2011_09_26_drive_0001_sync');
  const write = async (path: string, content: string | Uint8Array): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  };
  for (const [name, text] of Object.entries(calibration)) await write(join(date, name), text);
  const last = driveFrames[driveFrames.length - 1];
  const numbers = Array.from({ length: last + 1 }, (_, frame) => frame);
  const nameOf = (frame: number) => String(frame).padStart(10, '0');
  for (const frame of driveFrames) {
    const grey = 40 * frame;
    const picture = { width: 40, height: 20, data: new Uint8Array(2400).fill(grey) };
    await write(join(drive, `image_02/data/${nameOf(frame)}.png`), await encodePng(picture));
    const rows = [...posts, walker(frame)].flatMap(([x, y, z]) => [x - stepM * frame, y, z, 0.5]);
    const bytes = writeKittiBin(Float32Array.from(rows));
    await write(join(drive, `velodyne_points/data/${nameOf(frame)}.bin`), bytes);
  }
  for (const frame of numbers) {
    // North from the equator, where Mercator is plain.
    const latitude = (stepM * frame * 180) / (Math.PI * 6378137);
    const record = `${latitude.toFixed(15)} 8 100 0 0 ${Math.PI / 2} ${Array(24).fill('0').join(' ')}\n`;
    await write(join(drive, `oxts/data/${nameOf(frame)}.txt`), record);
  }
  const times = numbers.map((frame) => `2011-09-26 13:04:${(32 + frame / 10).toFixed(9)}`).join('\n');
  for (const part of ['velodyne_points', 'image_02', 'oxts'])
    await write(join(drive, part, 'timestamps.txt'), `${times}\n`);
  const tracks = join(root, 'tracks.txt');
  const lines = numbers.map((frame) => {
    const [x, y, z] = crossingCar(frame);
    // Right, down to the bottom, and ahead.
    const at = [-y, -z + 0.75, x - stepM * frame].join(' ');
    return `${frame} 5 Car 0 0 0 1 1 5 5 1.5 1.6 4 ${at} -1.5707963`;
  });
  await write(tracks, `${lines.join('\n')}\n`);
  return { path: drive, tracks };
}
