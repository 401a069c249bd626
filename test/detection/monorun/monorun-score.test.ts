import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  calibrated,
  EVIDENCE_VALUES,
  evidenceRow,
  initScoreHead,
  plainScore,
  scoreLogits,
} from '../../../src/detection/monorun/monorun-score.ts';
import type { HostTensor } from '../../../src/engine/host-tensor.ts';
import { Random } from '../../../src/engine/random.ts';
import { branchAt, leafAt } from '../../../src/nn/layer.ts';
import { uploadTree, valuesOf } from '../../nn/tensors.ts';

// Deviations 0.1, 0.2, 0.5 and 2, and one correlation of 0.5 between x and z.
const covariance = new Float64Array(16);
for (const [k, deviation] of [0.1, 0.2, 0.5, 2].entries()) covariance[5 * k] = deviation ** 2;
covariance[4 * 3 + 1] = 0.5 * 0.2 * 2;
covariance[4 * 1 + 3] = 0.5 * 0.2 * 2;

describe('evidence', () => {
  it('is a pose, its logarithmic deviations, its correlations and a size', () => {
    const row = evidenceRow({ yaw: 0.3, translation: [1, 2, 20], covariance, sizeM: [4, 1.5, 1.6] });
    expect(row).toHaveLength(EVIDENCE_VALUES);
    const expected = [0.3, 1, 2, 20, ...[0.1, 0.2, 0.5, 2].map(Math.log), 0, 0, 0, 0, 0.5, 0, 4, 1.5, 1.6];
    expected.forEach((value, k) => {
      expect(row[k]).toBeCloseTo(value, 5);
    });
  });
});

describe('a calibrated covariance', () => {
  it('has its deviations multiplied, and its correlations as they were', () => {
    const scaled = calibrated(covariance, [1, 2, 3, 4].map(Math.log));
    [0.1, 0.4, 1.5, 8].forEach((deviation, k) => {
      expect(Math.sqrt(scaled[5 * k])).toBeCloseTo(deviation, 10);
    });
    expect(scaled[13] / Math.sqrt(scaled[5] * scaled[15])).toBeCloseTo(0.5, 10);
    expect(scaled[13]).toBe(scaled[7]);
  });

  it('makes a score the smaller the less sure the depth is', () => {
    expect(plainScore(0.8, covariance)).toBeCloseTo(0.8 / Math.E, 6);
    expect(plainScore(0.8, new Float64Array(16))).toBe(0.8);
  });
});

describe('the score head', () => {
  const [rows, width] = [5, 6];
  const { params, stats } = initScoreHead(Random.fromSeed(1), { features: width, widths: [8, 4] });
  const random = Random.fromSeed(2);
  const values = (count: number, size = 1) =>
    Float32Array.from({ length: count }, () => size * random.normal());
  const evidence = values(rows * EVIDENCE_VALUES, 20);
  const features = values(rows * width);

  it('is what its layers say, written out', () => {
    const logits = valuesOf(
      scoreLogits(
        uploadTree(params),
        uploadTree(stats),
        tf.tensor(evidence, [rows, EVIDENCE_VALUES]),
        tf.tensor(features, [rows, width]),
      ),
    );
    const layer = (name: string, x: readonly number[]) => {
      const { weight, bias } = branchAt(params, name) as { [key: string]: HostTensor };
      return Array.from(bias.data, (b, j) =>
        x.reduce((sum, value, i) => sum + value * weight.data[i * bias.data.length + j], b),
      );
    };
    const relu = (x: readonly number[]) => x.map((value) => Math.max(0, value));
    for (let r = 0; r < rows; r++) {
      const own = [...evidence.subarray(r * EVIDENCE_VALUES, (r + 1) * EVIDENCE_VALUES)];
      const held = own.map((value) => Math.min(5, Math.max(-5, value)));
      const region = layer('region', [...features.subarray(r * width, (r + 1) * width)]);
      const first = relu(layer('evidence', held).map((value, j) => value + region[j]));
      expect(logits[r]).toBeCloseTo(layer('said', relu(layer('hidden', first)))[0], 4);
    }
  });

  it('begins with the plain factors', () => {
    expect(Array.from(leafAt(params, 'logScales').data, Math.exp).map(Math.round)).toEqual([4, 4, 4, 4]);
  });
});
