import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatKittiCalibration } from '../../../src/geometry/kitti-calibration.ts';
import { encodePng } from '../../../src/image/decode-image.ts';
import { writeKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { kittiLikeCalibration } from '../../objectives/tiny-simipu.ts';
import type { Rgb } from './pixels.ts';

/** One of a few points that lie far apart, so that what a pixel shows is known. */
export interface Beacon {
  /** LiDAR frame, metres, as the file has it. */
  readonly at: readonly [x: number, y: number, z: number];
  readonly reflectance: number;
  /** Where the camera sees it. */
  readonly pixel: readonly [u: number, v: number];
  /** What the picture has there. */
  readonly patch: Rgb;
}

const [columns, rows] = [6, 4];
export const beaconPicture = { width: 624, height: 192 } as const;
const [patchWidth, patchHeight] = [beaconPicture.width / columns, beaconPicture.height / rows];
const calibration = kittiLikeCalibration(beaconPicture.width, beaconPicture.height);

/** Colours that are no greys, one for each patch of the picture. */
const patches: readonly Rgb[] = [40, 140, 240].flatMap((red) =>
  [40, 140, 240].flatMap((green) =>
    [40, 140, 240].flatMap((blue) => (red === green && green === blue ? [] : [[red, green, blue] as const])),
  ),
);

/** A car's label of the first frame: it stands along the x axis, between these corners of the LiDAR frame. */
export const beaconCar = {
  line: 'Car 0.00 0 0.00 330 90 380 120 1.50 1.60 4.00 2.00 1.65 14.00 -1.5707963',
  low: [12.2718, -2.804, -1.7263],
  high: [16.2718, -1.204, -0.2263],
} as const;

/** Points of the file that no camera sees. */
const behind = [
  [-6, 2, -1, 0.5],
  [-9, -4, 0, 0.25],
  [-12, 5, 1, 0.75],
] as const;
export const unseenBeacons = behind.length;

/** The points of a frame that the camera sees, in the order of its file: 24 in the first one, 12 in the second. */
export function beaconsOf(frame: 0 | 1): readonly Beacon[] {
  const count = frame === 0 ? columns * rows : (columns * rows) / 2;
  return Array.from({ length: count }, (_, k) => {
    const pixel = [(k % columns) * patchWidth + 51, Math.floor(k / columns) * patchHeight + 23] as const;
    const depth = frame === 0 ? 6 + 0.9 * k : 30 - 0.8 * k;
    // P · (X, Y, Z, 1) undone at this depth, then the camera's axes turned to the LiDAR's.
    const [f, cx, tx, cy, ty, tz] = [0, 2, 3, 6, 7, 11].map((at) => calibration.p2[at]);
    const right = (pixel[0] * (depth + tz) - cx * depth - tx) / f;
    const down = (pixel[1] * (depth + tz) - cy * depth - ty) / f;
    const at = [depth + 0.2718, -right - 0.004, -down - 0.0763].map(Math.fround);
    const reflectance = Math.fround((k + 1) / 32);
    return { at: at as unknown as Beacon['at'], reflectance, pixel, patch: patches[k] };
  });
}

/** Writes two frames in KITTI's layout, 000000 with a label and 000001 without, whose pictures are made of flat patches. */
export async function writeBeacons(root: string): Promise<void> {
  const folder = (name: string) => join(root, 'training', name);
  for (const name of ['image_2', 'velodyne', 'calib', 'label_2'])
    await mkdir(folder(name), { recursive: true });
  const { width, height } = beaconPicture;
  const data = new Uint8Array(3 * width * height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      data.set(patches[Math.floor(y / patchHeight) * columns + Math.floor(x / patchWidth)], at);
    }
  }
  for (const frame of [0, 1] as const) {
    const id = `00000${frame}`;
    const points = [
      ...beaconsOf(frame).flatMap(({ at, reflectance }) => [...at, reflectance]),
      ...behind.flat(),
    ];
    await writeFile(join(folder('velodyne'), `${id}.bin`), writeKittiBin(Float32Array.from(points)));
    await writeFile(join(folder('image_2'), `${id}.png`), await encodePng({ width, height, data }));
    await writeFile(join(folder('calib'), `${id}.txt`), formatKittiCalibration(calibration));
    await writeFile(join(folder('label_2'), `${id}.txt`), frame === 0 ? `${beaconCar.line}\n` : '');
  }
}
