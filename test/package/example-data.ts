import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writePcd } from '../../src/pointcloud/pcd.ts';
import { writePly } from '../../src/pointcloud/ply.ts';
import { cloudFromRows } from '../../src/pointcloud/point-cloud.ts';
import {
  CAR,
  oxtsLine,
  pictureOf,
  sweepOf,
  TRACKING_CALIBRATION,
  write,
  writeTracking,
} from '../datasets/tiny-sequences.ts';
import {
  madeUpBoxes,
  madeUpCameras,
  madeUpLasers,
  madeUpPoints,
  madeUpPose,
  madeUpWorldFromVehicle,
} from '../datasets/waymo/made-up-drive.ts';
import { makeRangeImages } from '../datasets/waymo/make-range-images.ts';
import { type MadeMoment, writeFolders } from '../datasets/waymo/write-components.ts';
import { frameMessage, writeRecords } from '../datasets/waymo/write-records.ts';

/** The segment that the page on Waymo's second form opens. */
const SEGMENT = '10023947602400723454_1120_000_1140_000';

/**
 * The files that `@example`s read, beside those that other examples write: `data/kitti` is the set of generated scenes. The
 * blocks of the pages have a folder of their own, `pages`.
 */
export async function writeExampleData(folder: string): Promise<void> {
  const pages = join(folder, 'pages');
  for (const root of [folder, pages]) {
    mkdirSync(join(root, 'data'), { recursive: true });
    writeClouds(root);
    await writeRawDrive(join(root, '2011_09_26'));
  }
  mkdirSync(join(folder, 'data/scenes'));
  symlinkSync('scenes', join(folder, 'data/kitti'));
  await writeTracking(join(pages, 'kitti-tracking/training'), '0003', [0, 1, 2, 3, 4]);
  write(join(pages, 'tracking/training/label_02/0000.txt'), `0 7 ${CAR}\n`);
  const records = waymoRecords();
  for (const name of ['segment.tfrecord', 'segment-1005081002024129653_with_camera_labels.tfrecord'])
    writeRecords(records, join(folder, name));
  mkdirSync(join(pages, 'waymo/training'), { recursive: true });
  writeRecords(records, join(pages, 'waymo/training/segment.tfrecord'));
  writeComponents(join(folder, 'waymo/training'));
  writeComponents(join(pages, 'training'));
}

function writeClouds(root: string): void {
  const cloud = cloudFromRows(Float32Array.of(1, 2, 3, 0.5, 4, 5, 6, 0.25), ['x', 'y', 'z', 'intensity']);
  writeFileSync(join(root, 'data/sweep.pcd'), writePcd(cloud, { encoding: 'binary' }));
  writeFileSync(join(root, 'data/scan.ply'), writePly(cloud, { encoding: 'ascii' }));
}

/** KITTI's raw drive 5 of a date: eleven frames, 0.1 s apart. */
async function writeRawDrive(date: string): Promise<void> {
  const calibration = Object.fromEntries(
    TRACKING_CALIBRATION.split('\n').map((line) => [line.split(' ')[0], line.split(' ').slice(1)]),
  );
  const projections = [0, 1, 2, 3].map((k) => `P_rect_0${k}: ${calibration[`P${k}:`].join(' ')}`);
  const rigid = (values: readonly string[]) =>
    `R: ${values.filter((_, i) => i % 4 < 3).join(' ')}\nT: ${values.filter((_, i) => i % 4 === 3).join(' ')}\n`;
  write(join(date, 'calib_cam_to_cam.txt'), ['R_rect_00: 1 0 0 0 1 0 0 0 1', ...projections].join('\n'));
  write(join(date, 'calib_velo_to_cam.txt'), rigid(calibration.Tr_velo_cam));
  write(join(date, 'calib_imu_to_velo.txt'), rigid(calibration.Tr_imu_velo));
  const drive = join(date, '2011_09_26_drive_0005_sync');
  const times: string[] = [];
  for (let frame = 0; frame < 11; frame++) {
    const id = String(frame).padStart(10, '0');
    write(join(drive, `velodyne_points/data/${id}.bin`), sweepOf(frame));
    write(join(drive, `image_02/data/${id}.png`), await pictureOf(frame));
    write(join(drive, `oxts/data/${id}.txt`), `${oxtsLine(frame)}\n`);
    times.push(`2011-09-26 13:04:${(32 + frame / 10).toFixed(9)}\n`);
  }
  for (const part of ['velodyne_points', 'image_02', 'oxts'])
    write(join(drive, part, 'timestamps.txt'), times.join(''));
}

/** Two moments of a drive, with small range images. */
function waymoMoments(): MadeMoment[] {
  const picture = Uint8Array.of(0xff, 0xd8, 0xff, 1, 2, 3);
  return [0, 0.1].map((timeS) => ({
    timestampMicros: 1_507_315_488_219_118 + Math.round(1e6 * timeS),
    worldFromVehicle: [...madeUpWorldFromVehicle(timeS)],
    lasers: makeRangeImages({
      points: madeUpPoints(400),
      calibrations: madeUpLasers,
      worldFromVehicle: madeUpWorldFromVehicle(timeS),
      poseAt: (column, width) => madeUpPose(timeS + (column / width - 0.5) * 0.1),
      sizes: { TOP: [64, 60], FRONT: [10, 20], REAR: [10, 20], SIDE_LEFT: [10, 20], SIDE_RIGHT: [10, 20] },
    }).lasers,
    pictures: { FRONT: picture, SIDE_LEFT: picture },
    boxes: madeUpBoxes,
  }));
}

function waymoRecords(): Uint8Array[] {
  return waymoMoments().map(({ timestampMicros, worldFromVehicle, lasers, pictures, boxes }) =>
    frameMessage({
      ...{ segment: SEGMENT, timestampMicros, lasers, boxes },
      worldFromVehicle: Float64Array.from(worldFromVehicle),
      cameras: madeUpCameras,
      laserCalibrations: madeUpLasers,
      pictures: [
        [4, pictures.SIDE_LEFT],
        [1, pictures.FRONT],
      ],
    }),
  );
}

function writeComponents(root: string): void {
  writeFolders(
    root,
    [
      {
        segment: SEGMENT,
        moments: waymoMoments(),
        laserCalibrations: madeUpLasers,
        cameraCalibrations: madeUpCameras,
      },
    ],
    { codec: 'BROTLI', rowGroupSize: 10, pageSize: 4096, wide: true },
  );
}
