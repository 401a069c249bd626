import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it } from 'vitest';
import { float32, int32 } from '../../src/engine/host-tensor.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { infoNce } from '../../src/objectives/info-nce.ts';
import { pooledRows } from '../../src/objectives/parts/sweep-rows.ts';
import { removeFolders, temporaryFolder } from '../datasets/tiny-sequences.ts';
import { uploadTree, valuesOf } from '../nn/tensors.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import {
  connectedPaths,
  dot,
  leafOf,
  randomRows,
  rowsOf,
  runSteps,
  stepsOn,
  unit,
} from './tiny-image-run.ts';
import { sweepBatch, tinySweepRun, writeSweepDrive } from './tiny-sweeps.ts';

afterEach(removeFolders);

const tiny = tinySweepRun('bev-contrast-small', { head: [8], pairs: { cellM: 3, most: 10, perPair: 2 } });

describe('the contrast of cells that are there', () => {
  const a = randomRows('a', 5, 3).map(unit);
  const b = randomRows('b', 5, 3).map(unit);
  const there = [1, 1, 0, 1, 0];
  const temperature = 0.2;

  it('is that of the rows without the others', () => {
    const kept = there.flatMap((is, i) => (is === 1 ? [i] : []));
    const expected =
      kept.reduce((sum, i) => {
        const logits = kept.map((j) => dot(a[i], b[j]) / temperature);
        return (
          sum +
          Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0)) -
          dot(a[i], b[i]) / temperature
        );
      }, 0) / kept.length;
    const weights = tf.tensor1d(there);
    const found = infoNce(rowsOf(a), rowsOf(b), { temperature, weights, absent: true });
    expect(found.loss.arraySync()).toBeCloseTo(expected, 5);
    // With the others as negatives it is larger.
    expect(infoNce(rowsOf(a), rowsOf(b), { temperature, weights }).loss.arraySync()).toBeGreaterThan(
      expected + 0.1,
    );
  });

  it('compares means of the places of a cell', () => {
    const features = rowsOf([
      [2, 0],
      [4, 2],
      [0, 8],
    ]);
    const side = uploadTree({
      rows: int32(Int32Array.of(0, 1, 2, 0), [4]),
      weights: float32(Float32Array.of(0.5, 0.5, 1, 0), [4]),
    });
    expect(valuesOf(pooledRows(features, side, 2))).toEqual([3, 1, 0, 8]);
  });
});

describe('bev-contrast', () => {
  const first = stepsOn(tiny, {
    frames: 4,
    data: [
      [0, 1],
      [2, 3],
    ].map((drives, step) => sweepBatch(tiny, drives, step)),
  });

  it('has the loss of having learned nothing where all features are alike, however many cells there are', async () => {
    const { pretraining, state, batches } = first;
    const { data } = batches[0] as unknown as { data: Parameters<typeof uploadTree>[0] };
    const there = leafOf(data as never, 'bev-contrast/pair/pairs/there').data;
    const count = Array.from(there as Float32Array).reduce((sum, is) => sum + is, 0);
    expect(count).toBeGreaterThan(4);
    expect(count).toBeLessThan(there.length);
    const { params, stats } = state as unknown as { [part: string]: Parameters<typeof uploadTree>[0] };
    // A head without weights says the same of every cell.
    const zeroed = uploadTree(params);
    const own = branchAt(branchAt(zeroed, 'bev-contrast'), 'head');
    const layer = branchAt(own, '0');
    const model = {
      params: {
        ...zeroed,
        'bev-contrast': {
          head: {
            0: { weight: tf.zerosLike(leafAt(layer, 'weight')), bias: tf.ones(leafAt(layer, 'bias').shape) },
          },
        },
      },
      stats: uploadTree(stats),
      memory: {},
    };
    const { terms, metrics } = pretraining.loss(model as never, uploadTree(data), { training: true });
    expect(valuesOf(leafAt(terms, 'contrast'))[0]).toBeCloseTo(pretraining.chance(4).total!, 4);
    expect(valuesOf(leafAt(metrics, 'top1'))[0]).toBe(0);
    expect(valuesOf(leafAt(metrics, 'pairs'))[0]).toBeCloseTo(count / 2, 5);
  });

  it('reaches the point encoder and its head', () => {
    const paths = connectedPaths(first);
    expect(paths.some((path) => path.startsWith('params/pointEncoder/'))).toBe(true);
    expect(paths.some((path) => path.startsWith('params/bev-contrast/head/'))).toBe(true);
  });

  it('is captured as it is in tfjs', async () => {
    const eager = await runSteps(first);
    await expectCapturedAsEager(first, eager, { ofLosses: 1e-4, ofStates: 2e-3 });
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    const root = temporaryFolder();
    writeSweepDrive(root, 8);
    await expectSameAfterResuming(tiny, { root });
  });
});
