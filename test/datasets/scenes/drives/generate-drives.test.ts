import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KittiRaw } from '../../../../src/datasets/kitti-raw.ts';
import { parseKittiTimestamps } from '../../../../src/datasets/kitti-timestamps.ts';
import { openFrames } from '../../../../src/datasets/open-frames.ts';
import {
  type GenerateDrivesOptions,
  generateDrives,
} from '../../../../src/datasets/scenes/drives/generate-drives.ts';
import { generateScenes } from '../../../../src/datasets/scenes/generate-scenes.ts';
import { InputError } from '../../../../src/engine/input-error.ts';
import { multiply44, transformPoint } from '../../../../src/geometry/matrix.ts';
import { inverseRigid } from '../../../../src/geometry/rigid-transform.ts';
import { repository } from '../../../architecture/source-files.ts';

const base = {
  drives: 2,
  frames: 3,
  seed: 3,
  workers: 0,
  imageSize: { width: 124, height: 38 },
  scanner: { beams: 8, steps: 180 },
};
const make = (options: Partial<GenerateDrivesOptions> & { out: string }) =>
  generateDrives({ ...base, ...options });
const driveOf = (out: string, drive: number) => join(out, `2026_03_01/2026_03_01_drive_000${drive}_sync`);
const linesOf = async (...path: string[]) => (await readFile(join(...path), 'utf8')).trimEnd().split('\n');

let root = '';
let whole = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'drives-'));
  whole = join(root, 'whole');
  await make({ out: whole });
}, 200_000);
afterAll(() => rm(root, { recursive: true, force: true }));

async function filesUnder(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      files.set(path.slice(folder.length), (await readFile(path)).toString('base64'));
    }
  return files;
}

describe('generated drives', () => {
  test('are read as KITTI raw drives without a note, with their labels', async () => {
    const frames = await openFrames({ root: whole }, ['image', 'points']);
    expect([frames.kind, frames.length, frames.notes]).toEqual(['KITTI raw drive', 6, []]);
    const drive = await KittiRaw.open(driveOf(whole, 1));
    expect(drive.moments.map(({ id, timeS, notes }) => [id, timeS, notes])).toEqual([
      ['0000000000', 0, []],
      ['0000000001', 0.1, []],
      ['0000000002', 0.2, []],
    ]);
    const { points, cameras, labels } = await drive.frame(2);
    expect(points.length).toBeGreaterThan(4 * 300);
    expect(cameras[0].image).toMatchObject({ width: 124, height: 38 });
    expect(labels).toBeDefined();
  });

  test('have poses that are read back within a millimetre', async () => {
    for (const index of [0, 1]) {
      const drive = await KittiRaw.open(driveOf(whole, index));
      const { poses } = JSON.parse(await readFile(join(driveOf(whole, index), 'truth.json'), 'utf8'));
      const first = inverseRigid(Float64Array.from(poses[0].worldFromLidar));
      for (const [frame, { worldFromLidar }] of drive.moments.entries()) {
        const truth = multiply44(first, Float64Array.from(poses[frame].worldFromLidar));
        for (const place of [
          [0, 0, 0],
          [50, 20, 0],
        ] as const) {
          const [a, b] = [transformPoint(worldFromLidar!, place), transformPoint(truth, place)];
          expect(Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])).toBeLessThan(0.001);
        }
      }
    }
  });

  test('have tracks whose boxes are where the truth says', async () => {
    const drive = await KittiRaw.open(driveOf(whole, 0));
    const { poses, objects } = JSON.parse(await readFile(join(driveOf(whole, 0), 'truth.json'), 'utf8'));
    let checked = 0;
    for (const frame of [0, 1, 2])
      for (const { type, trackId, box3 } of await drive.labels(frame)) {
        if (trackId === undefined || box3 === undefined) continue;
        const object = objects[trackId];
        expect([object.trackId, object.type]).toEqual([trackId, type]);
        const { center } = object.moves ? object.frames[frame] : object;
        const placed = transformPoint(Float64Array.from(poses[frame].worldFromLidar), box3.center);
        expect(Math.hypot(...placed.map((v, a) => v - center[a]))).toBeLessThan(0.001);
        checked++;
      }
    expect(checked).toBeGreaterThan(3);
    const lines = await linesOf(driveOf(whole, 0), 'label_02.txt');
    for (const line of lines) expect(line.split(' ')).toHaveLength(17);
  });

  test('have inertial records of 30 numbers whose speed is that of the positions', async () => {
    const folder = join(driveOf(whole, 0), 'oxts/data');
    const records = await Promise.all(
      [0, 1, 2].map(async (frame) =>
        (await linesOf(folder, `000000000${frame}.txt`))[0].split(' ').map(Number),
      ),
    );
    const north = (a: number, b: number): number =>
      ((records[b][0] - records[a][0]) * Math.PI * 6378137) / 180;
    const east = (a: number, b: number): number =>
      ((records[b][1] - records[a][1]) * Math.PI * 6378137 * Math.cos((records[0][0] * Math.PI) / 180)) / 180;
    for (const record of records) expect(record).toHaveLength(30);
    expect(records[1][6]).toBeCloseTo(north(0, 2) / 0.2, 1);
    expect(records[1][7]).toBeCloseTo(east(0, 2) / 0.2, 1);
    expect(records[1][8]).toBeCloseTo(
      records[1][7] * Math.cos(records[1][5]) + records[1][6] * Math.sin(records[1][5]),
      3,
    );
    expect(Math.abs(records[1][13] - 9.81)).toBeLessThan(0.6);
  });

  test('say when their sweeps begin and end', async () => {
    const out = join(root, 'rolling');
    await make({ out, drives: 1, frames: 2, rolling: true });
    const times = async (drive: string, name: string) =>
      parseKittiTimestamps(await readFile(join(drive, 'velodyne_points', name), 'utf8'));
    for (const [drive, half] of [
      [driveOf(out, 0), 50_000_000],
      [driveOf(whole, 0), 0],
    ] as const) {
      const middle = await times(drive, 'timestamps.txt');
      const spread = async (name: string) => Number((await times(drive, name))[1]! - middle[1]!);
      expect(await spread('timestamps_start.txt')).toBe(0 - half);
      expect(await spread('timestamps_end.txt')).toBe(half);
    }
    const sweep = 'velodyne_points/data/0000000001.bin';
    const [rolled, still] = await Promise.all(
      [out, whole].map((each) => readFile(join(driveOf(each, 0), sweep))),
    );
    expect(rolled.equals(still)).toBe(false);
  }, 100_000);

  test('are the same with several threads, go on after a kill, and grow', async () => {
    const out = join(root, 'killed');
    // A command that is killed while it works.
    const script = join(root, 'make.mjs');
    const module = pathToFileURL(join(repository, 'src/datasets/scenes/drives/generate-drives.ts')).href;
    await writeFile(
      script,
      `import { generateDrives } from ${JSON.stringify(module)};\nawait generateDrives(${JSON.stringify({ ...base, out })});\n`,
    );
    const child = spawn(process.execPath, ['--import', 'tsx', script], { cwd: repository, stdio: 'ignore' });
    const second = join(driveOf(out, 0), 'label_parts/0000000001.txt');
    const there = (path: string) => stat(path).then(Boolean, () => false);
    while (!(await there(second)) && child.exitCode === null) await sleep(2);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    expect(child.signalCode).toBe('SIGKILL');
    await writeFile(join(driveOf(out, 0), 'image_02/data/.0000000002.png.1-0.tmp'), 'half a file');
    const before = await stat(join(driveOf(out, 0), 'velodyne_points/data/0000000000.bin'));
    const report = await make({ out, workers: 2 });
    expect(report.kept).toBeGreaterThan(0);
    expect(report.made + report.kept).toBe(6);
    const after = await stat(join(driveOf(out, 0), 'velodyne_points/data/0000000000.bin'));
    expect(after.mtimeMs).toBe(before.mtimeMs);
    expect(await filesUnder(out)).toEqual(await filesUnder(whole));
    // Grown from less, it is the same as well.
    const grown = join(root, 'grown');
    await make({ out: grown, drives: 1, frames: 2 });
    expect(await make({ out: grown })).toMatchObject({ made: 4, kept: 2 });
    expect(await filesUnder(grown)).toEqual(await filesUnder(whole));
    expect(await make({ out: grown })).toMatchObject({ made: 0, kept: 6 });
  }, 200_000);

  test('are not made smaller, nor mixed with others', async () => {
    await expect(make({ out: whole, drives: 1 })).rejects.toThrow(
      `${whole}: drives: expected at least the 2 drives that are there, or another folder, found 1`,
    );
    await expect(make({ out: whole, frames: 2 })).rejects.toThrow(
      `${whole}: frames: expected at least the 3 frames a drive that are there, or another folder, found 2`,
    );
    await expect(make({ out: whole, rolling: true })).rejects.toThrow(/drives\.json.*"rolling": true.*false/);
    const scenes = { ...base, count: 1, heldOut: 0 };
    await expect(generateScenes({ ...scenes, out: whole })).rejects.toThrow(
      /drives\.json, another generator's/,
    );
    const folder = join(root, 'scenes');
    await mkdir(folder);
    await writeFile(join(folder, 'scenes.json'), '{}');
    await expect(make({ out: folder })).rejects.toThrow(/scenes\.json, another generator's/);
  });

  test.each([
    [{ drives: 0 }, 'drives'],
    [{ frames: 201 }, 'frames'],
    [{ workers: -1 }, 'workers'],
    [{ imageSize: { width: 9, height: 38 } }, 'imageSize.width'],
    [{ scanner: { beams: 65, steps: 100 } }, 'scanner.beams'],
  ])('are refused for %o', async (wrong, place) => {
    const fault = make({ out: join(root, 'never'), ...wrong });
    await expect(fault).rejects.toThrow(InputError);
    await expect(fault).rejects.toThrow(place);
  });
});
