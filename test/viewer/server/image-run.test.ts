import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applySettings } from '../../../src/training/config.ts';
import { presetOf } from '../../../src/training/presets.ts';
import { pretrain } from '../../../src/training/pretrain.ts';
import { Answers } from '../../../src/viewer/server/answers.ts';
import { writeSyntheticKitti } from '../../objectives/tiny-simipu.ts';

let folder: string;
let answers: Answers;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'image-run-'));
  const [data, run] = [join(folder, 'kitti'), join(folder, 'run')];
  await writeSyntheticKitti(data, 4);
  const config = applySettings(presetOf('moco-v2-cifar')!, [
    'encoders.image.width=4',
    'encoders.image.stem=standard',
    'encoders.image.input={"width":96,"height":64,"colours":"imagenet-rgb"}',
    'batchSize=2',
    'objectives.moco.queue=4',
    'steps=2',
  ]);
  await pretrain({ config, data: { root: data }, out: run, stream: { write: () => {} } });
  answers = new Answers({ sequence: { path: data }, run });
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

describe('the features of a run that has an image encoder alone', () => {
  it('are those of the cells of the picture: 3 x 2 of 32 pixels', async () => {
    const { info, arrays } = await answers.answer({ kind: 'places', frame: 0 });
    expect(info).toMatchObject({ cellColumns: 3, cellRows: 2 });
    expect(arrays.places).toHaveLength(0);
    expect(arrays.cellPixels).toHaveLength(12);
    // No point of the sweep has a feature.
    expect(new Set(arrays.nearest as Uint16Array)).toEqual(new Set([65535]));
  });

  it.each(['before', 2] as const)('have colours, through the model %s', async (model) => {
    const { arrays } = await answers.answer({ kind: 'colours', frame: 1, model });
    expect(arrays.places).toHaveLength(0);
    expect(arrays.cells).toHaveLength(18);
    expect(new Set(arrays.cells as Uint8Array).size).toBeGreaterThan(3);
  });

  it('are as similar to themselves as can be', async () => {
    const { arrays } = await answers.answer({ kind: 'similarity', frame: 0, model: 2, query: { cell: 4 } });
    expect((arrays.cells as Float32Array)[4]).toBeCloseTo(1, 5);
    expect(arrays.places).toHaveLength(0);
  });

  it('have no pairs', async () => {
    await expect(answers.answer({ kind: 'pairs', frame: 0, seed: 1 })).rejects.toThrow(
      /a run that compares places of a frame/,
    );
  });
});
