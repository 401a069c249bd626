import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../src/engine/random.ts';
import { l2Normalize } from '../../../src/nn/l2-normalize.ts';
import { valueAndGrad } from '../../../src/nn/value-and-grad.ts';
import { bankProducts } from '../../../src/objectives/parts/memory-bank.ts';
import {
  noiseContrast,
  noiseContrastChance,
  normalizerOf,
} from '../../../src/objectives/parts/noise-contrast.ts';
import { randomTensor, valuesOf } from '../../nn/tensors.ts';
import { golden, randomRows, rowsOf, unit } from '../tiny-image-run.ts';
import { noiseContrastInLoops } from './noise-contrast-in-loops.ts';

type Rows = ReadonlyArray<readonly number[]>;

/** Row numbers of four pictures, the right one first. */
const drawn: Rows = [
  [0, 3, 5, 1],
  [1, 2, 2, 7],
  [2, 6, 0, 4],
  [3, 3, 1, 5],
];

const temperature = 0.07;

/** The scores of rows that are normalised first, as the golden values have it. */
function scoresOf(x: tf.Tensor, bank: Rows): tf.Tensor {
  const rows = tf.tensor2d(
    drawn.map((row) => [...row]),
    [4, 4],
    'int32',
  );
  return tf.div(bankProducts(l2Normalize(rowsOf(bank)), l2Normalize(x), rows), temperature);
}

describe('noise-contrastive estimation', () => {
  const { a, queue } = golden;
  const [x, bank] = [a.map(unit), queue.map(unit)];

  it('has the golden values: Z of the first batch, and the loss', () => {
    const scores = scoresOf(rowsOf(a), queue);
    const normalizer = normalizerOf(scores, 8);
    expect(valuesOf(normalizer)[0] / 12816.463836237723).toBeCloseTo(1, 5);
    expect(valuesOf(noiseContrast(scores, { normalizer, candidates: 8, eps: 1e-7 }))[0]).toBeCloseTo(
      14.221574883398,
      4,
    );
    const { loss, z } = noiseContrastInLoops(x, bank, drawn, { temperature, eps: 1e-7 });
    expect(z).toBeCloseTo(12816.463836237723, 6);
    expect(loss).toBeCloseTo(14.221574883398, 10);
  });

  it('is what loops make of random rows, with a Z from before', () => {
    const [rows, remembered] = [randomRows('x', 5, 6).map(unit), randomRows('bank', 11, 6).map(unit)];
    const random = Random.fromSeed('rows');
    const named = rows.map((_, i) => [i, ...Array.from({ length: 7 }, () => random.integer(11))]);
    for (const [tau, eps, z] of [
      [0.1, 1e-7, 300],
      [0.5, 0.01, 12],
    ] as const) {
      const scores = tf.div(
        bankProducts(rowsOf(remembered), rowsOf(rows), tf.tensor2d(named, [5, 8], 'int32')),
        tau,
      );
      const loss = noiseContrast(scores, { normalizer: tf.scalar(z), candidates: 11, eps });
      expect(valuesOf(loss)[0]).toBeCloseTo(
        noiseContrastInLoops(rows, remembered, named, { temperature: tau, eps, z }).loss,
        4,
      );
    }
  });

  it('has a gradient with respect to the picture by the scores alone, not by Z', () => {
    const { grads } = valueAndGrad(
      (tree) => {
        const scores = scoresOf(tree.x as tf.Tensor, queue);
        return {
          loss: noiseContrast(scores, { normalizer: normalizerOf(scores, 8), candidates: 8, eps: 1e-7 }),
          aux: {},
        };
      },
      { x: rowsOf(a) },
    );
    const found = valuesOf(grads.get('x')!);
    const loss = (moved: Rows, z?: number) =>
      noiseContrastInLoops(moved.map(unit), bank, drawn, { temperature, eps: 1e-7, z }).loss;
    const { z } = noiseContrastInLoops(x, bank, drawn, { temperature, eps: 1e-7 });
    const slope = (at: number, fixed?: number) => {
      const moved = (by: number) =>
        a.map((row, i) => row.map((value, d) => value + (4 * i + d === at ? by : 0)));
      return (loss(moved(1e-5), fixed) - loss(moved(-1e-5), fixed)) / 2e-5;
    };
    for (let at = 0; at < 16; at++) expect(found[at]).toBeCloseTo(slope(at, z), 4);
    // Through Z it would be another.
    expect(Math.max(...found.map((value, at) => Math.abs(value - slope(at))))).toBeGreaterThan(0.01);
  });

  it('is as the number of negatives says where all scores are equal', () => {
    const chance = (negatives: number, candidates: number, eps: number) =>
      noiseContrastChance({ negatives, candidates, eps });
    expect(chance(3, 8, 0)).toBeCloseTo(2.249340578475, 11);
    expect(chance(4096, 5000, 0)).toBeCloseTo(9.317888227099, 8);
    expect(chance(4096, 1281167, 1e-7)).toBeCloseTo(9.446003, 5);
    const scores = tf.fill([2, 4], 3);
    const loss = noiseContrast(scores, { normalizer: normalizerOf(scores, 8), candidates: 8, eps: 0 });
    expect(valuesOf(loss)[0]).toBeCloseTo(2.249340578475, 5);
  });

  it('does not lose what thousands of far rows say to rounding', () => {
    const scores = tf.concat([tf.fill([16, 1], 5), randomTensor('far', [16, 4096])], 1);
    const loss = noiseContrast(scores, { normalizer: tf.scalar(8000), candidates: 5000, eps: 1e-7 });
    const noise = 4096 / 5000;
    const expected = (scores.arraySync() as number[][]).map((row) =>
      row.reduce((sum, score, j) => {
        const density = Math.exp(score) / 8000;
        return sum + Math.log(density + noise + 1e-7) - (j === 0 ? Math.log(density) : Math.log(noise));
      }, 0),
    );
    const mean = expected.reduce((sum, value) => sum + value, 0) / 16;
    expect(valuesOf(loss)[0] / mean).toBeCloseTo(1, 6);
  });
});
