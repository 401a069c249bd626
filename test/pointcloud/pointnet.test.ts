import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../src/engine/tree.ts';
import { defaultBatchNorm } from '../../src/nn/batch-norm.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import {
  initPointNet,
  orthogonalityOf,
  type PointNetOptions,
  pointNet,
  withGlobalFeatures,
} from '../../src/pointcloud/pointnet.ts';
import {
  distance,
  expectClose,
  expectGradients,
  randomTensor,
  uploadTree,
  valuesOf,
  weighed,
} from '../nn/tensors.ts';

const SAMPLES = 3;
const POINTS = 6;
const OPTIONS: PointNetOptions = {
  inChannels: 4,
  inputTransform: true,
  featureTransform: true,
  localWidths: [5, 4],
  globalWidths: [6, 8],
  transformWidths: [[6, 7], [5]],
  batchNorm: defaultBatchNorm,
};

function made(options: PointNetOptions): [params: Tree<tf.Tensor>, stats: Tree<tf.Tensor>] {
  const { params, stats } = initPointNet(Random.fromSeed('pointnet'), options);
  // The T-Nets start as identities: here they shall turn.
  const turned = mapTree(uploadTree(params), (leaf, path) =>
    path.includes('/matrix/') ? randomTensor(path, leaf.shape, 0.3) : leaf,
  );
  return [turned, uploadTree(stats)];
}

describe('pointNet', () => {
  const points = randomTensor('points', [SAMPLES * POINTS, 4]);
  const [params, stats] = made(OPTIONS);
  const mode = { ...OPTIONS, samples: SAMPLES, training: true };

  it('gives a vector a sample, one a point, and statistics for all its norms', () => {
    const result = pointNet(params, stats, points, mode);
    expect(result.global.shape).toEqual([SAMPLES, 8]);
    expect(result.local.shape).toEqual([SAMPLES * POINTS, 4]);
    expect(result.orthogonality!.shape).toEqual([]);
    expect(leavesOf(result.stats).map(([path]) => path)).toEqual(leavesOf(stats).map(([path]) => path));
  });

  it('does not depend on the order of the points, nor on that of samples but for the order', () => {
    const random = Random.fromSeed('order');
    const order = [2, 0, 1].flatMap((sample) =>
      Array.from(random.permutation(POINTS), (point) => sample * POINTS + point),
    );
    const one = pointNet(params, stats, points, mode);
    const other = pointNet(params, stats, tf.gather(points, tf.tensor1d(order, 'int32')), mode);
    expectClose(other.global, tf.gather(one.global, tf.tensor1d([2, 0, 1], 'int32')), 1e-4);
    expectClose(other.local, tf.gather(one.local, tf.tensor1d(order, 'int32')), 1e-4);
    expect(distance(valuesOf(one.global), valuesOf(other.global))).toBeGreaterThan(0.01);
  });

  it('starts with transforms that are identities', () => {
    const [fresh, freshStats] = ['params', 'stats'].map((key) =>
      uploadTree(initPointNet(Random.fromSeed('pointnet'), OPTIONS)[key as 'params']),
    );
    const plain = { ...mode, inputTransform: false, featureTransform: false };
    const turned = pointNet(fresh, freshStats, points, mode);
    expectClose(turned.global, pointNet(fresh, freshStats, points, plain).global, 1e-5);
    expect(valuesOf(turned.orthogonality!)[0]).toBe(0);
    expect(pointNet(fresh, freshStats, points, plain).orthogonality).toBeUndefined();
  });

  it('has the gradient of numeric differences', () => {
    const withPenalty = (tree: Tree<tf.Tensor>): tf.Scalar => {
      const { global, local, orthogonality } = pointNet(tree, stats, points, mode);
      return tf.add(tf.add(weighed(global), weighed(local)), orthogonality!) as tf.Scalar;
    };
    const { grads } = valueAndGrad((tree) => ({ loss: withPenalty(tree), aux: {} }), params);
    expect([...grads.keys()].sort()).toEqual(leavesOf(params).map(([path]) => path));
    // Biases in front of a norm have the gradient 0, which differences meet up to rounding.
    expectGradients(withPenalty, params, { step: 1e-3, tolerance: 0.08, elements: 3 });
  });

  it('uses the running statistics at evaluation', () => {
    const evaluated = pointNet(params, stats, points, { ...mode, training: false });
    const before = new Map(leavesOf(stats));
    expect(leavesOf(evaluated.stats).every(([path, leaf]) => leaf === before.get(path))).toBe(true);
    const alone = pointNet(params, stats, tf.slice(points, [0, 0], [POINTS, 4]), {
      ...mode,
      samples: 1,
      training: false,
    });
    expectClose(alone.global, tf.slice(evaluated.global, [0, 0], [1, 8]), 1e-4);
  });

  it("has the paper's widths where none are given", () => {
    const { params: full } = initPointNet(Random.fromSeed(0), {
      inChannels: 3,
      inputTransform: true,
      featureTransform: true,
      batchNorm: defaultBatchNorm,
    });
    const chain = (widths: number[]): number =>
      widths.slice(1).reduce((sum, width, i) => sum + widths[i] * width + 3 * width, 0);
    const transform = (channels: number): number =>
      chain([channels, 64, 128, 1024, 512, 256]) + 257 * channels * channels;
    const expected = chain([3, 64, 64]) + chain([64, 64, 128, 1024]) + transform(3) + transform(64);
    expect(leavesOf(full).reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0)).toBe(expected);
  });
});

describe('orthogonalityOf', () => {
  it('is the mean squared distance of A·Aᵀ from the identity', () => {
    const matrices = tf.tensor3d([
      [
        [0, 1],
        [-1, 0],
      ],
      [
        [1, 1],
        [0, 2],
      ],
    ]);
    // A·Aᵀ of the second is [[2, 2], [2, 4]]: 1 + 4 + 4 + 9, over two matrices.
    expect(valuesOf(orthogonalityOf(matrices))).toEqual([9]);
  });
});

describe('withGlobalFeatures', () => {
  it("puts each sample's vector behind its points", () => {
    const joined = withGlobalFeatures(
      tf.tensor2d([[1], [2], [3], [4]]),
      tf.tensor2d([
        [10, 20],
        [30, 40],
      ]),
    );
    expect(joined.arraySync()).toEqual([
      [1, 10, 20],
      [2, 10, 20],
      [3, 30, 40],
      [4, 30, 40],
    ]);
    const global = tf.tensor2d([
      [10, 20],
      [30, 40],
    ]);
    expectGradients((tree) => weighed(withGlobalFeatures(tf.zeros([4, 1]), tree.global as tf.Tensor)), {
      global,
    });
  });
});
