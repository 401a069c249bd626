import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, describe as group, it } from 'vitest';
import { writePcd } from '../../src/pointcloud/pcd.ts';
import { cloudFromRows } from '../../src/pointcloud/point-cloud.ts';
import { describe } from '../../tools/inspect.ts';

let folder = '';
let clouds = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inspect-'));
  clouds = join(folder, 'clouds');
  await mkdir(clouds);
  await writeFile(join(clouds, '1.pcd'), 'no cloud');
  const rows = Float32Array.of(1, 2, 3, 10, 20, 5, 90, 0, 1);
  await writeFile(
    join(clouds, '2.pcd'),
    writePcd(cloudFromRows(rows, ['x', 'y', 'z']), { encoding: 'binary' }),
  );
  await mkdir(join(folder, 'rows'));
  const five = Float32Array.from({ length: 50 }, (_, i) => (i % 5 === 4 ? i % 7 : Math.sin(i)));
  await writeFile(join(folder, 'rows', 'a.bin'), five);
});

afterAll(() => rm(folder, { recursive: true }));

group('a folder of clouds', () => {
  it('is told with the first that can be read, and what is wrong before it', async () => {
    const lines = (await describe(clouds, {})).split('\n');
    expect(lines.slice(0, 3)).toEqual([
      'point clouds: 2 files, 1.pcd to 2.pcd',
      expect.stringMatching(/1\.pcd: .*expected .*, found/),
      '2.pcd: 3 points',
    ]);
  });

  it('is read by as many columns as it is told', async () => {
    const rows = join(folder, 'rows');
    expect(await describe(rows, { columns: 5 })).toMatch(/\na\.bin: 10 points\n[\s\S]* column5 /);
    expect(await describe(rows, { columns: 5, frame: 'a.bin' })).toMatch(/frame a\.bin: 10 points/);
    await expect(describe(clouds, { columns: 5 })).rejects.toThrow(/a \.bin file, which columns go with/);
  });

  it('is drawn into a folder that is made, and the picture is told of', async () => {
    const picture = join(folder, 'new', 'pictures', 'a.png');
    const cloud = join(folder, 'new', 'clouds', 'a.pcd');
    const told = await describe(clouds, { frame: '2.pcd', picture, cloud });
    expect(told).toContain(
      `\n${picture}: about the sensor (0, 0), 50 m to each side, a ring every 10 m: 2 of 3 points inside\n`,
    );
    expect(told).toContain(`\n${cloud}: 3 points with x, y, z`);
    expect((await readFile(picture)).subarray(1, 4).toString()).toBe('PNG');
    expect(await readFile(cloud)).toEqual(await readFile(join(clouds, '2.pcd')));
  });
});

it('a frame of a single cloud is none', async () => {
  await expect(describe(join(clouds, '2.pcd'), { frame: '3' })).rejects.toThrow(
    /2\.pcd: expected a folder .*--frame goes with, found a single file/,
  );
});
