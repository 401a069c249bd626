import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectLabel } from '../../../src/datasets/frame.ts';
import { parseKittiLabels } from '../../../src/datasets/kitti-labels.ts';
import { KittiObject } from '../../../src/datasets/kitti-object.ts';
import { openFrames } from '../../../src/datasets/open-frames.ts';
import { openObjectFrames } from '../../../src/detection/detection-frames.ts';
import { Random } from '../../../src/engine/random.ts';
import { angleDifference } from '../../../src/geometry/angle.ts';
import type { Box3 } from '../../../src/geometry/box.ts';
import { birdsEyeIou } from '../../../src/geometry/box-overlap.ts';
import { multiply44 } from '../../../src/geometry/matrix.ts';
import { inverseRigid } from '../../../src/geometry/rigid-transform.ts';
import { writeKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { finetune } from '../../../src/training/detection/finetune.ts';
import { drawLabelledFrames } from '../../../src/training/detection/labelled-frames.ts';
import { pseudoLabel } from '../../../src/training/detection/pseudo-label.ts';
import { writeTracking } from '../../datasets/tiny-sequences.ts';
import { road, seenSides } from '../../detection/street.ts';
import { writeSyntheticKitti } from '../../objectives/tiny-simipu.ts';
import { carAt as carOfWorld, sweepOf } from '../../pointcloud/segments/box-world.ts';
import { tinyDetector } from './tiny-detector.ts';

const groundM = -1.7;
const carAt = (x: number, y: number): Box3 => ({
  center: [x, y, groundM + 0.75],
  sizeM: [4, 1.65, 1.5],
  yaw: 0.1,
});
const stream = { write: () => {} };
let folder: string;
let data: string;
let ids: string[];
/** One car in each frame, of which the camera sees it, and one behind the camera. */
const cars = [carAt(12, 2), carAt(15, -2), carAt(18, 1)];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pseudo-label-'));
  data = join(folder, 'kitti');
  ids = await writeSyntheticKitti(data, cars.length);
  for (const [i, id] of ids.entries()) {
    const random = Random.fromSeed(i);
    const behind = seenSides({ ...carAt(-12, 0) }, 300, random);
    const points = Float32Array.from([...road(groundM), ...seenSides(cars[i], 300, random), ...behind]);
    await writeFile(join(data, 'training/velodyne', `${id}.bin`), writeKittiBin(points));
  }
});
afterAll(() => rm(folder, { recursive: true }));

describe('pseudoLabel', () => {
  it('writes what the camera sees, with scores, of data without labels', async () => {
    expect(await readdir(join(data, 'training'))).not.toContain('label_2');
    const out = join(folder, 'labels');
    const result = await pseudoLabel({ data: { root: data }, out, stream });
    expect(result).toEqual({ frames: 3, before: 0, boxes: { Car: 3 }, damaged: [], interrupted: false });
    const set = await KittiObject.open(data);
    for (const [i, id] of ids.entries()) {
      const { cameraFromLidar } = await set.camera(i);
      const text = await readFile(join(out, `${id}.txt`), 'utf8');
      const [label, ...others] = parseKittiLabels(text, { rectFromLidar: cameraFromLidar });
      expect(others).toEqual([]);
      expect(label.type).toBe('Car');
      expect(birdsEyeIou(label.box3!, cars[i])).toBeGreaterThan(0.6);
      expect(label.score).toBeGreaterThan(0.9);
    }
  });

  it('keeps the files that are there, and goes on where it was interrupted', async () => {
    const out = join(folder, 'interrupted');
    const controller = new AbortController();
    const said = { write: (text: string) => text.includes('1/3') && controller.abort() };
    const first = await pseudoLabel({ data: { root: data }, out, stream: said, signal: controller.signal });
    expect(first).toMatchObject({ frames: 1, interrupted: true });
    const before = await stat(join(out, `${ids[0]}.txt`));
    const second = await pseudoLabel({ data: { root: data }, out, stream });
    expect(second).toMatchObject({ frames: 3, before: 1, boxes: { Car: 2 }, interrupted: false });
    expect((await stat(join(out, `${ids[0]}.txt`))).mtimeMs).toBe(before.mtimeMs);
  });

  it('tells a damaged sweep, and goes on without it or, where it is strict, ends', async () => {
    const out = join(folder, 'damaged');
    const file = join(data, 'training/velodyne', `${ids[1]}.bin`);
    const whole = await readFile(file);
    await writeFile(file, whole.subarray(0, 30));
    try {
      const strict = { root: data, strict: true };
      await expect(pseudoLabel({ data: strict, out, stream })).rejects.toThrow(`${ids[1]}.bin`);
      const { frames, damaged } = await pseudoLabel({ data: { root: data }, out, stream });
      expect(frames).toBe(2);
      expect(damaged).toEqual([expect.stringContaining(`${ids[1]}.bin`)]);
    } finally {
      await writeFile(file, whole);
    }
  });
});

describe('pseudoLabel of a drive', () => {
  /** More frames than get their boxes at once; the last is a second after the others. */
  const times = [...Array.from({ length: 23 }, (_, k) => k), 33];
  /** A car that comes towards the sensor's own, and one that stands, in the frame of the first sweep. */
  const oncoming = (timeS: number): Box3 => carOfWorld(50 - 5 * timeS, 3, Math.PI);
  const parked = () => carOfWorld(42, -4, 0);
  let root: string;

  beforeAll(async () => {
    root = join(folder, 'drive');
    await writeTracking(root, '0000', times);
    const { sequences } = await openFrames({ root }, ['points']);
    const poses = sequences[0].moments.map(({ worldFromLidar }) => worldFromLidar!);
    for (const [k, frame] of times.entries()) {
      const worldFromLidar = multiply44(inverseRigid(poses[0]), poses[k]);
      const { points } = sweepOf([oncoming, parked], { timeS: frame / 10, worldFromLidar });
      const name = `${String(frame).padStart(6, '0')}.bin`;
      await writeFile(join(root, 'velodyne/0000', name), writeKittiBin(points));
    }
  });

  /** The boxes of each frame's file, in the LiDAR frame, by file. */
  async function boxesIn(out: string) {
    const frames = await openObjectFrames({ root }, { withLabels: false });
    const boxes = frames.ids.map(async (id, index) => {
      const { cameraFromLidar } = await frames.camera(index);
      return parseKittiLabels(await readFile(join(out, `${id}.txt`), 'utf8'), {
        rectFromLidar: cameraFromLidar,
      });
    });
    return Promise.all(boxes);
  }
  const towards = (yaw: number) => Math.abs(angleDifference(yaw, Math.PI)) < 0.2;
  const cars = (labels: readonly ObjectLabel[]) => labels.filter(({ type }) => type === 'Car');

  it('follows things over time, so that what moves has its front ahead', async () => {
    const out = join(folder, 'followed');
    const result = await pseudoLabel({ data: { root }, out, stream });
    expect(result).toMatchObject({ frames: times.length, damaged: [], interrupted: false });
    const found = await boxesIn(out);
    for (const labels of found.slice(0, 23)) {
      const moving = cars(labels).filter(({ box3 }) => towards(box3!.yaw));
      expect(moving).toHaveLength(1);
    }
    const [nearest] = cars(found[22]).filter(({ box3 }) => towards(box3!.yaw));
    expect(nearest.score).toBeGreaterThan(0.8);
    // A second later nothing is known of where it went.
    expect(cars(found[23]).filter(({ box3 }) => towards(box3!.yaw))).toEqual([]);
    expect(cars(found[23]).length).toBeGreaterThan(0);
  });

  it('takes each frame by itself where that is wanted', async () => {
    const out = join(folder, 'single');
    await pseudoLabel({ data: { root }, out, stream, single: true });
    const found = await boxesIn(out);
    expect(found.flatMap(cars).length).toBeGreaterThan(30);
    expect(found.flatMap(cars).filter(({ box3 }) => towards(box3!.yaw))).toEqual([]);
  });

  it('goes on to the same files where it was interrupted, whatever was there', async () => {
    const out = join(folder, 'in-parts');
    const controller = new AbortController();
    const said = { write: (text: string) => text.includes('1/24') && controller.abort() };
    const first = await pseudoLabel({ data: { root }, out, stream: said, signal: controller.signal });
    expect(first).toMatchObject({ frames: 20, interrupted: true });
    await pseudoLabel({ data: { root }, out, stream });
    const whole = join(folder, 'followed');
    expect(await readdir(out)).toEqual(await readdir(whole));
    for (const name of await readdir(whole))
      expect(await readFile(join(out, name), 'utf8')).toBe(await readFile(join(whole, name), 'utf8'));
  });

  it('does not mix boxes that were found in different ways', async () => {
    const out = join(folder, 'single');
    await expect(pseudoLabel({ data: { root }, out, stream })).rejects.toThrow(
      /single.pseudo-label\.json: tracks: expected the same labels, to go on with: false, found true: give the same again, or another --out/,
    );
    const other = { data: { root }, out, stream, single: true, scoreThreshold: 0.5 };
    await expect(pseudoLabel(other)).rejects.toThrow(
      'leastScore: expected the same labels, to go on with: 0.3',
    );
  });

  it('takes labels without a note for such of single frames', async () => {
    const out = join(folder, 'unnoted');
    await pseudoLabel({ data: { root }, out, stream, single: true });
    await rm(join(out, 'pseudo-label.json'));
    await rm(join(out, '000003.txt'));
    await expect(pseudoLabel({ data: { root }, out, stream })).rejects.toThrow(
      'tracks: expected the same labels',
    );
    const result = await pseudoLabel({ data: { root }, out, stream, single: true });
    expect(result).toMatchObject({ frames: times.length, before: times.length - 1 });
  });

  it('reads nothing where it was interrupted before', async () => {
    const out = join(folder, 'never');
    const result = await pseudoLabel({ data: { root }, out, stream, signal: AbortSignal.abort() });
    expect(result).toMatchObject({ frames: 0, interrupted: true });
  });

  it('goes on beside a damaged sweep', async () => {
    const out = join(folder, 'beside');
    const file = join(root, 'velodyne/0000/000005.bin');
    const whole = await readFile(file);
    await writeFile(file, whole.subarray(0, 30));
    try {
      const { frames, damaged } = await pseudoLabel({ data: { root }, out, stream });
      expect([frames, damaged]).toEqual([23, [expect.stringContaining('000005.bin')]]);
      // The others are followed as before.
      const beside = ['000004', '000006'].map(async (id) => {
        const { cameraFromLidar } = await (await openObjectFrames({ root }, { withLabels: false })).camera(0);
        const text = await readFile(join(out, `${id}.txt`), 'utf8');
        return cars(parseKittiLabels(text, { rectFromLidar: cameraFromLidar }));
      });
      for (const labels of await Promise.all(beside))
        expect(labels.filter(({ box3 }) => towards(box3!.yaw))).toHaveLength(1);
    } finally {
      await writeFile(file, whole);
    }
  });
});

describe('labels of another folder', () => {
  const labels = () => join(folder, 'labels');

  it("are a detector's in place of the data's, with and without pictures", async () => {
    const options = { fraction: 1, seed: 0, classes: ['Car'] };
    await expect(drawLabelledFrames({ root: data }, options)).rejects.toThrow('label_2');
    const given = { root: data, labels: labels() };
    expect(await drawLabelledFrames(given, options)).toMatchObject({ available: 3, objects: { Car: 3 } });
    for (const withPictures of [true, false]) {
      const frames = await openObjectFrames(given, { withPictures });
      const { labels: found } = withPictures ? await frames.frame(2) : await frames.pointFrame(2);
      expect(found).toHaveLength(1);
      expect(birdsEyeIou(found![0].box3!, cars[2])).toBeGreaterThan(0.6);
    }
  });

  it('are trained on, and a frame without a file is told', async () => {
    const config = tinyDetector('point3d', ['steps=2']);
    const given = { root: data, labels: labels() };
    const { step, frames } = await finetune({ config, data: given, out: join(folder, 'run'), stream });
    expect([step, frames]).toEqual([2, 3]);
    const none = { root: data, labels: join(folder, 'nothing') };
    await expect(finetune({ config, data: none, out: join(folder, 'none'), stream })).rejects.toThrow(
      /nothing.000002\.txt: expected the labels of frame 000002, found nothing/,
    );
  });
});
