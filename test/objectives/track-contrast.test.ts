import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it } from 'vitest';
import { float32, type HostTensor, int32 } from '../../src/engine/host-tensor.ts';
import type { Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { placesToSegments } from '../../src/objectives/track-contrast.ts';
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

const tiny = tinySweepRun('track-contrast-small', {
  groundShare: 1,
  pairs: { most: 6, perPair: 3, segments: 'all' },
  hidden: 8,
  dimensions: 6,
});

describe('places against the means of segments', () => {
  const places = randomRows('places', 7, 4).map(unit);
  const means = randomRows('means', 4, 4).map(unit);
  const there = [1, 1, 0, 1];
  // Of segment 0 two places, of 1 one, 2 is not there, of 3 two.
  const rows = [0, 1, 4, 0, 0, 0, 6, 2];
  const weights = [0.5, 0.5, 1, 0, 0, 0, 0.5, 0.5];
  const temperature = 0.3;
  const found = placesToSegments(rowsOf(places), rowsOf(means), {
    side: uploadTree({
      rows: int32(Int32Array.from(rows), [8]),
      weights: float32(Float32Array.from(weights), [8]),
    }),
    there: tf.tensor1d(there),
    temperature,
  });

  /** The same in loops; `wrong` makes one of the usual mistakes. */
  function restated(wrong?: 'all segments' | 'places alike'): number {
    let sum = 0;
    let count = 0;
    rows.forEach((row, k) => {
      const segment = Math.floor(k / 2);
      if (weights[k] === 0) return;
      const logits = means.flatMap((mean, s) =>
        there[s] === 1 || wrong === 'all segments' ? [dot(places[row], mean) / temperature] : [],
      );
      const right = dot(places[row], means[segment]) / temperature;
      const loss = Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0)) - right;
      const weight = wrong === 'places alike' ? 1 : weights[k];
      sum += weight * loss;
      count += weight;
    });
    return sum / count;
  }

  it('is the cross-entropy over the segments that are there, every segment counting alike', () => {
    expect(valuesOf(found.loss)[0]).toBeCloseTo(restated(), 5);
    for (const wrong of ['all segments', 'places alike'] as const)
      expect(Math.abs(restated(wrong) - restated())).toBeGreaterThan(1e-3);
  });

  it('counts how often the own segment is the most alike', () => {
    const right = [0, 1, 4, 6, 2].map((row, i) => {
      const segment = [0, 0, 1, 3, 3][i];
      const others = [0, 1, 3].filter((s) => s !== segment);
      return others.every((s) => dot(places[row], means[segment]) > dot(places[row], means[s]) + 1e-4);
    });
    const expected = [0.5, 0.5, 1, 0.5, 0.5].reduce((sum, weight, i) => sum + (right[i] ? weight : 0), 0) / 3;
    expect(valuesOf(found.top1)[0]).toBeCloseTo(expected, 5);
  });
});

describe('track-contrast', () => {
  const first = stepsOn(tiny, {
    frames: 4,
    data: [
      [0, 1],
      [2, 3],
    ].map((drives, step) => sweepBatch(tiny, drives, step)),
  });

  it('has segments that were followed in its batches', () => {
    const { data } = first.batches[0] as unknown as { data: Tree<HostTensor> };
    const there = leafOf(data, 'track-contrast/pair/pairs/there').data as Float32Array;
    expect(there.reduce((sum, is) => sum + is, 0)).toBeGreaterThan(3);
  });

  it('has no gradient into the slow encoder', () => {
    const paths = connectedPaths(first);
    expect(paths.filter((path) => path.startsWith('memory/'))).toEqual([]);
    for (const branch of ['pointEncoder/', 'track-contrast/projector/', 'track-contrast/predictor/'])
      expect(paths.some((path) => path.startsWith(`params/${branch}`))).toBe(true);
  });

  it('lets the slow encoder follow before it is used, and is captured as it is in tfjs', async () => {
    const eager = await runSteps(first);
    const path = 'pointEncoder/sa1/scale1/0/linear/weight';
    const slowOf = (state: Tree<HostTensor>) =>
      leafOf(
        branchAt(branchAt(branchAt(branchAt(state, 'memory'), 'track-contrast'), 'slow'), 'params'),
        path,
      ).data;
    const ownOf = (state: Tree<HostTensor>) => leafOf(branchAt(state, 'params'), path).data;
    const [begin, one, two] = eager.states;
    expect(slowOf(begin)).toEqual(ownOf(begin));
    // In the first step both are the same; in the second a hundredth of what was learned in the first has come over.
    expect(slowOf(one)).toEqual(slowOf(begin));
    const moved = Array.from(ownOf(one), (value, i) => 0.99 * slowOf(one)[i] + 0.01 * value);
    moved.forEach((value, i) => {
      expect(slowOf(two)[i]).toBeCloseTo(value, 6);
    });
    expect(ownOf(one)).not.toEqual(ownOf(begin));
    await expectCapturedAsEager(first, eager, { ofLosses: 1e-4, ofStates: 2e-3 });
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    const root = temporaryFolder();
    writeSweepDrive(root, 8);
    const state = await expectSameAfterResuming(tiny, { root });
    expect(Object.keys(branchAt(state, 'memory'))).toEqual(['track-contrast']);
  });
});
