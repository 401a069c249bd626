import { expect, it } from 'vitest';
import { encodePoints } from '../../src/encoders/encoders.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { statisticsOf } from '../../src/evaluation/batch-statistics.ts';
import { branchAt } from '../../src/nn/layer.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { uploadTree, valuesOf } from '../nn/tensors.ts';
import {
  bothEncoders,
  changed,
  pairIn,
  simipuOf,
  syntheticBatch,
  tinyRun,
  withMomentum,
} from '../objectives/tiny-simipu.ts';

const config = tinyRun();
const objective = createPretraining(config, 2);
const begun = (seed: number) => objective.initialize(Random.fromSeed(seed).fork('initialize'), { frames: 2 });
const model = begun(4);
const batches = [1, 2].map((seed) => syntheticBatch(objective, seed));

async function statistics(
  calibration: readonly Tree<HostTensor>[],
  own: RunConfig = config,
): Promise<Map<string, HostTensor>> {
  const statistics = await statisticsOf(createPretraining(own, 2), { calibration, model: other });
  const { params, stats } = await statistics.run(model);
  await statistics.dispose();
  expect(params).toBe(model.params);
  return new Map(leavesOf(stats));
}

/** Whatever model tells how the statistics move. */
const other = begun(9);

/** The statistics of one view alone: what a pass leaves that forgets all before it. */
function ofView(view: 'alpha' | 'beta', batch: Tree<HostTensor>): Map<string, number[]> {
  const encoder = bothEncoders(withMomentum(config, 1)).points;
  const own = {
    params: branchAt(uploadTree(model.params), 'pointEncoder'),
    stats: branchAt(uploadTree(model.stats), 'pointEncoder'),
  };
  const points = uploadTree(branchAt(pairIn(batch), view));
  const after = encodePoints(own, points, { encoder, training: true }).stats;
  return new Map(leavesOf(after).map(([path, tensor]) => [path, Array.from(valuesOf(tensor))]));
}

function expectNear(found: ArrayLike<number>, expected: readonly number[], name: string): void {
  const size = Math.max(...expected.map(Math.abs), 1e-3);
  expected.forEach((value, i) => {
    expect(Math.abs(found[i] - value), `${name} ${i}`).toBeLessThan(2e-4 * size);
  });
}

it('point encoders get the statistics of both views, in the shares of training', async () => {
  const found = await statistics([batches[0]]);
  const [alpha, beta] = [ofView('alpha', batches[0]), ofView('beta', batches[0])];
  // PyTorch's update with momentum 0.1, α before β, settles at (0.9·α + β) / 1.9.
  expect(bothEncoders(config).points.batchNorm.momentum).toBe(0.1);
  let apart = 0;
  for (const [path, a] of alpha) {
    const b = beta.get(path)!;
    const both = a.map((value, i) => (0.9 * value + b[i]) / 1.9);
    expectNear(found.get(`pointEncoder/${path}`)!.data, both, path);
    apart = Math.max(apart, ...a.map((value, i) => Math.abs(value - b[i])));
  }
  expect(apart).toBeGreaterThan(0.01);
});

it('all statistics are those that training settles at, and the mean over batches', async () => {
  const own = withMomentum(config, 0.5);
  const trainable = createPretraining(own, 2);
  const each = await Promise.all(batches.map((batch) => statistics([batch], own)));
  for (const [b, batch] of batches.entries()) {
    const [params, uploaded] = [uploadTree(model.params), uploadTree(batch)];
    let stats = uploadTree(model.stats);
    for (let k = 0; k < 20; k++)
      stats = trainable.loss({ params, stats, memory: {} }, uploaded, { training: true }).stats;
    const trained = leavesOf(stats);
    expect(trained.map(([path]) => path)).toEqual([...each[b].keys()]);
    for (const [path, tensor] of trained)
      expectNear(each[b].get(path)!.data, Array.from(valuesOf(tensor)), path);
  }
  for (const [path, { data }] of await statistics(batches, own)) {
    const mean = Array.from(data, (_, i) => (each[0].get(path)!.data[i] + each[1].get(path)!.data[i]) / 2);
    expectNear(data, mean, path);
  }
}, 60_000);

it('statistics that training would not move stay as they are', async () => {
  const { headBatchNorm } = simipuOf(config);
  const still = changed(config, { simipu: { headBatchNorm: { ...headBatchNorm, momentum: 0 } } });
  const found = await statistics([batches[0]], still);
  const heads = leavesOf(model.stats).filter(([path]) => path.startsWith('simipu/'));
  for (const [path, { data }] of heads) expect(found.get(path)!.data).toEqual(data);
  expect(heads.length).toBeGreaterThan(0);
});
