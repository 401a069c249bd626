import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { labelCrossEntropy } from '../../src/objectives/parts/cross-entropy.ts';
import { pairLogits } from '../../src/objectives/parts/view-pairs.ts';
import type { RunConfig } from '../../src/training/config.ts';
import { expectNear, uploadTree, valuesOf } from '../nn/tensors.ts';
import { dense, normed } from './plain-layers.ts';
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

/** NT-Xent of raw rows, the mean over all of them. */
function ntXent(a: tf.Tensor, b: tf.Tensor, temperature: number): tf.Scalar {
  const rows = l2Normalize(tf.concat([a, b], 0));
  const { logits, partners } = pairLogits(rows, rows, temperature);
  return labelCrossEntropy(logits, partners);
}

const lossOf = (a: Rows, b: Rows, temperature: number) =>
  valuesOf(ntXent(rowsOf(a), rowsOf(b), temperature))[0];

/** The paper's algorithm in loops and float64; `wrong` makes one of the usual mistakes. */
function restated(
  a: Rows,
  b: Rows,
  temperature: number,
  wrong?: 'self counts' | 'partner left out' | 'cross-view only' | 'not normalised',
): number {
  const rows = [...a, ...b].map((row) => (wrong === 'not normalised' ? row : unit(row)));
  const half = a.length;
  let sum = 0;
  rows.forEach((row, i) => {
    const partner = (i + half) % (2 * half);
    const right = dot(row, rows[partner]) / temperature;
    let exps = 0;
    rows.forEach((other, j) => {
      if (j === i && wrong !== 'self counts') return;
      if (j === partner && wrong === 'partner left out') return;
      if (i < half === j < half && wrong === 'cross-view only') return;
      // From the right one on, so that nothing overflows.
      exps += Math.exp(dot(row, other) / temperature - right);
    });
    sum += Math.log(exps);
  });
  return sum / rows.length;
}

describe('NT-Xent', () => {
  const { a, b } = golden;

  it('has the golden values', () => {
    expect(lossOf(a, b, 0.1)).toBeCloseTo(9.564723658173, 5);
    expect(lossOf(a, b, 0.5)).toBeCloseTo(2.687450191102, 6);
  });

  it('has the golden gradients, for both views', () => {
    const { grads } = valueAndGrad(
      (tree) => ({ loss: ntXent(tree.a as tf.Tensor, tree.b as tf.Tensor, 0.5), aux: {} }),
      {
        a: rowsOf(a),
        b: rowsOf(b),
      },
    );
    const first = (name: string) => valuesOf(grads.get(name)!).slice(0, 4);
    [0.036840445, -0.007024998, -0.037473836, 0.04305689].forEach((value, i) => {
      expect(first('a')[i]).toBeCloseTo(value, 6);
    });
    [0.04428699, 0.02303735, -0.001757569, -0.036835647].forEach((value, i) => {
      expect(first('b')[i]).toBeCloseTo(value, 6);
    });
  });

  it('is none of the usual mistakes', () => {
    expect(restated(a, b, 0.5)).toBeCloseTo(2.687450191102, 10);
    expect(restated(a, b, 0.5, 'self counts')).toBeCloseTo(3.272117031775, 10);
    expect(restated(a, b, 0.5, 'partner left out')).toBeCloseTo(2.609976065816, 10);
    expect(restated(a, b, 0.5, 'cross-view only')).toBeCloseTo(2.098144551448, 10);
    expect(restated(a, b, 0.5, 'not normalised')).toBeCloseTo(90.504848492703, 10);
    const ours = lossOf(a, b, 0.5);
    for (const wrong of [3.272117, 2.609976, 2.098145, 90.504848])
      expect(Math.abs(ours - wrong)).toBeGreaterThan(0.05);
  });

  it('is what loops make of random rows', () => {
    for (const [seed, count, temperature] of [
      ['x', 3, 0.1],
      ['y', 7, 0.2],
      ['z', 12, 1],
    ] as const) {
      const [one, other] = [randomRows(`${seed} a`, count, 5), randomRows(`${seed} b`, count, 5)];
      expect(lossOf(one, other, temperature)).toBeCloseTo(restated(one, other, temperature), 4);
    }
  });

  it('is ln(2N - 1) where all rows are the same, whatever their lengths', () => {
    const same = [
      [1, 2, 3],
      [2, 4, 6],
      [0.5, 1, 1.5],
    ];
    expect(lossOf(same, same, 0.1)).toBeCloseTo(Math.log(5), 6);
  });

  it('does not change with the order of pictures, with which view comes first, or with the length of a row', () => {
    const value = lossOf(a, b, 0.2);
    const order = [2, 0, 3, 1];
    expect(
      lossOf(
        order.map((i) => a[i]),
        order.map((i) => b[i]),
        0.2,
      ),
    ).toBeCloseTo(value, 5);
    expect(lossOf(b, a, 0.2)).toBeCloseTo(value, 5);
    expect(lossOf([a[0].map((x) => 3 * x), ...a.slice(1)], b, 0.2)).toBeCloseTo(value, 5);
    expect(
      Math.abs(
        lossOf(
          order.map((i) => a[i]),
          b,
          0.2,
        ) - value,
      ),
    ).toBeGreaterThan(0.05);
  });
});

describe('SimCLR', () => {
  const options = { view: tinyView, dimensions: 6, temperature: 0.5 };
  const run = tinyImageRun('simclr-cifar', options);
  const pictures = [
    [0, 1, 2, 3],
    [4, 5, 1, 2],
    [3, 0, 5, 4],
  ];
  const first = firstSteps(run, { frames: 6, pictures });
  const eager = runSteps(first);

  it("gives, as the released code's sum of both directions, twice the paper's mean, and says so of what is learned by chance", async () => {
    const sum = firstSteps(tinyImageRun('simclr-cifar', { ...options, reduction: 'sum' }), {
      frames: 6,
      pictures,
    });
    const [mean, twice] = [await eager, await runSteps({ ...sum, batches: [sum.batches[0]] })].map(
      ({ outputs }) => leafOf(outputs[0], 'loss/contrast').data[0],
    );
    expect(twice / mean).toBeCloseTo(2, 6);
    expect(first.pretraining.chance(6)).toEqual({ total: Math.log(7), terms: { contrast: Math.log(7) } });
    expect(sum.pretraining.chance(6).total).toBe(2 * Math.log(7));
    // The two means of the golden inputs, as the released code adds them up.
    expect(2 * lossOf(golden.a, golden.b, 0.1)).toBeCloseTo(19.129447316345, 4);
  });

  it('has a head without biases, whose last batch norm has a scale and no shift', () => {
    const shapes = (config: RunConfig) => {
      const { state } = firstSteps(config, { frames: 6, pictures });
      return shapesOf(branchAt(branchAt(state, 'params'), 'simclr'));
    };
    expect(shapes(run)).toEqual({
      'head/0/weight': [32, 32],
      'head/1/bias': [32],
      'head/1/weight': [32],
      'head/3/weight': [32, 6],
      'head/4/weight': [6],
    });
    expect(Object.keys(shapes(tinyImageRun('simclr-cifar', { ...options, layers: 3 })))).toHaveLength(8);
    expect(Object.keys(shapes(tinyImageRun('simclr-cifar', { ...options, layers: 1 })))).toEqual([
      'head/0/weight',
      'head/1/weight',
    ]);
  });

  it('gives the first layers of its head to fine-tuning, with the names and values of the whole', () => {
    const deep = firstSteps(
      tinyImageRun('simclr-v2-cifar', { ...options, headBatchNorm: { eps: 0.1, momentum: 0.1 } }),
      { frames: 6, pictures: [] },
    );
    const { projection } = deep.pretraining.parts[0].objective;
    const { name, layers, first } = projection!;
    expect([name, layers, first(1).channels, first(3).channels]).toEqual(['head', 3, 32, 6]);
    const head = branchAt(branchAt(branchAt(deep.state, 'params'), 'simclr'), name);
    const stats = uploadTree(branchAt(branchAt(branchAt(deep.state, 'stats'), 'simclr'), name));
    const rows = rowsOf(randomRows('rows', 5, 32));
    const applied = (count: number) =>
      valuesOf(first(count).net.apply(uploadTree(head), stats, rows, { training: true }).y);
    const layer = (x: tf.Tensor, at: number) =>
      tf.relu(normed(head, `${at + 1}`, dense(head, `${at}`, x), 0.1));
    expectNear(applied(1), valuesOf(layer(rows, 0)), 4);
    expectNear(applied(2), valuesOf(layer(layer(rows, 0), 3)), 4);
    expect(applied(3)).toHaveLength(30);
  });

  it('sees both views of all pictures as one batch: first views, then second ones', () => {
    const { shape, data } = leafOf(first.batches[0], 'data/simclr/pictures');
    expect(shape).toEqual([8, 8, 8, 3]);
    const size = 8 * 8 * 3;
    expect(data.slice(0, size)).not.toEqual(data.slice(4 * size, 5 * size));
  });

  it('trains encoder and head, and remembers nothing', async () => {
    expect(new Set(connectedPaths(first).map((path) => path.split('/').slice(0, 2).join('/')))).toEqual(
      new Set(['params/imageEncoder', 'params/simclr']),
    );
    const { states } = await eager;
    expect(states.map((state) => Object.keys(state).sort())).toEqual(
      states.map(() => ['optimizer', 'params', 'stats']),
    );
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run);
  });
});
