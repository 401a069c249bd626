import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { detect } from '../../../src/training/detection/detect.ts';
import { loadDetectionRun } from '../../../src/training/detection/detection-run.ts';
import { finetune } from '../../../src/training/detection/finetune.ts';
import { drawLabelledFrames } from '../../../src/training/detection/labelled-frames.ts';
import { removeFolders, temporaryFolder, writeTracking } from '../../datasets/tiny-sequences.ts';
import { tinyDetector } from './tiny-detector.ts';

let root: string;
let data: string;
/** How many frames each drive has. */
const lengths = { '0000': 4, '0001': 1, '0002': 3 };
const classes = ['Car'];

beforeEach(async () => {
  root = temporaryFolder();
  data = join(root, 'drives');
  for (const [number, length] of Object.entries(lengths))
    await writeTracking(
      data,
      number,
      Array.from({ length }, (_, i) => i),
    );
});
afterEach(removeFolders);

/** Of which drive each drawn frame is: frames 0 to 3 of the first, 4 of the second, 5 to 7 of the third. */
const drivesOf = (indices: readonly number[]) =>
  indices.map((index) => (index < 4 ? 0 : index < 5 ? 1 : 2)).join('');

describe('the labels of drives', () => {
  it('are drawn from drives in turn, the smaller share inside of the larger, at least one frame', async () => {
    const orders = new Set<string>();
    for (const seed of [0, 1, 2, 3]) {
      const drawn = async (fraction: number) =>
        (await drawLabelledFrames({ root: data }, { fraction, seed, classes })).indices;
      const shares = await Promise.all([0.001, 0.25, 0.375, 0.6, 0.75, 1].map(drawn));
      expect(shares.map(({ length }) => length)).toEqual([1, 2, 3, 5, 6, 8]);
      for (const [i, smaller] of shares.slice(0, -1).entries())
        for (const index of smaller) expect(shares[i + 1]).toContain(index);
      expect(new Set(drivesOf(shares[1])).size).toBe(2);
      expect(drivesOf(shares[2])).toBe('012');
      // The second drive has no more.
      expect(drivesOf(shares[3])).toBe('00122');
      expect(shares[5]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      orders.add(String(shares[2]));
    }
    expect(orders.size).toBeGreaterThan(1);
  });

  it('are those of the drives that are named', async () => {
    const options = { fraction: 1, seed: 0, classes };
    const { available, objects } = await drawLabelledFrames({ root: data, sequences: ['0002'] }, options);
    expect([available, objects]).toEqual([3, { Car: 3 }]);
  });

  it('are missed where they are needed, drive by drive, and where none is there', async () => {
    const options = { fraction: 1, seed: 0, classes };
    rmSync(join(data, 'label_02', '0001.txt'));
    const drawn = await drawLabelledFrames({ root: data }, options);
    expect([drawn.available, drawn.incomplete]).toEqual([7, [{ id: '0001/000000', missing: 'labels' }]]);
    await expect(drawLabelledFrames({ root: data, strict: true }, options)).rejects.toThrow(
      /complete frames, found 1 incomplete, such as 0001\/000000 without labels/,
    );
    rmSync(join(data, 'label_02'), { recursive: true });
    await expect(drawLabelledFrames({ root: data }, options)).rejects.toThrow(
      /drives: expected labels of objects \(label_02\/<sequence>\.txt\), found none/,
    );
  });

  it('say which classes there are where the wanted ones are not', async () => {
    await expect(
      drawLabelledFrames({ root: data }, { fraction: 1, seed: 0, classes: ['Pedestrian'] }),
    ).rejects.toThrow(
      /at least one labelled Pedestrian, found none on 0000\/000000, .*where Car are labelled/,
    );
  });
});

describe('a detector on drives', { timeout: 120_000 }, () => {
  const stream = { write: () => {} };
  const train = (where: string) =>
    finetune({
      config: tinyDetector('point3d', ['steps=2']),
      data: { root: where },
      out: join(root, 'run'),
      stream,
    });

  it('learns from them without poses and times of their own, and leaves results by drive and frame', async () => {
    rmSync(join(data, 'oxts'), { recursive: true });
    expect(await train(data)).toMatchObject({ step: 2, frames: 8, interrupted: false });
    const run = await loadDetectionRun(join(root, 'run'));
    const out = join(root, 'detections');
    const held = join(root, 'held-out');
    mkdirSync(held);
    cpSync(data, held, { recursive: true });
    // Who looks needs no labels.
    rmSync(join(held, 'label_02'), { recursive: true });
    const look = (sequences?: string[], to = out) =>
      detect({ run, data: { root: held, sequences }, out: to, stream });
    expect(await look()).toMatchObject({ frames: 8, before: 0, interrupted: false });
    expect(readdirSync(out).sort()).toEqual(['0000', '0001', '0002', 'detections.json']);
    expect(readdirSync(join(out, '0002')).sort()).toEqual(['000000.txt', '000001.txt', '000002.txt']);
    rmSync(join(out, '0002', '000001.txt'));
    expect(await look()).toMatchObject({ frames: 8, before: 7 });
    const some = join(root, 'some');
    expect(await look(['0002'], some)).toMatchObject({ frames: 3 });
    // What a frame's result is depends on the frame alone.
    const textOf = (folder: string) => readFileSync(join(folder, '0002', '000001.txt'), 'utf8');
    expect(textOf(some)).toBe(textOf(out));
    await expect(look(['0001'], some)).rejects.toThrow(/found those of .* on .*held-out \(training, 0002\)/);
    writeFileSync(join(out, '0001', 'notes.md'), 'mine');
    await expect(look()).rejects.toThrow(/results alone, found 0001\/notes\.md/);
  });
});
