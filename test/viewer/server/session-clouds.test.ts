import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { InputError } from '../../../src/engine/input-error.ts';
import { writeKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { writePcd } from '../../../src/pointcloud/pcd.ts';
import { writePly } from '../../../src/pointcloud/ply.ts';
import { cloudFromRows, type PointCloud } from '../../../src/pointcloud/point-cloud.ts';
import { Session } from '../../../src/viewer/server/session.ts';
import { describeWithRealData } from '../../real-data.ts';
import { closeSessions, faultOf, open, pointsOf } from './open-session.ts';
import { temporaryFolder, write } from './tiny-data.ts';

afterEach(closeSessions);

describe('a point cloud', () => {
  it('of a map keeps what its text says, and says what is special about it', async () => {
    const root = temporaryFolder();
    const rows = ['500000.12 4649776.45 170', '500000.22 4649776.52 171', '1e30 4649776.59 nan'];
    const header = 'FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS 3\nDATA ascii\n';
    write(join(root, 'map.pcd'), header + rows.join('\n'));
    const session = await open({ path: join(root, 'map.pcd') });
    const { header: said, passes } = await pointsOf(session, 0);
    expect(said.notes).toHaveLength(2);
    const [x, y, z] = said.columns.map(({ origin }) => origin);
    const place = (row: number) => [...passes[0].positions.subarray(3 * row, 3 * row + 3)];
    const [first, second, far] = [0, 1, 2].map(place);
    expect(x + first[0]).toBeCloseTo(500000.12, 3);
    expect(y + first[1]).toBeCloseTo(4649776.45, 2);
    expect(second[0] - first[0]).toBeCloseTo(0.1, 3);
    expect(second[1] - first[1]).toBeCloseTo(0.07, 2);
    expect([far[0] / 1e30, z + far[2]]).toEqual([expect.closeTo(1, 6), Number.NaN]);
    expect((await session.point(0, 0)).fields[1].values).toEqual(['4649776.45']);
  });

  it('has as many columns as one is told', async () => {
    const root = temporaryFolder();
    const rows = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    write(join(root, 'a.bin'), new Uint8Array(rows.buffer));
    const session = await open({ path: join(root, 'a.bin'), columns: 5 });
    const { header } = await pointsOf(session, 0);
    expect(header.count).toBe(2);
    expect(header.columns.map(({ name }) => name)).toEqual(['x', 'y', 'z', 'reflectance', 'column5']);
    write(join(root, 'b.pcd'), 'FIELDS x');
    await expect(open({ path: join(root, 'b.pcd'), columns: 5 })).rejects.toThrow('which columns go with');
  });
});

describe('point clouds', () => {
  const rows = Float32Array.of(1, 2, 3, 0.5, -4, 5, 6, 0.25);
  const plain = cloudFromRows(rows, ['x', 'y', 'z', 'intensity']);

  it('of a folder are in their natural order, each with the fields of its file', async () => {
    const folder = temporaryFolder();
    write(join(folder, 'sweep 10.bin'), writeKittiBin(rows));
    write(join(folder, 'sweep 2.PCD'), writePcd(plain, { encoding: 'binary' }));
    write(join(folder, 'sweep 1.ply'), writePly(plain, { encoding: 'ascii' }));
    write(join(folder, '.hidden.bin'), 'x');
    write(join(folder, 'notes.txt'), 'x');
    const session = await open({ path: folder });
    const { sequence, problem } = await session.info();
    expect([sequence!.kind, problem]).toEqual(['point clouds', undefined]);
    expect(sequence!.frames.map(({ id }) => id)).toEqual(['sweep 1.ply', 'sweep 2.PCD', 'sweep 10.bin']);
    for (const [frame, name] of ['intensity', 'intensity', 'reflectance'].entries()) {
      const { header, passes } = await pointsOf(session, frame);
      expect(header.columns.map((column) => column.name)).toEqual(['x', 'y', 'z', name]);
      expect(passes[0].positions[3]).toBeCloseTo(-4, 3);
      expect(passes[0].fields[name][1]).toBeCloseTo(0.25, 4);
      // A cloud without a camera lacks nothing.
      expect(await session.scene(frame)).toEqual({
        camera: undefined,
        labels: [],
        detections: [],
        problems: {},
      });
      expect((await faultOf(session.picture(frame))).expected).toBe('a picture');
    }
    const one = await open({ path: join(folder, 'sweep 2.PCD') });
    expect((await one.info()).sequence).toMatchObject({ kind: 'point cloud', name: 'sweep 2.PCD' });
    expect((await pointsOf(one, 0)).header.count).toBe(2);
  });

  it('may have packed colours, points without a place, and fields of many types', async () => {
    const packed = Uint32Array.of(0xff336699, 0x00010203, 0);
    const cloud: PointCloud = {
      count: 3,
      width: 3,
      height: 1,
      fields: [
        { name: 'rgb', type: 'float32', count: 1, data: new Float32Array(packed.buffer) },
        { name: 'x', type: 'float32', count: 1, data: Float32Array.of(1, Number.NaN, 3) },
        { name: 'y', type: 'float64', count: 1, data: Float64Array.of(4, Number.NaN, 4320978.125) },
        { name: 'z', type: 'float32', count: 1, data: Float32Array.of(7, Number.NaN, 9) },
        { name: '_', type: 'uint8', count: 3, data: new Uint8Array(9) },
        { name: 'normal', type: 'float32', count: 2, data: Float32Array.of(1, 2, 3, 4, 5, 6) },
        { name: 'ring', type: 'uint16', count: 1, data: Uint16Array.of(0, 31, 63) },
        { name: 'stamp', type: 'uint64', count: 1, data: BigUint64Array.of(2n, 1n, 12345678901234567890n) },
      ],
    };
    const file = join(temporaryFolder(), 'colours.pcd');
    write(file, writePcd(cloud, { encoding: 'binary_compressed' }));
    const session = await open({ path: file });
    const { header, passes } = await pointsOf(session, 0);
    expect(header.columns.map(({ name }) => name)).toEqual([
      'x',
      'y',
      'z',
      'red',
      'green',
      'blue',
      'ring',
      'stamp',
    ]);
    const [{ positions, fields }] = passes;
    expect(['red', 'green', 'blue', 'ring'].map((name) => [...fields[name]])).toEqual([
      [0x33, 1, 0],
      [0x66, 2, 0],
      [0x99, 3, 0],
      [0, 31, 63],
    ]);
    expect([...positions.subarray(3, 6)]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect([positions[0], positions[6]]).toEqual([1, 3]);
    const point = Object.fromEntries(
      (await session.point(0, 2)).fields.map(({ name, values }) => [name, values]),
    );
    expect(point).toEqual({
      rgb: ['0'],
      x: ['3'],
      y: ['4320978.125'],
      z: ['9'],
      normal: ['5', '6'],
      ring: ['63'],
      stamp: ['12345678901234567890'],
    });
    expect((await session.point(0, 1)).fields[1]).toEqual({ name: 'x', values: ['NaN'] });
  });

  it('that have no coordinates, no points or another ending are told', async () => {
    const folder = temporaryFolder();
    const flat = cloudFromRows(rows, ['x', 'y', 'intensity', 'ring']);
    write(join(folder, '1.pcd'), writePcd(flat, { encoding: 'ascii' }));
    write(
      join(folder, '2.pcd'),
      writePcd(cloudFromRows(new Float32Array(0), ['X', 'Y', 'Z']), { encoding: 'ascii' }),
    );
    write(join(folder, '3.pcd'), 'VERSION .7\nFIELDS');
    const session = await open({ path: folder });
    expect(await faultOf(session.points(0))).toMatchObject({
      expected: 'fields x, y and z',
      found: 'x, y, intensity, ring',
    });
    expect((await pointsOf(session, 1)).header).toMatchObject({ count: 0, firsts: [] });
    expect((await faultOf(session.points(2))).file).toBe(join(folder, '3.pcd'));
    write(join(folder, 'cloud.las'), 'x');
    expect((await faultOf(Session.open({ path: join(folder, 'cloud.las') }))).found).toBe('another file');
    // A single one that is damaged leaves nothing to be shown.
    expect((await faultOf(Session.open({ path: join(folder, '3.pcd') }))).file).toBe(join(folder, '3.pcd'));
  });
});

const damaged = {
  pcd: ['ascii_empty.pcd', 'ascii_invalid_header.pcd', 'missingheader.pcd', 'utm17_comma.pcd'],
  ply: [],
};
for (const [kind, wrong] of Object.entries(damaged)) {
  describeWithRealData(`real ${kind} files`, kind, (path) => {
    it('open, or say what is wrong with them', async () => {
      const names = readdirSync(path).filter((name) => existsSync(join(path, name)));
      const told: string[] = [];
      for (const name of names) {
        const file = join(path, name);
        const result = await open({ path: file })
          .then((session) => pointsOf(session, 0))
          .catch((error: unknown) => error);
        if (result instanceof InputError) {
          expect(dirname(result.fault.file)).toBe(path);
          told.push(name);
        } else {
          const { header, passes } = result as Awaited<ReturnType<typeof pointsOf>>;
          expect(passes.reduce((sum, { indices }) => sum + indices.length, 0)).toBe(header.count);
          expect(header.columns.slice(0, 3).map((column) => column.name)).toEqual(['x', 'y', 'z']);
        }
      }
      expect(told.sort()).toEqual(wrong);
      const folder = await open({ path });
      expect((await folder.info()).sequence!.frames.map(({ id }) => id).sort()).toEqual([...names].sort());
    });
  });
}
