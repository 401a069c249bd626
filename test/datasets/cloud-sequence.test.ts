import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CloudSequence } from '../../src/datasets/cloud-sequence.ts';
import { openSequence } from '../../src/datasets/open-sequence.ts';
import { InputError } from '../../src/engine/input-error.ts';
import { writeKittiBin } from '../../src/pointcloud/kitti-bin.ts';
import { writePcd } from '../../src/pointcloud/pcd.ts';
import { writePly } from '../../src/pointcloud/ply.ts';
import { cloudFromRows, rowsOf } from '../../src/pointcloud/point-cloud.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'clouds-'));
  folders.push(folder);
  return folder;
}

const ROWS = Float32Array.of(1, 2, 3, 0.5, -4, 5, 6, 0.25);
const CLOUD = cloudFromRows(ROWS, ['x', 'y', 'z', 'reflectance']);

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => 'nothing was thrown',
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

describe('CloudSequence', () => {
  it('takes a folder in the order of its numbers, whatever the format', async () => {
    const root = temporaryFolder();
    const contents = {
      'b10.bin': writeKittiBin(ROWS),
      'b9.PLY': writePly(CLOUD, { encoding: 'binary_little_endian' }),
      'b1.pcd': writePcd(CLOUD, { encoding: 'ascii' }),
      'b09.pcd': writePcd(CLOUD, { encoding: 'binary' }),
      '.b0.bin': new Uint8Array(16),
      'b2.txt': new Uint8Array(16),
    };
    for (const [name, bytes] of Object.entries(contents)) writeFileSync(join(root, name), bytes);
    const sequence = await CloudSequence.open(root);
    expect([sequence.kind, sequence.root]).toEqual(['point clouds', root]);
    const ids = sequence.moments.map(({ id }) => id);
    expect(ids[0]).toBe('b1.pcd');
    expect(ids.slice(1, 3).sort()).toEqual(['b09.pcd', 'b9.PLY']);
    expect(ids.slice(3)).toEqual(['b10.bin']);
    for (const [index, { id, files, notes }] of sequence.moments.entries()) {
      expect([files, notes]).toEqual([{ sweep: [join(root, id)] }, []]);
      expect(rowsOf(await sequence.cloud(index), ['x', 'y', 'z', 'reflectance'])).toEqual(ROWS);
    }
    await expect(sequence.cloud(4)).rejects.toThrow(RangeError);
  });

  it('takes a single file, and has neither camera nor labels', async () => {
    const file = join(temporaryFolder(), 'one.pcd');
    writeFileSync(file, writePcd(CLOUD, { encoding: 'binary_compressed' }));
    const sequence = await CloudSequence.open(file);
    expect([sequence.kind, sequence.moments.length]).toEqual(['point cloud', 1]);
    expect((await sequence.cloud(0)).count).toBe(2);
    expect(await faultOf(sequence.camera(0))).toMatchObject({ place: 'frame one.pcd', found: 'none' });
    expect(await faultOf(sequence.labels(0))).toMatchObject({
      place: 'frame one.pcd',
      expected: 'labels',
    });
  });

  it('takes rows of as many columns as it is told, of the files that have no names of theirs', async () => {
    const root = temporaryFolder();
    writeFileSync(join(root, 'a.bin'), new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10).buffer));
    writeFileSync(join(root, 'b.pcd'), writePcd(CLOUD, { encoding: 'ascii' }));
    const sequence = await CloudSequence.open(root, { columns: 5 });
    expect(rowsOf(await sequence.cloud(0), ['x', 'reflectance', 'column5'])).toEqual(
      Float32Array.of(1, 4, 5, 6, 9, 10),
    );
    expect((await sequence.cloud(1)).fields).toHaveLength(4);
    const opened = await openSequence({ path: join(root, 'a.bin'), columns: 5 });
    expect((await opened.cloud(0)).count).toBe(2);
    const expected = 'a .bin file, which columns go with';
    expect(await faultOf(openSequence({ path: join(root, 'b.pcd'), columns: 5 }))).toMatchObject({
      expected,
    });
    mkdirSync(join(root, 'velodyne'));
    expect(await faultOf(openSequence({ path: root, columns: 5 }))).toMatchObject({
      expected: 'point clouds alone, which columns go with',
    });
  });

  it('says which file is damaged or no cloud, and what a folder has instead of clouds', async () => {
    const root = temporaryFolder();
    expect(await faultOf(CloudSequence.open(root))).toMatchObject({ file: root, found: 'an empty folder' });
    writeFileSync(join(root, 'a.txt'), 'x');
    expect(await faultOf(CloudSequence.open(root))).toEqual({
      file: root,
      expected: 'point clouds (.bin, .pcd, .ply)',
      found: 'a.txt',
    });
    writeFileSync(join(root, 'a.bin'), writeKittiBin(ROWS).subarray(0, 30));
    mkdirSync(join(root, 'b.ply'));
    const sequence = await CloudSequence.open(root);
    expect(await faultOf(sequence.cloud(0))).toMatchObject({
      file: join(root, 'a.bin'),
      place: 'byte 16, point 1',
    });
    expect(await faultOf(sequence.cloud(1))).toMatchObject({ file: join(root, 'b.ply'), found: 'a folder' });
    const text = await CloudSequence.open(join(root, 'a.txt'));
    expect(await faultOf(text.cloud(0))).toMatchObject({ expected: '.bin, .pcd, .ply', found: "'.txt'" });
  });
});
