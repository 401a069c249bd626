import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/engine/random.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import { defaultBatchNorm } from '../../src/nn/batch-norm.ts';
import { conv2d, initConv2d } from '../../src/nn/conv2d.ts';
import { l2Normalize } from '../../src/nn/l2-normalize.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { initLinear, linear } from '../../src/nn/linear.ts';
import { maxOverNeighbors } from '../../src/nn/max-over-neighbors.ts';
import { maxPool3x3Stride2 } from '../../src/nn/max-pool.ts';
import { initMlp, mlp } from '../../src/nn/mlp.ts';
import { initMlpHead, mlpHead } from '../../src/nn/mlp-head.ts';
import { relu } from '../../src/nn/relu.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import {
  distance,
  expectClose,
  expectGradients,
  randomTensor,
  upload,
  uploadTree,
  valuesOf,
  weighed,
} from './tensors.ts';

function gradientOf(f: (x: tf.Tensor) => tf.Scalar, x: tf.Tensor): tf.Tensor {
  return valueAndGrad((tree) => ({ loss: f(leafAt(tree, 'x')), aux: {} }), { x }).grads.get('x')!;
}

describe('trees of layers', () => {
  it('name what is missing', () => {
    const tree = { conv: { weight: tf.scalar(1) } };
    expect(() => leafAt(tree, 'weight')).toThrow("no tensor 'weight', only: conv");
    expect(() => leafAt(tree, 'conv')).toThrow("no tensor 'conv'");
    expect(() => branchAt(branchAt(tree, 'conv'), 'weight')).toThrow("no branch 'weight', only: weight");
  });
});

describe('linear', () => {
  it('is x·W + b', () => {
    const params = {
      weight: tf.tensor2d([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      bias: tf.tensor1d([10, 20, 30]),
    };
    expect(valuesOf(linear(params, tf.tensor2d([[1, -1]])))).toEqual([7, 17, 27]);
    expect(valuesOf(linear({ weight: params.weight }, tf.tensor2d([[2, 0]])))).toEqual([2, 4, 6]);
  });

  it('starts within 1/√inputs, with the variance of a uniform distribution', () => {
    const { weight, bias } = initLinear(Random.fromSeed(1), { inputs: 64, outputs: 64 }) as Record<
      string,
      never
    >;
    const values = [...leavesOf({ weight, bias })].flatMap(([, { data }]) =>
      Array.from(data as Float32Array),
    );
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / 8);
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(Math.abs(variance * 64 * 3 - 1)).toBeLessThan(0.05);
    expect(Object.keys(initLinear(Random.fromSeed(1), { inputs: 2, outputs: 2, bias: false }))).toEqual([
      'weight',
    ]);
  });
});

/** A convolution as its definition says: zeros around, one product after the other. */
function convolved(x: tf.Tensor, weight: tf.Tensor, stride: number, padding: number): tf.Tensor {
  const [n, c, h, w] = x.shape as number[];
  const [o, , k] = weight.shape as number[];
  const [height, width] = [h, w].map((side) => Math.floor((side + 2 * padding - k) / stride) + 1);
  const [xs, ws] = [x.dataSync(), weight.dataSync()];
  const y = new Float32Array(n * o * height * width);
  for (let i = 0; i < y.length; i++) {
    const [col, row, out, image] = [
      i % width,
      Math.floor(i / width) % height,
      Math.floor(i / width / height) % o,
      Math.floor(i / width / height / o),
    ];
    for (let j = 0; j < c * k * k; j++) {
      const [dx, dy, channel] = [j % k, Math.floor(j / k) % k, Math.floor(j / k / k)];
      const [sx, sy] = [col * stride + dx - padding, row * stride + dy - padding];
      if (sx < 0 || sy < 0 || sx >= w || sy >= h) continue;
      y[i] += xs[((image * c + channel) * h + sy) * w + sx] * ws[((out * c + channel) * k + dy) * k + dx];
    }
  }
  return tf.tensor(y, [n, o, height, width]);
}

describe('conv2d', () => {
  it.each([
    [1, 1, 0, 4, 5],
    [3, 1, 1, 5, 4],
    [3, 2, 1, 5, 6],
    [3, 2, 1, 6, 5],
    [1, 2, 0, 5, 6],
    [7, 2, 3, 8, 9],
  ])('kernel %i, stride %i, padding %i on %ix%i', (kernel, stride, padding, height, width) => {
    const x = randomTensor('image', [2, 3, height, width]);
    const params = uploadTree(initConv2d(Random.fromSeed(3), { inputs: 3, outputs: 4, kernel }));
    expectClose(
      conv2d(params, x, { stride, padding }),
      convolved(x, leafAt(params, 'weight'), stride, padding),
      1e-5,
    );
    expectGradients((tree) => weighed(conv2d(tree, leafAt(tree, 'x'), { stride, padding })), {
      ...params,
      x,
    });
  });

  it('starts with the variance 2/(outputs·kernel²)', () => {
    const weight = initConv2d(Random.fromSeed(3), { inputs: 16, outputs: 32, kernel: 3 });
    const values = valuesOf(upload(leafAt(weight, 'weight')));
    const variance = values.reduce((sum, value) => sum + value * value, 0) / values.length;
    expect(Math.abs((variance * 32 * 9) / 2 - 1)).toBeLessThan(0.05);
  });
});

/** For each output the index of the one input it is the maximum of, the window read in the usual order. */
function pooledFrom(values: ArrayLike<number>, [planes, h, w]: number[]): number[][] {
  const [height, width] = [Math.ceil(h / 2), Math.ceil(w / 2)];
  return Array.from({ length: planes * height * width }, (_, i) => {
    const [col, row, plane] = [i % width, Math.floor(i / width) % height, Math.floor(i / width / height)];
    const window = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [2 * row + dy, 2 * col + dx]));
    const inside = window
      .filter(([y, x]) => y >= 0 && x >= 0 && y < h && x < w)
      .map(([y, x]) => (plane * h + y) * w + x);
    const highest = Math.max(...inside.map((at) => values[at]));
    return inside.filter((at) => values[at] === highest);
  });
}

describe('maxPool3x3Stride2', () => {
  it('is the maximum of 3x3 windows, and its gradient goes to one maximal element of each', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 7 }),
        fc.integer(),
        (h, w, seed) => {
          const random = Random.fromSeed(seed);
          // Few different values, all negative: ties abound, and padding with zero would show.
          const values = Float32Array.from({ length: 2 * h * w }, () => -1 - random.integer(4));
          const x = tf.tensor(values, [1, 2, h, w]);
          const origins = pooledFrom(values, [2, h, w]);
          const y = maxPool3x3Stride2(x);
          expect(y.shape).toEqual([1, 2, Math.ceil(h / 2), Math.ceil(w / 2)]);
          expect(valuesOf(y)).toEqual(origins.map(([at]) => values[at]));
          origins.forEach((ties, i) => {
            const dy = tf.oneHot(tf.tensor1d([i], 'int32'), y.size);
            const dx = valuesOf(
              gradientOf((t) => tf.sum(tf.mul(tf.reshape(maxPool3x3Stride2(t), [1, -1]), dy)), x),
            );
            const hit = dx.flatMap((value, at) => (value === 0 ? [] : [[at, value]]));
            expect(hit).toHaveLength(1);
            expect(hit[0][1]).toBe(1);
            expect(ties).toContain(hit[0][0]);
          });
        },
      ),
      { numRuns: 25, seed: 4 },
    );
  });

  it('has the gradient of numeric differences', () => {
    const order = Random.fromSeed(6).permutation(2 * 5 * 6);
    const x = tf.tensor(
      Float32Array.from(order, (i) => i / 10),
      [1, 2, 5, 6],
    );
    expectGradients((tree) => weighed(maxPool3x3Stride2(leafAt(tree, 'x'))), { x }, { elements: 60 });
  });
});

describe('maxOverNeighbors', () => {
  it('is the maximum of each group, channel by channel', () => {
    const x = tf.tensor2d([
      [1, 9],
      [3, 2],
      [2, 5],
      [-4, 0],
      [-1, -2],
      [-3, -7],
    ]);
    expect(valuesOf(maxOverNeighbors(x, 3))).toEqual([3, 9, -1, 0]);
    expect(() => maxOverNeighbors(x, 4)).toThrow('6 rows');
  });

  it('splits the gradient among ties, so that it is given out once', () => {
    const x = tf.tensor2d([
      [5, 1],
      [5, 2],
      [0, 2],
      [1, 2],
    ]);
    const dx = gradientOf((t) => tf.sum(tf.mul(maxOverNeighbors(t, 4), tf.tensor2d([[6, 9]]))), x);
    expect(valuesOf(dx).map((value) => Math.round(value * 1e5) / 1e5)).toEqual([3, 0, 3, 3, 0, 3, 0, 3]);
  });

  it('has the gradient of numeric differences', () => {
    const x = randomTensor('neighbours', [12, 3]);
    expectGradients(
      (tree) => weighed(maxOverNeighbors(leafAt(tree, 'x'), 4)),
      { x },
      { elements: 36, step: 1e-3 },
    );
  });
});

describe('relu', () => {
  it('cuts values and gradients at zero', () => {
    const x = tf.tensor1d([-2, 0, 3]);
    expect(valuesOf(relu(x))).toEqual([0, 0, 3]);
    expect(valuesOf(gradientOf((t) => tf.sum(relu(t)), x))).toEqual([0, 0, 1]);
  });
});

describe('l2Normalize', () => {
  it('gives rows of length one', () => {
    expect(
      distance(
        valuesOf(
          l2Normalize(
            tf.tensor2d([
              [3, 4],
              [0, -2],
            ]),
          ),
        ),
        [0.6, 0.8, 0, -1],
      ),
    ).toBeLessThan(1e-6);
  });

  it('has the gradient of numeric differences', () => {
    const x = randomTensor('rows', [4, 5]);
    expectGradients((tree) => weighed(l2Normalize(leafAt(tree, 'x'))), { x }, { elements: 20 });
  });

  it('is finite at zero, value and gradient', () => {
    const x = tf.zeros([1, 3]);
    expect(valuesOf(l2Normalize(x))).toEqual([0, 0, 0]);
    const dx = valuesOf(gradientOf((t) => weighed(l2Normalize(t)), x));
    expect(dx.every(Number.isFinite)).toBe(true);
  });
});

describe('mlp', () => {
  const random = Random.fromSeed('head');
  const options = { eps: 1e-3, momentum: 0.1, training: true };

  it('is linear, norm and ReLU for each width', () => {
    const { params: host, stats: hostStats } = initMlp(random, { inputs: 3, widths: [4, 2] });
    const [params, stats] = [uploadTree(host), uploadTree(hostStats)];
    const x = randomTensor('rows', [6, 3]);
    let expected = x;
    for (const layer of ['0', '1']) {
      const rows = linear(branchAt(branchAt(params, layer), 'linear'), expected);
      const { mean, variance } = tf.moments(rows, 0);
      expected = tf.relu(tf.div(tf.sub(rows, mean), tf.sqrt(tf.add(variance, 1e-3))));
    }
    expectClose(mlp(params, stats, x, options).y, expected, 1e-4);
    const after = mlp(params, stats, x, options).stats;
    expect(leavesOf(after).map(([path]) => path)).toEqual(leavesOf(stats).map(([path]) => path));
  });

  it('leaves the last ReLU out in a head, whose gradients are those of numeric differences', () => {
    const { params, stats } = initMlpHead(random, { inputs: 3, widths: [4, 4, 2] });
    const x = randomTensor('rows', [8, 3]);
    const y = mlpHead(uploadTree(params), uploadTree(stats), x, { ...defaultBatchNorm, training: true }).y;
    expect(y.shape).toEqual([8, 2]);
    expect(Math.min(...valuesOf(y))).toBeLessThan(0);
    expectGradients(
      (tree) => weighed(mlpHead(tree, uploadTree(stats), x, { ...defaultBatchNorm, training: true }).y),
      uploadTree(params),
      { step: 2e-3, tolerance: 5e-2 },
    );
  });
});
