import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageEncoderNet } from '../../../src/encoders/encoders.ts';
import { Random } from '../../../src/engine/random.ts';
import { applyImageView } from '../../../src/image/augment.ts';
import { encodePng } from '../../../src/image/decode-image.ts';
import { crop, imageView, resize } from '../../../src/image/image-view.ts';
import { IMAGENET_RGB, normalizeImage } from '../../../src/image/normalize-image.ts';
import type { RgbImage } from '../../../src/image/rgb-image.ts';
import { branchAt } from '../../../src/nn/layer.ts';
import { type CorrespondOptions, correspond } from '../../../src/training/correspond/correspond.ts';
import { PIECE, piecesFolder } from '../../../src/training/correspond/pieces.ts';
import { pretrain } from '../../../src/training/pretrain.ts';
import { loadRun } from '../../../src/training/run/model-state.ts';
import { boxAt } from '../../../src/views/correspondences.ts';
import { uploadTree } from '../../nn/tensors.ts';
import { dense } from '../../objectives/plain-layers.ts';
import { dot, leafOf, tinyImageRun, tinyView, unit } from '../../objectives/tiny-image-run.ts';
import { smoothPicture } from '../../objectives/tiny-simipu.ts';

const matching = { neighbours: 3, keep: 0.4, leastSide: 0.3, mostAspect: 3, mostOverlap: 0.5, most: 4 };
const quiet = { write: () => {} };
/** Pictures that are a piece and a part of another. */
const many = PIECE + 20;

describe('the second stage of ORL', () => {
  let folder: string;
  const at = (...names: string[]) => join(folder, ...names);
  const pictureOf = (i: number) => smoothPicture(Random.fromSeed(`scene ${i}`), 18, 16);
  const run = () => loadRun(at('run'));
  const options = async (out: string, changes: Partial<CorrespondOptions> = {}) => ({
    ...{ run: await run(), folder: at('run'), data: { root: at('few') }, out: at(out), matching, workers: 0 },
    ...changes,
  });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'correspond-'));
    for (const [name, count] of [
      ['few', 12],
      ['many', many],
    ] as const) {
      await mkdir(at(name));
      const written = Array.from({ length: count }, async (_, i) => {
        await writeFile(at(name, `${String(i).padStart(4, '0')}.png`), await encodePng(pictureOf(i)));
      });
      await Promise.all(written);
    }
    const tiny = tinyImageRun('byol-cifar', { first: tinyView, second: tinyView, hidden: 7, dimensions: 5 });
    const config = { ...tiny, steps: 2 };
    await pretrain({ config, data: { root: at('few') }, out: at('run'), stream: quiet });
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true }));

  it("has the neighbours by the projector's rows, and the pairs by the encoder's, of crops on its canvas", async () => {
    const { correspondences, about, kept, damaged } = await correspond(await options('few.boxes'));
    expect({ kept, damaged }).toEqual({ kept: false, damaged: 0 });
    expect(about).toMatchObject({ run: at('run'), step: 2, data: at('few'), options: matching });
    expect(about.names).toEqual(Array.from({ length: 12 }, (_, i) => `${String(i).padStart(4, '0')}.png`));
    const { boxesFrom, neighbours, pairs, pairsFrom, sizes } = correspondences;
    expect([...sizes.subarray(0, 4)]).toEqual([18, 16, 18, 16]);

    // The same in tfjs on its own backend, and in loops.
    const { config, state } = await run();
    const [params, stats] = ['params', 'stats'].map((part) => branchAt(state, part));
    const own = (tree: typeof params) => uploadTree(branchAt(tree, 'imageEncoder'));
    const net = imageEncoderNet(config.encoders.image!);
    const canvas = { width: 32, height: 32 };
    const encodedRow = (image: RgbImage) =>
      net.apply(own(params), own(stats), tf.tensor(normalizeImage(image, IMAGENET_RGB), [1, 32, 32, 3]), {
        training: false,
      }).y;
    const rowOf = (x: tf.Tensor) => unit((x.arraySync() as number[][])[0]);
    const head = branchAt(branchAt(params, 'byol'), 'projector');
    const observed = branchAt(branchAt(stats, 'byol'), 'projector');
    const projected = (x: tf.Tensor) => {
      const [mean, variance] = ['running_mean', 'running_var'].map((name) =>
        tf.tensor(leafOf(observed, `1/${name}`).data as Float32Array),
      );
      const [scale, shift] = ['weight', 'bias'].map((name) =>
        tf.tensor(leafOf(head, `1/${name}`).data as Float32Array),
      );
      const { eps } = config.encoders.image!.batchNorm;
      const normed = tf.add(
        tf.mul(tf.div(tf.sub(dense(head, '0', x), mean), tf.sqrt(tf.add(variance, eps))), scale),
        shift,
      );
      return dense(head, '3', tf.relu(normed));
    };
    const images = Array.from({ length: 12 }, (_, i) => pictureOf(i));
    // The middle of a picture that covers the canvas: 18 x 16 becomes 36 x 32, of which two columns go at each side.
    const middle = (image: RgbImage) =>
      applyImageView(
        image,
        crop(resize(imageView(image), { width: 36, height: 32 }), { left: 2, top: 0, ...canvas }),
      );
    const rows = images.map((image) => rowOf(projected(encodedRow(middle(image)))));
    const boxRows = images.map((image, i) =>
      Array.from({ length: boxesFrom[i + 1] - boxesFrom[i] }, (_, k) => {
        const [left, top, right, bottom] = boxAt(correspondences, boxesFrom[i] + k);
        const part = crop(imageView(image), { left, top, width: right - left, height: bottom - top });
        return rowOf(encodedRow(applyImageView(image, resize(part, canvas))));
      }),
    );
    for (let i = 0; i < 12; i++) {
      const near = Array.from(neighbours.subarray(3 * i, 3 * i + 3), (j) => dot(rows[i], rows[j]));
      const others = rows.map((row) => dot(rows[i], row)).filter((_, j) => j !== i);
      const best = others.sort((a, b) => b - a).slice(0, 3);
      for (const [k, value] of near.entries()) expect(value, `picture ${i}`).toBeCloseTo(best[k], 4);
      for (let k = 0; k < 3; k++) {
        const j = neighbours[3 * i + k];
        const [from, to] = [pairsFrom[3 * i + k], pairsFrom[3 * i + k + 1]];
        expect(to - from).toBe(Math.max(1, Math.floor(0.4 * boxRows[i].length)));
        const all = boxRows[i].flatMap((a) => boxRows[j].map((b) => dot(a, b))).sort((a, b) => b - a);
        for (let pair = from; pair < to; pair++) {
          const [a, b] = [pairs[2 * pair] - boxesFrom[i], pairs[2 * pair + 1] - boxesFrom[j]];
          expect(dot(boxRows[i][a], boxRows[j][b])).toBeCloseTo(all[pair - from], 4);
        }
      }
    }
    expect(await readdir(folder)).not.toContain('few.boxes.parts');
  });

  it('goes on after its process was killed, and gives the same bytes on any number of threads', async () => {
    const data = { root: at('many') };
    const whole = await correspond(await options('whole.boxes', { data }));
    expect(whole.correspondences.boxes.length / 4).toBeGreaterThan(many);
    const out = at('killed.boxes');
    const given = { folder: at('run'), data, out, matching, workers: 1 };
    const child = spawn(
      process.execPath,
      [
        ...['--import', 'tsx', fileURLToPath(new URL('./correspond-child.ts', import.meta.url))],
        JSON.stringify(given satisfies Omit<CorrespondOptions, 'run'>),
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const exited = once(child, 'exit');
    const first = join(piecesFolder(out), 'boxes-0.safetensors');
    while (!existsSync(first) && child.exitCode === null) await new Promise((done) => setTimeout(done, 5));
    child.kill('SIGKILL');
    expect((await exited)[1]).toBe('SIGKILL');
    expect(existsSync(out)).toBe(false);
    // What a kill in the middle of writing leaves.
    await writeFile(join(piecesFolder(out), '.boxes-1.safetensors.1-0.tmp'), 'half');
    const begun: number[] = [];
    const on = await correspond(
      await options('killed.boxes', {
        data,
        workers: 2,
        threads: 1,
        onProgress: ({ pass, done }) => void (pass === 'boxes' && begun.push(done)),
      }),
    );
    expect(begun[0]).toBeGreaterThanOrEqual(PIECE);
    expect(begun.at(-1)).toBe(many);
    expect(on.digest).toBe(whole.digest);
    expect(Buffer.compare(await readFile(out), await readFile(at('whole.boxes')))).toBe(0);
    expect(existsSync(piecesFolder(out))).toBe(false);
  });

  it('keeps a file of the same work, and does not replace one of other work, nor take up its parts', async () => {
    const again = await correspond(await options('few.boxes'));
    expect(again.kept).toBe(true);
    const other = { matching: { ...matching, most: 2 } };
    await expect(correspond(await options('few.boxes', other))).rejects.toThrow(
      'few.boxes: expected no file, boxes of the same run, pictures and options, or --overwrite, found boxes of other work',
    );
    const replaced = await correspond(await options('few.boxes', { ...other, overwrite: true }));
    expect(replaced.kept).toBe(false);
    expect(replaced.about.options.most).toBe(2);
    const parts = at('apart.boxes.parts');
    await mkdir(parts);
    await writeFile(join(parts, 'key.txt'), 'another');
    await expect(correspond(await options('apart.boxes'))).rejects.toThrow(
      'apart.boxes.parts: expected parts of the same run, pictures and options, or --overwrite, found parts of other work',
    );
    await correspond(await options('apart.boxes', { overwrite: true }));
    // What a kill leaves before anything is written.
    await mkdir(at('early.boxes.parts'));
    await writeFile(at('early.boxes.parts', '.key.txt.1-0.tmp'), 'ha');
    await correspond(await options('early.boxes'));
  });

  it('leaves damaged pictures out, and tells them; --strict ends there', async () => {
    await cp(at('few'), at('hurt'), { recursive: true });
    await writeFile(at('hurt', '0004.png'), 'no picture');
    const data = { root: at('hurt') };
    const told: string[] = [];
    const { correspondences, damaged } = await correspond(
      await options('hurt.boxes', { data, say: (line) => void told.push(line) }),
    );
    expect(damaged).toBe(1);
    expect(told.join()).toContain('0004.png');
    const { boxesFrom, neighbours, pairsFrom } = correspondences;
    expect(boxesFrom[5]).toBe(boxesFrom[4]);
    expect([...neighbours.subarray(12, 15)]).toEqual([-1, -1, -1]);
    expect(pairsFrom[15]).toBe(pairsFrom[12]);
    expect([...neighbours]).not.toContain(4);
    await expect(
      correspond(await options('strict.boxes', { data: { ...data, strict: true } })),
    ).rejects.toThrow('0004.png');
  });

  it('gives up where it is told to, and goes on', async () => {
    const controller = new AbortController();
    const stopped = correspond(
      await options('stopped.boxes', {
        signal: controller.signal,
        onProgress: ({ done }) => done > 3 && controller.abort(new Error('enough')),
      }),
    );
    await expect(stopped).rejects.toThrow('enough');
    const { digest } = await correspond(await options('stopped.boxes'));
    expect(digest).toBe((await correspond(await options('fresh.boxes'))).digest);
  });
});
