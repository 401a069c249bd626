import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { candidateFeatures, initLastLevel } from '../../src/detection/candidate-features.ts';
import { Random } from '../../src/engine/random.ts';
import { distance, randomTensor, uploadTree, valuesOf } from '../nn/tensors.ts';
import { tinyDetector } from '../training/detection/tiny-detector.ts';

const POINTS = 20;
const [CENTERS, LAST] = [6, 4];
const [OWN, WIDTH] = [5, 3];

/** Two samples: their tables count through the stacked rows. */
const int = (values: number[]) => tf.tensor1d(values, 'int32');
const first = [3, 1, 4, 15, 9, 2, ...[26, 25, 38, 29, 37, 33]];
const last = [0, 2, 4, 5, ...[6, 7, 9, 11]];
const nearest = [...first.keys()].flatMap((n) => {
  const sample = n < CENTERS ? 0 : LAST;
  return [0, 1, 2].map((k) => sample + ((n + k) % LAST));
});
const xyz = randomTensor('xyz', [2 * POINTS, 3], 5);
const places = tf.gather(xyz, int(first));
const own = randomTensor('own', [2 * CENTERS, OWN]);
const features = randomTensor('features', [2 * LAST, WIDTH]);
const weights = tf.abs(randomTensor('weights', [nearest.length]));
const batch = {
  points: { xyz, levels: { 0: { centers: int(first) }, 1: { centers: int(last) } } },
  places,
  nearest: int(nearest),
  nearestWeights: weights,
};
const encoded = { features, levels: [own, features], stats: {} };

function configOf(lastLevel: 'weighted' | 'offsets') {
  const config = tinyDetector('point3d', [`point3d.lastLevel=${lastLevel}`]);
  if (config.detector !== 'point3d') throw new Error('another detector');
  const { pointEncoder } = config.point3d;
  const levels = pointEncoder.levels.map((level) => ({ ...level, out: WIDTH }));
  return { ...config.point3d, pointEncoder: { ...pointEncoder, levels } };
}

const table = (x: tf.Tensor) => x.arraySync() as number[][];

describe('the features of candidates', () => {
  it('are their own, and those of three centres by their weights', () => {
    const options = { config: configOf('weighted'), batch, training: false };
    const { y, stats } = candidateFeatures({}, {}, encoded, options);
    const share = valuesOf(weights);
    const expected = table(own).flatMap((row, n) => [
      ...row,
      ...[0, 1, 2].map((c) =>
        [0, 1, 2].reduce((sum, k) => sum + share[3 * n + k] * table(features)[nearest[3 * n + k]][c], 0),
      ),
    ]);
    expect([y.shape, stats]).toEqual([[2 * CENTERS, OWN + WIDTH], {}]);
    expect(distance(valuesOf(y), expected)).toBeLessThan(1e-5);
  });

  it('are their own, and the largest of what a layer makes of each centre and of how far away it lies', () => {
    const config = configOf('offsets');
    const made = initLastLevel(Random.fromSeed(3), config);
    const [params, stats] = [uploadTree({ lastLevel: made.params }), uploadTree({ lastLevel: made.stats })];
    const found = candidateFeatures(params, stats, encoded, { config, batch, training: false });
    const layer = (params.lastLevel as never)['0' as never] as { linear: { weight: tf.Tensor } };
    const weight = table(layer.linear.weight); // [3 + C, C]
    // Running statistics begin as 0 and 1, scale and shift as 1 and 0.
    const norm = 1 / Math.sqrt(1 + config.headBatchNorm.eps);
    const centers = last.map((at) => table(xyz)[first[at]]);
    const expected = table(own).flatMap((row, n) => {
      const seen = [0, 1, 2].map((k) => {
        const at = nearest[3 * n + k];
        const offset = centers[at].map((value, axis) => value - table(places)[n][axis]);
        const inputs = [...offset, ...table(features)[at]];
        return [0, 1, 2].map((c) => norm * inputs.reduce((sum, x, i) => sum + x * weight[i][c], 0));
      });
      return [...row, ...[0, 1, 2].map((c) => Math.max(0, ...seen.map((values) => values[c])))];
    });
    expect(distance(valuesOf(found.y), expected)).toBeLessThan(1e-5);
    expect(Object.keys(found.stats)).toEqual(['lastLevel']);
    const moved = candidateFeatures(params, stats, encoded, {
      config,
      batch: { ...batch, places: tf.add(places, 1) },
      training: false,
    });
    expect(distance(valuesOf(moved.y), expected)).toBeGreaterThan(0.01);
  });
});
