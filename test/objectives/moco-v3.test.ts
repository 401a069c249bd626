import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { inBatchContrast } from '../../src/objectives/moco-v3.ts';
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

type Host = Tree<HostTensor>;
type Rows = ReadonlyArray<readonly number[]>;

const { a, b } = golden;

/** One direction of raw rows. */
const oneDirection = (q: Rows, k: Rows, temperature: number) =>
  valuesOf(inBatchContrast(l2Normalize(rowsOf(q)), l2Normalize(rowsOf(k)), temperature).loss)[0];

/** The paper's algorithm in loops and float64: the mean cross-entropy, times twice the temperature. */
function restated(q: Rows, k: Rows, temperature: number): number {
  const [queries, keys] = [q.map(unit), k.map(unit)];
  const losses = queries.map((query, i) => {
    const logits = keys.map((key) => dot(query, key) / temperature);
    const highest = Math.max(...logits);
    return highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0)) - logits[i];
  });
  return (2 * temperature * losses.reduce((sum, loss) => sum + loss, 0)) / losses.length;
}

describe("MoCo v3's loss", () => {
  it('has the golden values', () => {
    expect(oneDirection(a, b, 1)).toBeCloseTo(3.308300105275, 5);
    expect(oneDirection(a, b, 0.2)).toBeCloseTo(1.528813714761, 6);
    expect(oneDirection(a, b, 0.2) + oneDirection(b, a, 0.2)).toBeCloseTo(3.148239772524, 5);
    expect(restated(a, b, 0.2)).toBeCloseTo(1.528813714761, 10);
  });

  it('has the golden gradient of the queries, and none of the keys', () => {
    const { grads } = valueAndGrad(
      ({ q, k }) => {
        const rows = [q, k].map((each) => l2Normalize(each as tf.Tensor));
        return { loss: inBatchContrast(rows[0], rows[1], 0.2).loss, aux: {} };
      },
      { q: rowsOf(a), k: rowsOf(b) },
    );
    expect([...grads.keys()]).toEqual(['q']);
    const found = valuesOf(grads.get('q')!);
    [0.048598489, -0.001417641, -0.009725369, 0.04248541].forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 7);
    });
  });

  it('is what loops make of random rows', () => {
    for (const [seed, count, temperature] of [
      ['x', 3, 0.1],
      ['y', 9, 1],
    ] as const) {
      const [q, k] = [randomRows(`${seed} q`, count, 5), randomRows(`${seed} k`, count, 5)];
      expect(oneDirection(q, k, temperature)).toBeCloseTo(restated(q, k, temperature), 5);
    }
  });

  it('is 2τ ln N where all rows are the same, and neither without 2τ nor of rows as they are', () => {
    const same = [1, 2, 0.5].map((length) => [length, 2 * length, -length]);
    expect(oneDirection(same, same, 0.2)).toBeCloseTo(0.4 * Math.log(3), 6);
    const ours = oneDirection(a, b, 0.2);
    expect(Math.abs(ours - ours / 0.4)).toBeGreaterThan(1);
    const raw = valuesOf(inBatchContrast(rowsOf(a), rowsOf(b), 0.2).loss)[0];
    expect(Math.abs(ours - raw)).toBeGreaterThan(1);
    expect(oneDirection([a[0].map((x) => 7 * x), ...a.slice(1)], b, 0.2)).toBeCloseTo(ours, 5);
    // The right key is that of the own picture.
    expect(Math.abs(oneDirection(a, [...b.slice(1), b[0]], 0.2) - ours)).toBeGreaterThan(0.05);
  });

  it('counts how often the own key is the nearest', () => {
    const top1 = (q: Rows, k: Rows) =>
      valuesOf(inBatchContrast(l2Normalize(rowsOf(q)), l2Normalize(rowsOf(k)), 1).top1)[0];
    expect(top1(a, a)).toBe(1);
    expect(top1([a[1], a[0], a[2], a[3]], a)).toBe(0.5);
  });
});

describe('MoCo v3', () => {
  const views = { first: tinyView, second: { ...tinyView, solarise: { probability: 0.5 } } };
  const options = {
    ...views,
    hidden: 7,
    dimensions: 5,
    momentum: 0.75,
    headBatchNorm: { eps: 0.1, momentum: 0.1 },
  };
  const run = tinyImageRun('moco-v3-cifar', options);
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);
  const at = (state: Host, path: string) => leafOf(state, path).data;
  const key = (state: Host) => branchAt(branchAt(branchAt(state, 'memory'), 'moco-v3'), 'key');

  it('has heads without biases; the last batch norm, where there is one, learns nothing', () => {
    const own = branchAt(branchAt(first.state, 'params'), 'moco-v3');
    expect(shapesOf(own)).toEqual({
      'predictor/0/weight': [5, 7],
      'predictor/1/bias': [7],
      'predictor/1/weight': [7],
      'predictor/3/weight': [7, 5],
      'projector/0/weight': [32, 7],
      'projector/1/bias': [7],
      'projector/1/weight': [7],
      'projector/3/weight': [7, 5],
    });
    const stats = Object.keys(shapesOf(branchAt(branchAt(first.state, 'stats'), 'moco-v3')));
    expect(stats.filter((path) => path.endsWith('mean'))).toEqual([
      'predictor/1/running_mean',
      'projector/1/running_mean',
      'projector/4/running_mean',
    ]);
    // As with a ViT.
    const { state } = firstSteps(
      tinyImageRun('moco-v3-cifar', { ...options, projector: { layers: 3, lastNorm: true } }),
      { frames: 6, pictures: [] },
    );
    const deep = shapesOf(branchAt(branchAt(branchAt(state, 'params'), 'moco-v3'), 'projector'));
    expect([deep['0/weight'], deep['3/weight'], deep['6/weight']]).toEqual([
      [32, 7],
      [7, 7],
      [7, 5],
    ]);
    expect(first.pretraining.chance(6).total).toBeCloseTo(0.8 * Math.log(4), 12);
  });

  it('has a key encoder and projector, without predictor, that begin as those of the queries', () => {
    const params = branchAt(first.state, 'params');
    const own = {
      imageEncoder: branchAt(params, 'imageEncoder'),
      projector: branchAt(branchAt(params, 'moco-v3'), 'projector'),
    };
    expect(leavesOf(branchAt(key(first.state), 'params'))).toEqual(leavesOf(own));
  });

  it('lets a gradient reach encoder, projector and predictor, and nothing of the keys', () => {
    expect(connectedPaths(first)).toEqual(
      leavesOf({ params: branchAt(first.state, 'params') }).map(([path]) => path),
    );
  });

  it('moves the key encoder before the step, towards the parameters that the step begins with', async () => {
    const { states } = await eager;
    for (const step of [1, 2, 3]) {
      // 1 - m, m = 1 - (1 - m₀)·(1 + cos(π·progress))/2
      const rest = (0.25 * (1 + Math.cos((Math.PI * (step - 1)) / 3))) / 2;
      for (const name of ['imageEncoder/conv1/weight', 'projector/3/weight']) {
        const online = name.startsWith('projector') ? `params/moco-v3/${name}` : `params/${name}`;
        const path = `memory/moco-v3/key/params/${name}`;
        const [before, found] = [at(states[step - 1], path), at(states[step], path)];
        const worst = (current: HostTensor['data']) =>
          Math.max(
            ...Array.from(before, (value, i) => Math.abs(found[i] - value - rest * (current[i] - value))),
          );
        expect(worst(at(states[step - 1], online))).toBeLessThan(1e-6);
        expect(worst(at(states[step], online))).toBeGreaterThan(1e-5);
      }
    }
  });

  it('has a momentum that rises to 1 along half a cosine', () => {
    const { inputs } = firstSteps(tinyImageRun('moco-v3-cifar', { ...options, momentum: 0.99 }), {
      frames: 6,
      pictures: [],
    }).pretraining;
    const momenta = [0, 0.25, 0.5, 1].map((progress) => {
      const made = inputs!({ step: 0, epoch: 0, progress, random: Random.fromSeed(1) });
      return leafAt(branchAt(made, 'moco-v3'), 'momentum').data[0];
    });
    [0.99, 0.9914644660940672, 0.995, 1].forEach((value, i) => {
      expect(momenta[i]).toBeCloseTo(value, 6);
    });
  });

  it('compares predictions with keys of the other view, from the moved key encoder', async () => {
    const { outputs, states } = await eager;
    const projector = (layers: Host, x: tf.Tensor) => {
      const hidden = tf.relu(normed(layers, '1', dense(layers, '0', x), 0.1));
      return normed(layers, '4', dense(layers, '3', hidden), 0.1);
    };
    const predictor = (layers: Host, x: tf.Tensor) =>
      dense(layers, '3', tf.relu(normed(layers, '1', dense(layers, '0', x), 0.1)));
    for (const step of [1, 2, 3]) {
      const [before, after] = [states[step - 1], states[step]];
      const [params, stats] = [branchAt(before, 'params'), branchAt(before, 'stats')];
      const own = branchAt(params, 'moco-v3');
      const slow = branchAt(key(after), 'params');
      const rows = { q: [] as number[][][], k: [] as number[][][] };
      for (const view of ['first', 'second']) {
        const picture = leafOf(first.batches[step - 1], `data/moco-v3/${view}`);
        const z = projector(branchAt(own, 'projector'), encoded(run, params, stats, picture));
        rows.q.push(predictor(branchAt(own, 'predictor'), z).arraySync() as number[][]);
        const keys = encoded(run, slow, branchAt(key(before), 'stats'), picture);
        rows.k.push(projector(branchAt(slow, 'projector'), keys).arraySync() as number[][]);
      }
      const { q, k } = rows;
      const loss = at(outputs[step - 1], 'loss/contrast')[0];
      expect(loss).toBeCloseTo(restated(q[0], k[1], 0.2) + restated(q[1], k[0], 0.2), 4);
      // Not with keys of the same view.
      expect(Math.abs(loss - restated(q[0], k[0], 0.2) - restated(q[1], k[1], 0.2))).toBeGreaterThan(1e-3);
    }
  });

  it('keeps running statistics of the key encoder of its own', async () => {
    const { states } = await eager;
    const name = 'projector/1/running_mean';
    const slow = `memory/moco-v3/key/stats/${name}`;
    expect(at(states[1], slow)).not.toEqual(at(states[0], slow));
    expect(at(states[2], slow)).not.toEqual(at(states[2], `stats/moco-v3/${name}`));
  });

  it('takes a vision transformer as well, whose frozen patches stay as they are on both sides', async () => {
    const { input, batchNorm } = run.encoders.image!;
    const image = {
      kind: 'vit',
      width: 4,
      depth: 1,
      heads: 2,
      patch: 4,
      positions: 'sine',
      frozenPatch: true,
      batchNorm,
      input,
    } as const;
    const vit = firstSteps(tinyImageRun('moco-v3-cifar', options, { encoders: { image } }), {
      frames: 6,
      pictures: pictures.slice(0, 2),
    });
    const { outputs, states } = await runSteps(vit);
    for (const output of outputs) expect(at(output, 'loss/contrast')[0]).toBeGreaterThan(0);
    const changed = (branch: (state: Host) => Host) => {
      const before = new Map(leavesOf(branch(states[0])));
      return leavesOf(branch(states[2])).flatMap(([path, { data }]) =>
        distance(data, before.get(path)!.data) === 0 ? [path] : [],
      );
    };
    const online = changed((state) => branchAt(branchAt(state, 'params'), 'imageEncoder'));
    const slow = changed((state) => branchAt(branchAt(key(state), 'params'), 'imageEncoder'));
    expect(online).toEqual(slow);
    expect(online.length).toBeGreaterThan(0);
    for (const path of online) expect(path).toMatch(/patch/);
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run);
  });
});
