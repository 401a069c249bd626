import { copyFileSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { encodePng } from '../../src/image/decode-image.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { pretrain } from '../../src/training/pretrain.ts';
import { readMetrics } from '../../src/training/run/run-folder.ts';
import { removeFolders, temporaryFolder } from '../datasets/tiny-sequences.ts';
import { tinyImageRun, tinyView } from '../objectives/tiny-image-run.ts';
import { smoothPicture } from '../objectives/tiny-simipu.ts';

const stream: RunConfig = {
  ...tinyImageRun('seer-cifar', { crops: { ...tinyView, copies: 2 }, hidden: 7, dimensions: 5 }),
  schedule: { kind: 'constant', per: 'run' },
  steps: 6,
};

let root: string;
beforeAll(async () => {
  // Pictures as they come: at any depth, of any shape, in colour and grey, and one that is cut short.
  root = join(temporaryFolder(), 'pictures');
  await mkdir(join(root, 'a', 'deep'), { recursive: true });
  const picture = (i: number, width: number, height: number) =>
    smoothPicture(Random.fromSeed(`picture ${i}`), width, height);
  for (const [i, name] of ['one.png', 'a/two.png', 'a/deep/three.png', 'a/deep/four.png'].entries())
    await writeFile(join(root, name), await encodePng(picture(i, 20 + 9 * i, 30)));
  const { data, width, height } = picture(5, 24, 24);
  const grey = sharp(Buffer.from(data), { raw: { width, height, channels: 3 } }).greyscale();
  await writeFile(join(root, 'a', 'grey.jpg'), await grey.jpeg().toBuffer());
  await writeFile(join(root, 'cut.png'), (await encodePng(picture(6, 24, 24))).subarray(0, 100));
  await writeFile(join(root, 'notes.txt'), 'no picture');
});
afterAll(removeFolders);

/** Trains, and keeps what is said. */
async function train(out: string, { config = stream, stopAfter = 0, ...options }: Given = {}) {
  const controller = new AbortController();
  const said: string[] = [];
  const write = (text: string) => {
    said.push(text);
    if (text.startsWith(`step ${stopAfter}/`)) controller.abort();
  };
  const { signal } = controller;
  const result = await pretrain({ config, data: { root }, out, stream: { write }, signal, ...options });
  return { ...result, said: said.join('') };
}
interface Given {
  readonly config?: RunConfig;
  readonly stopAfter?: number;
  readonly resume?: boolean;
  readonly data?: { readonly root: string };
}

const courseOf = async (out: string) =>
  (await readMetrics(out)).lines.map(({ step, loss }) => ({ step, loss }));
const bytesOf = (out: string) => readFile(join(out, 'checkpoints', '00000006', 'state.safetensors'));

describe('a stream of pictures', { timeout: 60_000 }, () => {
  it('takes more pictures while it pauses, always the same way, and says so', async () => {
    const folder = temporaryFolder();
    const out = join(folder, 'run');
    const first = await train(out, { stopAfter: 2 });
    expect(first).toMatchObject({ interrupted: true, damagedFrames: 1 });
    expect(first.said).toContain('6 frames, 6 steps of 4');
    const grown = join(folder, 'grown');
    await cp(root, grown, { recursive: true });
    await writeFile(
      join(grown, 'a', 'new.png'),
      await encodePng(smoothPicture(Random.fromSeed('new'), 40, 20)),
    );
    const ends = [];
    for (const name of ['once', 'again']) {
      await cp(out, join(folder, name), { recursive: true });
      const { said, step } = await train(join(folder, name), { resume: true, data: { root: grown } });
      expect(said).toContain('goes on with another data.frames: 7, before 6\n');
      expect(step).toBe(6);
      ends.push({ course: await courseOf(join(folder, name)), bytes: await bytesOf(join(folder, name)) });
    }
    const [once, again] = ends;
    expect(once.course).toEqual(again.course);
    expect(once.bytes.equals(again.bytes)).toBe(true);
    // What came before stays, and with the pictures of before it would have gone on otherwise.
    await train(out, { resume: true });
    const same = await courseOf(out);
    expect(same.slice(0, 2)).toEqual(once.course.slice(0, 2));
    expect(same.slice(3)).not.toEqual(once.course.slice(3));
  });

  it('is what a run without epochs is: with epochs another number of pictures is refused', async () => {
    const folder = temporaryFolder();
    const config = { ...stream, epochs: 3 };
    await train(join(folder, 'run'), { config, stopAfter: 2 });
    const grown = join(folder, 'grown');
    await cp(root, grown, { recursive: true });
    await cp(join(root, 'one.png'), join(grown, 'ten.png'));
    await expect(train(join(folder, 'run'), { config, resume: true, data: { root: grown } })).rejects.toThrow(
      'data.frames: expected 6, as the run began with, found 7',
    );
  });

  it('cannot take more pictures where a row is remembered for each', async () => {
    const folder = temporaryFolder();
    const own = tinyImageRun('instdisc-cifar', { view: tinyView });
    const config: RunConfig = { ...own, epochs: null, schedule: { kind: 'constant' }, steps: 2 };
    await train(join(folder, 'run'), { config });
    const grown = join(folder, 'grown');
    await cp(root, grown, { recursive: true });
    await cp(join(root, 'one.png'), join(grown, 'ten.png'));
    await expect(
      train(join(folder, 'run'), { config: { ...config, steps: 3 }, resume: true, data: { root: grown } }),
    ).rejects.toThrow(/memory\/instdisc\/.*expected float32 \[7,.*found float32 \[6,/);
  });

  it('does not see what comes to the folder while it runs', async () => {
    const folder = temporaryFolder();
    const growing = join(folder, 'pictures');
    await cp(root, growing, { recursive: true });
    const said: string[] = [];
    // It is told once the folder is listed, and before loader threads open it.
    const write = (text: string) => {
      if (said.length === 0) copyFileSync(join(root, 'one.png'), join(growing, 'a', 'aaa.png'));
      said.push(text);
    };
    const given = { data: { root: growing }, stream: { write } };
    for (const workers of [0, 1]) {
      const out = join(folder, `run ${workers}`);
      const config = { ...stream, steps: 2, loader: { workers, prefetch: 1 } };
      expect(await pretrain({ config, out, ...given })).toMatchObject({ step: 2 });
      expect(said[0]).toContain('6 frames');
      await rm(join(growing, 'a', 'aaa.png'));
      said.length = 0;
    }
  });
});
