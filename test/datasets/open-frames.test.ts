import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { dataKindOf } from '../../src/datasets/data-kind.ts';
import type { Frame } from '../../src/datasets/frame.ts';
import { KittiObject } from '../../src/datasets/kitti-object.ts';
import { KittiRaw } from '../../src/datasets/kitti-raw.ts';
import { openFrames } from '../../src/datasets/open-frames.ts';
import { Stopwatch } from '../../src/datasets/stopwatch.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { encodeJpeg, encodePng } from '../../src/image/decode-image.ts';
import { writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import { describeWithRealData } from '../real-data.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const picture = { width: 6, height: 4, data: Uint8Array.from({ length: 72 }, (_, i) => 3 * i) };
const png = await encodePng(picture);
const sweep = writeKittiBin(Float32Array.of(10, 1, 0, 0.5));

/** A folder with these files, whose content is what their endings need. */
function folderWith(files: Readonly<Record<string, Uint8Array | string>> | readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), 'frames-'));
  folders.push(root);
  const content = (name: string) => (name.endsWith('.bin') ? sweep : name.endsWith('.png') ? png : 'x');
  const entries = Array.isArray(files)
    ? files.map((name: string) => [name, content(name)] as const)
    : Object.entries(files);
  for (const [name, bytes] of entries) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), bytes);
  }
  return root;
}

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

const DRIVE = '2011_09_26_drive_0001_sync';
const OTHER = '2011_09_28_drive_0002_sync';

describe('dataKindOf', () => {
  it.each([
    ['image folder', ['a/1.png']],
    ['image folder', ['x/y/z/1.JPEG', 'readme.txt']],
    ['image folder', ['training/cat/1.png', 'testing/cat/1.png']],
    ['KITTI object data set', ['training/image_2/000000.png']],
    ['KITTI object data set', ['image_2/000000.png']],
    ['KITTI object data set', ['testing/velodyne/000000.bin', 'preview.png']],
    ['KITTI object data set', ['training/readme.txt']],
    ['KITTI raw drive', [`2011_09_26/${DRIVE}/image_02/data/0000000000.png`]],
    ['KITTI raw drive', ['image_02/data/0000000000.png']],
    ['image folder', ['2011_09_26/0000000000.png']],
    ['KITTI tracking sequence', ['training/image_02/0000/000000.png']],
    ['KITTI tracking sequence', ['testing/velodyne/0012/000000.bin', 'readme.txt']],
    ['KITTI tracking sequence', ['label_02/0000.txt', 'velodyne/0000/000000.bin']],
    ['KITTI tracking sequence', ['training/label_02/0000.txt', 'training/calib/0000.txt']],
    ['KITTI odometry sequence', ['sequences/00/calib.txt', 'poses/00.txt']],
    ['KITTI odometry sequence', ['sequences/00/times.txt', 'sequences/00/velodyne/000000.bin']],
    ['KITTI odometry sequence', ['00/calib.txt', '00/image_2/000000.png']],
    ['KITTI odometry sequence', ['calib.txt', 'velodyne/000000.bin']],
    ['KITTI odometry sequence', ['calib.txt', 'times.txt']],
    ['KITTI object data set', ['calib/000000.txt', 'velodyne/000000.bin']],
    ['point clouds', ['1.ply', '1.png']],
    ['image folder', ['image_1/a.png', 'image_2/a.png']],
    ['image folder', ['image_2/a.png', 'image_4/a.png']],
    ['KITTI object data set', ['image_0/a.png', 'image_1/a.png', 'image_2/a.png']],
    [undefined, ['kitti/training/image_2/000000.png']],
    [undefined, ['day/drive/image_02/data/0000000000.png']],
    [undefined, ['.hidden/1.png', 'a/x.txt']],
  ])('is %s for %j', async (kind, names) => {
    expect(await dataKindOf(folderWith(names))).toBe(kind);
  });
});

describe('openFrames of pictures in folders', () => {
  it('gives each with its class', async () => {
    const frames = await openFrames({ root: folderWith(['b/2.png', 'a/1.png', 'a/x.txt']) }, ['image']);
    expect(frames).toMatchObject({
      kind: 'image folder',
      length: 2,
      ids: ['a/1.png', 'b/2.png'],
      incomplete: [],
    });
    expect(frames.classes).toEqual({ names: ['a', 'b'], of: Int32Array.of(0, 1) });
    expect(frames.notes).toEqual(['files that are no pictures were left aside: 1 .txt']);
    expect(frames.frame).toBeUndefined();
    const stopwatch = new Stopwatch();
    expect(await frames.picture(1, stopwatch)).toEqual(picture);
    expect(Object.keys(stopwatch.timings)).toEqual(['read', 'decode']);
    await expect(frames.picture(2)).rejects.toThrow(RangeError);
  });

  it('turns them upright, but not those of a calibrated camera', async () => {
    const turned = await sharp(png).withMetadata({ orientation: 6 }).png().toBuffer();
    const sizeOf = async (root: string) => {
      const { width, height } = await (await openFrames({ root }, ['image'])).picture(0);
      return [width, height];
    };
    expect(await sizeOf(folderWith({ 'a.png': turned }))).toEqual([4, 6]);
    expect(await sizeOf(folderWith({ 'training/image_2/000000.png': turned }))).toEqual([6, 4]);
    expect(await sizeOf(folderWith({ 'image_02/data/0000000000.png': turned }))).toEqual([6, 4]);
  });

  it('names a damaged file, and gives the others', async () => {
    const jpeg = await encodeJpeg({ width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(90) });
    const cut = jpeg.subarray(0, jpeg.length - 40);
    const root = folderWith({
      'a/cut.jpg': cut,
      'a/empty.png': '',
      'a/text.png': 'hello',
      'b/whole.jpg': jpeg,
    });
    const frames = await openFrames({ root }, ['image']);
    expect(await faultOf(frames.picture(0))).toMatchObject({
      file: join(root, 'a/cut.jpg'),
      expected: 'a whole JPEG image',
    });
    expect(await faultOf(frames.picture(1))).toMatchObject({
      file: join(root, 'a/empty.png'),
      found: 'no bytes',
    });
    expect((await faultOf(frames.picture(2))).place).toBe('byte 0');
    expect((await frames.picture(3)).width).toBe(64);
  });

  it('has no points to give, and no splits of KITTI', async () => {
    const root = folderWith(['a/1.png']);
    expect(await faultOf(openFrames({ root }, ['image', 'points']))).toEqual({
      file: root,
      expected:
        'the folder of a KITTI object data set, a KITTI odometry sequence, a KITTI raw drive, a KITTI tracking sequence, Waymo components or Waymo records',
      found: 'pictures alone, without sweeps and calibrations',
    });
    expect(await faultOf(openFrames({ root, split: 'testing' }, ['image']))).toMatchObject({
      place: 'split testing',
      found: 'image folder',
    });
  });
});

describe('openFrames of other data', () => {
  it('says what is there and what is missing', async () => {
    const clouds = folderWith(['1.bin']);
    for (const needs of [['image'], ['points']] as const)
      expect(await faultOf(openFrames({ root: clouds }, needs))).toMatchObject({
        file: clouds,
        found: 'point clouds without pictures',
      });
    expect((await faultOf(openFrames({ root: join(clouds, 'none') }, ['image']))).found).toBe('nothing');
    expect((await faultOf(openFrames({ root: folderWith([]) }, ['image']))).found).toBe('an empty folder');
    const text = folderWith(['a.txt']);
    expect((await faultOf(openFrames({ root: text }, ['image']))).found).toBe('a.txt');
    expect((await faultOf(openFrames({ root: join(text, 'a.txt') }, ['points']))).found).toBe('another file');
  });
});

describe('openFrames of a folder too high', () => {
  it('takes drives for no classes of pictures', async () => {
    const root = folderWith(['kitti/training/image_2/000000.png']);
    for (const needs of [['image'], ['points']] as const)
      expect((await faultOf(openFrames({ root }, needs))).found).toBe(
        'kitti/ (kitti has a folder training, perhaps it is meant)',
      );
    const mixed = folderWith(['cats/1.png', 'drive/velodyne/000000.bin', 'drive/image_2/000000.png']);
    expect(await faultOf(openFrames({ root: mixed }, ['image']))).toEqual({
      file: join(mixed, 'drive'),
      expected: 'folders of pictures alone',
      found: "frames of drives in KITTI's layout, which are opened by themselves",
    });
  });
});

describe('openFrames of a KITTI object data set', () => {
  it('demands for pictures nothing but pictures', async () => {
    const files = [
      'training/image_2/000001.png',
      'training/image_2/000000.png',
      'training/velodyne/000002.bin',
    ];
    const root = folderWith(files);
    mkdirSync(join(root, 'ImageSets'));
    writeFileSync(join(root, 'ImageSets/some.txt'), '000001\n000005\n');
    const frames = await openFrames({ root }, ['image']);
    expect(frames).toMatchObject({
      kind: 'KITTI object data set',
      ids: ['000000', '000001'],
      incomplete: [],
    });
    expect(frames.frame).toBeUndefined();
    expect(await frames.picture(1)).toEqual(picture);
    const some = await openFrames({ root, imageSet: 'some' }, ['image']);
    expect([some.ids, some.incomplete]).toEqual([
      ['000001'],
      [{ id: '000005', missing: 'image_2/000005.png' }],
    ]);
    expect((await faultOf(openFrames({ root, imageSet: 'some', strict: true }, ['image']))).found).toBe(
      '1 incomplete, such as 000005 without image_2/000005.png',
    );
    expect((await faultOf(openFrames({ root }, ['points']))).found).toContain('no calib');
    expect((await faultOf(openFrames({ root, split: 'testing' }, ['image']))).found).toContain('training');
    const bare = folderWith(['training/velodyne/000002.bin']);
    expect((await faultOf(openFrames({ root: bare }, ['image']))).expected).toBe('the folder image_2');
  });
});

describe('openFrames of KITTI raw drives', () => {
  const files = (drive: string, ...ids: readonly string[]) =>
    ids.map((id) => `${drive}/image_02/data/${id}.png`);

  it('takes one drive by the numbers of its frames, several by their folders too', async () => {
    const root = folderWith([
      ...files(`2011_09_28/${OTHER}`, '0000000003'),
      ...files(`2011_09_26/${DRIVE}`, '0000000000', '0000000002'),
      `2011_09_26/${DRIVE}/velodyne_points/data/0000000001.bin`,
      ...files('2011_09_26/2011_09_26_drive_0001_extract', '0000000000'),
    ]);
    const all = await openFrames({ root }, ['image']);
    expect(all.ids).toEqual([
      `2011_09_26/${DRIVE}/0000000000`,
      `2011_09_26/${DRIVE}/0000000002`,
      `2011_09_28/${OTHER}/0000000003`,
    ]);
    expect(all.incomplete).toEqual([{ id: `2011_09_26/${DRIVE}/0000000001`, missing: 'picture' }]);
    expect(all.notes).toEqual(['unsynced drives were left out: 2011_09_26/2011_09_26_drive_0001_extract']);
    expect(await all.picture(2)).toEqual(picture);
    for (const path of [`2011_09_26/${DRIVE}`, '2011_09_26'])
      expect((await openFrames({ root: join(root, path) }, ['image'])).ids).toEqual([
        '0000000000',
        '0000000002',
      ]);
    expect(await faultOf(openFrames({ root: join(root, '2011_09_26') }, ['image', 'points']))).toMatchObject({
      expected: 'at least one complete frame',
      found: '3 incomplete, such as 0000000000 without sweep, calibration',
    });
    const sweeps = await openFrames({ root: join(root, '2011_09_26') }, ['points']);
    expect(sweeps.ids).toEqual(['0000000001']);
    expect(sweeps.incomplete.map(({ missing }) => missing)).toEqual(['sweep', 'sweep']);
    const strict = { root: join(root, '2011_09_26'), strict: true };
    expect((await faultOf(openFrames(strict, ['image']))).found).toContain('0000000001 without picture');
    expect((await faultOf(openFrames({ root, imageSet: 'train' }, ['image']))).place).toBe('image set train');
  });
});

/** A frame with digests in place of its points and pixels, which take long to compare number by number. */
function slim({ points, cameras, ...frame }: Frame) {
  const digest = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
  return {
    ...frame,
    points: digest(new Uint8Array(points.buffer, points.byteOffset, points.byteLength)),
    cameras: cameras.map(({ image, ...camera }) => ({ ...camera, ...image, data: digest(image.data) })),
  };
}

describeWithRealData('frames of a recorded drive', 'kitti-raw/2011_09_26', (root) => {
  it('are those of the drive, with time and pose', async () => {
    const frames = await openFrames({ root }, ['image', 'points']);
    expect([frames.kind, frames.length, frames.ids[11]]).toEqual(['KITTI raw drive', 12, '0000000011']);
    const [frame, same] = [await frames.frame!(4), await (await KittiRaw.open(root)).frame(4)];
    expect(slim(frame)).toEqual(slim(same));
    expect(slim(frame).timeS).toBeGreaterThan(0.3);
    const { data } = await frames.picture(4);
    expect(Buffer.compare(data, same.cameras[0].image.data)).toBe(0);
  });

  it('are told apart where there are two drives', async () => {
    const both = mkdtempSync(join(tmpdir(), 'frames-'));
    folders.push(both);
    const name = '2011_09_26_drive_0005_sync';
    for (const copy of ['2011_09_26_drive_0005_sync', '2011_09_26_drive_0006_sync'])
      for (const part of ['image_02/data/0000000003.png', 'velodyne_points/data/0000000003.bin'])
        cpSync(join(root, name, part), join(both, copy, part));
    for (const file of ['calib_cam_to_cam.txt', 'calib_velo_to_cam.txt'])
      cpSync(join(root, file), join(both, file));
    const frames = await openFrames({ root: both }, ['points']);
    expect(frames.ids).toEqual([`${name}/0000000003`, '2011_09_26_drive_0006_sync/0000000003']);
    expect((await frames.frame!(1)).id).toBe('2011_09_26_drive_0006_sync/0000000003');
  });
});

describeWithRealData('frames of a recorded data set', 'kitti-object', (root) => {
  it('are those of the data set, but for the labels, and its pictures the same alone', async () => {
    const [frames, set] = [await openFrames({ root }, ['image', 'points']), await KittiObject.open(root)];
    const { labels, ...same } = await set.frame(3);
    expect(labels).toBeDefined();
    expect(slim(await frames.frame!(3))).toEqual(slim({ ...same, labels: undefined }));
    for (const each of [frames, await openFrames({ root }, ['image'])]) {
      expect(each.ids).toEqual(set.ids);
      const { data } = await each.picture(3);
      expect(Buffer.compare(data, same.cameras[0].image.data)).toBe(0);
    }
  });
});

describeWithRealData('photographs in folders', 'cifar10', (root) => {
  it('are 500 of each class for training, 50 for testing', async () => {
    for (const [split, each] of [
      ['train', 500],
      ['test', 50],
    ] as const) {
      const frames = await openFrames({ root, imageSet: split }, ['image']);
      expect([frames.length, frames.notes]).toEqual([10 * each, []]);
      expect(frames.classes?.names).toEqual([
        'airplane',
        'automobile',
        'bird',
        'cat',
        'deer',
        'dog',
        'frog',
        'horse',
        'ship',
        'truck',
      ]);
      for (let label = 0; label < 10; label++)
        expect(frames.classes!.of.filter((own) => own === label)).toHaveLength(each);
      const { width, height } = await frames.picture(7);
      expect([width, height]).toEqual([32, 32]);
    }
    expect((await faultOf(openFrames({ root }, ['image']))).found).toBe('a folder of test, train');
    expect(await openFrames({ root: join(root, 'test') }, ['image'])).toMatchObject({ length: 500 });
  });
});
