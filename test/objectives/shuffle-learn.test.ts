import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageEncoderNet } from '../../src/encoders/encoders.ts';
import { running } from '../../src/encoders/net.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { mapTree, type Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { accuracies, entropyOf, inOrder } from '../../src/objectives/shuffle-learn.ts';
import { upload, uploadTree, valuesOf } from '../nn/tensors.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import { driveSteps, writePictureDrives } from './tiny-drive.ts';
import { connectedPaths, leafOf, runSteps, shapesOf, tinyImageRun } from './tiny-image-run.ts';

const options = { gapS: 0.5, view: { width: 32, height: 16 }, negatives: 0.75, hidden: 5 };
const tiny = (changes: object = {}) => tinyImageRun('shuffle-learn-small', { ...options, ...changes });
const run = tiny();
const timesS = Array.from({ length: 7 }, (_, k) => 0.5 * k);
const frames = [
  [6, 7, 9, 10],
  [5, 6, 9, 1],
];

let folder: string;
let root: string;
let first: Awaited<ReturnType<typeof driveSteps>>;
let eager: Awaited<ReturnType<typeof runSteps>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shuffle-learn-'));
  root = join(folder, 'drives');
  await writePictureDrives(root, [{ timesS }, { timesS }]);
  first = await driveSteps(run, { root, frames });
  eager = await runSteps(first);
}, 60_000);
afterAll(() => rm(folder, { recursive: true }));

/** The three moments of each of the four tuples of a batch. */
function tuplesOf(batch: Tree<HostTensor>): number[][] {
  const { data } = leafOf(batch, 'data/shuffle-learn/tuple/order');
  return [0, 1, 2, 3].map((tuple) => [0, 1, 2].map((place) => data[4 * place + tuple]));
}

/** The loss of a network whose last layer has these weights and biases. */
function lossWith(change: (leaf: tf.Tensor, path: string) => tf.Tensor): number {
  const { params, stats } = first.state as { readonly [branch: string]: Tree<HostTensor> };
  const changed = mapTree(uploadTree(params), (leaf, path) =>
    path.includes('head/2/') ? change(leaf, path) : leaf,
  );
  const model = { params: changed, stats: uploadTree(stats), memory: {} };
  const losses = first.batches.map((batch) =>
    first.pretraining.loss(model, uploadTree(branchAt(batch, 'data')), { training: true, inputs: {} }),
  );
  return losses.reduce((sum, { loss }) => sum + valuesOf(loss)[0], 0) / losses.length;
}

describe('shuffle and learn', () => {
  it('is the cross-entropy of the three features side by side, in loops and float64', () => {
    const { params, stats } = first.state as { readonly [branch: string]: Tree<HostTensor> };
    const own = branchAt(branchAt(params, 'shuffle-learn'), 'head');
    const [batch] = first.batches;
    // Some in order and some out of it.
    expect(new Set(tuplesOf(batch).map(([, middle]) => middle === 2)).size).toBe(2);
    const net = running({ params: uploadTree(params), stats: uploadTree(stats) }, { training: true });
    const pixels = upload(leafOf(batch, 'data/shuffle-learn/tuple/pixels'));
    const rows = net.of('imageEncoder', imageEncoderNet(run.encoders.image!), pixels);
    const features = rows.arraySync() as number[][];
    const linear = (row: readonly number[], name: string) => {
      const bias = leafOf(own, `${name}/bias`).data;
      const weight = leafOf(own, `${name}/weight`).data;
      return Array.from(bias, (shift, o) =>
        row.reduce((sum, value, i) => sum + value * weight[i * bias.length + o], shift),
      );
    };
    const lossOf = (places: readonly number[]) =>
      tuplesOf(batch).reduce((sum, tuple, b) => {
        const row = places.flatMap((place) => features[4 * place + b]);
        const hidden = linear(row, '0').map((value) => Math.max(0, value));
        const logits = linear(hidden, '2');
        const right = tuple[1] === 2 ? 1 : 0;
        return sum + Math.log(Math.exp(logits[0]) + Math.exp(logits[1])) - logits[right];
      }, 0) / 4;
    const loss = leafOf(eager.outputs[0], 'loss/order').data[0];
    expect(loss).toBeCloseTo(lossOf([0, 1, 2]), 5);
    expect(Math.abs(lossOf([1, 0, 2]) - loss)).toBeGreaterThan(1e-5);
  });

  it('has the entropy of the share of its classes by chance, which is less than ln 2', () => {
    expect(first.pretraining.chance(6).total).toBeCloseTo(0.562335, 6);
    expect(entropyOf(0.75)).toBeCloseTo(-0.25 * Math.log(0.25) - 0.75 * Math.log(0.75), 12);
    expect(entropyOf(0.5)).toBeCloseTo(Math.log(2), 12);
    // A network that says both alike.
    expect(lossWith((leaf) => tf.zerosLike(leaf))).toBeCloseTo(Math.log(2), 6);
    // One that knows the shares alone: its mean over tuples of which a quarter is in order is the entropy.
    const prior = lossWith((leaf, path) =>
      path.endsWith('bias') ? tf.tensor1d([Math.log(0.75), Math.log(0.25)]) : tf.zerosLike(leaf),
    );
    const tuples = first.batches.flatMap(tuplesOf);
    const share = tuples.filter(([, middle]) => middle === 2).length / tuples.length;
    expect(prior).toBeCloseTo(-share * Math.log(0.25) - (1 - share) * Math.log(0.75), 6);
  });

  it('has labels by the middle moment, whichever way round', () => {
    const moments = [
      [1, 2, 3],
      [3, 2, 1],
      [1, 0, 3],
      [3, 4, 1],
      [3, 0, 1],
    ];
    const batch = tf.tensor1d(
      [0, 1, 2].flatMap((place) => moments.map((tuple) => tuple[place])),
      'int32',
    );
    expect(valuesOf(inOrder(batch))).toEqual([1, 1, 0, 0, 0]);
    for (const tuple of first.batches.flatMap(tuplesOf)) expect([tuple[0], tuple[2]].sort()).toEqual([1, 3]);
  });

  it('has a hidden layer, or none as in the paper', async () => {
    const shapes = (state: Tree<HostTensor>) =>
      shapesOf(branchAt(branchAt(state, 'params'), 'shuffle-learn'));
    expect(shapes(first.state)).toEqual({
      'head/0/bias': [5],
      'head/0/weight': [96, 5],
      'head/2/bias': [2],
      'head/2/weight': [5, 2],
    });
    const linear = await driveSteps(tiny({ hidden: null }), { root, frames: [frames[0]] });
    expect(shapes(linear.state)).toEqual({ 'head/bias': [2], 'head/weight': [96, 2] });
    const branches = new Set(connectedPaths(first).map((path) => path.split('/').slice(0, 2).join('/')));
    expect(branches).toEqual(new Set(['params/imageEncoder', 'params/shuffle-learn']));
    expect(Object.keys(eager.states[2]).sort()).toEqual(['optimizer', 'params', 'stats']);
  });

  it('refuses a share of 0 or 1', () => {
    expect(() => tiny({ negatives: 1 })).toThrow('negatives');
    expect(() => tiny({ negatives: 0 })).toThrow('negatives');
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run, { root });
  });
});

describe('accuracies', () => {
  const labels = tf.tensor1d([1, 0, 0, 0, 1, 0, 0, 0], 'int32');
  const of = (rows: number[][]) => {
    const { accuracy, balanced } = accuracies(tf.tensor2d(rows), labels, 0.75);
    return [valuesOf(accuracy)[0], valuesOf(balanced)[0]];
  };

  it('are 0.75 and 0.5 where it is always the more frequent class, 0.25 and 0.5 where it is the other', () => {
    expect(of(Array.from({ length: 8 }, () => [1, 0]))).toEqual([0.75, 0.5]);
    expect(of(Array.from({ length: 8 }, () => [0, 1]))).toEqual([0.25, 0.5]);
  });

  it('count every class by its share', () => {
    // One of two in order and three of six out of order are found: (1/2 + 1/2)/2.
    const rows = [
      [0, 1],
      [1, 0],
      [1, 0],
      [1, 0],
      [1, 0],
      [0, 1],
      [0, 1],
      [0, 1],
    ];
    const [accuracy, balanced] = of(rows);
    expect(accuracy).toBe(0.5);
    expect(balanced).toBeCloseTo(0.5, 6);
    rows[1] = [0, 1];
    // And with two of six: (1/2 + 1/3)/2.
    expect(of(rows)[1]).toBeCloseTo(5 / 12, 6);
  });

  it('are 0 where both logits are alike', () => {
    expect(of(Array.from({ length: 8 }, () => [2, 2]))).toEqual([0, 0]);
  });
});
