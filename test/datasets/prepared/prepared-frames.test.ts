import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataKindOf } from '../../../src/datasets/data-kind.ts';
import { openFrames } from '../../../src/datasets/open-frames.ts';
import { openSequence } from '../../../src/datasets/open-sequence.ts';
import { prepareSequences } from '../../../src/datasets/prepared/prepare-sequences.ts';
import { sourceOf } from '../../../src/datasets/prepared/prepare-source.ts';
import { generateScenes } from '../../../src/datasets/scenes/generate-scenes.ts';
import { encodePng } from '../../../src/image/decode-image.ts';
import { writeKittiBin } from '../../../src/pointcloud/kitti-bin.ts';
import { describeWithRealData } from '../../real-data.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'prepared-frames-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Prepares what lies in a folder of the root. */
async function prepare(name: string): Promise<string> {
  const out = join(root, 'prepared');
  await prepareSequences({ ...sourceOf({ path: join(root, name) }), out, workers: 0 });
  return out;
}

async function write(name: string, bytes: Uint8Array | string): Promise<void> {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

const sweep = writeKittiBin(Float32Array.of(10, 1, 0, 0.5));
const picture = { width: 6, height: 4, data: Uint8Array.from({ length: 72 }, (_, i) => 3 * i) };

describe('openFrames of prepared shards', () => {
  it('gives the frames of a data set, by its image sets too', async () => {
    const source = join(root, 'scenes');
    const scanner = { beams: 8, steps: 90 };
    const imageSize = { width: 64, height: 32 };
    await generateScenes({ out: source, count: 3, heldOut: 1, seed: 1, workers: 0, imageSize, scanner });
    const path = await prepare('scenes');
    expect(await dataKindOf(path)).toBe('prepared shards');
    for (const imageSet of [undefined, 'val']) {
      const [frames, same] = await Promise.all(
        [path, source].map((each) => openFrames({ root: each, imageSet }, ['image', 'points'])),
      );
      expect([frames.kind, frames.ids]).toEqual(['prepared shards', same.ids]);
      for (let i = 0; i < frames.length; i++) {
        expect(await frames.frame!(i)).toEqual(await same.frame!(i));
        expect(await frames.picture(i)).toEqual(await same.picture(i));
      }
    }
    await expect(openFrames({ root: path, imageSet: 'test' }, ['image'])).rejects.toThrow(
      `${path}: expected an image set of train, val, found test`,
    );
    await expect(openFrames({ root: path, split: 'testing' }, ['image'])).rejects.toThrow('split testing');
  });

  it('names those of several drives as their source does, and leaves out what is incomplete', async () => {
    const drives = ['2011_09_26_drive_0001_sync', '2011_09_26_drive_0002_sync'];
    for (const drive of drives) {
      await write(`date/${drive}/image_02/data/0000000000.png`, await encodePng(picture));
      await write(`date/${drive}/velodyne_points/data/0000000001.bin`, sweep);
    }
    const path = await prepare('date');
    const [frames, same] = await Promise.all(
      [path, join(root, 'date')].map((each) => openFrames({ root: each }, ['image'])),
    );
    expect(frames.ids).toEqual(same.ids);
    expect(frames.incomplete).toEqual(same.incomplete);
    expect(await frames.picture(1)).toEqual(picture);
    await expect(frames.picture(2)).rejects.toThrow(RangeError);
    await expect(openFrames({ root: path }, ['image', 'points'])).rejects.toThrow(
      'expected at least one complete frame, found 4 incomplete',
    );
    await expect(openFrames({ root: path, strict: true }, ['image'])).rejects.toThrow('2 incomplete');
    await expect(openFrames({ root: path, imageSet: 'val' }, ['image'])).rejects.toThrow(
      'image sets, found val',
    );
    // The viewer shows one sequence.
    await expect(openSequence({ path })).rejects.toThrow(
      `${path}: expected one sequence, or the name of one (--sequence), found 2: ${drives.join(', ')}`,
    );
  });
});

describe('openSequence of prepared shards', () => {
  it('gives the one that is there', async () => {
    await write('clouds/1.bin', sweep);
    await write('clouds/2.bin', sweep);
    const path = await prepare('clouds');
    const sequence = await openSequence({ path });
    expect([sequence.kind, sequence.root]).toEqual(['prepared shards', path]);
    expect(sequence.moments.map(({ id }) => id)).toEqual(['1.bin', '2.bin']);
    await expect(openSequence({ path, columns: 5 })).rejects.toThrow(
      'columns go with, found prepared shards',
    );
    await expect(openSequence({ path, tracks: 'x' })).rejects.toThrow(
      'expected a KITTI raw drive, which tracks go with',
    );
    await expect(sequence.picture(0)).rejects.toThrow('frame 1.bin: expected a camera, found none');
  });
});

describeWithRealData('prepared frames of a recorded drive', 'kitti-raw/2011_09_26', (date) => {
  it('are those of the drive', async () => {
    const out = join(root, 'out');
    await prepareSequences({ ...sourceOf({ path: date }), out, workers: 0 });
    const [frames, same] = await Promise.all(
      [out, date].map((each) => openFrames({ root: each }, ['image', 'points'])),
    );
    expect(frames.ids).toEqual(same.ids);
    const slim = async (from: typeof frames, index: number) => {
      const { points, cameras, ...rest } = await from.frame!(index);
      const [{ image, ...camera }] = cameras;
      return {
        rest,
        camera,
        bytes: [points, image.data].map((data) => Buffer.from(data.buffer).toString('base64')),
      };
    };
    for (const index of [0, 5, 11]) expect(await slim(frames, index)).toEqual(await slim(same, index));
  });
});
