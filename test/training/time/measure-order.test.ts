import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stopwatch } from '../../../src/datasets/stopwatch.ts';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import type { Tree } from '../../../src/engine/tree.ts';
import { branchAt } from '../../../src/nn/layer.ts';
import { seenBy } from '../../../src/objectives/combine.ts';
import { driveTable } from '../../../src/report/drive-table.ts';
import type { RunConfig } from '../../../src/training/config.ts';
import { createPretraining } from '../../../src/training/create-pretraining.ts';
import { initialState } from '../../../src/training/pretrain.ts';
import { measureOrder, type OrderReport } from '../../../src/training/time/measure-order.ts';
import { collateViews } from '../../../src/views/collate-views.ts';
import { viewSource } from '../../../src/views/draw-views.ts';
import { uploadTree } from '../../nn/tensors.ts';
import { writePictureDrives } from '../../objectives/tiny-drive.ts';
import { tinyImageRun } from '../../objectives/tiny-image-run.ts';

const options = {
  frames: 3,
  gapS: 0.5,
  view: { width: 64, height: 16, crop: { area: [0.6, 1], aspect: [3, 5] } },
  dimensions: 6,
  hidden: 5,
  temperature: 0.5,
  headBatchNorm: { eps: 0.1, momentum: 0.1 },
};
const run = tinyImageRun('frame-order-small', options, { batchSize: 4 });

let folder: string;
let root: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'measure-order-'));
  root = join(folder, 'drives');
  // Three clips of frames 0.5 s apart in the first drive, none in the second.
  await writePictureDrives(root, [{ timesS: [0, 0.5, 1, 1.5, 2] }, { timesS: [0, 0.5] }]);
});
afterAll(() => rm(folder, { recursive: true }));

const measured = (config: RunConfig, state: Tree<HostTensor> = initialState(config, { frames: 1 })) =>
  measureOrder({
    run: { config, data: { root }, step: 0, checkpoint: '', state },
    data: { root },
    randomSeeds: 2,
    say: () => {},
  });

/** How often the objective itself says that the next frame is found, of the clips that are measured. */
async function foundByObjective(config: RunConfig, state: Tree<HostTensor>, clips: readonly number[]) {
  const [{ name, objective }] = createPretraining(config, clips.length).parts;
  const source = await viewSource({ data: { root }, views: objective.views });
  const samples = await Promise.all(
    clips.map((index) =>
      source.sample(index, Random.fromSeed('order').fork(source.ids![index]), 0, new Stopwatch()),
    ),
  );
  const batch = uploadTree(collateViews(samples, objective.views));
  const [params, stats] = [uploadTree(branchAt(state, 'params')), uploadTree(branchAt(state, 'stats'))];
  const model = seenBy(name, { params, stats, memory: {} });
  const { metrics } = objective.loss(model, batch, { training: false, inputs: {} });
  return metrics!.found.dataSync()[0];
}

describe('the order that a run has learned', { timeout: 120_000 }, () => {
  it('is measured on a clip of each frame that lies in one, as the objective itself counts', async () => {
    for (const direction of ['forward', 'either'] as const) {
      const config = tinyImageRun('frame-order-small', { ...options, direction }, { batchSize: 4 });
      const state = initialState(config, { frames: 1 });
      const report = (await measured(config, state)) as OrderReport;
      expect([report.clips, report.frames, report.gapS, report.direction]).toEqual([5, 3, 0.5, direction]);
      const found = await foundByObjective(config, state, [0, 1, 2, 3, 4]);
      expect(report.trained.next).toBeCloseTo(found, 6);
      expect(report.random).toHaveLength(2);
      expect(report.chance.next).toBeCloseTo(direction === 'forward' ? 1 / 2 : 2 / 3, 12);
      expect(await measured(config, state)).toEqual(report);
    }
  });

  it('is none where no objective says an order', async () => {
    const other = tinyImageRun('simclr-cifar', {}, { batchSize: 4 });
    expect(await measured(other)).toBeNull();
  });

  it('is told with what guessing gives', async () => {
    const order = await measured(run);
    const nothing = { points: null, image: null, rules: null };
    const table = driveTable({ data: root, drives: 1, moments: 5, gapS: 0.5, ...nothing, order });
    expect(table).toMatch(/order of 3 frames 0\.5 s apart +chance +random weights +trained/);
    expect(table).toMatch(/the next frame, % +50\.0/);
    expect(table).toMatch(/the whole order, % +16\.7/);
    expect(table).toMatch(/Kendall's tau +-?0\.00/);
    // A run without a point encoder lacks no tracks.
    expect(table).not.toContain('not measured');
  });

  it('cannot be measured where no clip is', async () => {
    const far = tinyImageRun('frame-order-small', { ...options, gapS: 3 }, { batchSize: 4 });
    await expect(measured(far)).rejects.toThrow(/expected a clip of 3 frames 3 s apart/);
  });
});
