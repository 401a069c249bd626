import type * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { spreadingChance, spreadingLoss } from '../../src/objectives/invaspread.ts';
import { valuesOf } from '../nn/tensors.ts';
import { dense, encoded } from './plain-layers.ts';
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

const { a, b } = golden;

/** The loss of raw rows, first views and then second ones. */
const lossOf = (first: Rows, second: Rows, temperature: number, negativeWeight = 1) =>
  valuesOf(spreadingLoss(l2Normalize(rowsOf([...first, ...second])), { temperature, negativeWeight }))[0];

/**
 * The released code's steps in loops and float64. `held` are the rows that others are compared with, those themselves where
 * it is not given; `wrong` makes a mistake.
 */
function restated(
  first: Rows,
  second: Rows,
  {
    temperature,
    negativeWeight: weight = 1,
    held = [...first, ...second],
    wrong,
  }: {
    readonly temperature: number;
    readonly negativeWeight?: number;
    readonly held?: Rows;
    readonly wrong?: 'not normalised' | 'self counts' | 'not spread' | 'both spread';
  },
): number {
  const made = wrong === 'not normalised' ? (row: readonly number[]) => row : unit;
  const [rows, columns] = [[...first, ...second], held].map((each) => each.map(made));
  const half = first.length;
  let sum = 0;
  rows.forEach((row, r) => {
    const partner = (r + half) % (2 * half);
    const scores = columns.map((column) => Math.exp(dot(row, column) / temperature));
    if (wrong !== 'self counts') scores[r] = 0;
    const all = scores.reduce((total, score) => total + score, 0);
    const divisor = (all - scores[partner]) * weight + scores[partner];
    sum += Math.log(scores[partner] / divisor);
    scores.forEach((score, c) => {
      if (c === r || wrong === 'not spread' || (c === partner && wrong !== 'both spread')) return;
      sum += weight * Math.log(1 - score / divisor);
    });
  });
  return -sum / rows.length;
}

describe("InvaSpread's loss", () => {
  it('has the golden values', () => {
    expect(lossOf(a, b, 0.1)).toBeCloseTo(13.898426854219, 4);
    expect(lossOf(a, b, 0.5)).toBeCloseTo(3.841760324003, 6);
    expect(restated(a, b, { temperature: 0.1 })).toBeCloseTo(13.898426854219, 10);
    expect(restated(a, b, { temperature: 0.5 })).toBeCloseTo(3.841760324003, 10);
  });

  it('has the golden gradients of rows as queries alone', () => {
    const { grads } = valueAndGrad(
      ({ x }) => ({
        loss: spreadingLoss(l2Normalize(x as tf.Tensor), { temperature: 0.5, negativeWeight: 1 }),
        aux: {},
      }),
      { x: rowsOf([...a, ...b]) },
    );
    const found = valuesOf(grads.get('x')!);
    [0.01636799, -0.005137422, -0.023395674, 0.021425177].forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 7);
    });
    [0.026295615, 0.013578504, 0.000980071, -0.020252435].forEach((value, i) => {
      expect(found[16 + i]).toBeCloseTo(value, 7);
    });
    // Were what they are compared with not held fast, the value would be the same and the gradient about twice that.
    [0.033728533, -0.008301815, -0.04916121, 0.044986947].forEach((wrong, i) => {
      expect(Math.abs(found[i] - wrong)).toBeGreaterThan(0.003);
    });
  });

  it('has the slopes of the loops, the other rows being held, with a weight as well', () => {
    const options = { temperature: 0.5, negativeWeight: 1.5 };
    const rows = [...a, ...b];
    const { grads } = valueAndGrad(
      ({ x }) => ({ loss: spreadingLoss(l2Normalize(x as tf.Tensor), options), aux: {} }),
      { x: rowsOf(rows) },
    );
    const found = valuesOf(grads.get('x')!);
    for (const [row, column] of [
      [0, 0],
      [2, 3],
      [6, 1],
    ]) {
      const [high, low] = [1e-4, -1e-4].map((step) => {
        const moved = rows.map((values, i) =>
          values.map((value, d) => (i === row && d === column ? value + step : value)),
        );
        return restated(moved.slice(0, 4), moved.slice(4), { ...options, held: rows });
      });
      expect(found[4 * row + column]).toBeCloseTo((high - low) / 2e-4, 6);
    }
  });

  it('is none of the usual mistakes', () => {
    const ours = lossOf(a, b, 0.5);
    for (const wrong of ['not normalised', 'self counts', 'not spread', 'both spread'] as const)
      expect(Math.abs(ours - restated(a, b, { temperature: 0.5, wrong })), wrong).toBeGreaterThan(0.02);
  });

  it('is what loops make of random rows and any weight of others', () => {
    for (const [seed, count, temperature, negativeWeight] of [
      ['x', 3, 0.1, 1],
      ['y', 7, 0.2, 1.5],
      ['z', 12, 1, 3],
    ] as const) {
      const [one, other] = [randomRows(`${seed} a`, count, 5), randomRows(`${seed} b`, count, 5)];
      expect(lossOf(one, other, temperature, negativeWeight)).toBeCloseTo(
        restated(one, other, { temperature, negativeWeight }),
        4,
      );
    }
  });

  it('is 2.8708 of four pictures where all rows are the same, whatever their lengths', () => {
    const same = [1, 2, 0.5, 3].map((length) => [length, 2 * length, -length]);
    expect(lossOf(same, same, 0.1)).toBeCloseTo(2.870814228019, 5);
    expect(spreadingChance(4, 1)).toBeCloseTo(2.870814228019, 10);
    expect(spreadingChance(4, 1.7)).toBeCloseTo(
      restated(same, same, { temperature: 0.1, negativeWeight: 1.7 }),
      10,
    );
  });

  it('does not change with the order of pictures, with which view comes first, or with the length of a row', () => {
    const value = lossOf(a, b, 0.2);
    const turned = (rows: Rows) => [2, 0, 3, 1].map((i) => rows[i]);
    expect(lossOf(turned(a), turned(b), 0.2)).toBeCloseTo(value, 5);
    expect(lossOf(b, a, 0.2)).toBeCloseTo(value, 5);
    expect(lossOf([a[0].map((x) => 3 * x), ...a.slice(1)], b, 0.2)).toBeCloseTo(value, 5);
    expect(Math.abs(lossOf(turned(a), b, 0.2) - value)).toBeGreaterThan(0.05);
  });

  it('is finite where a row is another picture exactly, and opposite to its own', () => {
    const value = lossOf([[1], [-1]], [[-1], [1]], 0.05);
    expect(value).toBeGreaterThan(40);
    expect(Number.isFinite(value)).toBe(true);
  });
});

describe('InvaSpread', () => {
  const options = { view: tinyView, dimensions: 6, temperature: 0.5 };
  const run = tinyImageRun('invaspread-cifar', options);
  const first = firstSteps(run, {
    frames: 6,
    pictures: [
      [0, 1, 2, 3],
      [4, 5, 1, 2],
    ],
  });
  const eager = runSteps(first);

  it('compares both views of all pictures, through one linear layer', async () => {
    const { outputs, states } = await eager;
    expect(shapesOf(branchAt(branchAt(first.state, 'params'), 'invaspread'))).toEqual({
      'head/bias': [6],
      'head/weight': [32, 6],
    });
    for (const step of [0, 1]) {
      const { params, stats } = states[step] as { readonly [branch: string]: typeof first.state };
      const pixels = leafOf(first.batches[step], 'data/invaspread/pictures');
      const rows = dense(
        params,
        'invaspread/head',
        encoded(run, params, stats, pixels),
      ).arraySync() as number[][];
      const expected = restated(rows.slice(0, 4), rows.slice(4), { temperature: 0.5 });
      expect(leafOf(outputs[step], 'loss/spread').data[0]).toBeCloseTo(expected, 4);
    }
  });

  it('trains encoder and head, remembers nothing, and says what nothing learned is', async () => {
    expect(new Set(connectedPaths(first).map((path) => path.split('/').slice(0, 2).join('/')))).toEqual(
      new Set(['params/imageEncoder', 'params/invaspread']),
    );
    const { states } = await eager;
    expect(states.map((state) => Object.keys(state).sort())).toEqual(
      states.map(() => ['optimizer', 'params', 'stats']),
    );
    expect(first.pretraining.chance(6).total).toBeCloseTo(2.870814228019, 10);
  });

  it('is the same captured and run by ONNX Runtime as in tfjs', async () => {
    await expectCapturedAsEager(first, await eager);
  });

  it('goes on after an interruption to the same losses and the same state, bit for bit', async () => {
    await expectSameAfterResuming(run);
  });
});
