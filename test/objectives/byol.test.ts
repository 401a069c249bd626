import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../src/engine/tree.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { regression } from '../../src/objectives/parts/bootstrap.ts';
import { meanCosine } from '../../src/objectives/parts/cosine.ts';
import { distance, valuesOf } from '../nn/tensors.ts';
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

const oneDirection = (p: Rows, t: Rows) => valuesOf(regression(rowsOf(p), rowsOf(t)))[0];

/** The mean over rows of ‖p - t‖², in loops and float64. */
function squaredDistance(p: Rows, t: Rows): number {
  const sums = p.map((row, i) => row.reduce((sum, value, d) => sum + (value - t[i][d]) ** 2, 0));
  return sums.reduce((sum, value) => sum + value, 0) / p.length;
}

const restated = (p: Rows, t: Rows) => squaredDistance(p.map(unit), t.map(unit));

describe("BYOL's loss", () => {
  const { a, b } = golden;

  it('has the golden values', () => {
    expect(valuesOf(meanCosine(rowsOf(a), rowsOf(b)))[0]).toBeCloseTo(-0.19588181373, 6);
    expect(oneDirection(a, b)).toBeCloseTo(2.391763627459, 6);
    expect(restated(a, b)).toBeCloseTo(2.391763627459, 10);
  });

  it('has the golden gradient at the prediction, and none at the target', () => {
    const { grads } = valueAndGrad(
      ({ p, t }) => ({ loss: regression(p as tf.Tensor, t as tf.Tensor), aux: {} }),
      { p: rowsOf(a), t: rowsOf(b) },
    );
    expect([...grads.keys()]).toEqual(['p']);
    // Twice that of the negative cosine: 2 - 2·cos.
    [0.019953711, 0.000106137, -0.019741438, 0.023880771].forEach((value, i) => {
      expect(valuesOf(grads.get('p')!)[i]).toBeCloseTo(2 * value, 6);
    });
  });

  it('is none of the usual mistakes', () => {
    const ours = oneDirection(a, b);
    const notNormalised = squaredDistance(a, b);
    const notSummed = restated(a, b) / a[0].length; // the mean over elements, as of a library's squared error
    const otherWay = 2 + 2 * a.reduce((sum, row, i) => sum + dot(unit(row), unit(b[i])) / a.length, 0);
    for (const wrong of [notNormalised, notSummed, otherWay])
      expect(Math.abs(ours - wrong)).toBeGreaterThan(0.5);
    // A value alone does not show whether the target is frozen; its gradient does.
    const { grads } = valueAndGrad(
      ({ p, t }) => {
        const cosine = (x: tf.Tensor, y: tf.Tensor) =>
          tf.sum(tf.mul(tf.div(x, tf.norm(x, 2, 1, true)), tf.div(y, tf.norm(y, 2, 1, true))));
        const loss = tf.sub(2, tf.mul(cosine(p as tf.Tensor, t as tf.Tensor), 0.5)) as tf.Scalar;
        expect(valuesOf(loss)[0]).toBeCloseTo(ours, 5);
        return { loss, aux: {} };
      },
      { p: rowsOf(a), t: rowsOf(b) },
    );
    expect([...grads.keys()]).toEqual(['p', 't']);
  });

  it('is what loops make of random rows', () => {
    for (const [seed, count, width] of [
      ['x', 3, 5],
      ['y', 8, 16],
    ] as const) {
      const [p, t] = [randomRows(`${seed} p`, count, width), randomRows(`${seed} t`, count, width)];
      expect(oneDirection(p, t)).toBeCloseTo(restated(p, t), 5);
    }
  });

  it('is 0 for the same directions, 4 for opposite ones, 2 across, and does not see lengths', () => {
    const longer = (rows: Rows, by: number) => rows.map((row, i) => row.map((x) => x * by * (i + 1)));
    expect(oneDirection(a, longer(a, 3))).toBeCloseTo(0, 5);
    expect(oneDirection(a, longer(a, -2))).toBeCloseTo(4, 5);
    expect(oneDirection([[1, 2, 0]], [[-2, 1, 5]])).toBeCloseTo(2, 6);
    expect(oneDirection(longer(a, 2), longer(b, 0.5))).toBeCloseTo(oneDirection(a, b), 5);
  });
});

describe('BYOL', () => {
  const views = { first: tinyView, second: { ...tinyView, solarise: { probability: 0.5 } } };
  const options = { ...views, hidden: 7, dimensions: 5, momentum: 0.75 };
  const run = tinyImageRun('byol-cifar', options);
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);
  const eps = run.encoders.image!.batchNorm.eps;
  const at = (state: Host, path: string) => leafOf(state, path).data;
  const target = (state: Host) => branchAt(branchAt(branchAt(state, 'memory'), 'byol'), 'target');

  it('has heads of a linear layer with bias, batch norm, ReLU, and a linear layer without bias', () => {
    expect(shapesOf(branchAt(branchAt(first.state, 'params'), 'byol'))).toEqual({
      'predictor/0/bias': [7],
      'predictor/0/weight': [5, 7],
      'predictor/1/bias': [7],
      'predictor/1/weight': [7],
      'predictor/3/weight': [7, 5],
      'projector/0/bias': [7],
      'projector/0/weight': [32, 7],
      'projector/1/bias': [7],
      'projector/1/weight': [7],
      'projector/3/weight': [7, 5],
    });
    expect(first.pretraining.parts[0].objective.chance).toEqual({ regression: 4 });
  });

  it('has a target of encoder and projector that begins with values of its own, or as the online network does', () => {
    const starts = (targetStart: 'own' | 'online') => {
      const { state } = firstSteps(tinyImageRun('byol-cifar', { ...options, targetStart }), {
        frames: 6,
        pictures: pictures.slice(0, 1),
      });
      const params = branchAt(state, 'params');
      const [own, slow] = [
        {
          imageEncoder: branchAt(params, 'imageEncoder'),
          projector: branchAt(branchAt(params, 'byol'), 'projector'),
        },
        branchAt(target(state), 'params'),
      ];
      expect(shapesOf(slow)).toEqual(shapesOf(own));
      const weights = leavesOf(own).filter(([path]) => /conv1|projector.*(0|3)\/weight/.test(path));
      return weights.map(([path, { data }]) => distance(data, at(slow, path)) === 0);
    };
    expect(new Set(starts('own'))).toEqual(new Set([false]));
    expect(new Set(starts('online'))).toEqual(new Set([true]));
  });

  it('lets a gradient reach encoder, projector and predictor, and nothing of the target', () => {
    const paths = connectedPaths(first);
    expect(paths).toEqual(leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path));
  });

  it('moves the target after the optimizer, towards the new parameters', async () => {
    const { states } = await eager;
    for (const step of [1, 2, 3]) {
      // 1 - (1 - τ₀)·(cos(π·progress) + 1)/2
      const rest = (0.25 * (Math.cos((Math.PI * (step - 1)) / 3) + 1)) / 2;
      for (const name of ['imageEncoder/conv1/weight', 'projector/3/weight']) {
        const online = name.startsWith('projector') ? `params/byol/${name}` : `params/${name}`;
        const path = `memory/byol/target/params/${name}`;
        const [before, found] = [at(states[step - 1], path), at(states[step], path)];
        const towards = (current: HostTensor['data']) =>
          Array.from(before, (value, i) => value + rest * (current[i] - value));
        expect(distance(found, towards(at(states[step], online)))).toBeLessThan(1e-6);
        expect(distance(found, towards(at(states[step - 1], online)))).toBeGreaterThan(1e-5);
      }
    }
  });

  it('has a momentum that rises to 1 along half a cosine', () => {
    const { inputs } = firstSteps(tinyImageRun('byol-cifar', { ...options, momentum: 0.996 }), {
      frames: 6,
      pictures: [],
    }).pretraining;
    const momenta = [0, 0.5, 1].map((progress) => {
      const made = inputs!({ step: 0, epoch: 0, progress, random: Random.fromSeed(1) });
      return leafAt(branchAt(made, 'byol'), 'momentum').data[0];
    });
    [0.996, 0.998, 1].forEach((value, i) => {
      expect(momenta[i]).toBeCloseTo(value, 6);
    });
  });

  it('is the loss of predictions of the other view, from batch norms with the statistics of their batch', async () => {
    const { outputs, states } = await eager;
    const head = (params: Host, name: string, x: tf.Tensor) => {
      const layers = branchAt(params, name);
      return dense(layers, '3', tf.relu(normed(layers, '1', dense(layers, '0', x), eps)));
    };
    for (const step of [1, 2, 3]) {
      const state = states[step - 1];
      const params = branchAt(state, 'params');
      const own = branchAt(params, 'byol');
      const [p, t] = [[], []] as number[][][][];
      for (const view of ['first', 'second']) {
        const picture = leafOf(first.batches[step - 1], `data/byol/${view}`);
        const z = head(own, 'projector', encoded(run, params, branchAt(state, 'stats'), picture));
        p.push(head(own, 'predictor', z).arraySync() as number[][]);
        const slow = branchAt(target(state), 'params');
        const rows = encoded(run, slow, branchAt(target(state), 'stats'), picture);
        t.push(head(slow, 'projector', rows).arraySync() as number[][]);
      }
      const loss = at(outputs[step - 1], 'loss/regression')[0];
      expect(loss).toBeCloseTo(restated(p[0], t[1]) + restated(p[1], t[0]), 4);
      // Neither that of the same view, nor the mean of both directions.
      expect(Math.abs(loss - restated(p[0], t[0]) - restated(p[1], t[1]))).toBeGreaterThan(1e-3);
      expect(Math.abs(loss - (restated(p[0], t[1]) + restated(p[1], t[0])) / 2)).toBeGreaterThan(0.1);
    }
  });

  it('keeps running statistics of the target of its own, which no loss depends on', async () => {
    const { outputs, states } = await eager;
    const name = 'projector/1/running_mean';
    const [online, slow] = [`stats/byol/${name}`, `memory/byol/target/stats/${name}`];
    expect(at(states[1], slow)).not.toEqual(at(states[0], slow));
    expect(at(states[1], slow)).not.toEqual(at(states[1], online));
    const moved = mapTree(first.state, (leaf, path) =>
      path.includes('running_mean') ? { ...leaf, data: leaf.data.map((value) => value + 3) } : leaf,
    );
    const { outputs: again } = await runSteps({ ...first, state: moved, batches: first.batches.slice(0, 1) });
    expect(again[0]).toEqual(outputs[0]);
  });

  it('refuses several copies of a view', () => {
    expect(() => tinyImageRun('byol-cifar', { ...options, first: { ...tinyView, copies: 2 } })).toThrow(
      'copies',
    );
  });

  it('trains its predictor, and nothing else, at a multiple of the rate of the heads', () => {
    const groupsOf = (predictorRate: number) => {
      const config = tinyImageRun('byol-cifar', { ...options, predictorRate });
      const { groups } = firstSteps(config, { frames: 6, pictures: [] });
      return groups.map(({ name, match, learningRate }) => [name, match, learningRate]);
    };
    const [image, heads] = [
      ['image', ['imageEncoder'], 0.05],
      ['heads', [''], 0.05],
    ];
    expect(groupsOf(1)).toEqual([image, heads]);
    expect(groupsOf(4)).toEqual([image, ['byol-predictor', ['byol/predictor'], 0.2], heads]);
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run);
  });
});
