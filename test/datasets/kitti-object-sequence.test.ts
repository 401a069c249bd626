import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { KittiObject } from '../../src/datasets/kitti-object.ts';
import { KittiObjectSequence } from '../../src/datasets/kitti-object-sequence.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { encodePng } from '../../src/image/decode-image.ts';
import { writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';
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

/** The camera sits in the LiDAR and looks ahead. */
const CALIBRATION = [
  ...[0, 1, 2, 3].map((camera) => `P${camera}: 30 0 20 0 0 30 10 0 0 0 1 0`),
  'R0_rect: 1 0 0 0 1 0 0 0 1',
  'Tr_velo_to_cam: 0 -1 0 0 0 0 -1 0 1 0 0 0',
  '',
].join('\n');
const LABELS = 'Car 0.00 0 0.10 1.00 2.00 3.00 4.00 1.50 1.60 4.00 0.00 1.00 10.00 0.00\n';
const POINTS = Float32Array.of(10, 1, 0, 0.5, -10, 1, 0, 0.25);
const PICTURE = { width: 4, height: 2, data: new Uint8Array(24).fill(99) };

/** Frames with these files alone, `velodyne/000000.bin` and the like. */
async function writeFiles(names: readonly string[]): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'kitti-'));
  folders.push(root);
  const contents = {
    velodyne: writeKittiBin(POINTS),
    image_2: await encodePng(PICTURE),
    calib: CALIBRATION,
    label_2: LABELS,
  };
  for (const name of names) {
    write(join(root, 'training', name), contents[dirname(name) as keyof typeof contents]);
  }
  return root;
}

const wholeFrame = (id: string) => [
  `velodyne/${id}.bin`,
  `image_2/${id}.png`,
  `calib/${id}.txt`,
  `label_2/${id}.txt`,
];

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => 'nothing was thrown',
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

describe('KittiObjectSequence', () => {
  it('reads frames part by part', async () => {
    const root = await writeFiles([...wholeFrame('000000'), ...wholeFrame('000007')]);
    const sequence = await KittiObjectSequence.open(root);
    expect([sequence.kind, sequence.root]).toEqual(['KITTI object data set', root]);
    const inside = (name: string) => join(root, 'training', name);
    expect(sequence.moments[1]).toEqual({
      id: '000007',
      files: {
        sweep: [inside('velodyne/000007.bin')],
        picture: [inside('image_2/000007.png')],
        calibration: [inside('calib/000007.txt')],
        labels: [inside('label_2/000007.txt'), inside('calib/000007.txt')],
      },
      pictures: { image_2: [inside('image_2/000007.png')] },
      notes: [],
      sets: [],
    });
    const cloud = await sequence.cloud(1);
    expect(rowsOf(cloud, ['x', 'y', 'z', 'reflectance'])).toEqual(POINTS);
    const camera = await sequence.camera(1);
    expect(camera.name).toBe('image_2');
    expect([...camera.pixelFromCamera]).toEqual([30, 0, 20, 0, 0, 30, 10, 0, 0, 0, 1, 0]);
    expect([...camera.cameraFromLidar]).toEqual([0, -1, 0, 0, 0, 0, -1, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
    const [label] = await sequence.labels(1);
    expect(label.type).toBe('Car');
    expect(label.box3!.center[0]).toBeCloseTo(10, 9);
    for (const index of [-1, 2, 0.5]) await expect(sequence.cloud(index)).rejects.toThrow(RangeError);
  });

  it('has every frame of which there is a sweep or a picture, and says what it lacks', async () => {
    const root = await writeFiles([
      ...wholeFrame('000000'),
      ...['velodyne/000001.bin', 'image_2/000002.png', 'calib/000002.txt', 'label_2/000002.txt'],
      ...['calib/000003.txt', 'velodyne/000010.bin', 'label_2/000010.txt', 'image_2/000010.png'],
    ]);
    write(join(root, 'training/velodyne/.DS_Store'), 'x');
    write(join(root, 'training/velodyne/notes.md'), 'x');
    const { moments } = await KittiObjectSequence.open(root);
    expect(moments.map(({ id, notes }) => [id, ...notes])).toEqual([
      ['000000'],
      [
        '000001',
        'image_2/000001.png is missing',
        'calib/000001.txt is missing',
        'label_2/000001.txt is missing',
      ],
      ['000002', 'velodyne/000002.bin is missing'],
      ['000010', 'calib/000010.txt is missing'],
    ]);
    expect(moments.map(({ files }) => Object.keys(files).join(' '))).toEqual([
      'sweep picture calibration labels',
      'sweep',
      'picture calibration labels',
      'sweep picture labels',
    ]);
  });

  it('throws for a part that a frame lacks', async () => {
    const root = await writeFiles([...wholeFrame('000000'), 'velodyne/000001.bin', 'label_2/000001.txt']);
    const sequence = await KittiObjectSequence.open(root);
    const lacking = { file: root, place: 'frame 000001', expected: 'a calibration', found: 'none' };
    expect(await faultOf(sequence.camera(1))).toEqual(lacking);
    expect(await faultOf(sequence.labels(1))).toEqual(lacking);
    rmSync(join(root, 'training/velodyne/000001.bin'));
    expect(await faultOf(sequence.cloud(1))).toMatchObject({ found: 'nothing' });
    expect(await sequence.cloud(0)).toMatchObject({ count: 2 });
  });

  it('misses no labels where there are none at all', async () => {
    const root = await writeFiles(wholeFrame('000000').slice(0, 3));
    const { moments } = await KittiObjectSequence.open(root);
    expect(moments).toMatchObject([{ notes: [] }]);
    expect(moments[0].files.labels).toBeUndefined();
  });

  it('knows which lists name a frame', async () => {
    const root = await writeFiles([
      ...wholeFrame('000000'),
      ...wholeFrame('000001'),
      ...wholeFrame('000002'),
    ]);
    write(join(root, 'ImageSets/val.txt'), '000001\r\n\r\n000002');
    write(join(root, 'ImageSets/train.txt'), '000000\n000001\n');
    write(join(root, 'ImageSets/README.md'), '000000\n');
    const sets = [['train'], ['train', 'val'], ['val']];
    for (const path of [root, join(root, 'training'), `${root}/training/`]) {
      const { moments } = await KittiObjectSequence.open(path);
      expect(moments.map((moment) => moment.sets)).toEqual(sets);
    }
  });

  it('takes pictures of other formats, but one of a frame', async () => {
    const root = await writeFiles(['velodyne/000000.bin']);
    write(join(root, 'training/image_2/000000.JPG'), 'x');
    const [moment] = (await KittiObjectSequence.open(root)).moments;
    expect(moment.files.picture).toEqual([join(root, 'training/image_2/000000.JPG')]);
    write(join(root, 'training/image_2/000000.png'), 'x');
    expect(await faultOf(KittiObjectSequence.open(root))).toMatchObject({
      place: '000000',
      expected: 'one file',
    });
  });

  it('says what is there instead of frames', async () => {
    const root = await writeFiles(['calib/000000.txt']);
    expect((await faultOf(KittiObjectSequence.open(root))).found).toBe('no velodyne: calib/');
    mkdirSync(join(root, 'training/velodyne'));
    expect(await faultOf(KittiObjectSequence.open(root))).toEqual({
      file: join(root, 'training'),
      expected: 'sweeps in velodyne or pictures in image_2',
      found: 'neither',
    });
    const testing = join(root, 'testing');
    mkdirSync(join(testing, 'velodyne'), { recursive: true });
    expect((await faultOf(KittiObjectSequence.open(testing))).expected).toBe('the training split');
  });
});

describeWithRealData('real frames', 'kitti-object', (root) => {
  it('are what the data set for training has', async () => {
    const [sequence, set] = [await KittiObjectSequence.open(root), await KittiObject.open(root)];
    expect(sequence.moments.map(({ id }) => id)).toEqual(set.ids);
    for (const [index, { id, notes }] of sequence.moments.entries()) {
      const frame = await set.frame(index);
      expect([id, notes]).toEqual([frame.id, []]);
      const rows = rowsOf(await sequence.cloud(index), ['x', 'y', 'z', 'reflectance']);
      expect(Buffer.compare(Buffer.from(rows.buffer), Buffer.from(frame.points.buffer))).toBe(0);
      const [{ image, ...camera }] = frame.cameras;
      expect(await sequence.camera(index)).toEqual(camera);
      expect(await sequence.labels(index)).toEqual(frame.labels);
    }
  });
});
