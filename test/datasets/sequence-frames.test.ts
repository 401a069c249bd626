import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openFrames } from '../../src/datasets/open-frames.ts';
import { periodOf, windowsOf } from '../../src/datasets/windows.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { describeWithRealData } from '../real-data.ts';
import { removeFolders, temporaryFolder, write, writeOdometry, writeTracking } from './tiny-sequences.ts';

afterEach(removeFolders);

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

/** A tracking data set: sequence 0000 lacks the sweep of frame 1 and the right picture of frame 2, 0001 is whole, 0002 has labels alone. */
async function writeData(): Promise<string> {
  const root = temporaryFolder();
  const split = join(root, 'training');
  await writeTracking(split, '0000', [0, 1, 2]);
  await writeTracking(split, '0001', [0, 1]);
  write(join(split, 'label_02/0002.txt'), '');
  write(join(split, 'calib/0002.txt'), '');
  write(join(split, 'oxts/0002.txt'), '1 2 3\n');
  rmSync(join(split, 'velodyne/0000/000001.bin'));
  rmSync(join(split, 'image_03/0000/000002.png'));
  return root;
}
const both = ['image', 'points'] as const;

describe('openFrames of sequences', () => {
  it('takes those of tracking one after the other, and tells what it leaves out', async () => {
    const root = await writeData();
    const frames = await openFrames({ root }, both);
    expect([frames.kind, frames.length]).toEqual(['KITTI tracking sequence', 4]);
    expect(frames.ids).toEqual(['0000/000000', '0000/000002', '0001/000000', '0001/000001']);
    expect(frames.incomplete).toEqual([{ id: '0000/000001', missing: 'sweep' }]);
    expect(frames.notes).toEqual(['sequences without sweeps and pictures were left out: 0002']);
    const frame = await frames.frame!(1);
    expect([frame.id, frame.timeS, frame.points[3], frame.labels]).toEqual([
      '0000/000002',
      0.2,
      2 / 256,
      undefined,
    ]);
    expect(frame.cameras.map(({ name, image }) => [name, image.data[0]])).toEqual([['image_02', 2]]);
    expect((await frames.picture(3)).data[0]).toBe(1);
    await expect(frames.frame!(4)).rejects.toThrow(RangeError);
    expect((await openFrames({ root }, ['image'])).length).toBe(5);
    expect((await faultOf(openFrames({ root, strict: true }, both))).found).toBe(
      '1 incomplete, such as 0000/000001 without sweep',
    );
  });

  it('knows where each frame is in its sequence, so that windows are frames', async () => {
    const frames = await openFrames({ root: await writeData() }, both);
    expect(frames.sequences.map(({ name }) => name)).toEqual(['0000', '0001']);
    const places = [0, 1, 2, 3].map((index) => frames.place(index));
    expect(places).toEqual([
      { sequence: 0, moment: 0 },
      { sequence: 0, moment: 2 },
      { sequence: 1, moment: 0 },
      { sequence: 1, moment: 1 },
    ]);
    const { windows } = windowsOf(frames.sequences[1].moments, { lengthFrames: 2 });
    expect(windows).toEqual([[0, 1]]);
  });

  it('takes the sequences that are named, under the same names of frames', async () => {
    const root = await writeData();
    const frames = await openFrames({ root, sequences: ['0001'] }, both);
    expect([frames.ids, frames.notes]).toEqual([['0001/000000', '0001/000001'], []]);
    expect(await faultOf(openFrames({ root, sequences: ['0001', '7'] }, both))).toEqual({
      file: root,
      place: 'sequence 7',
      expected: 'one of 0000, 0001, 0002',
      found: 'none of that name',
    });
    expect(await faultOf(openFrames({ root, sequences: ['0002'] }, both))).toMatchObject({
      expected: 'sweeps or pictures',
      found: 'a sequence without any',
    });
  });

  it('takes a split of tracking', async () => {
    const root = temporaryFolder();
    await writeTracking(join(root, 'training'), '0000', [0]);
    const frames = await openFrames({ root, split: 'training' }, both);
    expect(frames.ids).toEqual(['000000']);
    expect(await faultOf(openFrames({ root, split: 'testing' }, both))).toMatchObject({
      place: 'split testing',
      found: 'sequences of training',
    });
    await writeTracking(join(root, 'testing'), '0000', [0, 1]);
    expect((await openFrames({ root }, both)).length).toBe(3);
    expect((await openFrames({ root, split: 'testing' }, both)).ids).toEqual([
      'testing/0000/000000',
      'testing/0000/000001',
    ]);
    expect((await faultOf(openFrames({ root, imageSet: 'train' }, both))).place).toBe('image set train');
  });

  it('takes another camera, a list of them, or all', async () => {
    const root = await writeData();
    const right = await openFrames({ root, camera: 'image_03' }, both);
    expect(right.incomplete.map(({ id, missing }) => [id, missing])).toEqual([
      ['0000/000001', 'sweep'],
      ['0000/000002', 'picture of image_03'],
    ]);
    expect((await right.picture(0)).data[0]).toBe(100);
    const [camera] = (await right.frame!(0)).cameras;
    expect([camera.name, camera.pixelFromCamera[3], camera.image.data[0]]).toEqual(['image_03', -15, 100]);
    for (const cameras of ['all', ['image_02', 'image_03']] as const) {
      const frames = await openFrames({ root, cameras }, both);
      expect(frames.ids).toEqual(['0000/000000', '0001/000000', '0001/000001']);
      const seen = (await frames.frame!(2)).cameras.map(({ name, image }) => [name, image.data[0]]);
      expect(seen).toEqual([
        ['image_02', 1],
        ['image_03', 101],
      ]);
    }
    const turned = await openFrames({ root, cameras: 'all', camera: 'image_03' }, both);
    expect((await turned.frame!(0)).cameras.map(({ name }) => name)).toEqual(['image_03', 'image_02']);
    for (const selection of [{ camera: 'image_3' }, { cameras: ['image_02', 'image_3'] }])
      expect(await faultOf(openFrames({ root, ...selection }, both))).toEqual({
        file: root,
        place: 'camera image_3',
        expected: 'one of image_02, image_03',
        found: 'none of that name',
      });
  });

  it('demands of pictures and sweeps no more than is needed', async () => {
    const root = await writeData();
    for (const part of ['image_02', 'image_03', 'calib'])
      rmSync(join(root, 'training', part), { recursive: true });
    const frames = await openFrames({ root }, ['points']);
    expect(frames.ids).toEqual(['0000/000000', '0000/000002', '0001/000000', '0001/000001']);
    const rows = await frames.sweep!(1);
    expect([rows.length, rows[0], rows[3]]).toEqual([1600, 10, 2 / 256]);
    expect((await faultOf(openFrames({ root }, both))).found).toBe(
      '4 incomplete, such as 0000/000000 without picture, calibration',
    );
  });

  it('takes those of odometry', async () => {
    const root = temporaryFolder();
    await writeOdometry(root, '04', [0, 1]);
    const frames = await openFrames({ root, cameras: ['image_0', 'image_2'] }, both);
    expect([frames.kind, frames.ids]).toEqual(['KITTI odometry sequence', ['000000', '000001']]);
    const frame = await frames.frame!(1);
    expect(frame.cameras.map(({ name, image }) => [name, image.data[0]])).toEqual([
      ['image_0', 1],
      ['image_2', 101],
    ]);
    expect(frame.worldFromLidar?.[3]).toBe(2);
  });
});

describe('openFrames of data without sequences', () => {
  it('has neither sequences nor cameras to choose', async () => {
    const root = temporaryFolder();
    write(join(root, 'a/1.png'), 'x');
    const frames = await openFrames({ root }, ['image']);
    expect(frames.sequences).toEqual([]);
    expect(() => frames.place(0)).toThrow(RangeError);
    expect((await faultOf(openFrames({ root, camera: 'image_2' }, ['image']))).place).toBe('camera image_2');
    expect((await faultOf(openFrames({ root, sequences: ['a'] }, ['image']))).place).toBe('sequence a');
  });

  it('takes a camera of a KITTI object data set', async () => {
    const root = temporaryFolder();
    write(join(root, 'training/image_3/000000.png'), 'x');
    write(join(root, 'training/velodyne/000000.bin'), 'x');
    expect((await openFrames({ root, camera: 'image_3' }, ['image'])).ids).toEqual(['000000']);
    expect(await faultOf(openFrames({ root, camera: 'image_03' }, ['image']))).toMatchObject({
      place: 'camera image_03',
      expected: 'image_2 or image_3',
    });
    expect((await faultOf(openFrames({ root, cameras: 'all' }, both))).expected).toBe(
      'one camera, or a data set of sequences',
    );
    expect((await faultOf(openFrames({ root, sequences: ['a'] }, both))).place).toBe('sequence a');
  });
});

describeWithRealData('windows of a recorded drive', 'kitti-raw/2011_09_26', (root) => {
  it('are those of its 12 frames, and none reaches into the next drive', async () => {
    const two = mkdtempSync(join(temporaryFolder(), 'drives-'));
    for (const copy of ['0005', '0006'])
      cpSync(join(root, '2011_09_26_drive_0005_sync'), join(two, `2011_09_26_drive_${copy}_sync`), {
        recursive: true,
      });
    const frames = await openFrames({ root: two }, ['image']);
    expect(frames.length).toBe(24);
    for (const { moments } of frames.sequences) {
      expect(periodOf(moments)).toBeCloseTo(0.1036, 3);
      expect(windowsOf(moments, { lengthFrames: 4 }).windows).toHaveLength(9);
      expect(windowsOf(moments, { offsetsS: [0, 0.5] }).windows).toHaveLength(7);
    }
    const { sweepTimesS, timeS, pictureTimesS } = frames.sequences[0].moments[3];
    // A turn takes 0.1 s, and is known by its middle.
    expect(sweepTimesS!.beginS).toBeLessThan(timeS! - 0.04);
    expect(sweepTimesS!.endS).toBeGreaterThan(timeS! + 0.04);
    expect(Math.abs(pictureTimesS!.image_02 - timeS!)).toBeLessThan(0.03);
  });
});
