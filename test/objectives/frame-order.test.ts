import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageMapsNet } from '../../src/encoders/encoders.ts';
import { running } from '../../src/encoders/net.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { readOrder } from '../../src/evaluation/read-order.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { transitionHead } from '../../src/objectives/parts/transitions.ts';
import { upload, uploadTree } from '../nn/tensors.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import { driveSteps, writePictureDrives } from './tiny-drive.ts';
import { connectedPaths, leafOf, runSteps, shapesOf, tinyImageRun } from './tiny-image-run.ts';
import { smoothPicture } from './tiny-simipu.ts';

const batchNorm = { eps: 0.1, momentum: 0.1 };
const options = {
  frames: 3,
  gapS: 0.5,
  view: { width: 64, height: 16, crop: { area: [0.6, 1], aspect: [3, 5] } },
  dimensions: 6,
  hidden: 5,
  temperature: 0.5,
  headBatchNorm: batchNorm,
};
const timesS = Array.from({ length: 6 }, (_, k) => 0.5 * k);
const frames = [
  [0, 7],
  [4, 11],
];
const tiny = (changes: object = {}) =>
  tinyImageRun('frame-order-small', { ...options, ...changes }, { batchSize: 2 });
const run = tiny();

let folder: string;
let root: string;
let first: Awaited<ReturnType<typeof driveSteps>>;
let eager: Awaited<ReturnType<typeof runSteps>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'frame-order-'));
  root = join(folder, 'drives');
  await writePictureDrives(root, [{ timesS }, { timesS }]);
  first = await driveSteps(run, { root, frames });
  eager = await runSteps(first);
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

/** The logits [B][n][n] of a batch, by the parameters before its step. */
function logitsOf(state: Tree<HostTensor>, batch: Tree<HostTensor>): number[][][] {
  const { params, stats } = state as { readonly [branch: string]: Tree<HostTensor> };
  const own = (tree: Tree<HostTensor>) => uploadTree({ ...tree, ...branchAt(tree, 'frame-order') });
  const net = running({ params: own(params), stats: own(stats) }, { training: true });
  const pixels = upload(leafOf(batch, 'data/frame-order/clip/pixels'));
  const maps = net.of('imageEncoder', imageMapsNet(run.encoders.image!), pixels);
  const head = transitionHead({ ...options, inputs: 32, batchNorm });
  return net.of('head', head, maps).arraySync() as number[][][];
}

/** The places in time [B][n] of a batch. */
function timesOf(batch: Tree<HostTensor>): number[][] {
  const { data } = leafOf(batch, 'data/frame-order/clip/order');
  return [0, 1].map((clip) => [0, 1, 2].map((place) => data[2 * place + clip]));
}

/** The mean of the cross-entropies of the frames that have one right after them, in loops and float64. */
function restated(logits: readonly number[][][], times: readonly number[][], step = 1): number {
  const losses = logits.flatMap((clip, b) =>
    times[b].flatMap((time, i) => {
      const next = times[b].indexOf(time + step);
      if (next < 0) return [];
      const total = clip[i].reduce((sum, logit, j) => (j === i ? sum : sum + Math.exp(logit)), 0);
      return [Math.log(total) - clip[i][next]];
    }),
  );
  expect(losses.length).toBe(4);
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

describe('the order of frames', () => {
  it('is the cross-entropy against the frame right after, from shuffled clips', () => {
    const seen = new Set<string>();
    first.batches.forEach((batch, i) => {
      const [logits, times] = [logitsOf(eager.states[i], batch), timesOf(batch)];
      for (const order of times) {
        expect([...order].sort()).toEqual([0, 1, 2]);
        seen.add(`${order}`);
      }
      const loss = leafOf(eager.outputs[i], 'loss/next').data[0];
      expect(loss).toBeCloseTo(restated(logits, times), 4);
      // The frame before, or the order in which they come, is another matter.
      expect(Math.abs(restated(logits, times, -1) - loss)).toBeGreaterThan(1e-4);
    });
    expect(seen.size).toBeGreaterThan(1);
  });

  it('is ln(n - 1) by chance', () => {
    expect(first.pretraining.chance(6)).toEqual({ total: Math.log(2), terms: { next: Math.log(2) } });
    for (const output of eager.outputs)
      expect(Math.abs(leafOf(output, 'loss/next').data[0] - Math.log(2))).toBeLessThan(0.3);
  });

  it.each(['forward', 'either'] as const)('is exactly that where nothing moves, %s', async (direction) => {
    const still = join(folder, `still-${direction}`);
    const picture = smoothPicture(Random.fromSeed('still'), 64, 16);
    await writePictureDrives(still, [{ timesS, picture: () => picture }]);
    const view = { width: 64, height: 16 };
    const config = tiny({ frames: 4, direction, view });
    const steps = await driveSteps(config, {
      root: still,
      frames: [[0, 5]],
    });
    const { outputs } = await runSteps(steps);
    for (const output of outputs) {
      expect(leafOf(output, 'loss/next').data[0]).toBeCloseTo(Math.log(3), 5);
      expect(leafOf(output, 'metric/found').data[0]).toBe(0);
    }
  });

  it('is read by the logits of a clip', () => {
    const [[clip]] = [logitsOf(eager.states[0], first.batches[0])];
    const order = readOrder(clip.flat(), 3);
    expect([...order].sort()).toEqual([0, 1, 2]);
  });

  it('has a head of its own beside the encoder, and remembers nothing', () => {
    const { params, stats } = first.state as { readonly [branch: string]: Tree<HostTensor> };
    expect(shapesOf(branchAt(params, 'frame-order'))).toEqual({
      'head/compare/0/bias': [5],
      'head/compare/0/weight': [16, 5],
      'head/logit/0/bias': [5],
      'head/logit/0/weight': [5],
      'head/logit/1/bias': [1],
      'head/logit/1/weight': [5, 1],
      'head/place/0/weight': [32, 6],
      'head/place/1/bias': [6],
      'head/place/1/weight': [6],
    });
    expect(Object.keys(shapesOf(branchAt(stats, 'frame-order'))).sort()).toEqual([
      'head/logit/0/running_mean',
      'head/logit/0/running_var',
      'head/place/1/running_mean',
      'head/place/1/running_var',
    ]);
    const branches = new Set(connectedPaths(first).map((path) => path.split('/').slice(0, 2).join('/')));
    expect(branches).toEqual(new Set(['params/imageEncoder', 'params/frame-order']));
    expect(Object.keys(eager.states[2]).sort()).toEqual(['optimizer', 'params', 'stats']);
  });

  it('asks for other things with either direction', async () => {
    const either = await driveSteps(tiny({ direction: 'either' }), {
      root,
      frames: [frames[0]],
    });
    expect(either.pretraining.chance(6).total).toBeCloseTo(Math.log(2), 12);
    const { outputs } = await runSteps(either);
    const [logits, times] = [logitsOf(either.state, either.batches[0]), timesOf(either.batches[0])];
    const expected = logits.flatMap((clip, b) =>
      times[b].map((time, i) => {
        const others = [0, 1, 2].filter((j) => j !== i);
        const total = others.reduce((sum, j) => sum + Math.exp(clip[i][j]), 0);
        const near = others.filter((j) => Math.abs(times[b][j] - time) === 1);
        return near.reduce((sum, j) => sum + Math.log(total) - clip[i][j], 0) / near.length;
      }),
    );
    const mean = expected.reduce((sum, loss) => sum + loss, 0) / 6;
    expect(leafOf(outputs[0], 'loss/next').data[0]).toBeCloseTo(mean, 4);
  });

  it('refuses fewer than three frames', () => {
    expect(() => tiny({ frames: 2 })).toThrow(/frames.*3/);
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run, { root });
  });
});
