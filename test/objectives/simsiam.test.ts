import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { ratesAt } from '../../src/nn/parameter-groups.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { symmetricSimilarity } from '../../src/objectives/simsiam.ts';
import { valuesOf } from '../nn/tensors.ts';
import { dense, encoded, normed } from './plain-layers.ts';
import { expectCapturedAsEager, expectSameAfterResuming } from './same-course.ts';
import {
  connectedPaths,
  dot,
  firstSteps,
  golden,
  leafOf,
  randomRows,
  rowsOf,
  runSteps,
  shapesOf,
  tinyImageRun,
  tinyView,
  unit,
} from './tiny-image-run.ts';

type Rows = ReadonlyArray<readonly number[]>;
type Host = Tree<HostTensor>;

const lossOf = (p: readonly Rows[], z: readonly Rows[]) =>
  valuesOf(symmetricSimilarity(p.map(rowsOf), z.map(rowsOf)))[0];

/** The paper's D, -cos averaged over rows, in loops and float64. */
const distanceOf = (p: Rows, z: Rows) =>
  -p.reduce((sum, row, i) => sum + dot(unit(row), unit(z[i])), 0) / p.length;
/** The paper's algorithm: D(p1, z2)/2 + D(p2, z1)/2. */
const restated = ([p1, p2]: readonly Rows[], [z1, z2]: readonly Rows[]) =>
  distanceOf(p1, z2) / 2 + distanceOf(p2, z1) / 2;

describe("SimSiam's loss", () => {
  const { a, b } = golden;
  const first = golden.queue.slice(0, 4);
  const further = [
    [-5, -3, -1, 1],
    [4, 6, 8, -7],
    [-4, -2, 0, 2],
    [5, 7, -8, -6],
  ];

  it('has the golden value', () => {
    expect(lossOf([a, further], [first, b])).toBeCloseTo(-0.093864306109, 6);
    expect(restated([a, further], [first, b])).toBeCloseTo(-0.093864306109, 10);
  });

  it('has the golden gradient at the predictions, and none at what they predict', () => {
    const { grads } = valueAndGrad(
      ({ p1, p2, z1, z2 }) => {
        const loss = symmetricSimilarity([p1, p2] as tf.Tensor[], [z1, z2] as tf.Tensor[]);
        return { loss, aux: {} };
      },
      { p1: rowsOf(a), p2: rowsOf(further), z1: rowsOf(first), z2: rowsOf(b) },
    );
    expect([...grads.keys()]).toEqual(['p1', 'p2']);
    // Half of that of one direction.
    [0.019953711, 0.000106137, -0.019741438, 0.023880771].forEach((value, i) => {
      expect(valuesOf(grads.get('p1')!)[i]).toBeCloseTo(value / 2, 6);
    });
  });

  it('is none of the usual mistakes', () => {
    const ours = lossOf([a, further], [first, b]);
    const sameView = restated([a, further], [b, first]);
    const summed = 2 * restated([a, further], [first, b]);
    const notNormalised = -a.reduce((sum, row, i) => sum + dot(row, b[i]) + dot(further[i], first[i]), 0) / 8;
    for (const wrong of [sameView, summed, notNormalised, -ours])
      expect(Math.abs(ours - wrong)).toBeGreaterThan(0.05);
  });

  it('is what loops make of random rows', () => {
    for (const [seed, count, width] of [
      ['x', 3, 5],
      ['y', 8, 16],
    ] as const) {
      const [p1, p2, z1, z2] = [0, 1, 2, 3].map((i) => randomRows(`${seed}${i}`, count, width));
      expect(lossOf([p1, p2], [z1, z2])).toBeCloseTo(restated([p1, p2], [z1, z2]), 6);
    }
  });

  it('is -1 for the same directions, 1 for opposite ones, 0 across, and does not see lengths', () => {
    const longer = (rows: Rows, by: number) => rows.map((row, i) => row.map((x) => x * by * (i + 1)));
    expect(lossOf([a, b], [longer(b, 2), longer(a, 5)])).toBeCloseTo(-1, 6);
    expect(lossOf([a, b], [longer(b, -2), longer(a, -1)])).toBeCloseTo(1, 6);
    expect(lossOf([[[1, 2]], [[3, 0]]], [[[0, 1]], [[-2, 1]]])).toBeCloseTo(0, 6);
    const value = lossOf([a, further], [first, b]);
    expect(lossOf([longer(a, 3), further], [first, longer(b, 0.2)])).toBeCloseTo(value, 6);
  });
});

describe('SimSiam', () => {
  const options = { view: tinyView, hidden: 7, dimensions: 6, bottleneck: 3 };
  const run = tinyImageRun('simsiam-cifar', options);
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);
  const eps = run.encoders.image!.batchNorm.eps;

  it('has a projector of three layers, whose last batch norm has neither scale nor shift, and a bottleneck that predicts', () => {
    const own = (branch: string) => branchAt(branchAt(first.state, branch), 'simsiam');
    expect(shapesOf(own('params'))).toEqual({
      'predictor/0/weight': [6, 3],
      'predictor/1/bias': [3],
      'predictor/1/weight': [3],
      'predictor/3/bias': [6],
      'predictor/3/weight': [3, 6],
      'projector/0/weight': [32, 7],
      'projector/1/bias': [7],
      'projector/1/weight': [7],
      'projector/3/weight': [7, 7],
      'projector/4/bias': [7],
      'projector/4/weight': [7],
      'projector/6/weight': [7, 6],
    });
    expect(shapesOf(branchAt(own('stats'), 'projector'))).toMatchObject({
      '7/running_mean': [6],
      '7/running_var': [6],
    });
    expect(first.state.memory).toBeUndefined();
    expect(first.pretraining.parts[0].objective.chance).toEqual({ similarity: 0 });
  });

  it('draws both views alike, each with random numbers of its own', () => {
    const { first: one, second: other } = first.pretraining.parts[0].objective.views;
    expect(one).toEqual(other);
    const pixels = (view: string) => leafOf(first.batches[0], `data/simsiam/${view}`).data;
    expect(pixels('first')).not.toEqual(pixels('second'));
  });

  it('lets a gradient reach encoder, projector and predictor', () => {
    expect(connectedPaths(first)).toEqual(
      leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path),
    );
  });

  it('is the loss of predictions of the other view', async () => {
    const { outputs, states } = await eager;
    for (const step of [1, 2, 3]) {
      const [params, stats] = ['params', 'stats'].map((branch) => branchAt(states[step - 1], branch));
      const { projector, predictor } = branchAt(params, 'simsiam') as { readonly [name: string]: Host };
      const [p, z] = [[], []] as number[][][][];
      for (const view of ['first', 'second']) {
        let x = encoded(run, params, stats, leafOf(first.batches[step - 1], `data/simsiam/${view}`));
        for (const [layer, norm] of [
          ['0', '1'],
          ['3', '4'],
        ])
          x = tf.relu(normed(projector, norm, dense(projector, layer, x), eps));
        x = normed(projector, '7', dense(projector, '6', x), eps);
        z.push(x.arraySync() as number[][]);
        x = dense(predictor, '3', tf.relu(normed(predictor, '1', dense(predictor, '0', x), eps)));
        p.push(x.arraySync() as number[][]);
      }
      const loss = leafOf(outputs[step - 1], 'loss/similarity').data[0];
      expect(loss).toBeCloseTo(restated(p, z), 4);
      expect(Math.abs(loss - restated(p, [z[1], z[0]]))).toBeGreaterThan(1e-3);
    }
  });

  it("keeps the predictor's learning rate where it begins, or does not, and multiplies it", () => {
    const rates = (fixPredictorRate: boolean, predictorRate: number) => {
      const config = tinyImageRun('simsiam-cifar', { ...options, fixPredictorRate, predictorRate });
      const schedule = { kind: 'cosine', per: 'run', length: 1 } as const;
      const { groups } = firstSteps(config, { frames: 6, pictures: [] });
      const { learningRates } = ratesAt(groups, schedule, { progress: 0.5, share: 0.5 });
      return Object.fromEntries(leavesOf(learningRates).map(([name, { data }]) => [name, data[0]]));
    };
    const [full, half, double] = [0.05, 0.025, 0.1].map(Math.fround);
    expect(rates(true, 1)).toEqual({ image: half, 'simsiam-predictor': full, heads: half });
    expect(rates(true, 2)).toEqual({ image: half, 'simsiam-predictor': double, heads: half });
    expect(rates(false, 2)).toEqual({ image: half, 'simsiam-predictor': full, heads: half });
    expect(rates(false, 1)).toEqual({ image: half, heads: half });
  });

  it('trains every parameter of the predictor in the group of its own', () => {
    const optimizer = leavesOf(branchAt(branchAt(first.state, 'optimizer'), 'simsiam-predictor'));
    const predictor = leavesOf(branchAt(branchAt(branchAt(first.state, 'params'), 'simsiam'), 'predictor'));
    expect(optimizer.map(([path]) => path)).toEqual(
      predictor.map(([path]) => `momentum/simsiam/predictor/${path}`),
    );
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run);
  });
});
