import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, test } from 'vitest';
import type { Frame } from '../../src/datasets/frame.ts';
import { decodeKittiDepth, encodeKittiDepth } from '../../src/datasets/kitti-depth.ts';
import { KittiObject } from '../../src/datasets/kitti-object.ts';
import { KittiObjectSequence } from '../../src/datasets/kitti-object-sequence.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { Random } from '../../src/engine/random.ts';
import { encodePng } from '../../src/image/decode-image.ts';
import { writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import { describeWithRealData } from '../real-data.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'kitti-'));
  folders.push(folder);
  return folder;
}

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** The camera sits in the LiDAR and looks ahead: 40 x 20 pixels, 30 pixels focal length; camera 3 is 0.5 m to the right. */
const CALIBRATION = [
  ...[0, 1, 2].map((camera) => `P${camera}: 30 0 20 0 0 30 10 0 0 0 1 0`),
  'P3: 30 0 20 -15 0 30 10 0 0 0 1 0',
  'R0_rect: 1 0 0 0 1 0 0 0 1',
  'Tr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0',
  '',
].join('\n');
const LABELS = 'Car 0.00 0 0.10 1.00 2.00 3.00 4.00 1.50 1.60 4.00 0.00 1.00 10.00 0.00\n';
const POINTS = Float32Array.of(10, 1, 0, 0.5, -10, 1, 0, 0.25, 12, 0, 1, 1);
const PICTURE = { width: 40, height: 20, data: Uint8Array.from({ length: 2400 }, (_, i) => i % 251) };

/** Frames 000000 and on under `<folder>/training`, all of them sound. */
async function writeDataSet(
  count: number,
  options: { split?: string; labels?: boolean } = {},
): Promise<string> {
  const { split = 'training', labels = true } = options;
  const root = temporaryFolder();
  for (let i = 0; i < count; i++) {
    const id = String(i).padStart(6, '0');
    write(join(root, split, 'image_2', `${id}.png`), await encodePng(PICTURE));
    write(join(root, split, 'velodyne', `${id}.bin`), writeKittiBin(POINTS));
    write(join(root, split, 'calib', `${id}.txt`), CALIBRATION);
    if (labels) write(join(root, split, 'label_2', `${id}.txt`), LABELS);
  }
  return root;
}

async function errorOf(promise: Promise<unknown>): Promise<InputError> {
  const error = await promise.then(
    () => 'nothing was thrown',
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(InputError);
  return error as InputError;
}

describe('a sound data set', () => {
  test('gives its frames', async () => {
    const set = await KittiObject.open(await writeDataSet(3));
    expect([set.length, set.hasLabels, set.incomplete]).toEqual([3, true, []]);
    expect(set.ids).toEqual(['000000', '000001', '000002']);
    const frame = await set.frame(1);
    expect(frame.id).toBe('000001');
    expect(frame.points).toEqual(POINTS);
    expect(await set.sweep(1)).toEqual(POINTS);
    const [camera] = frame.cameras;
    expect(camera.name).toBe('image_2');
    expect(camera.image).toEqual(PICTURE);
    expect(Array.from(camera.pixelFromCamera)).toEqual([30, 0, 20, 0, 0, 30, 10, 0, 0, 0, 1, 0]);
    expect(Array.from(camera.cameraFromLidar)).toEqual([0, -1, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
    expect(frame.labels).toHaveLength(1);
    expect(frame.labels![0].box3!.center[0]).toBeCloseTo(10, 9);
    for (const index of [-1, 3, 0.5, Number.NaN]) await expect(set.frame(index)).rejects.toThrow(RangeError);
  });

  test('can be given by its training folder', async () => {
    const root = await writeDataSet(2);
    expect((await KittiObject.open(join(root, 'training'))).ids).toEqual(['000000', '000001']);
    expect((await KittiObject.open(`${root}/training/`)).length).toBe(2);
    const error = await errorOf(KittiObject.open(join(root, 'training'), { split: 'testing' }));
    expect(error.fault.expected).toContain('testing');
  });

  test('has no labels in testing', async () => {
    const set = await KittiObject.open(await writeDataSet(1, { split: 'testing', labels: false }), {
      split: 'testing',
    });
    expect(set.hasLabels).toBe(false);
    expect((await set.frame(0)).labels).toBeUndefined();
  });

  test('can be read with the right camera', async () => {
    const root = await writeDataSet(1);
    const error = await errorOf(KittiObject.open(root, { camera: 3 }));
    expect(error.message).toContain('image_3');
    renameSync(join(root, 'training/image_2'), join(root, 'training/image_3'));
    const [camera] = (await (await KittiObject.open(root, { camera: 3 })).frame(0)).cameras;
    expect([camera.name, camera.pixelFromCamera[3]]).toEqual(['image_3', -15]);
  });

  test('can be narrowed to ids or to an image set', async () => {
    const root = await writeDataSet(4);
    write(join(root, 'ImageSets/val.txt'), '000002\r\n000000\r\n\r\n');
    expect((await KittiObject.open(root, { ids: ['000003', '000001'] })).ids).toEqual(['000003', '000001']);
    expect((await KittiObject.open(root, { imageSet: 'val' })).ids).toEqual(['000002', '000000']);
    expect((await KittiObject.open(join(root, 'training'), { imageSet: 'val' })).length).toBe(2);
    await expect(KittiObject.open(root, { imageSet: 'val', ids: ['000001'] })).rejects.toThrow(RangeError);
    expect((await errorOf(KittiObject.open(root, { imageSet: 'train' }))).fault.file).toContain('train.txt');
    write(join(root, 'ImageSets/twice.txt'), '000002\n000002\n');
    expect((await errorOf(KittiObject.open(root, { imageSet: 'twice' }))).fault.found).toBe('000002 twice');
    write(join(root, 'ImageSets/odd.txt'), '../../etc/passwd\n');
    expect((await errorOf(KittiObject.open(root, { imageSet: 'odd' }))).fault.expected).toContain(
      'names of frames',
    );
  });
});

describe('an image set', () => {
  const names = ['000000', 'a.b+c (1)', 'drive-01.000003', 'größe', '軌道'];

  async function withFrames(text: string | Uint8Array): Promise<string> {
    const root = await writeDataSet(1);
    for (const name of names) {
      for (const [part, ending] of Object.entries({
        image_2: 'png',
        velodyne: 'bin',
        calib: 'txt',
        label_2: 'txt',
      })) {
        const from = join(root, 'training', part, `000000.${ending}`);
        if (name !== '000000') cpSync(from, join(root, 'training', part, `${name}.${ending}`));
      }
    }
    write(join(root, 'ImageSets/some.txt'), text);
    return root;
  }

  test.each([
    ['a line each', names.join('\n')],
    ['Windows line ends, blank lines and blanks', `\r\n ${names.join(' \r\n\r\n\t')}\r\n`],
    ['a byte order mark', `\ufeff${names.join('\r\n')}\n`],
    ['accents apart from their letters', names.join('\n').normalize('NFD')],
  ])('names frames as their files are named, with %s', async (_, text) => {
    const root = await withFrames(text);
    const set = await KittiObject.open(root, { imageSet: 'some' });
    expect([set.ids, set.incomplete]).toEqual([names, []]);
    for (let index = 0; index < names.length; index++) expect((await set.frame(index)).id).toBe(names[index]);
    const { moments } = await KittiObjectSequence.open(root);
    for (const { id, sets } of moments) expect([id, sets]).toEqual([id, ['some']]);
  });

  test.each([
    ['', 'none'],
    ['\ufeff\r\n \n', 'none'],
    ['000000\n..\n', '".."'],
    ['a\\b\n', '"a\\\\b"'],
    ['a\tb\n', '"a\\tb"'],
  ])('of %j is an error that says so', async (text, found) => {
    const { fault } = await errorOf(KittiObject.open(await withFrames(text), { imageSet: 'some' }));
    expect(fault.file).toMatch(/ImageSets.some\.txt$/);
    expect(fault.expected).toContain('names of frames');
    expect(fault.found).toBe(found);
  });
});

describe('the depth of pixels', () => {
  test('is read where it is wanted and there', async () => {
    const root = await writeDataSet(2);
    const depth = Float32Array.from({ length: 800 }, (_, i) => (i % 7 === 0 ? 0 : i / 4));
    write(join(root, 'training/depth_2/000001.png'), await encodeKittiDepth(depth, PICTURE));
    const set = await KittiObject.open(root, { withDepth: true });
    expect(set.length).toBe(2);
    expect((await set.frame(0)).cameras[0].depth).toBeUndefined();
    expect((await set.frame(1)).cameras[0].depth).toEqual(depth);
    const without = await KittiObject.open(root);
    expect((await without.frame(1)).cameras[0].depth).toBeUndefined();
    const none = await KittiObject.open(await writeDataSet(1), { withDepth: true });
    expect((await none.frame(0)).cameras[0].depth).toBeUndefined();
  });

  test('keeps every step of a 256th of a metre, and is unknown beyond 255 m', async () => {
    const image = { width: 256, height: 256 };
    const steps = Float32Array.from({ length: 65536 }, (_, i) => i / 256);
    const read = await decodeKittiDepth(await encodeKittiDepth(steps, image), { image });
    expect(read).toEqual(steps.map((metres) => (metres > 255 ? 0 : metres)));
    // Not only what is written here: all values of 16 bits are read as they are.
    const raw = Uint16Array.from(steps.keys());
    const bytes = await sharp(raw, { raw: { ...image, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect(await decodeKittiDepth(bytes, { image })).toEqual(steps);
  });

  test('is an error that names the file, where it is another picture', async () => {
    const { width, height } = PICTURE;
    const other = await encodeKittiDepth(new Float32Array(80 * 10), { width: 80, height: 10 });
    const whole = await encodeKittiDepth(
      new Float32Array(800).map((_, i) => i),
      PICTURE,
    );
    const grey8 = await sharp(new Uint8Array(800), { raw: { width, height, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    for (const [bytes, expected, found] of [
      [other, '40 x 20', '80 x 10'],
      [grey8, '16-bit grey PNG', 'png, uchar, 1 channels'],
      [await encodePng(PICTURE), '16-bit grey PNG', 'png, uchar, 3 channels'],
      [whole.subarray(0, whole.length - 40), '16-bit grey PNG', ''],
      [Buffer.from('no picture'), '16-bit grey PNG', ''],
    ] as const) {
      const root = await writeDataSet(1);
      write(join(root, 'training/depth_2/000000.png'), bytes);
      const set = await KittiObject.open(root, { withDepth: true });
      const { fault } = await errorOf(set.frame(0));
      expect(fault.file).toBe(join(root, 'training/depth_2/000000.png'));
      expect(fault.expected).toContain(expected);
      expect(fault.found).toContain(found);
    }
  });
});

describe('a calibration that lacks what is not used', () => {
  test.each([
    ['is read', CALIBRATION.replaceAll(/^P[013].*\n/gm, '')],
    ['with an inertial unit of zeros is read', `${CALIBRATION}Tr_imu_to_velo: ${'0 '.repeat(12)}\n`],
    [
      'with projections of zeros is read',
      CALIBRATION.replaceAll(/^(P[013]):.*$/gm, `$1: ${'0 '.repeat(12)}`),
    ],
  ])('%s', async (_, text) => {
    const root = await writeDataSet(1);
    const whole = await (await KittiObject.open(root)).frame(0);
    write(join(root, 'training/calib/000000.txt'), text);
    expect(await (await KittiObject.open(root)).frame(0)).toEqual(whole);
  });

  test('is an error where the picture is of the other camera', async () => {
    const root = await writeDataSet(1);
    renameSync(join(root, 'training/image_2'), join(root, 'training/image_3'));
    write(join(root, 'training/calib/000000.txt'), CALIBRATION.replaceAll(/^P3.*\n/gm, ''));
    const { fault } = await errorOf((await KittiObject.open(root, { camera: 3 })).frame(0));
    expect(fault).toMatchObject({ place: 'P3', expected: '12 values', found: 'no such key' });
  });
});

describe('incomplete frames', () => {
  test('are left out and told', async () => {
    const root = await writeDataSet(6);
    rmSync(join(root, 'training/image_2/000000.png'));
    rmSync(join(root, 'training/velodyne/000001.bin'));
    rmSync(join(root, 'training/calib/000002.txt'));
    rmSync(join(root, 'training/label_2/000003.txt'));
    rmSync(join(root, 'training/label_2/000004.txt'));
    rmSync(join(root, 'training/calib/000004.txt'));
    write(join(root, 'training/velodyne/.DS_Store'), 'x');
    const set = await KittiObject.open(root);
    expect(set.ids).toEqual(['000005']);
    expect(set.incomplete).toEqual([
      { id: '000000', missing: 'image_2/000000.png' },
      { id: '000001', missing: 'velodyne/000001.bin' },
      { id: '000002', missing: 'calib/000002.txt' },
      { id: '000003', missing: 'label_2/000003.txt' },
      { id: '000004', missing: 'calib/000004.txt, label_2/000004.txt' },
    ]);
    const strict = await errorOf(KittiObject.open(root, { strict: true }));
    expect(strict.message).toContain('5 incomplete, such as 000000 without image_2/000000.png');
    const chosen = await KittiObject.open(root, { ids: ['000005', '000077'] });
    expect(chosen.incomplete.map(({ id }) => id)).toEqual(['000077']);
  });

  test('are an error where there is no other', async () => {
    const root = await writeDataSet(1);
    renameSync(join(root, 'training/velodyne/000000.bin'), join(root, 'training/velodyne/000001.bin'));
    expect((await errorOf(KittiObject.open(root))).fault.expected).toBe('at least one complete frame');
  });

  test('a frame with two pictures is an error', async () => {
    const root = await writeDataSet(1);
    write(join(root, 'training/image_2/000000.jpg'), await encodePng(PICTURE));
    expect((await errorOf(KittiObject.open(root))).fault.found).toMatch(/000000\.(png|jpg) and 000000/);
  });
});

describe('another layout', () => {
  test.each<[string, string[], string]>([
    ['KITTI raw', ['2011_09_26/2011_09_26_drive_0005_sync/velodyne_points/data/0000000000.bin'], 'KITTI raw'],
    ['a drive of KITTI raw', ['image_02/data/0.png', 'velodyne_points/data/0.bin'], 'KITTI raw'],
    ['KITTI odometry', ['sequences/00/calib.txt', 'poses/00.txt'], 'KITTI odometry'],
    ['KITTI tracking', ['training/label_02/0000.txt', 'training/image_02/0000/000000.png'], 'KITTI tracking'],
    ['Waymo', ['segment-1.tfrecord'], 'Waymo'],
    ['a folder too high', ['kitti/training/calib/000000.txt'], 'kitti has a folder training'],
    ['the other split', ['testing/calib/000000.txt'], 'the split testing is there'],
    ['half a data set', ['training/image_2/0.png', 'training/calib/0.txt'], 'no velodyne'],
    ['something else', ['notes.txt', 'b/c.txt'], 'b/, notes.txt'],
    ['nothing', [], 'an empty folder'],
  ])('%s is told from what is there', async (_, files, told) => {
    const root = temporaryFolder();
    for (const file of files) write(join(root, file), 'x');
    const error = await errorOf(KittiObject.open(root));
    expect(error.fault.expected).toMatch(/velodyne/);
    expect(error.fault.found).toContain(told);
  });

  test('a file, and what is not there, are told', async () => {
    const root = temporaryFolder();
    write(join(root, 'a.zip'), 'x');
    expect((await errorOf(KittiObject.open(join(root, 'a.zip')))).fault.found).toBe('a file');
    expect((await errorOf(KittiObject.open(join(root, 'b')))).fault.found).toBe('nothing');
  });
});

describe('a damaged frame', () => {
  const change = async (file: string, content: string | Uint8Array | undefined) => {
    const root = await writeDataSet(1);
    const set = await KittiObject.open(root);
    const path = join(root, 'training', file);
    rmSync(path);
    if (content !== undefined) write(path, content);
    return errorOf(set.frame(0));
  };

  test('is an error that names the file', async () => {
    const short = (await encodePng(PICTURE)).subarray(0, 300);
    const wide = await encodePng({ ...PICTURE, width: 80, height: 10 });
    const behind = writeKittiBin(Float32Array.of(-10, 0, 0, 1, 10, 100, 0, 1));
    expect((await change('image_2/000000.png', short)).fault.file).toMatch(/image_2\/000000\.png$/);
    expect((await change('image_2/000000.png', undefined)).fault.found).toBe('nothing');
    expect((await change('velodyne/000000.bin', new Uint8Array(17))).fault.file).toMatch(
      /velodyne\/000000\.bin$/,
    );
    expect((await change('velodyne/000000.bin', behind)).fault.found).toBe('none of 2');
    expect((await change('calib/000000.txt', CALIBRATION.slice(0, 120))).fault.file).toMatch(
      /calib\/000000\.txt$/,
    );
    expect((await change('calib/000000.txt', new Uint8Array(50).fill(0xff))).fault.expected).toContain(
      'UTF-8',
    );
    expect((await change('calib/000000.txt', CALIBRATION.replaceAll(' 20 ', ' 200 '))).fault.place).toBe(
      'P2',
    );
    expect((await change('label_2/000000.txt', 'Car')).fault.file).toMatch(/label_2\/000000\.txt$/);
    expect((await change('image_2/000000.png', wide)).fault.expected).toContain('principal point');
  });

  test('a folder, a device and a giant in place of a file are refused unread', async () => {
    const root = await writeDataSet(1);
    const set = await KittiObject.open(root);
    const path = join(root, 'training/velodyne/000000.bin');
    truncateSync(path, 2 ** 40);
    expect((await errorOf(set.sweep(0))).fault.found).toBe(`${2 ** 40} bytes`);
    rmSync(path);
    mkdirSync(path);
    expect((await errorOf(set.sweep(0))).fault.found).toBe('a folder');
    rmSync(path, { recursive: true });
    symlinkSync('/dev/zero', path);
    expect((await errorOf(set.sweep(0))).fault.found).toBe('a device, pipe or socket');
  });
});

function samePixels({ cameras: [a] }: Frame, { cameras: [b] }: Frame): boolean {
  return a.image.width === b.image.width && Buffer.compare(a.image.data, b.image.data) === 0;
}

describeWithRealData('real frames', 'kitti-object', (root) => {
  test('are all read', async () => {
    const set = await KittiObject.open(root);
    expect(set.ids).toEqual(readdirSync(`${root}/training/velodyne`).map((name) => name.slice(0, 6)));
    expect(set.incomplete).toEqual([]);
    const sizes: Array<[number, number]> = [];
    for (let index = 0; index < set.length; index++) {
      const { id, points, cameras, labels } = await set.frame(index);
      const bytes = await readFile(`${root}/training/velodyne/${id}.bin`);
      expect(points.length).toBe(bytes.length / 4);
      expect(points[4001]).toBe(bytes.readFloatLE(4001 * 4));
      const text = await readFile(`${root}/training/label_2/${id}.txt`, 'utf8');
      expect(labels!.length).toBe(text.trim().split('\n').length);
      sizes.push([cameras[0].image.width, cameras[0].image.height]);
    }
    expect(new Set(sizes.map(String))).toEqual(new Set(['1224,370', '1242,375', '1238,374']));
  });

  test('are refused or read the same, wherever one of their files is cut', async () => {
    const folder = temporaryFolder();
    cpSync(`${root}/training`, `${folder}/training`, {
      recursive: true,
      filter: (path) => !/0000(00|0[2-7])\./.test(path),
    });
    const set = await KittiObject.open(folder);
    expect(set.ids).toEqual(['000001']);
    const whole = await set.frame(0);
    const random = Random.fromSeed(4);
    let refused = 0;
    for (const file of [
      'velodyne/000001.bin',
      'image_2/000001.png',
      'calib/000001.txt',
      'label_2/000001.txt',
    ]) {
      const path = join(folder, 'training', file);
      const bytes = await readFile(`${root}/training/${file}`);
      rmSync(path);
      for (let round = 0; round < 6; round++) {
        writeFileSync(path, bytes.subarray(0, random.integer(bytes.length)));
        const frame = await set.frame(0).catch((error: unknown) => error);
        if (frame instanceof InputError) {
          refused++;
          expect(frame.fault.file).toBe(path);
        } else {
          // A sweep cut between two points and labels cut between two lines cannot be told from whole ones.
          expect(samePixels(frame as Frame, whole)).toBe(true);
        }
      }
      writeFileSync(path, bytes);
    }
    expect(refused).toBeGreaterThan(15);
    const again = await set.frame(0);
    expect(samePixels(again, whole)).toBe(true);
    expect(Buffer.compare(Buffer.from(again.points.buffer), Buffer.from(whole.points.buffer))).toBe(0);
    expect(again.labels).toEqual(whole.labels);
  });
});
