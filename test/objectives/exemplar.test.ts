import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { dense, encoded, normed } from './plain-layers.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import { connectedPaths, firstSteps, leafOf, runSteps, shapesOf, tinyImageRun } from './tiny-image-run.ts';

type Host = Tree<HostTensor>;

/** The mean over rows of -ln softmax at each row's label, in loops and float64. */
function restated(logits: number[][], labels: readonly number[]): number {
  const terms = logits.map((row, i) => {
    const highest = Math.max(...row);
    const whole = row.reduce((sum, value) => sum + Math.exp(value - highest), 0);
    return Math.log(whole) + highest - row[labels[i]];
  });
  return terms.reduce((sum, term) => sum + term, 0) / terms.length;
}

describe('Exemplar-CNN', () => {
  const patches = {
    size: 8,
    copies: 2,
    levels: 4,
    shift: 0.25,
    scale: [0.7, 1.4],
    rotation: 20,
    recolouring: { axes: [1, 1, 0.5], power: 2, factor: 0.5, offset: 0.1 },
  };
  const options = { patches, hidden: 5, dropout: 0.5, classRate: 3 };
  const run = tinyImageRun('exemplar-cifar', options);
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
  ];
  const first = firstSteps(run, { frames: 7, pictures });
  const eager = runSteps(first);
  const eps = run.encoders.image!.batchNorm.eps;

  it('has a row of its classifier for every picture of the data set, and learns nothing at ln N', () => {
    expect(shapesOf(branchAt(branchAt(first.state, 'params'), 'exemplar'))).toEqual({
      'classes/bias': [7],
      'classes/weight': [5, 7],
      'inside/0/bias': [5],
      'inside/0/weight': [32, 5],
      'inside/1/bias': [5],
      'inside/1/weight': [5],
    });
    expect(first.state.memory).toBeUndefined();
    expect(first.pretraining.chance(7).total).toBeCloseTo(Math.log(7), 12);
    expect(first.groups.map(({ name, learningRate }) => [name, learningRate])).toEqual([
      ['image', 0.05],
      ['exemplar-classes', expect.closeTo(0.15, 10)],
      ['heads', 0.05],
    ]);
  });

  it('lets a gradient reach everything', () => {
    expect(connectedPaths(first)).toEqual(
      leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path),
    );
  });

  it('tells pictures apart by their place in the data set, both copies alike, with a part of the layer left out', async () => {
    const { outputs, states } = await eager;
    for (const [step, batch] of first.batches.entries()) {
      const [params, stats] = ['params', 'stats'].map((branch) => branchAt(states[step], branch));
      const own = branchAt(params, 'exemplar');
      const inside = branchAt(own, 'inside');
      const rows = encoded(run, params, stats, leafOf(batch, 'data/exemplar/patches'));
      const layer = tf.relu(normed(inside, '1', dense(inside, '0', rows), eps));
      const kept = leafOf(batch, 'inputs/exemplar/kept');
      expect(new Set(kept.data)).toEqual(new Set([0, 2]));
      const all = layer.arraySync() as number[][];
      const dropped = all.map((row, n) => row.map((value, c) => value * kept.data[5 * n + c]));
      const logits = (values: number[][]) =>
        dense(own, 'classes', tf.tensor2d(values)).arraySync() as number[][];
      const labels = [...pictures[step], ...pictures[step]];
      const loss = leafOf(outputs[step], 'loss/exemplar').data[0];
      expect(loss, `step ${step}`).toBeCloseTo(restated(logits(dropped), labels), 4);
      // Neither without what is left out, nor with copies in the order of pictures.
      expect(Math.abs(loss - restated(logits(all), labels))).toBeGreaterThan(1e-4);
      const interleaved = pictures[step].flatMap((index) => [index, index]);
      expect(Math.abs(loss - restated(logits(dropped), interleaved))).toBeGreaterThan(1e-4);
    }
  });

  it('draws no numbers without dropout', () => {
    const plain = firstSteps(tinyImageRun('exemplar-cifar', { ...options, dropout: 0 }), {
      frames: 7,
      pictures: pictures.slice(0, 1),
    });
    expect(plain.batches[0].inputs).toBeUndefined();
    expect(() => tinyImageRun('exemplar-cifar', { ...options, dropout: 1 })).toThrow('dropout');
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    const state = await expectSameAfterResuming(run);
    expect((leafOf(state as Host, 'params/exemplar/classes/weight') as HostTensor).shape).toEqual([5, 6]);
  });
});
