import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { KittiRaw } from '../../src/datasets/kitti-raw.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { pointInBox } from '../../src/geometry/box.ts';
import { type KittiCalibration, parseKittiCalibration } from '../../src/geometry/kitti-calibration.ts';
import {
  identity44,
  type Matrix44,
  multiply34by44,
  multiply44,
  transformPoint,
  transformPoints,
} from '../../src/geometry/matrix.ts';
import { projectPoints } from '../../src/geometry/projection.ts';
import { inverseRigid } from '../../src/geometry/rigid-transform.ts';
import { decodeImage, encodePng } from '../../src/image/decode-image.ts';
import { writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import { nearestNeighbors } from '../../src/pointcloud/nearest-neighbors.ts';
import { rowsOf } from '../../src/pointcloud/point-cloud.ts';
import { describeWithRealData } from '../real-data.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** The camera sits in the LiDAR and looks ahead, 40 x 20 pixels; the inertial unit lies 1 m behind and 0.5 m below the LiDAR. */
const CALIBRATION = {
  'calib_cam_to_cam.txt': [
    'R_rect_00: 1 0 0 0 1 0 0 0 1',
    ...[0, 1, 2].map((camera) => `P_rect_0${camera}: 30 0 20 0 0 30 10 0 0 0 1 0`),
    'P_rect_03: 30 0 20 -15 0 30 10 0 0 0 1 0',
  ].join('\n'),
  'calib_velo_to_cam.txt': 'R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n',
  'calib_imu_to_velo.txt': 'R: 1 0 0 0 1 0 0 0 1\nT: -1 0 -0.5\n',
};
const POINTS = Float32Array.of(10, 1, 0, 0.5, -10, 1, 0, 0.25, 12, 0, 1, 1);
const PICTURE = { width: 40, height: 20, data: Uint8Array.from({ length: 2400 }, (_, i) => i % 251) };
const NAME = '2011_09_26_drive_0001_sync';
const CAR = 'Car 0 0 0.1 1 2 3 4 1.5 1.6 4 0 1 10 0';

const idOf = (number: number) => String(number).padStart(10, '0');

/** A time of that many seconds after the drive's beginning. */
function stamp(seconds: number): string {
  const [whole, fraction] = (32 + seconds).toFixed(9).split('.');
  return `2011-09-26 13:04:${whole}.${fraction}`;
}

/** A record of a car that drives north at 10 m/s, on the equator where Mercator is plain. */
function oxts(seconds: number): string {
  const latitude = (10 * seconds * 180) / (Math.PI * 6378137);
  return `${latitude.toFixed(15)} 8 100 0 0 ${Math.PI / 2} ${Array(24).fill('0').join(' ')}\n`;
}

/** The times of a sweep, its picture and its record: 0.1 s apart, the picture 10 and the record 14 ms after the sweep. */
const sweepTime = (number: number) => 0.1 * number;
const timesOf = (shift: number, count: number) =>
  `${Array.from({ length: count }, (_, k) => stamp(sweepTime(k) + shift)).join('\n')}\n`;

/** A drive whose frames have these numbers, all of them sound; gives its folder. */
async function writeDrive(numbers: readonly number[], lines = numbers.at(-1)! + 1): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'kitti-raw-'));
  folders.push(root);
  const date = join(root, '2011_09_26');
  for (const [name, text] of Object.entries(CALIBRATION)) write(join(date, name), text);
  const drive = join(date, NAME);
  for (const number of numbers) {
    write(join(drive, `image_02/data/${idOf(number)}.png`), await encodePng(PICTURE));
    const points = POINTS.slice();
    points[3] = number / 256;
    write(join(drive, `velodyne_points/data/${idOf(number)}.bin`), writeKittiBin(points));
  }
  for (let k = 0; k < lines; k++) write(join(drive, `oxts/data/${idOf(k)}.txt`), oxts(sweepTime(k) + 0.014));
  write(join(drive, 'velodyne_points/timestamps.txt'), timesOf(0, lines));
  write(join(drive, 'image_02/timestamps.txt'), timesOf(0.01, lines));
  write(join(drive, 'oxts/timestamps.txt'), timesOf(0.014, lines));
  return drive;
}

/** The line of a frame emptied, or replaced. */
function editLine(path: string, number: number, content = ''): void {
  const lines = readFileSync(path, 'utf8').split('\n');
  lines[number] = content;
  writeFileSync(path, lines.join('\n'));
}

async function errorOf(promise: Promise<unknown>): Promise<InputError> {
  const error = await promise.then(
    () => 'nothing was thrown',
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(InputError);
  return error as InputError;
}

const numbersOf = ({ moments }: KittiRaw) => moments.map(({ id }) => Number(id));
const notesOf = ({ moments }: KittiRaw) => moments.map(({ notes }) => notes);

/** How far ahead of the first frame's LiDAR a pose lies; to the side and up it must not. */
function ahead(pose: Matrix44 | undefined): number | undefined {
  if (pose === undefined) return undefined;
  const [x, y, z] = transformPoint(pose, [0, 0, 0]);
  expect(Math.hypot(y, z)).toBeLessThan(1e-6);
  return Number(x.toFixed(6));
}

describe('a sound drive', () => {
  test('gives its frames', async () => {
    const drive = await writeDrive([0, 1, 2]);
    const raw = await KittiRaw.open(drive);
    expect([raw.kind, raw.root, raw.length]).toEqual(['KITTI raw drive', drive, 3]);
    expect(notesOf(raw)).toEqual([[], [], []]);
    expect(raw.moments.map(({ timeS }) => timeS)).toEqual([0, 0.1, 0.2]);
    expect(raw.moments[0].worldFromLidar).toEqual(identity44());
    // 10 m/s; the first pose lies before the first record and is carried back.
    expect(raw.moments.map(({ worldFromLidar }) => ahead(worldFromLidar))).toEqual([0, 1, 2]);
    const date = dirname(drive);
    const calibration = [join(date, 'calib_cam_to_cam.txt'), join(date, 'calib_velo_to_cam.txt')];
    expect(raw.moments[1].files).toEqual({
      sweep: [join(drive, 'velodyne_points/data/0000000001.bin')],
      picture: [join(drive, 'image_02/data/0000000001.png')],
      calibration,
    });
    const frame = await raw.frame(1);
    expect(frame).toMatchObject({ id: '0000000001', timeS: 0.1, labels: undefined });
    expect([...frame.points.slice(0, 4)]).toEqual([10, 1, 0, 1 / 256]);
    expect(frame.worldFromLidar).toBe(raw.moments[1].worldFromLidar);
    const [{ image, ...camera }] = frame.cameras;
    expect([image.width, image.height, image.data[100]]).toEqual([40, 20, 100]);
    expect(camera).toEqual(await raw.camera(1));
    expect(camera.name).toBe('image_02');
    const pixel = multiply34by44(camera.pixelFromCamera, camera.cameraFromLidar);
    expect(transformPoint(pixel, [10, 1, 0])).toEqual([30 * -1 + 20 * 10, 10 * 10, 10]);
    const cloud = await raw.cloud(1);
    expect(cloud.fields.map(({ name }) => name)).toEqual(['x', 'y', 'z', 'reflectance']);
    expect(rowsOf(cloud, ['x', 'y', 'z', 'reflectance'])).toEqual(frame.points);
    expect((await raw.calibration()).lidarFromImu?.[3]).toBe(-1);
    await expect(raw.frame(3)).rejects.toThrow(RangeError);
  });

  test('can be given by its date, and has its calibration inside itself', async () => {
    const drive = await writeDrive([0, 1]);
    expect(numbersOf(await KittiRaw.open(dirname(drive)))).toEqual([0, 1]);
    for (const name of Object.keys(CALIBRATION)) renameSync(join(dirname(drive), name), join(drive, name));
    const raw = await KittiRaw.open(`${drive}/`);
    expect(notesOf(raw)).toEqual([[], []]);
    expect(raw.moments[0].files.calibration?.[0]).toBe(join(drive, 'calib_cam_to_cam.txt'));
    expect((await raw.camera(0)).pixelFromCamera[0]).toBe(30);
  });

  test('can be read with the right camera', async () => {
    const drive = await writeDrive([0]);
    renameSync(join(drive, 'image_02'), join(drive, 'image_03'));
    const [camera] = (await (await KittiRaw.open(drive, { camera: 3 })).frame(0)).cameras;
    expect([camera.name, camera.pixelFromCamera[3]]).toEqual(['image_03', -15]);
  });

  test('has labels where label_02.txt lies in its folder, unless other tracks are given', async () => {
    const drive = await writeDrive([0, 1]);
    const own = join(drive, 'label_02.txt');
    write(own, `1 7 ${CAR}\n`);
    const raw = await KittiRaw.open(drive);
    expect(raw.moments[0].files.labels?.[0]).toBe(own);
    expect((await raw.frame(1)).labels).toMatchObject([{ type: 'Car', trackId: 7 }]);
    const tracks = join(dirname(drive), '0000.txt');
    write(tracks, `1 8 ${CAR}\n`);
    const given = await KittiRaw.open(drive, { tracks });
    expect((await given.labels(1)).map(({ trackId }) => trackId)).toEqual([8]);
  });

  test('has every camera that has pictures, the left colour one first', async () => {
    const drive = await writeDrive([0, 1]);
    const grey = (value: number) => encodePng({ ...PICTURE, data: new Uint8Array(2400).fill(value) });
    write(join(drive, 'image_00/data/0000000000.png'), await grey(10));
    write(join(drive, 'image_00/timestamps.txt'), timesOf(0.012, 2));
    write(join(drive, 'image_03/data/0000000000.png'), await grey(30));
    write(join(drive, 'image_03/data/0000000002.png'), await grey(32));
    write(join(drive, 'image_03/timestamps.txt'), timesOf(0.013, 3));
    write(join(drive, 'image_01/timestamps.txt'), timesOf(0.011, 2));
    const raw = await KittiRaw.open(drive);
    expect(raw.cameras).toEqual(['image_02', 'image_03', 'image_00']);
    expect(numbersOf(raw)).toEqual([0, 1, 2]);
    expect(raw.moments[0].pictures).toEqual({
      image_02: [join(drive, 'image_02/data/0000000000.png')],
      image_03: [join(drive, 'image_03/data/0000000000.png')],
      image_00: [join(drive, 'image_00/data/0000000000.png')],
    });
    expect(raw.moments[0].pictureTimesS).toEqual({ image_02: 0.01, image_03: 0.013, image_00: 0.012 });
    expect(raw.moments[2].files.picture).toBeUndefined();
    expect(notesOf(raw).slice(0, 2)).toEqual([
      [],
      ['image_03/data/0000000001.png is missing', 'image_00/data/0000000001.png is missing'],
    ]);
    const calibrations = await Promise.all(raw.cameras.map((name) => raw.camera(0, name)));
    expect(calibrations.map(({ name, pixelFromCamera }) => [name, pixelFromCamera[3]])).toEqual([
      ['image_02', 0],
      ['image_03', -15],
      ['image_00', 0],
    ]);
    const greys = async (index: number, name: string) =>
      (await decodeImage((await raw.picture(index, name)).bytes, { file: name })).data[0];
    expect([await greys(0, 'image_00'), await greys(2, 'image_03')]).toEqual([10, 32]);
    expect((await errorOf(raw.picture(1, 'image_03'))).fault.expected).toBe('a picture of image_03');
    for (const call of [raw.camera(0, 'image_01'), raw.picture(0, 'image_01')])
      expect((await errorOf(call)).fault).toMatchObject({
        place: 'frame 0000000000',
        expected: 'a camera of image_02, image_03, image_00',
        found: 'image_01',
      });
    expect((await KittiRaw.open(drive, { camera: 0 })).cameras[0]).toBe('image_00');
  });

  test('begins with another camera where the left colour one has no pictures', async () => {
    const drive = await writeDrive([0, 1]);
    renameSync(join(drive, 'image_02'), join(drive, 'image_03'));
    const raw = await KittiRaw.open(drive);
    expect([raw.cameras, notesOf(raw)]).toEqual([['image_03'], [[], []]]);
    expect((await raw.frame(0)).cameras[0].pixelFromCamera[3]).toBe(-15);
  });

  test('knows when sweeps began and ended, where the lists are there', async () => {
    const drive = await writeDrive([0, 1, 2]);
    const list = (which: string) => join(drive, `velodyne_points/timestamps_${which}.txt`);
    write(list('start'), timesOf(0.15, 3));
    write(list('end'), timesOf(0.25, 3));
    editLine(list('end'), 1);
    const times = async () => (await KittiRaw.open(drive)).moments.map(({ sweepTimesS }) => sweepTimesS);
    expect(await times()).toEqual([{ beginS: 0.15, endS: 0.25 }, undefined, { beginS: 0.35, endS: 0.45 }]);
    editLine(list('start'), 0, 'noon');
    expect(await times()).toEqual([undefined, undefined, undefined]);
    expect((await KittiRaw.open(drive)).moments[0].notes).toEqual([
      expect.stringMatching(
        /start\.txt: line 1: expected a time.*: when sweeps began and ended is not known$/,
      ),
    ]);
  });

  test('has labels where tracks are given', async () => {
    const drive = await writeDrive([4, 5]);
    const tracks = join(dirname(drive), '0000.txt');
    write(tracks, `0 1 ${CAR}\n5 7 ${CAR}\n`);
    const raw = await KittiRaw.open(drive, { tracks });
    expect(raw.moments[0].files.labels).toEqual([tracks, ...raw.moments[0].files.calibration!]);
    expect(await raw.labels(0)).toEqual([]);
    const labels = await raw.labels(1);
    expect(labels).toMatchObject([{ type: 'Car', trackId: 7 }]);
    expect(labels[0].box3!.center[0]).toBeCloseTo(10, 9);
    expect((await raw.frame(1)).labels).toEqual(labels);

    const without = await KittiRaw.open(drive);
    expect(without.moments[1].files.labels).toBeUndefined();
    expect((await errorOf(without.labels(1))).fault.place).toBe('frame 0000000005');
    const absent = await KittiRaw.open(drive, { tracks: `${tracks}x` });
    expect(absent.moments[1].files.labels).toBeUndefined();
    expect(absent.moments[0].notes).toContain(`${tracks}x is missing: there are no labels`);
    expect((await errorOf(absent.labels(1))).fault.file).toBe(`${tracks}x`);
    write(tracks, `5 7 ${CAR} 1 2\n`);
    const damaged = await KittiRaw.open(drive, { tracks });
    expect((await errorOf(damaged.labels(1))).fault).toMatchObject({ file: tracks, place: 'line 1' });
    write(tracks, `5 7 ${CAR}\n`);
    expect((await damaged.labels(1)).length).toBe(1);
  });
});

describe('missing frames', () => {
  test('are told on the moment before them and move no other', async () => {
    const raw = await KittiRaw.open(await writeDrive([2, 3, 5, 9], 15));
    expect(numbersOf(raw)).toEqual([2, 3, 5, 9]);
    expect(notesOf(raw)).toEqual([
      ['frames 0 to 1 are missing'],
      ['frame 4 is missing'],
      ['frames 6 to 8 are missing'],
      ['frames 10 to 14 are missing'],
    ]);
    expect(raw.moments.map(({ timeS }) => timeS)).toEqual([0, 0.1, 0.3, 0.7]);
    expect(raw.moments.map(({ worldFromLidar }) => ahead(worldFromLidar))).toEqual([0, 1, 3, 7]);
    expect((await raw.frame(3)).points[3]).toBe(9 / 256);
  });

  test('are told where only the times of pictures or of sweeps go on', async () => {
    const drive = await writeDrive([0, 1]);
    write(join(drive, 'image_02/timestamps.txt'), timesOf(0.01, 4));
    expect((await KittiRaw.open(drive)).moments[1].notes).toEqual(['frames 2 to 3 are missing']);
    write(join(drive, 'velodyne_points/timestamps.txt'), `${timesOf(0, 5)}\n\n`);
    expect((await KittiRaw.open(drive)).moments[1].notes).toEqual(['frames 2 to 4 are missing']);
  });

  test('a frame without its sweep or without its picture is one', async () => {
    const drive = await writeDrive([0, 1, 2]);
    rmSync(join(drive, 'velodyne_points/data/0000000001.bin'));
    rmSync(join(drive, 'image_02/data/0000000002.png'));
    const raw = await KittiRaw.open(drive);
    expect(notesOf(raw)).toEqual([
      [],
      ['velodyne_points/data/0000000001.bin is missing'],
      ['image_02/data/0000000002.png is missing'],
    ]);
    expect(raw.moments.map(({ files }) => Object.keys(files).sort())).toEqual([
      ['calibration', 'picture', 'sweep'],
      ['calibration', 'picture'],
      ['calibration', 'sweep'],
    ]);
    expect(raw.moments.map(({ worldFromLidar }) => ahead(worldFromLidar))).toEqual([0, 1, 2]);
    const sweep = await errorOf(raw.frame(1));
    expect(sweep.fault.file).toBe(join(drive, 'velodyne_points/data/0000000001.bin'));
    expect((await errorOf(raw.cloud(1))).fault).toEqual(sweep.fault);
    expect((await errorOf(raw.frame(2))).fault.file).toBe(join(drive, 'image_02/data/0000000002.png'));
  });

  test('all sweeps or all pictures are told once', async () => {
    const drive = await writeDrive([0, 1]);
    rmSync(join(drive, 'image_02'), { recursive: true });
    const raw = await KittiRaw.open(drive);
    expect(notesOf(raw)).toEqual([['image_02/data has no .png, .jpg, .jpeg files'], []]);
    expect((await raw.sweep(1)).length).toBe(12);
  });

  test('files that are no frame are left out and told', async () => {
    const drive = await writeDrive([0, 1]);
    write(join(drive, 'image_02/data/1.jpg'), 'x');
    write(join(drive, 'image_02/data/copy of 1.png'), 'x');
    write(join(drive, 'image_02/data/.hidden.png'), 'x');
    write(join(drive, 'velodyne_points/data/a.bin'), 'x');
    const raw = await KittiRaw.open(drive);
    expect(numbersOf(raw)).toEqual([0, 1]);
    expect(raw.moments[0].notes).toEqual([
      'velodyne_points/data: left out a.bin, for a frame has one file, named by its number',
      'image_02/data: left out 2 files such as 1.jpg, for a frame has one file, named by its number',
    ]);
  });
});

describe('times', () => {
  test('an empty line leaves the time to the picture and moves no other', async () => {
    const drive = await writeDrive([0, 1, 2, 3]);
    editLine(join(drive, 'velodyne_points/timestamps.txt'), 1);
    editLine(join(drive, 'velodyne_points/timestamps.txt'), 2);
    editLine(join(drive, 'image_02/timestamps.txt'), 2);
    const raw = await KittiRaw.open(drive);
    expect(raw.moments.map(({ timeS }) => timeS)).toEqual([0, 0.11, undefined, 0.3]);
    expect(raw.moments.map(({ worldFromLidar }) => ahead(worldFromLidar))).toEqual([0, 1.1, undefined, 3]);
    const told = 'velodyne_points/timestamps.txt has no time for the frame';
    expect(notesOf(raw)).toEqual([
      [],
      [`${told}: the picture's is taken`],
      [`${told}: its time is not known`, 'the pose is not known, for want of a time'],
      [],
    ]);
  });

  test('the first frame may be without', async () => {
    const drive = await writeDrive([0, 1, 2]);
    editLine(join(drive, 'velodyne_points/timestamps.txt'), 0);
    editLine(join(drive, 'image_02/timestamps.txt'), 0);
    const raw = await KittiRaw.open(drive);
    expect(raw.moments.map(({ timeS }) => timeS)).toEqual([undefined, 0, 0.1]);
    expect(raw.moments.map(({ worldFromLidar }) => ahead(worldFromLidar))).toEqual([undefined, 0, 1]);
    expect(raw.moments[1].worldFromLidar).toEqual(identity44());
  });

  test('a missing or damaged file is told once', async () => {
    const drive = await writeDrive([0, 1]);
    const file = join(drive, 'velodyne_points/timestamps.txt');
    editLine(file, 1, 'noon');
    const damaged = await KittiRaw.open(drive);
    expect(notesOf(damaged)).toEqual([[expect.stringContaining(`${file}: line 2: expected a time`)], []]);
    expect(damaged.moments[0].notes[0]).toMatch(/: the pictures' times are taken$/);
    expect(damaged.moments.map(({ timeS }) => timeS)).toEqual([0, 0.1]);
    rmSync(file);
    expect(notesOf(await KittiRaw.open(drive))).toEqual([
      ["velodyne_points/timestamps.txt is missing: the pictures' times are taken"],
      [],
    ]);
    rmSync(join(drive, 'image_02/timestamps.txt'));
    const none = await KittiRaw.open(drive);
    expect(notesOf(none)).toEqual([
      [
        'velodyne_points/timestamps.txt is missing: no times are known',
        'image_02/timestamps.txt is missing',
        'no frame has a time: poses are not known',
      ],
      [],
    ]);
    expect(none.moments.map(({ timeS, worldFromLidar }) => [timeS, worldFromLidar])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
    ]);
    expect((await none.frame(1)).points.length).toBe(12);
    write(file, '\n');
    expect((await KittiRaw.open(drive)).moments[0].notes[0]).toMatch(/^velodyne_points.*has no times/);
  });
});

describe('poses', () => {
  const poses = ({ moments }: KittiRaw) => moments.map(({ worldFromLidar }) => ahead(worldFromLidar));

  test('missing, damaged and timeless records are bridged by their neighbours', async () => {
    const drive = await writeDrive([0, 1, 2, 3, 4, 5, 6, 7]);
    const records = join(drive, 'oxts/data');
    rmSync(join(records, '0000000001.txt'));
    write(join(records, '0000000003.txt'), oxts(0.314).slice(0, 40));
    editLine(join(drive, 'oxts/timestamps.txt'), 5);
    const raw = await KittiRaw.open(drive);
    expect(poses(raw)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const bridged = 'the pose is interpolated between other records';
    expect(notesOf(raw)).toEqual([
      [],
      [`oxts/data/0000000001.txt is missing: ${bridged}`],
      [],
      [expect.stringMatching(/oxts\/data\/0000000003\.txt: line 1: expected 30 values, found/)],
      [],
      [`oxts/timestamps.txt has no time for the frame: ${bridged}`],
      [],
      [],
    ]);
  });

  test('are not known where no record is near', async () => {
    const numbers = Array.from({ length: 20 }, (_, k) => k);
    const drive = await writeDrive(numbers);
    for (let k = 3; k < 14; k++) rmSync(join(drive, `oxts/data/${idOf(k)}.txt`));
    const raw = await KittiRaw.open(drive);
    // Records 2 and 14 are 1.2 s apart; 0.2 s before and after them the poses go on.
    const known = numbers.filter((k) => raw.moments[k].worldFromLidar !== undefined);
    expect(known).toEqual([0, 1, 2, 3, 4, 13, 14, 15, 16, 17, 18, 19]);
    expect(known.map((k) => ahead(raw.moments[k].worldFromLidar))).toEqual(known);
    expect(raw.moments[8].notes).toEqual(['oxts/data/0000000008.txt is missing: the pose is not known']);
    for (let k = 0; k < 20; k++) rmSync(join(drive, `oxts/data/${idOf(k)}.txt`), { force: true });
    write(join(drive, `oxts/data/${idOf(9)}.txt`), oxts(0.914));
    const single = await KittiRaw.open(drive);
    expect(single.moments[9].notes).toEqual([
      'the pose is not known, for want of OXTS records near enough in time',
    ]);
  });

  test('use records of missing frames, and tell where they are damaged', async () => {
    const drive = await writeDrive([0, 3], 7);
    const damaged = join(drive, 'oxts/data/0000000001.txt');
    write(damaged, 'x');
    const raw = await KittiRaw.open(drive);
    expect(poses(raw)).toEqual([0, 3]);
    expect(raw.moments[0].notes[0]).toContain(`${damaged}: line 1: expected 30 values`);
    expect(raw.moments[1].notes).toEqual(['frames 4 to 6 are missing']);
  });

  test('go by the times of records, whatever their order', async () => {
    const drive = await writeDrive([0, 1, 2, 3, 4, 5]);
    // From the last to the first, the first of them told twice.
    const times = [5, 4, 3, 2, 1, 1].map((k) => sweepTime(k) + 0.014);
    write(join(drive, 'oxts/timestamps.txt'), times.map(stamp).join('\n'));
    for (const [k, time] of times.entries()) write(join(drive, `oxts/data/${idOf(k)}.txt`), oxts(time));
    expect(poses(await KittiRaw.open(drive))).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('turn about the inertial unit, not about the LiDAR', async () => {
    const drive = await writeDrive([0, 1, 2]);
    // On the spot, from looking east to looking north in 0.2 s; the LiDAR is 1 m ahead of the unit.
    for (let k = 0; k < 3; k++) {
      const record = `0 8 100 0 0 ${(k * Math.PI) / 4} ${Array(24).fill('0').join(' ')}`;
      write(join(drive, `oxts/data/${idOf(k)}.txt`), record);
    }
    write(join(drive, 'oxts/timestamps.txt'), timesOf(0, 3));
    const last = (await KittiRaw.open(drive)).moments[2].worldFromLidar!;
    const expected = [0, -1, 0, -1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1];
    for (const [i, value] of expected.entries()) expect(last[i]).toBeCloseTo(value, 9);
  });

  test('no records, no times of theirs, no place of the unit are told once', async () => {
    const drive = await writeDrive([0, 1]);
    const unknown = 'poses are not known';
    const open = async () => {
      const raw = await KittiRaw.open(drive);
      expect(poses(raw)).toEqual([undefined, undefined]);
      expect(raw.moments[1].notes).toEqual([]);
      expect((await raw.frame(1)).timeS).toBe(0.1);
      return raw.moments[0].notes;
    };
    editLine(join(drive, 'oxts/timestamps.txt'), 0, 'noon');
    expect(await open()).toEqual([expect.stringMatching(/line 1: expected a time.*: poses are not known$/)]);
    rmSync(join(drive, 'oxts/timestamps.txt'));
    expect(await open()).toEqual([`oxts/timestamps.txt is missing: ${unknown}`]);
    rmSync(join(drive, 'oxts'), { recursive: true });
    expect(await open()).toEqual([`oxts/data has no .txt files: ${unknown}`]);
    rmSync(join(dirname(drive), 'calib_imu_to_velo.txt'));
    expect(await open()).toContain(`calib_imu_to_velo.txt is missing: ${unknown}`);
    write(join(dirname(drive), 'calib_imu_to_velo.txt'), 'R: 1');
    expect((await open()).at(-1)).toMatch(/calib_imu_to_velo.txt: line 1, R: .*: poses are not known$/);
  });
});

describe('calibration', () => {
  test('that is missing leaves the rest', async () => {
    const drive = await writeDrive([0, 1]);
    const tracks = join(dirname(drive), '0000.txt');
    write(tracks, `0 1 ${CAR}\n`);
    const file = join(dirname(drive), 'calib_velo_to_cam.txt');
    rmSync(file);
    const raw = await KittiRaw.open(drive, { tracks });
    expect(notesOf(raw)).toEqual([['calib_velo_to_cam.txt is missing: points have no pixels'], []]);
    expect(Object.keys(raw.moments[1].files).sort()).toEqual(['picture', 'sweep']);
    expect(ahead(raw.moments[1].worldFromLidar)).toBe(1);
    expect((await raw.cloud(1)).count).toBe(3);
    for (const call of [raw.camera(1), raw.frame(1), raw.labels(1), raw.calibration()]) {
      expect((await errorOf(call)).fault.file).toBe(file);
    }
  });

  test('that is damaged is an error when it is asked for', async () => {
    const drive = await writeDrive([0]);
    const file = join(dirname(drive), 'calib_cam_to_cam.txt');
    editLine(file, 0, 'R_rect_00: 1 2 3');
    const raw = await KittiRaw.open(drive);
    expect((await errorOf(raw.camera(0))).fault).toMatchObject({ file, place: 'line 1, R_rect_00' });
    rmSync(join(dirname(drive), 'calib_imu_to_velo.txt'));
    write(file, CALIBRATION['calib_cam_to_cam.txt']);
    expect((await raw.calibration()).lidarFromImu).toBeUndefined();
  });
});

describe('another layout', () => {
  test.each<[string, string[], string]>([
    ['several dates', ['2011_09_26/a/velodyne_points/x', '2011_09_28/x'], 'perhaps 2011_09_26 is meant'],
    ['KITTI object', ['training/image_2/0.png', 'testing/x'], 'this looks like KITTI object or tracking'],
    ['KITTI object frames', ['image_2/0.png', 'calib/0.txt'], 'this looks like KITTI object'],
    ['KITTI tracking', ['image_02/0000/000000.png', 'label_02/0000.txt'], 'this looks like KITTI tracking'],
    ['KITTI odometry', ['sequences/00/calib.txt'], 'this looks like KITTI odometry'],
    ['a drive without frames', ['image_02/data/a.txt', 'oxts/data/0000000000.txt'], 'image_02, oxts'],
    ['something else', ['notes.txt'], 'notes.txt'],
    ['nothing', [], 'an empty folder'],
  ])('%s is told from what is there', async (_, files, told) => {
    const root = mkdtempSync(join(tmpdir(), 'kitti-raw-'));
    folders.push(root);
    for (const file of files) write(join(root, file), 'x');
    expect((await errorOf(KittiRaw.open(root))).fault.found).toContain(told);
  });

  test('several drives, an unsynced one, a file and nothing are told', async () => {
    const drive = await writeDrive([0]);
    const date = dirname(drive);
    write(join(date, '2011_09_26_drive_0001_extract/image_02/data/0000000000.png'), 'x');
    expect((await KittiRaw.open(date)).length).toBe(1);
    const unsynced = await errorOf(KittiRaw.open(join(date, '2011_09_26_drive_0001_extract/')));
    expect(unsynced.fault.expected).toBe('a synced and rectified drive');
    write(join(date, '2011_09_26_drive_0002_sync/velodyne_points/data/0000000000.bin'), 'x');
    const several = await errorOf(KittiRaw.open(date));
    expect(several.fault.found).toBe(`2 drives: ${NAME}, 2011_09_26_drive_0002_sync`);
    const file = join(date, 'calib_cam_to_cam.txt');
    expect((await errorOf(KittiRaw.open(file))).fault).toMatchObject({ file, found: 'a file' });
    expect((await errorOf(KittiRaw.open(`${file}x`))).fault.found).toBe('nothing');
  });
});

/**
 * The points within 40 m and more than 0.7 m above the ground, rows of x, y, z, reflectance. The rings on the ground travel
 * with the scanner, so they fit best where nothing is moved.
 */
function upright(points: Float32Array): Float32Array {
  const kept: number[] = [];
  for (let at = 0; at < points.length; at += 4) {
    const [x, y, z, reflectance] = points.subarray(at, at + 4);
    if (Math.hypot(x, y, z) <= 40 && z > -1) kept.push(x, y, z, reflectance);
  }
  return Float32Array.from(kept);
}

function medianDistance(points: Float32Array, queries: Float32Array): number {
  const { squaredDistances } = nearestNeighbors(points, queries, { count: 1, stride: 4, queryStride: 4 });
  return Math.sqrt(squaredDistances.sort()[squaredDistances.length >> 1]);
}

describeWithRealData('the real drive 0005 of 2011_09_26', 'kitti-raw/2011_09_26', (date) => {
  test('has its 12 frames, and 142 that are missing', async () => {
    const raw = await KittiRaw.open(date);
    expect(numbersOf(raw)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    const notes = raw.moments.map((_, i) => (i === 11 ? ['frames 12 to 153 are missing'] : []));
    expect(notesOf(raw)).toEqual(notes);
    expect(raw.moments[0].timeS).toBe(0);
    expect(raw.moments[1].timeS).toBe(0.103287866);
    expect(raw.moments[0].worldFromLidar).toEqual(identity44());
    const [x, y, z] = transformPoint(raw.moments[11].worldFromLidar!, [0, 0, 0]);
    expect(x).toBeGreaterThan(2);
    expect(x).toBeLessThan(5);
    expect(Math.abs(y)).toBeLessThan(0.5);
    expect(Math.abs(z)).toBeLessThan(0.5);
  });

  test('has its points on its pictures', async () => {
    const raw = await KittiRaw.open(date);
    for (const index of [0, 11]) {
      const { points, cameras } = await raw.frame(index);
      const [{ image, pixelFromCamera, cameraFromLidar }] = cameras;
      expect([image.width, image.height]).toEqual([1242, 375]);
      const pixels = projectPoints(points, 4, multiply34by44(pixelFromCamera, cameraFromLidar));
      const seen = pixels.u.filter(
        (u, i) => u > -0.5 && u < image.width - 0.5 && pixels.v[i] > -0.5 && pixels.v[i] < image.height - 0.5,
      );
      // Some 15 % of a sweep are seen.
      expect(seen.length / (points.length / 4)).toBeGreaterThan(0.1);
      expect(seen.length / (points.length / 4)).toBeLessThan(0.25);
      // They are spread over the whole width.
      for (const edge of [0, 1]) {
        expect(seen.some((u) => Math.abs(u - edge * (image.width - 1)) < 5)).toBe(true);
      }
    }
  });

  describeWithRealData('with its tracks', 'kitti-tracking/training', (tracking) => {
    test('has the calibration of the tracking sequence', async () => {
      const calibration = await (await KittiRaw.open(date)).calibration();
      const same = parseKittiCalibration(readFileSync(`${tracking}/calib/0000.txt`, 'utf8'));
      for (const key of Object.keys(same) as Array<keyof KittiCalibration>) {
        calibration[key]!.forEach((value, i) => {
          expect(Math.abs(value - same[key]![i])).toBeLessThan(1e-9);
        });
      }
    });

    test('has boxes that hold points', async () => {
      const raw = await KittiRaw.open(date, { tracks: `${tracking}/label_02/0000.txt` });
      const objects = { 0: ['Van', 'Cyclist', 'Pedestrian'], 10: ['Van', 'Cyclist'] };
      for (const [index, types] of Object.entries(objects)) {
        const { points, labels } = await raw.frame(Number(index));
        const held = (track: number) => {
          const { type, box3 } = labels!.find(({ trackId }) => trackId === track)!;
          let count = 0;
          for (let at = 0; at < points.length; at += 4) {
            if (pointInBox(box3!, points[at], points[at + 1], points[at + 2])) count++;
          }
          return { type, count };
        };
        for (const [track, type] of types.entries()) {
          expect(held(track).type).toBe(type);
          expect(held(track).count).toBeGreaterThan(50);
        }
      }
    });
  });

  // The medians in docs/kitti-raw.md are these.
  test('has poses that lay sweep 0 on sweep 10', async () => {
    const raw = await KittiRaw.open(date);
    const [from, to] = [raw.moments[0].worldFromLidar!, raw.moments[10].worldFromLidar!];
    const [first, tenth] = [upright(await raw.sweep(0)), await raw.sweep(10)];
    expect(first.length / 4).toBe(29897);
    const moved = transformPoints(multiply44(inverseRigid(to), from), first, 4);
    const [before, after] = [medianDistance(tenth, first), medianDistance(tenth, moved)];
    expect(after).toBeLessThan(before / 2);
    expect([before.toFixed(2), after.toFixed(2)]).toEqual(['1.08', '0.22']);
  });
});
