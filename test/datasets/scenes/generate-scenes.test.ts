import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeKittiDepth } from '../../../src/datasets/kitti-depth.ts';
import { parseKittiLabels } from '../../../src/datasets/kitti-labels.ts';
import { type GenerateScenesOptions, generateScenes } from '../../../src/datasets/scenes/generate-scenes.ts';
import { renderScene } from '../../../src/datasets/scenes/render-scene.ts';
import { cannotWrite } from '../../../src/datasets/scenes/scene-files.ts';
import { InputError } from '../../../src/engine/input-error.ts';
import { parseKittiCalibration, rectFromLidar } from '../../../src/geometry/kitti-calibration.ts';
import { readKittiBin } from '../../../src/pointcloud/kitti-bin.ts';

const base = {
  count: 2,
  heldOut: 1,
  seed: 7,
  workers: 0,
  imageSize: { width: 124, height: 38 },
  scanner: { beams: 8, steps: 120 },
};
let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'scenes-'));
});
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

describe('a generated data set', () => {
  const make = (options: Partial<GenerateScenesOptions> & { out: string }) =>
    generateScenes({ ...base, ...options });

  test('is the same with and without workers, and has every file of KITTI', async () => {
    const here = join(root, 'here');
    const there = join(root, 'there');
    const report = await make({ out: here });
    await make({ out: there, workers: 2 });
    expect(report).toMatchObject({ made: 2, kept: 0, train: 1, val: 1 });
    const files = await filesUnder(here);
    expect(files.size).toBe(2 * 4 + 3);
    expect(await filesUnder(there)).toEqual(files);
    expect(await readFile(join(here, 'ImageSets/train.txt'), 'utf8')).toBe('000000\n');
    expect(await readFile(join(here, 'ImageSets/val.txt'), 'utf8')).toBe('000001\n');
  });

  test('is not made smaller than it is', async () => {
    const folder = join(root, 'here');
    const before = await filesUnder(folder);
    await expect(make({ out: folder, count: 1, heldOut: 0 })).rejects.toThrow(
      `${folder}: count: expected at least the 2 frames that are there, or another folder, found 1`,
    );
    expect(await filesUnder(folder)).toEqual(before);
  });

  test('can be read by the readers of KITTI', async () => {
    const folder = join(root, 'here', 'training');
    for (const name of ['000000', '000001']) {
      const points = readKittiBin(await readFile(join(folder, 'velodyne', `${name}.bin`)));
      expect(points.length).toBeGreaterThan(4 * 300);
      const calibration = parseKittiCalibration(await readFile(join(folder, 'calib', `${name}.txt`), 'utf8'));
      const text = await readFile(join(folder, 'label_2', `${name}.txt`), 'utf8');
      const labels = parseKittiLabels(text, { rectFromLidar: rectFromLidar(calibration) });
      expect(labels.length).toBe(text.split('\n').length - 1);
      expect(await sharp(join(folder, 'image_2', `${name}.png`)).metadata()).toMatchObject({
        width: 124,
        height: 38,
        channels: 3,
      });
    }
  });

  test('goes on where it was interrupted, and grows', async () => {
    const out = join(root, 'interrupted');
    const controller = new AbortController();
    const stopped = make({
      out,
      signal: controller.signal,
      onProgress: ({ done }) => done === 1 && controller.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toThrow('enough');
    await writeFile(join(out, 'training/velodyne/.000001.bin.99-0.tmp'), 'half a file');
    const first = await stat(join(out, 'training/image_2/000000.png'));
    await rm(join(out, 'training/calib/000001.txt'), { force: true });
    expect(await make({ out })).toMatchObject({ made: 1, kept: 1 });
    expect((await stat(join(out, 'training/image_2/000000.png'))).mtimeMs).toBe(first.mtimeMs);
    expect(await filesUnder(out)).toEqual(await filesUnder(join(root, 'here')));
    expect(await make({ out, count: 3 })).toMatchObject({ made: 1, kept: 2, train: 2, val: 1 });
  });

  test('has the depth of pixels where that is wanted, and is the same otherwise', async () => {
    const out = join(root, 'deep');
    expect(await make({ out, count: 1, heldOut: 0 })).toMatchObject({ made: 1 });
    expect(await make({ out, depth: true })).toMatchObject({ made: 2, kept: 0 });
    expect(await make({ out, depth: true })).toMatchObject({ made: 0, kept: 2 });
    expect(await make({ out })).toMatchObject({ made: 0, kept: 2 });
    const files = await filesUnder(out);
    const deep = [...files.keys()].filter((name) => name.includes('depth_2'));
    expect(deep.sort()).toEqual(['/training/depth_2/000000.png', '/training/depth_2/000001.png']);
    const bytes = await readFile(join(out, deep[1]));
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'png', depth: 'ushort', channels: 1 });
    const written = await decodeKittiDepth(bytes, { image: base.imageSize });
    const { depth } = renderScene(base.seed, 1, { ...base, depth: true });
    const known = depth!.map((metres) => (metres > 255 ? 0 : metres));
    expect(known.some((metres) => metres > 0)).toBe(true);
    expect(Math.max(...written.map((metres, i) => Math.abs(metres - known[i])))).toBeLessThan(1 / 500);
    for (const name of deep) files.delete(name);
    expect(files).toEqual(await filesUnder(join(root, 'here')));
    await rm(join(out, deep[0]));
    expect(await make({ out, depth: true, workers: 1 })).toMatchObject({ made: 1, kept: 1 });
  });

  test('is not mixed with another', async () => {
    await expect(make({ out: join(root, 'here'), seed: 8 })).rejects.toThrow(
      /scenes\.json.*"seed": 8.*"seed": 7/,
    );
    await expect(make({ out: join(root, 'here'), imageSize: { width: 64, height: 32 } })).rejects.toThrow(
      InputError,
    );
    await rm(join(root, 'there', 'scenes.json'));
    await expect(make({ out: join(root, 'there') })).rejects.toThrow(/expected an empty folder/);
  });

  test('is refused for options and places that cannot be', async () => {
    for (const wrong of [
      { count: 0 },
      { count: 1.5 },
      { heldOut: 4 },
      { workers: -1 },
      { imageSize: { width: 1e9, height: 1e9 } },
      { scanner: { beams: 65, steps: 100 } },
    ])
      await expect(make({ out: join(root, 'never'), ...wrong })).rejects.toThrow(InputError);
    await writeFile(join(root, 'file'), '');
    await expect(make({ out: join(root, 'file') })).rejects.toThrow(InputError);
  });
});

test('a full disk is said to be full', () => {
  const error = cannotWrite(
    'frame.png',
    1234,
    Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' }),
  );
  expect(error).toBeInstanceOf(InputError);
  expect((error as Error).message).toBe(
    'frame.png: expected room for 1234 bytes, found no space left (ENOSPC)',
  );
});
