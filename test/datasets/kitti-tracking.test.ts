import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openSequence } from '../../src/datasets/open-sequence.ts';
import { openSequences } from '../../src/datasets/open-sequences.ts';
import type { Sequence } from '../../src/datasets/sequence.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { identity44, multiply34by44, transformPoint } from '../../src/geometry/matrix.ts';
import { fieldOf } from '../../src/pointcloud/point-cloud.ts';
import { bytesOf } from '../../src/pointcloud/scalar-type.ts';
import { describeWithRealData, realData } from '../real-data.ts';
import { CAR, oxtsLine, removeFolders, temporaryFolder, write, writeTracking } from './tiny-sequences.ts';

afterEach(removeFolders);

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

/** How far ahead of the first frame's LiDAR each pose lies; to the side and up it must not. */
const ahead = ({ moments }: Sequence) =>
  moments.map(({ worldFromLidar }) => {
    if (worldFromLidar === undefined) return undefined;
    const [x, y, z] = transformPoint(worldFromLidar, [0, 0, 0]);
    expect(Math.hypot(y, z)).toBeLessThan(1e-6);
    return Number(x.toFixed(6));
  });
const notesOf = ({ moments }: Sequence) => moments.map(({ notes }) => notes);

describe('sequences of KITTI tracking', () => {
  it('are those of a split, with sweeps, both cameras, labels, times and poses', async () => {
    const root = temporaryFolder();
    const split = join(root, 'training');
    await writeTracking(split, '0000', [0, 1, 2]);
    await writeTracking(split, '0003', [0, 1]);
    const sequences = await openSequences({ path: root });
    expect(sequences.map(({ name, kind }) => [name, kind])).toEqual([
      ['0000', 'KITTI tracking sequence'],
      ['0003', 'KITTI tracking sequence'],
    ]);
    const [sequence] = sequences;
    expect(notesOf(sequence)).toEqual([[], [], []]);
    expect(sequence.moments.map(({ id, timeS }) => [id, timeS])).toEqual([
      ['000000', 0],
      ['000001', 0.1],
      ['000002', 0.2],
    ]);
    // 10 m/s, ten frames a second.
    expect(ahead(sequence)).toEqual([0, 1, 2]);
    expect(sequence.moments[0].worldFromLidar).toEqual(identity44());
    expect(sequence.moments[1].files).toEqual({
      sweep: [join(split, 'velodyne/0000/000001.bin')],
      picture: [join(split, 'image_02/0000/000001.png')],
      calibration: [join(split, 'calib/0000.txt')],
      labels: [join(split, 'label_02/0000.txt'), join(split, 'calib/0000.txt')],
    });
    expect(fieldOf(await sequence.cloud(2), 'reflectance').data[0]).toBe(2 / 256);
    expect(sequence.cameras).toEqual(['image_02', 'image_03']);
    expect((await sequence.picture(1, 'image_03')).file).toBe(join(split, 'image_03/0000/000001.png'));
    const [left, right] = [await sequence.camera(1), await sequence.camera(1, 'image_03')];
    expect([left.name, right.name]).toEqual(['image_02', 'image_03']);
    // (10, 1, 0) in the LiDAR frame is (-1, -0.1, 9.7) in the camera's.
    const pixel = (camera: typeof left) => {
      const [u, v, w] = transformPoint(
        multiply34by44(camera.pixelFromCamera, camera.cameraFromLidar),
        [10, 1, 0],
      );
      return [u / w, v / w];
    };
    expect(pixel(left)[0]).toBeCloseTo(20 - 30 / 9.7, 9);
    expect(pixel(right)[0]).toBeCloseTo(20 - 45 / 9.7, 9);
    expect(pixel(right)[1]).toBeCloseTo(10 - 3 / 9.7, 9);
    const [label] = await sequence.labels(1);
    expect(label).toMatchObject({ type: 'Car', trackId: 7 });
    // Its middle is 10 m ahead of the camera, which is 0.3 m ahead of the LiDAR.
    expect(label.box3!.center[0]).toBeCloseTo(10.3, 9);
    await expect(sequence.camera(3)).rejects.toThrow(RangeError);
    expect((await faultOf(sequence.camera(0, 'image_00'))).expected).toBe('a camera of image_02, image_03');
  });

  it('have their split in their name where there are two, and no labels in the one for testing', async () => {
    const root = temporaryFolder();
    for (const split of ['training', 'testing']) await writeTracking(join(root, split), '0000', [0]);
    rmSync(join(root, 'testing/label_02'), { recursive: true });
    const names = (await openSequences({ path: root })).map(({ name }) => name);
    expect(names).toEqual(['training/0000', 'testing/0000']);
    const testing = await openSequence({ path: join(root, 'testing') });
    expect([testing.name, notesOf(testing)]).toEqual(['0000', [[]]]);
    expect(await faultOf(testing.labels(0))).toMatchObject({ place: 'frame 000000', expected: 'labels' });
  });

  it('lose no frame to one that is missing', async () => {
    const split = temporaryFolder();
    await writeTracking(split, '0001', [1, 2, 5]);
    write(join(split, 'oxts/0001.txt'), Array.from({ length: 8 }, (_, k) => `${oxtsLine(k)}\n`).join(''));
    rmSync(join(split, 'velodyne/0001/000002.bin'));
    const sequence = await openSequence({ path: split });
    expect(sequence.moments.map(({ id, timeS }) => [id, timeS])).toEqual([
      ['000001', 0.1],
      ['000002', 0.2],
      ['000005', 0.5],
    ]);
    expect(ahead(sequence)).toEqual([0, 1, 4]);
    expect(notesOf(sequence)).toEqual([
      ['frame 0 is missing'],
      ['velodyne/0001/000002.bin is missing', 'frames 3 to 4 are missing'],
      ['frames 6 to 7 are missing'],
    ]);
    expect((await sequence.labels(2)).map(({ trackId }) => trackId)).toEqual([7]);
    expect((await faultOf(sequence.cloud(1))).place).toBe('frame 000002');
  });

  it('bridge lines of motion that are empty or damaged, and tell of a file that is too short', async () => {
    const split = temporaryFolder();
    await writeTracking(split, '0000', [0, 1, 2, 3, 4, 5]);
    const file = join(split, 'oxts/0000.txt');
    const lines = [oxtsLine(0), '', '1 2 3', oxtsLine(3)];
    write(file, `${lines.join('\n')}\n`);
    const sequence = await openSequence({ path: split });
    expect(ahead(sequence)).toEqual([0, 1, 2, 3, undefined, undefined]);
    expect(notesOf(sequence)).toEqual([
      ['oxts/0000.txt has 4 lines for 6 frames: line k is of frame k, and frames 4 to 5 have no pose'],
      ['oxts/0000.txt has no pose for the frame: the pose is interpolated between others'],
      [`${file}: line 3: expected 30 values, found 3: the pose is interpolated between others`],
      [],
      [],
      [],
    ]);
  });

  it('tell what is missing as a whole once', async () => {
    const split = temporaryFolder();
    await writeTracking(split, '0000', [0, 1]);
    for (const part of ['velodyne', 'oxts', 'label_02']) rmSync(join(split, part), { recursive: true });
    expect(notesOf(await openSequence({ path: split }))).toEqual([
      [
        'velodyne/0000 has no .bin files',
        'label_02/0000.txt is missing: there are no labels',
        'oxts/0000.txt is missing: poses are not known',
      ],
      [],
    ]);
    await writeTracking(split, '0000', [0, 1]);
    rmSync(join(split, 'calib'), { recursive: true });
    const uncalibrated = await openSequence({ path: split });
    expect(notesOf(uncalibrated)[0]).toEqual([
      'calib/0000.txt is missing: points have no pixels',
      'calib/0000.txt is missing: poses are not known',
    ]);
    expect(Object.keys(uncalibrated.moments[0].files)).toEqual(['sweep', 'picture']);
    write(join(split, 'calib/0000.txt'), 'P2: 1\nR_rect 1 0 0 0 1 0 0 0 1\n');
    expect(notesOf(await openSequence({ path: split }))[0][0]).toMatch(
      /line 1, P2: expected 12 values.*poses are not known$/,
    );
  });

  it('have labels and calibration without sweeps and pictures', async () => {
    const split = temporaryFolder();
    await writeTracking(split, '0000', [0]);
    for (const part of ['velodyne', 'image_02', 'image_03', 'oxts'])
      rmSync(join(split, part), { recursive: true });
    write(join(split, 'label_02/0000.txt'), `3 4 ${CAR}\n1 4 ${CAR}\n`);
    const sequence = await openSequence({ path: split });
    expect(sequence.moments.map(({ id }) => id)).toEqual(['000000', '000001', '000002', '000003']);
    expect(
      (await Promise.all([0, 1, 2, 3].map((i) => sequence.labels(i)))).map(({ length }) => length),
    ).toEqual([0, 1, 0, 1]);
    expect((await sequence.camera(0)).pixelFromCamera[0]).toBe(30);
    write(join(split, 'label_02/0000.txt'), '');
    expect((await faultOf(openSequence({ path: split }))).expected).toContain('frames of sequence 0000');
    write(join(split, 'label_02/0000.txt'), 'Car 1\n');
    expect((await faultOf(openSequence({ path: split }))).found).toBe('none');
  });

  it('read labels again after a damaged file was mended', async () => {
    const split = temporaryFolder();
    await writeTracking(split, '0000', [0]);
    const file = join(split, 'label_02/0000.txt');
    write(file, '0 7 Car\n');
    const sequence = await openSequence({ path: split });
    expect(await faultOf(sequence.labels(0))).toMatchObject({ file, place: 'line 1' });
    write(file, `0 7 ${CAR}\n`);
    expect(await sequence.labels(0)).toHaveLength(1);
  });
});

describeWithRealData('tracking sequence 0000 as it was recorded', 'kitti-tracking/training', (path) => {
  it('has labels of its 154 frames without sweeps and pictures', async () => {
    const sequence = await openSequence({ path });
    expect([sequence.name, sequence.moments.length]).toEqual(['0000', 154]);
    const ofFrame = async (index: number) =>
      (await sequence.labels(index)).map(({ type, trackId }) => `${type} ${trackId}`);
    // As the lines of frames 0 and 153 say.
    expect(await ofFrame(0)).toEqual([
      'DontCare undefined',
      'DontCare undefined',
      'Van 0',
      'Cyclist 1',
      'Pedestrian 2',
    ]);
    expect((await ofFrame(153)).slice(0, 3)).toEqual(['DontCare undefined', 'Van 0', 'Cyclist 1']);
  });

  const drive = realData('kitti-raw/2011_09_26');
  it.skipIf(drive === undefined)('with its frames is the raw drive that it was taken from', async () => {
    const split = temporaryFolder();
    const raw = await openSequence({ path: drive!, tracks: join(path, 'label_02/0000.txt') });
    for (const { id, files } of raw.moments) {
      const stem = id.slice(-6);
      cpSync(files.sweep![0], join(split, 'velodyne/0000', `${stem}.bin`));
      cpSync(files.picture![0], join(split, 'image_02/0000', `${stem}.png`));
    }
    for (const part of ['calib', 'label_02'])
      cpSync(join(path, part), join(split, part), { recursive: true });
    const sequence = await openSequence({ path: split });
    expect(sequence.moments).toHaveLength(12);
    const reflectance = async (of: Sequence) =>
      Buffer.from(bytesOf(fieldOf(await of.cloud(7), 'reflectance').data));
    expect(Buffer.compare(await reflectance(sequence), await reflectance(raw))).toBe(0);
    const [own, same] = [await sequence.camera(7), await raw.camera(7)];
    for (const key of ['pixelFromCamera', 'cameraFromLidar'] as const)
      own[key].forEach((value, i) => {
        expect(value).toBeCloseTo(same[key][i], 6);
      });
    const [labels, others] = [await sequence.labels(7), await raw.labels(7)];
    expect(labels.map(({ trackId }) => trackId)).toEqual(others.map(({ trackId }) => trackId));
    labels.forEach(({ box3 }, i) => {
      if (box3 !== undefined) expect(box3.center[0]).toBeCloseTo(others[i].box3!.center[0], 6);
    });
  });
});
