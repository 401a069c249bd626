import { rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { writeKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { writePcd } from '../../../src/pointcloud/pcd.ts';
import { cloudFromRows } from '../../../src/pointcloud/point-cloud.ts';
import { type Pass, PointDecoder } from '../../../src/viewer/point-stream.ts';
import { Session } from '../../../src/viewer/server/session.ts';
import { closeSessions, faultOf, open, pointsOf, shownOf, whole } from './open-session.ts';
import { PICTURE, temporaryFolder, write, writeTinyKitti } from './tiny-data.ts';

afterEach(closeSessions);

describe('a data set', () => {
  it('is shown as it is', async () => {
    const root = await writeTinyKitti(temporaryFolder(), 2);
    write(join(root, 'ImageSets/train.txt'), '000001\n');
    const session = await open({ path: `${root}/` });
    const info = await session.info();
    expect(info).toMatchObject({ title: root.split('/').at(-1), run: undefined, problem: undefined });
    expect(info.sequence).toMatchObject({ kind: 'KITTI object data set', name: info.title });
    expect(info.sequence).toMatchObject({ cameras: ['image_2'], first: 0, roadZM: -1.73 });
    expect(info.offers).toEqual({ matches: true, features: false });
    const frame = {
      parts: ['sweep', 'picture', 'calibration', 'labels'],
      pictures: ['image_2'],
      ...{ notes: [], timeS: undefined, worldFromLidar: undefined },
    };
    expect(info.sequence!.frames).toEqual([
      { ...frame, id: '000000', sets: [] },
      { ...frame, id: '000001', sets: ['train'] },
    ]);
    expect(await shownOf(session, 1)).toEqual(whole);
    const { camera, labels, detections } = await session.scene(0);
    expect(camera).toMatchObject({
      name: 'image_2',
      pixelFromLidar: [20, -30, 0, 0, 10, 0, -30, 0, 1, 0, 0, 0],
    });
    expect(labels[0]).toMatchObject({ box2: [1, 2, 3, 4], score: undefined, trackId: undefined });
    expect(labels[0].box3!.center[0]).toBeCloseTo(10, 9);
    expect(detections).toEqual([]);
    const { data, info: size } = await sharp((await session.picture(0)).bytes)
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([size.width, size.height, size.channels]).toEqual([40, 20, 3]);
    expect(Math.abs(data[0] - PICTURE.data[0])).toBeLessThan(40);
  });

  it('serves JPEG pictures as they are', async () => {
    const root = await writeTinyKitti(temporaryFolder(), 1);
    const { data, ...size } = PICTURE;
    const jpeg = await sharp(data, { raw: { ...size, channels: 3 } })
      .jpeg()
      .toBuffer();
    rmSync(join(root, 'training/image_2/000000.png'));
    write(join(root, 'training/image_2/000000.JPG'), jpeg);
    const { type, bytes } = await (await open({ path: root })).picture(0);
    expect([type, jpeg.equals(bytes)]).toEqual(['image/jpeg', true]);
  });

  it('gives the numbers of a point exactly as the file has them', async () => {
    const root = await writeTinyKitti(temporaryFolder(), 1);
    const session = await open({ path: root });
    const { index, fields } = await session.point(0, 2);
    expect(index).toBe(2);
    expect(fields).toEqual([
      { name: 'x', values: ['12'] },
      { name: 'y', values: ['0.1'] },
      { name: 'z', values: ['0.33333334'] },
      { name: 'reflectance', values: ['1'] },
    ]);
    expect(await faultOf(session.point(0, 3))).toMatchObject({ place: 'point 3', expected: 'one of 3' });
    // Every float32 number, in decimal digits that lead back to it.
    const bits = Uint32Array.from({ length: 4000 }, (_, i) => Math.imul(i + 1, 2654435761));
    const numbers = new Float32Array(bits.buffer).filter(Number.isFinite);
    const rows = numbers.subarray(0, numbers.length - (numbers.length % 4));
    write(join(root, 'any.bin'), writeKittiBin(rows));
    const any = await open({ path: join(root, 'any.bin') });
    for (let i = 0; i < rows.length / 4; i++) {
      const point = await any.point(0, i);
      expect(point.fields.map(({ values }) => Math.fround(Number(values[0])) + 0)).toEqual(
        [...rows.subarray(4 * i, 4 * i + 4)].map((value) => value + 0),
      );
    }
  });
});

describe('something beside', () => {
  const fileOf = (x: number) => {
    const path = join(temporaryFolder(), `at-${x}.pcd`);
    const cloud = cloudFromRows(Float32Array.of(x, 0, 0), ['x', 'y', 'z']);
    write(path, writePcd(cloud, { encoding: 'binary' }));
    return path;
  };

  it('has its own frames and points', async () => {
    const session = await open({ path: fileOf(3), beside: fileOf(7) });
    const { beside } = await session.info();
    expect(beside).toMatchObject({ title: 'at-7.pcd', sequence: { frames: [{ parts: ['sweep'] }] } });
    const decoder = new PointDecoder();
    const passes: Pass[] = [];
    for (const piece of await session.second().points(0)) passes.push(...decoder.push(piece));
    expect(passes[0].positions[0]).toBeCloseTo(7, 2);
    expect((await pointsOf(session, 0)).passes[0].positions[0]).toBeCloseTo(3, 2);
  });

  it('is named by as much of its path as tells it from the first', async () => {
    const [first, second] = ['a', 'b'].map((name) => {
      const path = join(temporaryFolder(), name, 'sweep.pcd');
      write(path, writePcd(cloudFromRows(Float32Array.of(1, 0, 0), ['x', 'y', 'z']), { encoding: 'binary' }));
      return path;
    });
    const { title, beside } = await (await open({ path: first, beside: second })).info();
    expect([title, beside!.title]).toEqual(['a/sweep.pcd', 'b/sweep.pcd']);
  });

  it('is a run beside a run, whose steps are its own', async () => {
    const [first, second] = [1, 2].map((steps) => {
      const run = temporaryFolder();
      write(join(run, 'config.json'), '{}');
      const lines = Array.from({ length: steps }, (_, i) =>
        JSON.stringify({ step: i + 1, loss: { total: 1 } }),
      );
      write(join(run, 'metrics.jsonl'), `${lines.join('\n')}\n`);
      return run;
    });
    const session = await open({ path: first, beside: second });
    const { beside } = await session.info();
    expect(beside).toMatchObject({ sequence: undefined, run: { learns: 'encoders' } });
    expect((await session.metrics(0)).lines).toHaveLength(1);
    expect((await session.second().metrics(0)).lines).toHaveLength(2);
    const fault = await faultOf(Session.open({ path: first, beside: fileOf(3) }));
    expect(fault).toMatchObject({ expected: 'a run beside a run', found: 'no run' });
  });

  it('is data beside data, and is asked for only where there is something', async () => {
    const run = temporaryFolder();
    write(join(run, 'config.json'), '{}');
    const fault = await faultOf(Session.open({ path: fileOf(3), beside: run }));
    expect(fault).toMatchObject({ file: run, found: 'a run' });
    const alone = await open({ path: fileOf(3) });
    expect((await alone.info()).beside).toBeUndefined();
    expect(() => alone.second()).toThrow(/something to show beside it, found nothing/);
  });
});
