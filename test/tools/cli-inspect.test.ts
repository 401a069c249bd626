import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodePng } from '../../src/image/decode-image.ts';
import { readPcd, writePcd } from '../../src/pointcloud/pcd.ts';
import { cloudFromRows, fieldOf } from '../../src/pointcloud/point-cloud.ts';
import { writeTracking } from '../datasets/tiny-sequences.ts';
import { realData } from '../real-data.ts';
import { CommandFolder } from './command-folder.ts';

const cli = new CommandFolder();

beforeAll(() => writeFile(join(cli.path, 'notes.txt'), 'no cloud at all\n'));

describe('inspect', () => {
  it('describes a frame, a data set and point clouds', async () => {
    const frame = await cli.run('inspect', cli.data, '--frame', '000001', '--picture', 'frame.png');
    expect(frame.stdout).toMatch(/frame 000001: \d+ points/);
    expect((await readFile(join(cli.path, 'frame.png'))).subarray(1, 4).toString()).toBe('PNG');
    expect((await cli.run('inspect', cli.data)).stdout).toContain('6 frames, 000000 to 000005, with labels');
    await writeFile(
      join(cli.path, 'three.pcd'),
      writePcd(cloudFromRows(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, Number.NaN), ['x', 'y', 'z']), {
        encoding: 'ascii',
      }),
    );
    const cloud = await cli.run('inspect', 'three.pcd');
    expect(cloud.stdout).toMatch(/three.pcd: 3 points\n/);
    expect(cloud.stdout).toMatch(/z +float32 +3 +4\.500 +6 +1\n/);
    await writeFile(join(cli.path, 'cut.bin'), new Uint8Array(37));
    expect((await cli.run('inspect', 'cut.bin')).stderr).toMatch(/cut.bin: .*expected/);
  });

  it('says what one should know of a cloud, and where its picture is', async () => {
    const places = '500000.12 4649776.45 2\n500001.5 4649777.5 3';
    const header = 'FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS 2\nDATA ascii\n';
    await writeFile(join(cli.path, 'map.pcd'), header + places);
    const { stdout } = await cli.run('inspect', 'map.pcd', '--picture', 'map.png');
    expect(stdout).toMatch(/x +float64 +500000\.120 +500000\.810 +500001\.500\n/);
    expect(stdout).toContain('Declared as float32, which loses digits that the text has');
    expect(stdout).toContain('The last line has no line end');
    expect(stdout).toMatch(/map\.png: centred on \(500000\.12, 4649776\.45\).*: 2 of 2 points inside\n$/);
    expect((await readFile(join(cli.path, 'map.png'))).subarray(1, 4).toString()).toBe('PNG');
  });

  it('reads rows of as many columns as it is told', async () => {
    const rows = Array.from({ length: 40 }, (_, i) => [9 * Math.sin(i), 9.5 * Math.cos(i), 0.1, 100, i % 32]);
    await writeFile(join(cli.path, 'five.pcd.bin'), Float32Array.from(rows.flat()));
    const refused = await cli.run('inspect', 'five.pcd.bin');
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toContain('found 40 points of 5 columns (inspect and view take --columns 5');
    const { stdout } = await cli.run('inspect', 'five.pcd.bin', '--columns', '5');
    expect(stdout).toMatch(/^five\.pcd\.bin: 40 points\n/);
    expect(stdout).toMatch(/column5 +float32 +0 +\d+\.\d+ +31\n/);
    for (const path of ['three.pcd', cli.data])
      expect((await cli.run('inspect', path, '--columns', '5')).stderr).toContain('which columns go with');
  });

  it('describes sequences and their frames, and writes the points of one with every field', async () => {
    for (const number of ['0000', '0003'])
      await writeTracking(join(cli.path, 'tracking/training'), number, [0, 1, 3]);
    const all = await cli.run('inspect', 'tracking');
    expect(all.stdout).toMatch(/^KITTI tracking sequence: 2 sequences, 6 frames\n/);
    expect(all.stdout).toMatch(
      /\n +0003 +3 +000000 +000003 +3 +image_02 3, image_03 3 +0\.3 +0\.100 +1 +3 +3 \(1 track\)\n/,
    );
    expect(all.stdout).toContain('0000/000001: frame 2 is missing\n');
    expect(all.stdout).toContain('0003/000001: 0.200 s until the next frame with a time, 000003\n');
    const one = await cli.run('inspect', 'tracking', '--sequence', '0003');
    expect(one.stdout).toMatch(/^KITTI tracking sequence: 3 frames\n/);
    const asked = [
      '--sequence',
      '0003',
      '--frame',
      '3',
      '--cloud',
      'three.cloud.pcd',
      '--picture',
      'above.png',
    ];
    const frame = await cli.run('inspect', 'tracking', ...asked, '--camera', 'image_03');
    expect(frame.stdout).toMatch(/^frame 000003: 400 points\n/);
    expect(frame.stdout).toContain('time: 0.300 s\nplace: 3.00, 0.00, 0.00 m');
    expect(frame.stdout).toMatch(/\nimage_03: 40 x 20, sees \d+ of the points .*\nimage_02: /);
    expect(frame.stdout).toMatch(/\n +Car +10\.3, .* 7\n/);
    expect(frame.stdout).toMatch(/\nthree\.cloud\.pcd: 400 points with x, y, z, reflectance\n$/);
    const written = readPcd(await readFile(join(cli.path, 'three.cloud.pcd')));
    expect([written.count, fieldOf(written, 'reflectance').data[0]]).toEqual([400, 3 / 256]);
    expect((await readFile(join(cli.path, 'above.png'))).subarray(1, 4).toString()).toBe('PNG');
    expect((await cli.run('inspect', 'tracking', '--frame', '0000/000001')).stdout).toMatch(
      /^frame 000001: /,
    );
    const faults = [
      [['--frame', '1'], 'found 2: 0000, 0003'],
      [
        ['--sequence', '0003', '--frame', '2'],
        'frame 2: expected one of 3 frames, 000000 to 000003, found no such frame',
      ],
      [
        ['--cloud', 'x.pcd'],
        'expected the name or number of a frame (--frame), whose points --cloud takes, found none',
      ],
      [
        ['--camera', 'front'],
        'camera front: expected a camera of image_02, image_03, found none of that name',
      ],
    ] as const;
    for (const [args, told] of faults) {
      const { code, stdout, stderr } = await cli.run('inspect', 'tracking', ...args);
      expect([code, stdout, stderr], told).toEqual([1, '', expect.stringContaining(told)]);
    }
    const scene = await cli.run('inspect', cli.data, '--frame', '2', '--cloud', 'scene.pcd');
    expect(scene.stdout).toMatch(
      /^frame 000002: (\d+) points\n[\s\S]*\nscene\.pcd: \1 points with x, y, z, reflectance\n$/,
    );
    const cloud = await cli.run('inspect', 'scene.pcd', '--cloud', 'again.pcd');
    expect(cloud.stdout).toContain('\nagain.pcd: ');
    expect(await readFile(join(cli.path, 'again.pcd'))).toEqual(await readFile(join(cli.path, 'scene.pcd')));
  });

  it('says how many pictures of which classes are in a folder, and that view has nothing to show of it', async () => {
    const image = { width: 4, height: 2, data: new Uint8Array(24) };
    for (const name of ['cat/1.png', 'cat/2.png', 'dog/1.png']) {
      await mkdir(join(cli.path, 'pets', dirname(name)), { recursive: true });
      await writeFile(join(cli.path, 'pets', name), await encodePng(image));
    }
    const { code, stdout } = await cli.run('inspect', 'pets');
    expect([code, stdout.split('\n')[0]]).toEqual([
      0,
      'image folder: 3 pictures in 2 classes, cat/1.png to dog/1.png',
    ]);
    expect(stdout).toContain('width x height: 4 x 2\ndamaged: 0\n');
    const viewed = await cli.run('view', 'pets');
    expect([viewed.code, viewed.stderr]).toEqual([
      1,
      expect.stringMatching(/^pointpair: pets: .*found a folder of pictures alone, .*\n$/),
    ]);
  });

  const real = realData('kitti-object');
  it.skipIf(real === undefined)(
    'describes a recorded frame (needs ../shared/data/kitti-object)',
    async () => {
      const { stdout } = await cli.run('inspect', real!, '--frame', '000003');
      expect(stdout).toContain('frame 000003: 113110 points');
      expect(stdout).toContain('image_2: 1242 x 375');
    },
  );
});
