import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { CameraModel } from '../../src/datasets/frame.ts';
import { KittiObject } from '../../src/datasets/kitti-object.ts';
import { KittiRaw } from '../../src/datasets/kitti-raw.ts';
import { frameOf, openSequence } from '../../src/datasets/open-sequence.ts';
import { readPictureFile } from '../../src/datasets/picture-file.ts';
import type { Moment, Sequence } from '../../src/datasets/sequence.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { identity44 } from '../../src/geometry/matrix.ts';
import { encodePng } from '../../src/image/decode-image.ts';
import { writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import { cloudFromRows, type PointCloud } from '../../src/pointcloud/point-cloud.ts';
import { describeWithRealData, realData } from '../real-data.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder with these files, whose content is what their endings need to be opened. */
function folderWith(...names: readonly string[]): string {
  const root = mkdtempSync(join(tmpdir(), 'sequence-'));
  folders.push(root);
  for (const name of names) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), name.endsWith('.bin') ? writeKittiBin(Float32Array.of(1, 2, 3, 0)) : 'x');
  }
  return root;
}

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => 'nothing was thrown',
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

const DRIVE = '2011_09_26_drive_0001_sync';

describe('openSequence', () => {
  it.each([
    ['KITTI object data set', ['training/velodyne/000000.bin'], ''],
    ['KITTI object data set', ['training/velodyne/000000.bin'], 'training'],
    ['KITTI object data set', ['training/velodyne/000000.bin', 'stray.pcd'], ''],
    ['KITTI raw drive', [`${DRIVE}/velodyne_points/data/0000000000.bin`], DRIVE],
    ['KITTI raw drive', ['image_02/data/0000000000.png'], ''],
    ['KITTI tracking sequence', ['velodyne/0003/000000.bin', 'label_02/0003.txt'], ''],
    ['KITTI odometry sequence', ['velodyne/000000.bin', 'calib.txt'], ''],
    ['point clouds', ['b/x.txt', '1.bin', '2.PLY'], ''],
    ['point cloud', ['1.pcd', 'readme.txt'], ''],
    ['point cloud', ['1.pcd', '2.pcd'], '2.pcd'],
  ])('recognises a %s by %j (%s)', async (kind, names, path) => {
    const root = join(folderWith(...names), path);
    const sequence = await openSequence({ path: root });
    expect([sequence.kind, sequence.root]).toEqual([kind, root]);
    expect(sequence.moments.length).toBeGreaterThan(0);
  });

  it('says what is there instead', async () => {
    const expected =
      'a KITTI object data set, a KITTI odometry sequence, a KITTI raw drive, a KITTI tracking sequence, Waymo components, Waymo records, prepared shards, point clouds (.bin, .pcd, .ply) or a run';
    const empty = folderWith();
    expect(await faultOf(openSequence({ path: empty }))).toEqual({
      file: empty,
      expected,
      found: 'an empty folder',
    });
    const others = folderWith('a.txt');
    expect(await faultOf(openSequence({ path: others }))).toEqual({
      file: others,
      expected,
      found: 'a.txt',
    });
    const none = join(others, 'none');
    expect(await faultOf(openSequence({ path: none }))).toEqual({
      file: none,
      expected: 'a file or a folder',
      found: 'nothing',
    });
    const pictures = folderWith('cat/1.png');
    expect(await faultOf(openSequence({ path: pictures }))).toEqual({
      file: pictures,
      expected,
      found:
        'a folder of pictures alone, which have nothing to be shown in space (pointpair inspect says what is in it)',
    });
  });

  it('opens the only sequence at a path, or the one that is named', async () => {
    const only = folderWith(`2011_09_26/${DRIVE}/velodyne_points/data/0.bin`);
    const drive = await openSequence({ path: only });
    expect([drive.name, drive.root]).toEqual([`2011_09_26/${DRIVE}`, join(only, '2011_09_26', DRIVE)]);
    const other = '2011_09_26_drive_0002_sync';
    const drives = folderWith(`${DRIVE}/velodyne_points/data/0.bin`, `${other}/image_02/data/0.png`);
    expect(await faultOf(openSequence({ path: drives }))).toEqual({
      file: drives,
      expected: 'one sequence, or the name of one (--sequence)',
      found: `2: ${DRIVE}, ${other}`,
    });
    expect((await openSequence({ path: drives, sequence: other })).name).toBe(other);
    expect(await faultOf(openSequence({ path: drives, sequence: '0002' }))).toEqual({
      file: drives,
      place: 'sequence 0002',
      expected: `one of ${DRIVE}, ${other}`,
      found: 'none of that name',
    });
    expect((await faultOf(openSequence({ path: join(drives, other), sequence: 'x' }))).expected).toBe(other);
  });

  it('begins with the camera that is asked for', async () => {
    const path = folderWith('image_02/data/0.png', 'image_03/data/0.png', 'image_03/data/1.png');
    const first = await openSequence({ path });
    const second = await openSequence({ path, camera: 'image_03' });
    expect([first.cameras, second.cameras]).toEqual([
      ['image_02', 'image_03'],
      ['image_03', 'image_02'],
    ]);
    const picture = (sequence: Sequence, index: number) => sequence.moments[index].files.picture;
    expect(picture(first, 0)).toEqual([join(path, 'image_02/data/0.png')]);
    expect(picture(first, 1)).toBeUndefined();
    expect([0, 1].map((index) => picture(second, index))).toEqual(
      [0, 1].map((index) => [join(path, `image_03/data/${index}.png`)]),
    );
    expect((await second.picture(1)).file).toBe(join(path, 'image_03/data/1.png'));
    expect((await second.picture(0, 'image_02')).file).toBe(join(path, 'image_02/data/0.png'));
    expect(await faultOf(openSequence({ path, camera: 'image_07' }))).toMatchObject({
      place: 'camera image_07',
      expected: 'a camera of image_02, image_03',
    });
    const clouds = folderWith('1.bin');
    expect((await faultOf(openSequence({ path: clouds, camera: 'image_02' }))).expected).toBe(
      'data with cameras',
    );
  });

  it('takes tracks with a drive alone', async () => {
    const tracks = join(folderWith('0000.txt'), '0000.txt');
    const drive = folderWith('velodyne_points/data/0000000000.bin');
    expect((await openSequence({ path: drive, tracks })).kind).toBe('KITTI raw drive');
    for (const names of [['training/velodyne/000000.bin'], ['1.bin'], []]) {
      expect(await faultOf(openSequence({ path: folderWith(...names), tracks }))).toMatchObject({
        expected: 'a KITTI raw drive, which tracks go with',
      });
    }
    const cloud = join(folderWith('1.bin'), '1.bin');
    expect(await faultOf(openSequence({ path: cloud, tracks }))).toMatchObject({
      expected: 'a KITTI raw drive, which tracks go with',
    });
  });
});

describe('frameOf', () => {
  const camera: CameraModel = {
    name: 'front',
    pixelFromCamera: Float64Array.of(30, 0, 20, 0, 0, 30, 10, 0, 0, 0, 1, 0),
    cameraFromLidar: identity44(),
  };

  /** A sequence of one frame with this sweep. */
  const sequenceOf = async (cloud: PointCloud, hasPicture = true): Promise<Sequence> => {
    const root = folderWith('x.txt');
    const picture = join(root, 'picture.png');
    writeFileSync(picture, await encodePng({ width: 4, height: 2, data: new Uint8Array(24).fill(7) }));
    const files = hasPicture ? { picture: [picture] } : {};
    const pictures: Moment['pictures'] = hasPicture ? { front: [picture] } : {};
    const moments = [{ id: '7', timeS: 1.5, worldFromLidar: identity44(), files, pictures, notes: [] }];
    const sequence = { root, moments, cameras: ['front'] };
    return {
      ...sequence,
      kind: 'test',
      name: 'test',
      picture: (index, name) => readPictureFile(sequence, index, name),
      cloud: async () => cloud,
      camera: async () => camera,
      labels: async () => [],
    };
  };

  it('has points with their intensity by any of its names, picture, camera, time and pose', async () => {
    const rows = Float32Array.of(1, 2, 3, 0.5, 4, 5, 6, 0.25);
    for (const name of ['reflectance', 'intensity', 'i']) {
      const frame = await frameOf(await sequenceOf(cloudFromRows(rows, ['x', 'y', 'z', name])), 0);
      expect(frame.points).toEqual(rows);
      expect(frame).toMatchObject({ id: '7', timeS: 1.5, labels: undefined });
      expect(frame.worldFromLidar).toEqual(identity44());
      const [{ image, ...model }] = frame.cameras;
      expect([image.width, image.height, image.data[0]]).toEqual([4, 2, 7]);
      expect(model).toEqual(camera);
    }
    const integers = cloudFromRows(rows, ['z', 'y', 'x', 'ring']);
    const frame = await frameOf(await sequenceOf(integers), 0);
    expect([...frame.points]).toEqual([3, 2, 1, 0, 6, 5, 4, 0]);
  });

  it('is an error without a picture', async () => {
    const rows = cloudFromRows(Float32Array.of(1, 2, 3), ['x', 'y', 'z']);
    expect(await faultOf(frameOf(await sequenceOf(rows, false), 0))).toMatchObject({
      place: 'frame 7',
      expected: 'a picture',
    });
    await expect(frameOf(await sequenceOf(rows), 1)).rejects.toThrow(RangeError);
  });
});

describeWithRealData('frames of real sequences', 'kitti-object', (root) => {
  it('are those of the data set, without labels', async () => {
    const sequence = await openSequence({ path: root });
    const [frame, same] = [await frameOf(sequence, 3), await (await KittiObject.open(root)).frame(3)];
    expect({ ...frame, points: undefined, cameras: undefined }).toEqual({
      id: '000003',
      points: undefined,
      cameras: undefined,
      labels: undefined,
      timeS: undefined,
      worldFromLidar: undefined,
    });
    expect(Buffer.compare(Buffer.from(frame.points.buffer), Buffer.from(same.points.buffer))).toBe(0);
    expect(Buffer.compare(frame.cameras[0].image.data, same.cameras[0].image.data)).toBe(0);
    expect(frame.cameras[0].pixelFromCamera).toEqual(same.cameras[0].pixelFromCamera);
  });

  const date = realData('kitti-raw/2011_09_26');
  it.skipIf(date === undefined)('and of the drive', async () => {
    const frame = await frameOf(await openSequence({ path: date! }), 2);
    const { points, timeS, worldFromLidar, cameras } = await (await KittiRaw.open(date!)).frame(2);
    expect(frame).toMatchObject({ id: '0000000002', timeS, worldFromLidar });
    expect(Buffer.compare(Buffer.from(frame.points.buffer), Buffer.from(points.buffer))).toBe(0);
    expect(frame.cameras[0].cameraFromLidar).toEqual(cameras[0].cameraFromLidar);
  });
});
