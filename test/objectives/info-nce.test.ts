import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { compile } from '../../src/engine/compile.ts';
import { float32, type HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leafAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { infoNce } from '../../src/objectives/info-nce.ts';
import { distance, upload, valuesOf } from '../nn/tensors.ts';

/** Rows of length one. */
function unitRows(seed: string, rows: number, width: number): HostTensor {
  const random = Random.fromSeed(seed);
  const data = new Float32Array(rows * width);
  for (let i = 0; i < rows; i++) {
    const row = Array.from({ length: width }, () => random.normal());
    const length = Math.hypot(...row);
    data.set(
      row.map((value) => value / length),
      i * width,
    );
  }
  return float32(data, [rows, width]);
}

/**
 * The loss and its gradients in plain loops and float64. With p_ij the softmax of row i:
 * ∂L/∂q_i = w_i/(τ·Σw) · (Σ_j p_ij·k_j − k_i), ∂L/∂k_j = 1/(τ·Σw) · (Σ_i w_i·p_ij·q_i − w_j·q_j).
 */
function restated(queries: HostTensor, keys: HostTensor, weights: ArrayLike<number>, temperature: number) {
  const [rows, width] = queries.shape;
  const [q, k] = [queries.data, keys.data];
  const total = Array.from(weights).reduce((sum, weight) => sum + weight, 0);
  const queryGradient = new Float64Array(rows * width);
  const keyGradient = new Float64Array(rows * width);
  let loss = 0;
  let [first, firstFive] = [0, 0];
  for (let i = 0; i < rows; i++) {
    const logits = Array.from({ length: rows }, (_, j) => {
      let dot = 0;
      for (let d = 0; d < width; d++) dot += q[i * width + d] * k[j * width + d];
      return dot / temperature;
    });
    const highest = Math.max(...logits);
    const sum = logits.reduce((before, logit) => before + Math.exp(logit - highest), 0);
    loss += (weights[i] * (highest + Math.log(sum) - logits[i])) / total;
    const nearer = logits.filter((logit, j) => j !== i && logit >= logits[i] - 1e-4).length;
    if (nearer < 1) first += weights[i] / total;
    if (nearer < 5) firstFive += weights[i] / total;
    for (let j = 0; j < rows; j++) {
      const share = (Math.exp(logits[j] - highest) / sum - (i === j ? 1 : 0)) * weights[i];
      for (let d = 0; d < width; d++) {
        queryGradient[i * width + d] += (share * k[j * width + d]) / (temperature * total);
        keyGradient[j * width + d] += (share * q[i * width + d]) / (temperature * total);
      }
    }
  }
  return { loss, top1: first, top5: firstFive, queryGradient, keyGradient };
}

function measured(queries: HostTensor, keys: HostTensor, weights: Float32Array, temperature: number) {
  const { loss, aux, grads } = valueAndGrad(
    (params) => {
      const { loss, top1, top5 } = infoNce(leafAt(params, 'queries'), leafAt(params, 'keys'), {
        temperature,
        weights: tf.tensor1d(weights),
      });
      return { loss, aux: { top1, top5 } };
    },
    { queries: upload(queries), keys: upload(keys) },
  );
  return {
    loss: valuesOf(loss)[0],
    top1: valuesOf(leafAt(aux, 'top1'))[0],
    top5: valuesOf(leafAt(aux, 'top5'))[0],
    queryGradient: valuesOf(grads.get('queries')!),
    keyGradient: valuesOf(grads.get('keys')!),
  };
}

function expectParity(queries: HostTensor, keys: HostTensor, weights: Float32Array, temperature: number) {
  const expected = restated(queries, keys, weights, temperature);
  const found = measured(queries, keys, weights, temperature);
  expect(found.loss).toBeCloseTo(expected.loss, 4);
  expect(found.top1).toBeCloseTo(expected.top1, 5);
  expect(found.top5).toBeCloseTo(expected.top5, 5);
  const scale = Math.max(...expected.queryGradient.map(Math.abs), ...expected.keyGradient.map(Math.abs));
  expect(scale).toBeGreaterThan(0);
  expect(distance(found.queryGradient, expected.queryGradient)).toBeLessThan(1e-5 * Math.max(1, scale));
  expect(distance(found.keyGradient, expected.keyGradient)).toBeLessThan(1e-5 * Math.max(1, scale));
}

const ones = (rows: number) => new Float32Array(rows).fill(1);

describe('infoNce', () => {
  it.each([
    [1, 4, 0.07],
    [2, 3, 0.07],
    [17, 8, 0.07],
    [40, 16, 1],
    [40, 16, 0.2],
    [24, 128, 0.005],
  ])(
    'has the value and the gradients of the formula (%i rows of %i, temperature %d)',
    (rows, width, temperature) => {
      const [queries, keys] = [unitRows(`q${rows}`, rows, width), unitRows(`k${rows}`, rows, width)];
      if (rows === 1) expect(measured(queries, keys, ones(1), temperature).loss).toBeCloseTo(0, 5);
      else expectParity(queries, keys, ones(rows), temperature);
    },
  );

  it('has them where the partners are near, too', () => {
    const queries = unitRows('near', 20, 8);
    const noise = unitRows('noise', 20, 8);
    const keys = float32(
      Float32Array.from(queries.data, (value, i) => 0.9 * value + Math.sqrt(0.19) * noise.data[i]),
      [20, 8],
    );
    expectParity(queries, keys, ones(20), 0.07);
    expect(measured(queries, keys, ones(20), 0.07).top1).toBeGreaterThan(0.5);
  });

  it('leaves out queries of weight 0, and keeps their keys as negatives', () => {
    const [queries, keys] = [unitRows('q', 12, 6), unitRows('k', 12, 6)];
    const weights = Float32Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 0 : 1));
    expectParity(queries, keys, weights, 0.07);
    const { queryGradient, keyGradient } = measured(queries, keys, weights, 0.07);
    for (let d = 0; d < 6; d++) {
      expect(queryGradient[d]).toBe(0);
      expect(keyGradient[d]).not.toBe(0);
    }
    const others = [1, 2, 4, 5, 7, 8, 10, 11];
    const pick = ({ data }: HostTensor) =>
      float32(Float32Array.from(others.flatMap((row) => [...data.subarray(row * 6, row * 6 + 6)])), [8, 6]);
    const without = measured(pick(queries), pick(keys), ones(8), 0.07).loss;
    expect(measured(queries, keys, weights, 0.07).loss).toBeGreaterThan(without);
  });

  it('is 0 with gradients of 0 where no query counts', () => {
    const [queries, keys] = [unitRows('q', 6, 4), unitRows('k', 6, 4)];
    const { loss, top1, queryGradient, keyGradient } = measured(queries, keys, new Float32Array(6), 0.07);
    expect([loss, top1]).toEqual([0, 0]);
    expect([...queryGradient, ...keyGradient].every((value) => value === 0)).toBe(true);
  });

  it('is ln R, and retrieves nothing, where all rows are the same: a tie is a miss', () => {
    const row = unitRows('one', 1, 16).data;
    const same = float32(
      Float32Array.from({ length: 50 * 16 }, (_, i) => row[i % 16]),
      [50, 16],
    );
    const { loss, top1, top5 } = measured(same, same, ones(50), 0.07);
    expect(loss).toBeCloseTo(Math.log(50), 5);
    expect([top1, top5]).toEqual([0, 0]);
  });

  it('is near ln R for random rows of many dimensions', () => {
    const { loss, top1 } = measured(unitRows('a', 64, 2048), unitRows('b', 64, 2048), ones(64), 1);
    expect(Math.abs(loss - Math.log(64))).toBeLessThan(0.02);
    expect(top1).toBeLessThan(0.1);
  });

  it('counts a partner that shares its place with one other as fifth best, but not as best', () => {
    // Keys 0 and 1 coincide, so queries 0 and 1 have two nearest keys each.
    const axes = float32([1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, -1, 0, 0, 0], [6, 4]);
    const { top1, top5 } = measured(axes, axes, ones(6), 0.07);
    expect(top1).toBeCloseTo(4 / 6, 6);
    expect(top5).toBe(1);
  });

  it('gives the same by ONNX Runtime', async () => {
    const [queries, keys] = [unitRows('q', 40, 16), unitRows('k', 40, 16)];
    const batch = { queries, keys, weights: float32(ones(40), [40]) };
    const step = await compile(
      (state, { queries, keys, weights }) => {
        const found = infoNce(queries, keys, { temperature: 0.01, weights });
        return [state, { ...found }];
      },
      { state: {}, batch },
    );
    const { outputs } = await step.run({}, batch);
    const expected = restated(queries, keys, ones(40), 0.01);
    const scalarAt = (name: 'loss' | 'top1' | 'top5') => outputs[name].data[0];
    expect(scalarAt('loss') / expected.loss).toBeCloseTo(1, 5);
    expect(scalarAt('top1')).toBeCloseTo(expected.top1, 6);
    expect(scalarAt('top5')).toBeCloseTo(expected.top5, 6);
    await step.dispose();
  });
});
