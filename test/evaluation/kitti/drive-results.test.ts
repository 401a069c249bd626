import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  areDrives,
  describeKittiPixels,
  readDriveResults,
} from '../../../src/evaluation/kitti/drive-results.ts';
import { evaluateKitti } from '../../../src/evaluation/kitti/kitti-evaluation.ts';
import {
  removeFolders,
  TRACKING_CALIBRATION,
  temporaryFolder,
  write,
  writeTracking,
} from '../../datasets/tiny-sequences.ts';

let root: string;
let data: string;
let detections: string;

beforeEach(async () => {
  root = temporaryFolder();
  data = join(root, 'drives');
  detections = join(root, 'found');
  await writeTracking(data, '0000', [0, 1]);
  await writeTracking(data, '0001', [0]);
});
afterEach(removeFolders);

/** A car with its track, truncation and occlusion; 10 m ahead, its box 8 pixels high. */
const line = (frame: number, truncation: string, occlusion = '0') =>
  `${frame} 7 Car ${truncation} ${occlusion} 0.1 1 2 3 10 1.5 1.6 4 0 1 10 0\n`;
const FOUND = 'Car -1 -1 0.1 1 2 3 10 1.5 1.6 4 0 1 10 0 0.9\n';

function found(files: { readonly [id: string]: string }): void {
  for (const [id, text] of Object.entries(files)) write(join(detections, `${id}.txt`), text);
}

const all = { '0000/000000': FOUND, '0000/000001': '', '0001/000000': FOUND };

describe('labels and results of drives', () => {
  it('are in the frame of the camera, levels of truncation as fractions, heights as in a camera of KITTI', async () => {
    write(
      join(data, 'label_02', '0000.txt'),
      line(0, '0') + line(0, '1').replace(' 7 ', ' 8 ') + line(1, '2'),
    );
    found(all);
    const { frames, kittiPixels, missing } = await readDriveResults({ labels: { root: data }, detections });
    expect(missing).toEqual([]);
    // The cameras have a focal length of 30 pixels, KITTI's of 721.5377.
    expect(kittiPixels).toBeCloseTo(24.0513, 4);
    expect(describeKittiPixels({ kittiPixels })).toContain('a pixel is 24.1 of its pixels');
    expect(frames.map(({ id }) => id)).toEqual(['0000/000000', '0000/000001', '0001/000000']);
    const truncations = frames.map(({ labels }) => labels.map(({ truncation }) => truncation));
    expect(truncations).toEqual([[0, 0.5], [1], [0]]);
    const [label] = frames[0].labels;
    expect(label).toMatchObject({ type: 'Car', occlusion: 0 });
    [...label.sizeM, ...label.location, label.rotationY].forEach((value, i) => {
      expect(value).toBeCloseTo([1.5, 1.6, 4, 0, 1, 10, 0][i], 9);
    });
    for (const [found] of [frames[0].labels, frames[0].detections])
      expect(found.box2[3] - found.box2[1]).toBeCloseTo(8 * 24.0513, 2);
    expect(frames[0].detections[0].score).toBe(0.9);
  });

  it('of cameras such as those of KITTI are as they are', async () => {
    for (const focal of ['721.5', '707.05']) {
      const calibration = TRACKING_CALIBRATION.replaceAll(' 30 0 20', ` ${focal} 0 20`).replaceAll(
        ' 0 30 10',
        ` 0 ${focal} 10`,
      );
      for (const number of ['0000', '0001']) write(join(data, 'calib', `${number}.txt`), calibration);
      found(all);
      const pairs = await readDriveResults({ labels: { root: data }, detections });
      expect(pairs.kittiPixels).toBe(1);
      expect(describeKittiPixels(pairs)).toBeUndefined();
      expect(pairs.frames[0].labels[0].box2).toEqual([1, 2, 3, 4]);
    }
  });

  it('count by the rules of the benchmark: cut by up to a half is for hard alone', async () => {
    write(join(data, 'label_02', '0000.txt'), line(0, '1') + line(1, '0', '1'));
    write(join(data, 'label_02', '0001.txt'), line(0, '2'));
    found({ '0000/000000': FOUND, '0000/000001': FOUND, '0001/000000': FOUND });
    const { frames } = await readDriveResults({ labels: { root: data }, detections });
    const curve = (difficulty: string) =>
      evaluateKitti(frames).curves.find(
        (each) => each.name === 'Car' && each.metric === '3d' && each.difficulty === difficulty,
      )?.labels ?? 0;
    expect(['easy', 'moderate', 'hard'].map(curve)).toEqual([0, 1, 2]);
  });

  it('may be those of some drives, and need no sweeps', async () => {
    found(all);
    for (const folder of ['velodyne', 'image_02', 'image_03'])
      rmSync(join(data, folder), { recursive: true });
    const labels = { root: data, sequences: ['0001'] };
    const { frames } = await readDriveResults({ labels, detections });
    expect(frames.map(({ id }) => id)).toEqual(['0001/000000']);
  });

  it('that do not belong together are errors that say so', async () => {
    const read = (more = {}) => readDriveResults({ labels: { root: data }, detections, ...more });
    await expect(read()).rejects.toThrow(/found: expected a folder of result files.*found ENOENT/);
    found({ '0000/000000': FOUND });
    await expect(read()).rejects.toThrow(
      /0000\/000001\.txt: expected a result file for each of 3.*none for 2/,
    );
    const empty = await read({ missing: 'empty' });
    expect([empty.frames.length, empty.missing]).toEqual([3, ['0000/000001', '0001/000000']]);
    expect((await read({ foundOnly: true })).frames.map(({ id }) => id)).toEqual(['0000/000000']);
    found({ '0009/000000': FOUND });
    await expect(read({ missing: 'empty' })).rejects.toThrow(
      /0009\/000000\.txt: expected results of the 3 labelled frames of .*, such as 0000\/000000\.txt/,
    );
  });

  it('without what difficulties are told by are an error, or left out', async () => {
    write(join(data, 'label_02', '0000.txt'), line(0, '-1') + line(1, '0'));
    found(all);
    const read = (more = {}) => readDriveResults({ labels: { root: data }, detections, ...more });
    await expect(read()).rejects.toThrow(
      /labels of frame 0000\/000000: expected truncation and occlusion.*found a Car with truncation -1 and occlusion 0/,
    );
    const { frames, damaged } = await read({ damaged: 'left out' });
    expect([frames.length, damaged.length]).toEqual([2, 1]);
  });
});

describe('a path', () => {
  it('of drives is told from folders of label files', async () => {
    expect(await areDrives(data)).toBe(true);
    expect(await areDrives(join(data, 'label_02'))).toBe(false);
    expect(await areDrives(join(root, 'nothing'))).toBe(false);
    const text = readFileSync(join(data, 'label_02', '0001.txt'), 'utf8');
    writeFileSync(join(root, 'label.txt'), text);
    expect(await areDrives(join(root, 'label.txt'))).toBe(false);
  });
});
