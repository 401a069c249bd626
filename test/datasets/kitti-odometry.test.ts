import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openSequence } from '../../src/datasets/open-sequence.ts';
import { openSequences } from '../../src/datasets/open-sequences.ts';
import type { Sequence } from '../../src/datasets/sequence.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { identity44, transformPoint } from '../../src/geometry/matrix.ts';
import { describeWithRealData } from '../real-data.ts';
import { poseLine, removeFolders, temporaryFolder, write, writeOdometry } from './tiny-sequences.ts';

afterEach(removeFolders);

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

/** Where a point of the LiDAR frame of each moment lies in the sequence's world, to a micrometre. */
const placesOf = ({ moments }: Sequence, point: readonly [number, number, number] = [0, 0, 0]) =>
  moments.map(
    ({ worldFromLidar }) =>
      worldFromLidar && transformPoint(worldFromLidar, point).map((x) => Number(x.toFixed(6)) + 0),
  );
const notesOf = ({ moments }: Sequence) => moments.map(({ notes }) => notes);

describe('sequences of KITTI odometry', () => {
  it('have sweeps, four cameras, times, and poses of the LiDAR with z up', async () => {
    const root = temporaryFolder();
    await writeOdometry(root, '00', [0, 1, 2]);
    await writeOdometry(root, '11', [0, 1]);
    rmSync(join(root, 'poses/11.txt'));
    const sequences = await openSequences({ path: root });
    expect(sequences.map(({ name, kind }) => [name, kind])).toEqual([
      ['00', 'KITTI odometry sequence'],
      ['11', 'KITTI odometry sequence'],
    ]);
    const [sequence, without] = sequences;
    const folder = join(root, 'sequences/00');
    expect(notesOf(sequence)).toEqual([[], [], []]);
    expect(sequence.moments.map(({ id, timeS }) => [id, timeS])).toEqual([
      ['000000', 0],
      ['000001', 0.1],
      ['000002', 0.2],
    ]);
    // The camera moves 2 m a frame along its own axis, which is the LiDAR's x.
    expect(placesOf(sequence)).toEqual([
      [0, 0, 0],
      [2, 0, 0],
      [4, 0, 0],
    ]);
    expect(sequence.moments[0].worldFromLidar).toEqual(identity44());
    expect(sequence.cameras).toEqual(['image_2', 'image_3', 'image_0', 'image_1']);
    expect(sequence.moments[1].files).toEqual({
      sweep: [join(folder, 'velodyne/000001.bin')],
      picture: [join(folder, 'image_2/000001.png')],
      calibration: [join(folder, 'calib.txt')],
    });
    expect((await sequence.picture(1, 'image_0')).file).toBe(join(folder, 'image_0/000001.png'));
    const [left, right] = [await sequence.camera(1), await sequence.camera(1, 'image_1')];
    expect([left.name, left.pixelFromCamera[3], right.name, right.pixelFromCamera[3]]).toEqual([
      'image_2',
      0,
      'image_1',
      -15,
    ]);
    expect(transformPoint(left.cameraFromLidar, [10, 1, 0])).toEqual([-1, -0.1, 9.7]);
    expect(await faultOf(sequence.labels(0))).toMatchObject({ expected: 'labels', found: 'none' });
    expect(placesOf(without)).toEqual([undefined, undefined]);
    expect(notesOf(without)).toEqual([['poses/11.txt is missing: poses are not known'], []]);
  });

  it('turn about the camera, not about the LiDAR', async () => {
    const root = temporaryFolder();
    await writeOdometry(root, '00', [0, 1]);
    // On the spot, the camera turns from looking along z to looking along x: to the right, about its y, which points down.
    write(join(root, 'poses/00.txt'), `${poseLine(0)}\n0 0 1 0 0 1 0 0 -1 0 0 0\n`);
    const sequence = await openSequence({ path: root });
    // The LiDAR was 0.3 m behind the camera, at the origin; now it is beside it, on the left of where it looked before.
    expect(placesOf(sequence)[1]).toEqual([0.3, 0.3, 0]);
    // Ahead of it is what was on its right.
    expect(placesOf(sequence, [1, 0, 0])[1]).toEqual([0.3, -0.7, 0]);
  });

  it('are found by any folder of the benchmark', async () => {
    const root = temporaryFolder();
    await writeOdometry(root, '07', [0, 1]);
    for (const path of ['', 'sequences', 'sequences/07']) {
      const sequence = await openSequence({ path: join(root, path) });
      expect([sequence.name, placesOf(sequence)[1]]).toEqual(['07', [2, 0, 0]]);
    }
  });

  it('keep line k for frame k, whatever is missing', async () => {
    const root = temporaryFolder();
    await writeOdometry(root, '00', [0, 1, 2, 3, 4, 5]);
    const folder = join(root, 'sequences/00');
    for (const part of [
      'velodyne/000002.bin',
      'image_2/000002.png',
      'image_2/000003.png',
      'image_3/000002.png',
    ])
      rmSync(join(folder, part));
    for (const camera of ['image_0', 'image_1']) rmSync(join(folder, camera), { recursive: true });
    write(join(folder, 'times.txt'), '0\n0.1\n0.2\n\nsoon\n0.5\n0.6\n');
    write(join(root, 'poses/00.txt'), [0, 1, 2, 3, 4, 5].map(poseLine).join('\n'));
    const sequence = await openSequence({ path: root });
    expect(sequence.moments.map(({ id, timeS }) => [Number(id), timeS])).toEqual([
      [0, 0],
      [1, 0.1],
      [3, undefined],
      [4, undefined],
      [5, 0.5],
    ]);
    expect(placesOf(sequence).map((place) => place?.[0])).toEqual([0, 2, 6, 8, 10]);
    expect(notesOf(sequence)).toEqual([
      ['poses/00.txt has 6 lines for 7 frames: line k is of frame k, and frame 6 has no pose'],
      ['frame 2 is missing'],
      ['image_2/000003.png is missing', 'times.txt has no time for the frame: its time is not known'],
      [
        expect.stringMatching(
          /times\.txt: line 5, value 1: expected a number, found "soon": its time is not known$/,
        ),
      ],
      ['frame 6 is missing'],
    ]);
  });

  it('bridge poses that are damaged, and tell of more poses than frames', async () => {
    const root = temporaryFolder();
    await writeOdometry(root, '00', [0, 1, 2]);
    const lines = [poseLine(0), '3 0 0 0 0 1 0 0 0 0 1 2', poseLine(2), poseLine(3), poseLine(4)];
    write(join(root, 'poses/00.txt'), lines.join('\n'));
    const sequence = await openSequence({ path: root });
    expect(placesOf(sequence)).toEqual([
      [0, 0, 0],
      [2, 0, 0],
      [4, 0, 0],
    ]);
    expect(notesOf(sequence)).toEqual([
      ['poses/00.txt has 5 lines for 3 frames: line k is of frame k, and the lines after those are not used'],
      [expect.stringMatching(/line 2: expected a rotation.*: the pose is interpolated between others$/)],
      [],
    ]);
  });

  it('tell what is missing as a whole once, and give the rest', async () => {
    const root = temporaryFolder();
    await writeOdometry(root, '00', [0, 1]);
    rmSync(join(root, 'sequences/00/times.txt'));
    rmSync(join(root, 'sequences/00/velodyne'), { recursive: true });
    const sequence = await openSequence({ path: root });
    expect(notesOf(sequence)).toEqual([
      ['velodyne has no .bin files', 'times.txt is missing: no times are known'],
      [],
    ]);
    expect(placesOf(sequence)[1]).toEqual([2, 0, 0]);
    rmSync(join(root, 'sequences/00/calib.txt'));
    const [told] = notesOf(await openSequence({ path: root }));
    expect(told.slice(1, 2)).toEqual(['calib.txt is missing: points have no pixels']);
    expect(told.at(-1)).toBe('calib.txt is missing: poses are not known');
  });
});

describeWithRealData('odometry sequence 00 as it was published', 'kitti-odometry', (data) => {
  it('has 20 poses without sweeps and pictures', async () => {
    const root = temporaryFolder();
    cpSync(join(data, 'calib-00.txt'), join(root, 'sequences/00/calib.txt'));
    cpSync(join(data, 'poses-00-head.txt'), join(root, 'poses/00.txt'));
    const sequence = await openSequence({ path: root });
    expect(sequence.moments).toHaveLength(20);
    const [x, y, z] = transformPoint(sequence.moments[19].worldFromLidar!, [0, 0, 0]);
    // The last line puts the camera 16.37 m ahead, 0.91 m to the left and 0.55 m up of where it was, in its own axes. The LiDAR's
    // differ from those by less than a degree, and it turned by 2 degrees with 0.3 m to the camera.
    expect(Math.abs(x - 16.3694)).toBeLessThan(0.05);
    expect(Math.abs(y - 0.9073)).toBeLessThan(0.05);
    expect(Math.abs(z - 0.5465)).toBeLessThan(0.2);
    const steps = sequence.moments.map(({ worldFromLidar }) => transformPoint(worldFromLidar!, [0, 0, 0])[0]);
    expect(
      steps.every((ahead, i) => i === 0 || (ahead - steps[i - 1] > 0.7 && ahead - steps[i - 1] < 1.1)),
    ).toBe(true);
  });
});
