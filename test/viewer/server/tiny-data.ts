import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { encodePng } from '../../../src/image/decode-image.ts';
import { writeKittiBin } from '../../../src/pointcloud/kitti-bin.ts';

const folders: string[] = [];

/** A folder that `removeFolders` takes away again; without links in its own path. */
export function temporaryFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'viewer-')));
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

/** The camera sits in the LiDAR and looks ahead: 40 x 20 pixels, 30 pixels focal length. */
export const CALIBRATION = [
  ...[0, 1, 2, 3].map((camera) => `P${camera}: 30 0 20 0 0 30 10 0 0 0 1 0`),
  'R0_rect: 1 0 0 0 1 0 0 0 1',
  'Tr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0',
  '',
].join('\n');
export const LABELS = 'Car 0.00 0 0.10 1.00 2.00 3.00 4.00 1.50 1.60 4.00 0.00 1.00 10.00 0.00\n';
export const RESULTS = `${LABELS.trim()} 0.75\n`;
export const POINTS = Float32Array.of(10, 1, 0, 0.5, -10, 1, 0, 0.25, 12, 0.1, 1 / 3, 1);
export const PICTURE = { width: 40, height: 20, data: Uint8Array.from({ length: 2400 }, (_, i) => i % 251) };

/** A data set in KITTI's object layout with sound frames 000000 and on; gives its folder. */
export async function writeTinyKitti(root: string, count: number): Promise<string> {
  const picture = await encodePng(PICTURE);
  for (let i = 0; i < count; i++) {
    const id = String(i).padStart(6, '0');
    write(join(root, 'training/image_2', `${id}.png`), picture);
    write(join(root, 'training/velodyne', `${id}.bin`), writeKittiBin(POINTS));
    write(join(root, 'training/calib', `${id}.txt`), CALIBRATION);
    write(join(root, 'training/label_2', `${id}.txt`), LABELS);
  }
  return root;
}

/** Points on a spiral, as the bytes of a KITTI sweep. */
export function manyPoints(count: number): Uint8Array {
  const rows = new Float32Array(4 * count);
  for (let i = 0; i < count; i++) {
    rows.set([(i / count) * 70 * Math.cos(i / 900), 20 * Math.sin(i / 900), -1.5, (i % 100) / 100], 4 * i);
  }
  return writeKittiBin(rows);
}
