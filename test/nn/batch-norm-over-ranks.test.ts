import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { float32 } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { gatherRows } from '../../src/engine/ranks/collectives.ts';
import { compileRanks } from '../../src/engine/ranks/compile-ranks.ts';
import { type BatchNormScope, batchNorm, withBatchNorm } from '../../src/nn/batch-norm.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';

/** Values of a channel in float64, normalised, and what they leave of running statistics that were 0 and 1. */
function inLoops(values: readonly number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const y = values.map((value) => (value - mean) / Math.sqrt(variance + 1e-5));
  return { y, mean, unbiased: (variance * values.length) / (values.length - 1) };
}

/** One channel in two ranks: what comes of it, of the running statistics, and the gradient of Σ y·weights over all rows. */
async function overTwoRanks(
  scope: BatchNormScope,
  columns: readonly number[][],
  weights: readonly number[][],
) {
  const batches = columns.map((column, rank) => ({
    x: float32(column, [4, 1]),
    weights: float32(weights[rank], [4, 1]),
  }));
  const state = { mean: float32([0], [1]), variance: float32([1], [1]) };
  const step = await compileRanks(
    (before, { x, weights }) =>
      withBatchNorm(scope, () => {
        const options = { eps: 1e-5, momentum: 0.1, training: true };
        const { aux, grads } = valueAndGrad(
          (given) => {
            const { y, stats } = batchNorm(
              {},
              { running_mean: before.mean, running_var: before.variance },
              given.x,
              options,
            );
            return { loss: tf.sum(tf.mul(y, weights)), aux: { y, stats } };
          },
          { x },
        );
        const { y, stats } = aux as {
          y: tf.Tensor;
          stats: { running_mean: tf.Tensor; running_var: tf.Tensor };
        };
        return [
          { mean: stats.running_mean, variance: stats.running_var },
          { y: gatherRows(y), dx: gatherRows(grads.get('x')!) },
        ];
      }),
    { state, batch: batches[0], pieces: 2 },
  );
  const { state: next, outputs } = await step.run(state, batches);
  const after = await next.read();
  await step.dispose();
  return {
    y: [...outputs.y.data],
    dx: [...outputs.dx.data],
    mean: after.mean.data[0],
    variance: after.variance.data[0],
  };
}

const random = Random.fromSeed('two ranks');
const drawn = (offset: number) => Array.from({ length: 4 }, () => Math.fround(offset + random.normal()));
const weights = [drawn(0), drawn(0)];

it('normalises the rows of all ranks as one batch, where it is synchronised', async () => {
  const columns = [drawn(0), drawn(3)];
  const found = await overTwoRanks('synchronised', columns, weights);
  const right = inLoops(columns.flat());
  right.y.forEach((value, i) => {
    expect(found.y[i]).toBeCloseTo(value, 5);
  });
  expect(found.mean).toBeCloseTo(0.1 * right.mean, 6);
  expect(found.variance).toBeCloseTo(0.9 + 0.1 * right.unbiased, 5);
  // The gradient by differences in float64.
  const sum = (values: readonly number[]) =>
    inLoops(values).y.reduce((total, y, i) => total + y * weights.flat()[i], 0);
  columns.flat().forEach((value, i) => {
    const moved = (by: number) => sum(columns.flat().map((each, j) => (j === i ? value + by : each)));
    expect(found.dx[i]).toBeCloseTo((moved(1e-5) - moved(-1e-5)) / 2e-5, 5);
  });
});

it('loses no digits where means are large', async () => {
  const columns = [drawn(3000), drawn(3001)];
  const { y } = await overTwoRanks('synchronised', columns, weights);
  inLoops(columns.flat()).y.forEach((value, i) => {
    expect(Math.abs(y[i] - value)).toBeLessThan(1e-3);
  });
});

it('normalises each rank by itself, and remembers the mean of what the ranks saw, where it is by rank', async () => {
  const columns = [drawn(0), drawn(3)];
  const found = await overTwoRanks('rank', columns, weights);
  const right = columns.map(inLoops);
  right
    .flatMap(({ y }) => y)
    .forEach((value, i) => {
      expect(found.y[i]).toBeCloseTo(value, 5);
    });
  expect(found.mean).toBeCloseTo((0.1 * (right[0].mean + right[1].mean)) / 2, 6);
  expect(found.variance).toBeCloseTo(0.9 + (0.1 * (right[0].unbiased + right[1].unbiased)) / 2, 5);
});
