import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { readFrameFile } from '../../../src/datasets/read-frame-file.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { readKittiBin, writeKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { writePcd } from '../../../src/pointcloud/pcd.ts';
import { writePly } from '../../../src/pointcloud/ply.ts';
import { cloudFromRows, type PointCloud } from '../../../src/pointcloud/point-cloud.ts';
import { MAP_CELLS, type ObjectMaps, writeObjectMaps } from '../../../src/training/detection/object-maps.ts';
import { type Pass, PointDecoder } from '../../../src/viewer/point-stream.ts';
import type { SessionOptions } from '../../../src/viewer/server/open-parts.ts';
import { Session } from '../../../src/viewer/server/session.ts';
import { tinyRun } from '../../objectives/tiny-simipu.ts';
import { describeWithRealData, realData } from '../../real-data.ts';
import {
  CALIBRATION,
  LABELS,
  PICTURE,
  POINTS,
  RESULTS,
  removeFolders,
  temporaryFolder,
  write,
  writeTinyKitti,
} from './tiny-data.ts';

const sessions: Session[] = [];

async function open(options: SessionOptions): Promise<Session> {
  const session = await Session.open(options);
  sessions.push(session);
  return session;
}

afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
  removeFolders();
});

async function faultOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => 'nothing was thrown',
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).fault;
}

/** The points of a frame as the page has them, in one pass. */
async function pointsOf(session: Session, frame: number) {
  const decoder = new PointDecoder();
  const passes: Pass[] = [];
  for (const piece of await session.points(frame)) passes.push(...decoder.push(piece));
  return { header: decoder.finish(), passes };
}

const whole = {
  points: 3,
  picture: 'image/webp',
  camera: [PICTURE.width, PICTURE.height],
  labels: ['Car'],
  problems: {},
};

/** What of a frame is there, and what is told of the rest. */
async function shownOf(session: Session, frame: number) {
  const { camera, labels, problems } = await session.scene(frame);
  return {
    points: await pointsOf(session, frame).then(
      ({ header }) => header.count,
      (error: InputError) => error.message,
    ),
    picture: await session.picture(frame).then(
      ({ type }) => type,
      (error: InputError) => error.message,
    ),
    camera: camera && [camera.width, camera.height],
    labels: labels.map(({ type }) => type),
    problems: Object.fromEntries(Object.entries(problems).map(([part, problem]) => [part, problem?.message])),
  };
}

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

describe('what is missing or damaged', () => {
  const broken = async (part: string, content: string | Uint8Array | undefined) => {
    const root = await writeTinyKitti(temporaryFolder(), 2);
    const path = join(root, 'training', part);
    rmSync(path);
    if (content !== undefined) write(path, content);
    const session = await open({ path: root });
    // The other frame is whole whatever becomes of this one.
    expect(await shownOf(session, 1)).toEqual(whole);
    return { shown: await shownOf(session, 0), notes: (await session.info()).sequence!.frames[0].notes };
  };

  it('leaves the others: no picture', async () => {
    const { shown, notes } = await broken('image_2/000000.png', undefined);
    expect(notes).toEqual(['image_2/000000.png is missing']);
    const message = expect.stringContaining('frame 000000: expected a picture, found none');
    expect(shown).toEqual({
      ...whole,
      picture: message,
      camera: [undefined, undefined],
      problems: { picture: message },
    });
  });

  it('leaves the others: no calibration', async () => {
    const { shown, notes } = await broken('calib/000000.txt', undefined);
    expect(notes).toEqual(['calib/000000.txt is missing']);
    const message = expect.stringContaining('expected a calibration, found none');
    expect(shown).toEqual({
      ...whole,
      camera: undefined,
      labels: [],
      problems: { calibration: message, labels: message },
    });
  });

  it('leaves the others: no labels', async () => {
    const { shown, notes } = await broken('label_2/000000.txt', undefined);
    expect(notes).toEqual(['label_2/000000.txt is missing']);
    expect(shown).toEqual({ ...whole, labels: [] });
  });

  it('leaves the others: no sweep', async () => {
    const { shown } = await broken('velodyne/000000.bin', undefined);
    expect(shown).toEqual({ ...whole, points: expect.stringContaining('expected a sweep, found none') });
  });

  it('leaves the others: a sweep that ends within a point', async () => {
    const { shown } = await broken('velodyne/000000.bin', writeKittiBin(POINTS).subarray(0, 45));
    expect(shown).toEqual({
      ...whole,
      points: expect.stringMatching(/000000\.bin: byte 32, point 2: expected/),
    });
  });

  it('leaves the others: a picture that is none, and one that is cut', async () => {
    const text = await broken('image_2/000000.png', 'no picture');
    const message = expect.stringContaining('image_2/000000.png');
    expect(text.shown).toEqual({
      ...whole,
      picture: message,
      camera: [undefined, undefined],
      problems: { picture: message },
    });
    const root = await writeTinyKitti(temporaryFolder(), 1);
    const png = readFileSync(join(root, 'training/image_2/000000.png'));
    // Its size can still be read, so that the camera is known.
    const cut = await broken('image_2/000000.png', png.subarray(0, png.length / 2));
    expect(cut.shown).toEqual({ ...whole, picture: message });
  });

  it('leaves the others: damaged calibration and labels', async () => {
    const calibration = await broken('calib/000000.txt', CALIBRATION.slice(0, 60));
    expect(calibration.shown).toMatchObject({
      points: 3,
      picture: 'image/webp',
      camera: undefined,
      labels: [],
    });
    expect(calibration.shown.problems.calibration).toContain('calib/000000.txt');
    const labels = await broken('label_2/000000.txt', `${LABELS}Car 0 0\n`);
    expect(labels.shown).toEqual({
      ...whole,
      labels: [],
      problems: { labels: expect.stringMatching(/label_2\/000000\.txt: line 2/) },
    });
    const bytes = await broken('label_2/000000.txt', new Uint8Array(40).fill(255));
    expect(bytes.shown).toMatchObject({
      ...whole,
      labels: [],
      problems: { labels: expect.stringContaining('UTF-8') },
    });
  });

  it('is read anew once it is mended', async () => {
    const root = await writeTinyKitti(temporaryFolder(), 1);
    const paths = ['velodyne/000000.bin', 'image_2/000000.png'].map((name) => join(root, 'training', name));
    const sound = paths.map((path) => readFileSync(path));
    for (const path of paths) write(path, 'xyz');
    const session = await open({ path: root });
    const shown = await shownOf(session, 0);
    expect(shown.points).toContain('000000.bin');
    expect(shown.picture).toContain('000000.png');
    paths.forEach((path, i) => {
      write(path, sound[i]);
    });
    expect(await shownOf(session, 0)).toEqual(whole);
  });

  it('is told of a folder without frames, and of what does not exist', async () => {
    const folder = temporaryFolder();
    write(join(folder, 'notes.txt'), 'x');
    expect((await faultOf(Session.open({ path: folder }))).found).toBe('notes.txt');
    expect(await faultOf(Session.open({ path: join(folder, 'notes.txt') }))).toMatchObject({
      expected: expect.stringMatching(/^a KITTI object data set, .*\(\.bin, \.pcd, \.ply\) or a run$/),
      found: 'another file',
    });
    // A run has more to show than its data.
    write(join(folder, 'run/config.json'), '{}');
    const session = await open({ path: join(folder, 'run') });
    const { sequence, problem } = await session.info();
    expect(sequence).toBeUndefined();
    expect(problem!.message).toMatch(/config\.json: .*expected/);
    for (const asked of [
      session.scene(0),
      session.points(0),
      session.picture(0),
      session.places(0, {}, new AbortController().signal),
    ]) {
      expect((await faultOf(asked)).expected).toBe('frames');
    }
    expect(await faultOf(Session.open({ path: join(folder, 'none') }))).toMatchObject({ found: 'nothing' });
    const also = [join(folder, 'none')];
    expect(await faultOf(Session.open({ path: folder, also }))).toMatchObject({
      file: also[0],
      found: 'nothing',
    });
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

describeWithRealData('real object frames', 'kitti-object', (path) => {
  it('are shown whole', async () => {
    const session = await open({ path });
    const frames = (await session.info()).sequence!.frames;
    expect(frames).toHaveLength(8);
    for (const [frame, { id, notes }] of frames.entries()) {
      expect(notes).toEqual([]);
      const file = join(path, `training/velodyne/${id}.bin`);
      const points = readKittiBin(await readFrameFile(file), { file });
      const { header, passes } = await pointsOf(session, frame);
      expect([header.count, passes.length]).toEqual([points.length / 4, points.length / 4 > 65536 ? 2 : 1]);
      let worst = 0;
      for (const { indices, positions, fields } of passes) {
        indices.forEach((index, k) => {
          for (let c = 0; c < 3; c++)
            worst = Math.max(worst, Math.abs(positions[3 * k + c] - points[4 * index + c]));
          worst = Math.max(worst, Math.abs(fields.reflectance[k] - points[4 * index + 3]));
        });
      }
      expect(worst).toBeLessThan(0.00201);
      const { camera, labels, problems } = await session.scene(frame);
      expect(problems).toEqual({});
      const text = readFileSync(join(path, `training/label_2/${id}.txt`), 'utf8').trim();
      expect(labels.map(({ type }) => type)).toEqual(text.split('\n').map((line) => line.split(' ')[0]));
      const { width, height, bytes } = await session.picture(frame);
      expect([camera!.width, camera!.height]).toEqual([width, height]);
      expect(await sharp(bytes).metadata()).toMatchObject({ width, height, format: 'webp' });
    }
  });
});

describeWithRealData('a real drive', 'kitti-raw/2011_09_26', (date) => {
  const tracks = realData('kitti-tracking/training/label_02/0000.txt');

  it.each(['', '2011_09_26_drive_0005_sync'])(
    'is shown with its times, poses and tracks (%s)',
    async (drive) => {
      const session = await open({ path: join(date, drive), tracks });
      const { sequence, problem } = await session.info();
      expect([sequence!.kind, problem]).toEqual(['KITTI raw drive', undefined]);
      const { frames } = sequence!;
      expect(frames).toHaveLength(12);
      expect(frames[0]).toMatchObject({ id: '0000000000', timeS: 0 });
      expect(frames[11].timeS).toBeCloseTo(1.13, 1);
      expect(frames.every(({ worldFromLidar }) => worldFromLidar?.length === 16)).toBe(true);
      const { camera, labels, problems } = await session.scene(5);
      expect([camera!.name, problems]).toEqual(['image_02', {}]);
      if (tracks !== undefined) {
        expect(labels.length).toBeGreaterThan(2);
        expect(labels.some(({ trackId, box3 }) => trackId !== undefined && box3 !== undefined)).toBe(true);
      }
      expect((await pointsOf(session, 5)).header.count).toBeGreaterThan(100_000);
      expect((await session.picture(5)).width).toBe(camera!.width);
    },
  );
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
