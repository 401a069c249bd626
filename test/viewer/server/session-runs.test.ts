import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { MAP_CELLS, type ObjectMaps, writeObjectMaps } from '../../../src/training/detection/object-maps.ts';
import { Session } from '../../../src/viewer/server/session.ts';
import { tinyRun } from '../../objectives/tiny-simipu.ts';
import { closeSessions, faultOf, open, shownOf, whole } from './open-session.ts';
import { RESULTS, temporaryFolder, write, writeTinyKitti } from './tiny-data.ts';

afterEach(closeSessions);

describe('detections', () => {
  it('come with their scores, from the folder itself or from data in it', async () => {
    const root = await writeTinyKitti(temporaryFolder(), 2);
    const results = temporaryFolder();
    write(join(results, 'data/000000.txt'), RESULTS);
    for (const detections of [results, join(results, 'data')]) {
      const session = await open({ path: root, detections });
      expect((await session.info()).hasDetections).toBe(true);
      expect((await session.scene(0)).detections).toMatchObject([{ type: 'Car', score: 0.75 }]);
      expect(await session.scene(1)).toMatchObject({ detections: [], problems: {} });
    }
    write(join(results, 'data/000001.txt'), 'Car 1 2 3\n');
    const { problems, labels } = await (await open({ path: root, detections: results })).scene(1);
    expect(problems.detections!.message).toContain('000001.txt: line 1');
    expect(labels).toHaveLength(1);
    expect(await faultOf(Session.open({ path: root, detections: root }))).toMatchObject({
      found: 'none in it',
    });
    expect(await faultOf(Session.open({ path: root, detections: join(root, 'x') }))).toMatchObject({
      found: 'nothing',
    });
  });
});

describe('maps of objects', () => {
  const cells = MAP_CELLS ** 2;
  const maps: ObjectMaps = {
    box: [10, 5, 30, 15],
    pose: { center: [10, 0, -0.25], sizeM: [4, 1.6, 1.5], yaw: 0 },
    score: 0.5,
    covariance: Float32Array.from({ length: 16 }, (_, i) => [0.04, 1, 4, 9][i / 5] ?? 0),
    // Two metres ahead of the middle, at the top, to the left.
    coordinates: Float32Array.from({ length: 3 * cells }, (_, i) => [2, -1.5, 0.8][i % 3]),
    logStd: new Float32Array(2 * cells),
    errorPx: new Float32Array(cells).fill(3),
  };

  it('lie beside detections, and are placed by the pose', async () => {
    const root = await writeTinyKitti(temporaryFolder(), 2);
    const results = temporaryFolder();
    write(join(results, '000000.txt'), RESULTS);
    expect((await (await open({ path: root, detections: results })).info()).hasObjects).toBe(false);
    mkdirSync(join(results, 'objects'));
    await writeObjectMaps(join(results, 'objects/000000.safetensors'), [maps]);
    const session = await open({ path: root, detections: results });
    expect((await session.info()).hasObjects).toBe(true);
    const { info, arrays } = await session.objects(0);
    expect(info.cells).toBe(MAP_CELLS);
    expect(info.objects).toMatchObject([{ box: [10, 5, 30, 15], score: 0.5 }]);
    expect(info.objects[0].deviations.rotationY).toBeCloseTo(0.2, 6);
    expect(info.objects[0].deviations.depthM).toBe(3);
    const place = [...arrays.places.subarray(0, 3)];
    [12, 0.8, 0.5].forEach((value, axis) => {
      expect(place[axis]).toBeCloseTo(value, 5);
    });
    expect(arrays.errorPx[783]).toBe(3);
    expect((await session.objects(1)).info.objects).toEqual([]);
    write(join(results, 'objects/000001.safetensors'), 'x');
    expect(await faultOf(session.objects(1))).toMatchObject({
      file: join(results, 'objects/000001.safetensors'),
    });
  });

  it('are not read where a link leads out of the folders', async () => {
    const root = await writeTinyKitti(temporaryFolder(), 1);
    const [results, elsewhere] = [temporaryFolder(), temporaryFolder()];
    write(join(results, '000000.txt'), RESULTS);
    await writeObjectMaps(join(elsewhere, 'maps.safetensors'), [maps]);
    mkdirSync(join(results, 'objects'));
    symlinkSync(join(elsewhere, 'maps.safetensors'), join(results, 'objects/000000.safetensors'));
    const session = await open({ path: root, detections: results });
    expect((await faultOf(session.objects(0))).found).toContain('--also');
    const also = await open({ path: root, detections: results, also: [elsewhere] });
    expect((await also.objects(0)).info.objects).toHaveLength(1);
  });
});

describe("a detector's run", () => {
  const writeRun = (folder: string, root: string) =>
    write(
      join(folder, 'config.json'),
      JSON.stringify({ detector: 'point3d', point3d: { classes: ['Car'] }, data: { root, frames: 1 } }),
    );
  const manifest = (root: string, split = 'training') => JSON.stringify({ data: { root, split } });

  it('offers no features of places where a classifier is trained', async () => {
    const project = temporaryFolder();
    const root = await writeTinyKitti(join(project, 'kitti'), 1);
    const run = join(project, 'runs/classifier');
    write(join(run, 'config.json'), JSON.stringify({ classifier: {}, steps: 5, data: { root } }));
    const info = await (await open({ path: run, data: root })).info();
    expect(info.run).toMatchObject({ objective: 'classifier', learns: 'classifier', problem: undefined });
    expect(info.offers).toEqual({ matches: true, features: false });
  });

  it('is shown with its data, its classes, and what lies in its folder of detections', async () => {
    const project = temporaryFolder();
    const root = await writeTinyKitti(join(project, 'kitti'), 1);
    const run = join(project, 'runs/point3d');
    writeRun(run, root);
    const bare = await (await open({ path: run })).info();
    expect(bare).toMatchObject({ hasDetections: false, classes: ['Car'], problem: undefined });
    expect(bare.run).toMatchObject({ objective: 'point3d', learns: 'detector' });
    expect(bare.offers).toEqual({ matches: true, features: false });
    write(join(run, 'detections/detections.json'), manifest(root));
    expect((await (await open({ path: run })).info()).hasDetections).toBe(false);
    write(join(run, 'detections/000000.txt'), RESULTS);
    const session = await open({ path: run });
    expect((await session.info()).hasDetections).toBe(true);
    expect((await session.scene(0)).detections).toMatchObject([{ type: 'Car', score: 0.75 }]);
    for (const given of [
      manifest(await writeTinyKitti(join(project, 'other'), 1)),
      manifest(root, 'testing'),
    ]) {
      write(join(run, 'detections/detections.json'), given);
      expect((await (await open({ path: run })).info()).hasDetections).toBe(false);
    }
    write(join(run, 'detections/detections.json'), manifest('kitti'));
    expect((await (await open({ path: run })).info()).hasDetections).toBe(true);
  });

  it('has no features, and matches as data alone has them', async () => {
    const project = temporaryFolder();
    writeRun(join(project, 'run'), await writeTinyKitti(join(project, 'kitti'), 1));
    const session = await open({ path: join(project, 'run') });
    const { signal } = new AbortController();
    expect(await faultOf(session.places(0, {}, signal))).toMatchObject({ found: 'data alone' });
  });

  it('is told where its data is gone', async () => {
    const run = join(temporaryFolder(), 'run');
    writeRun(run, 'nowhere');
    const lost = await (await open({ path: run })).info();
    expect(lost.problem!.message).toContain('--data <folder>');
    write(join(run, 'config.json'), JSON.stringify({ detector: 'point3d' }));
    expect((await (await open({ path: run })).info()).problem!.message).toContain('data.root');
  });
});

describe('a run', () => {
  /** A run that was begun on the data of a folder. */
  const writeRun = (folder: string, root: string) =>
    write(join(folder, 'config.json'), JSON.stringify({ ...tinyRun(), data: { root, frames: 2 } }));

  it('is shown with the data that its configuration names, also from the folders above it', async () => {
    const project = temporaryFolder();
    await writeTinyKitti(join(project, 'tiny-kitti/object'), 2);
    for (const [run, root] of [
      ['runs/first', join(project, 'tiny-kitti/object')],
      ['runs/second', 'tiny-kitti/object'],
      ['runs/deep/down/third', './tiny-kitti/object/'],
      ['tiny-kitti/fourth', 'object'],
    ]) {
      writeRun(join(project, run), root);
      const session = await open({ path: join(project, run) });
      const { title, problem, sequence, run: info } = await session.info();
      expect([run, problem, title]).toEqual([run, undefined, run.split('/').at(-1)]);
      expect(sequence!.frames).toHaveLength(2);
      expect(info).toMatchObject({ name: title, checkpoints: [], problem: undefined });
      expect(await session.runInfo()).toEqual(info);
      expect(await session.metrics(0)).toMatchObject({ offset: 0, lines: [] });
      expect(await shownOf(session, 0)).toEqual(whole);
    }
  });

  it('is shown without frames where its data is missing, and with those that are given', async () => {
    const [run, data] = [join(temporaryFolder(), 'run'), await writeTinyKitti(temporaryFolder(), 1)];
    writeRun(run, 'nowhere/kitti');
    const lost = await (await open({ path: run })).info();
    expect(lost.sequence).toBeUndefined();
    expect(lost.problem!.message).toBe(
      `${run}/config.json: data.root: expected the folder nowhere/kitti; --data <folder> says where it is now, found no such folder`,
    );
    expect(lost.run).toMatchObject({ name: 'run', problem: undefined });
    const found = await open({ path: run, data });
    expect((await found.info()).sequence!.frames).toHaveLength(1);
    expect(await shownOf(found, 0)).toEqual(whole);
    expect(await faultOf(Session.open({ path: run, data: join(data, 'none') }))).toMatchObject({
      found: 'nothing',
    });
  });

  it('is shown where its configuration is damaged or missing', async () => {
    const run = join(temporaryFolder(), 'run');
    write(join(run, 'config.json'), '{"data":');
    const damaged = await (await open({ path: run })).info();
    expect(damaged.problem!.message).toContain('expected JSON');
    expect(damaged.run!.problem!.message).toContain('config.json');
    rmSync(join(run, 'config.json'));
    mkdirSync(join(run, 'checkpoints'));
    expect((await (await open({ path: run })).info()).problem!.message).toContain('config.json');
  });

  it('is what --data goes with', async () => {
    const data = await writeTinyKitti(temporaryFolder(), 1);
    expect(await faultOf(Session.open({ path: data, data }))).toEqual({
      file: data,
      expected: 'a run, which --data goes with',
      found: 'no run',
    });
    const session = await open({ path: data });
    expect(await faultOf(session.runInfo())).toMatchObject({ expected: 'a run', found: 'data alone' });
    expect(await faultOf(session.metrics(0))).toMatchObject({ expected: 'a run' });
  });
});
