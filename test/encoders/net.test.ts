import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  chain,
  globalMean,
  initializeAll,
  linearNet,
  type Net,
  normNet,
  reluNet,
  running,
} from '../../src/encoders/net.ts';
import { float32 } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf } from '../../src/engine/tree.ts';
import { leafAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { expectClose, expectGradients, randomTensor, uploadTree, valuesOf, weighed } from '../nn/tensors.ts';

const training = { training: true };
const head = chain(
  linearNet({ inputs: 3, outputs: 4 }),
  normNet(4),
  reluNet,
  linearNet({ inputs: 4, outputs: 2 }),
);

/** A net that doubles x and counts its calls in its statistics. */
const counting: Net = {
  initialize: () => ({ params: {}, stats: { calls: float32([0], [1]) } }),
  apply: (_, stats, x) => ({ y: tf.mul(x, 2), stats: { calls: tf.add(leafAt(stats, 'calls'), 1) } }),
};

describe('a chain', () => {
  const begun = head.initialize(Random.fromSeed(1));
  const [params, stats] = [uploadTree(begun.params), uploadTree(begun.stats)];
  const x = randomTensor('x', [5, 3]);

  it('names its nets by their places, those without parameters left out', () => {
    const paths = leavesOf(begun.params).map(([path]) => path);
    expect([...new Set(paths.map((path) => path.split('/')[0]))]).toEqual(['0', '1', '3']);
    expect(leavesOf(begun.stats).map(([path]) => path)).toEqual(['1/running_mean', '1/running_var']);
    // Every net draws numbers of its own.
    const twice = chain(linearNet({ inputs: 3, outputs: 3 }), linearNet({ inputs: 3, outputs: 3 }));
    const [first, second] = ['0/weight', '1/weight'].map(
      (path) => new Map(leavesOf(twice.initialize(Random.fromSeed(1)).params)).get(path)!.data,
    );
    expect(first).not.toEqual(second);
  });

  it('gives what its nets give one after the other, and their statistics', () => {
    const leaf = (path: string) => new Map(leavesOf(params)).get(path)!;
    const first = tf.add(tf.matMul(x, leaf('0/weight')), leaf('0/bias'));
    const { mean, variance } = tf.moments(first, 0);
    const normal = tf.div(tf.sub(first, mean), tf.sqrt(tf.add(variance, 1e-5)));
    const expected = tf.add(tf.matMul(tf.relu(normal), leaf('3/weight')), leaf('3/bias'));
    const { y, stats: after } = head.apply(params, stats, x, training);
    expectClose(y, expected, 1e-5);
    expect(leavesOf(after).map(([path]) => path)).toEqual(leavesOf(stats).map(([path]) => path));
    expectClose(new Map(leavesOf(after)).get('1/running_mean')!, tf.mul(mean, 0.1), 1e-6);
    const evaluated = head.apply(params, stats, x, { training: false });
    expect(leavesOf(evaluated.stats)).toEqual(leavesOf(stats));
  });

  it('has the gradient of numeric differences', () => {
    expectGradients((tree) => weighed(head.apply(tree, stats, x, training).y), params);
  });

  it('may be a part of another chain', () => {
    const outer = chain(head, reluNet);
    const own = outer.initialize(Random.fromSeed(2));
    expect(leavesOf(own.params).map(([path]) => path)).toContain('0/3/weight');
    const [p, s] = [uploadTree(own.params), uploadTree(own.stats)];
    expect(outer.apply(p, s, x, training).y.shape).toEqual([5, 2]);
  });
});

describe('networks at work', () => {
  it('hand statistics on in the order of the calls, each under its own name', () => {
    const nets = { first: counting, second: counting, none: reluNet };
    const { params, stats } = initializeAll(Random.fromSeed(0), nets);
    expect(params).toEqual({});
    const at = running({ params: {}, stats: uploadTree(stats) }, training);
    const x = tf.tensor1d([1, -3]);
    expect(valuesOf(at.of('none', reluNet, at.of('first', counting, x)))).toEqual([2, 0]);
    at.of('first', counting, x);
    at.of('second', counting, x);
    const calls = leavesOf(at.stats).map(([path, leaf]) => [path, valuesOf(leaf)[0]]);
    expect(calls).toEqual([
      ['first/calls', 2],
      ['second/calls', 1],
    ]);
    // What it was given is left as it is.
    expect(leavesOf(stats).map(([, { data }]) => data[0])).toEqual([0, 0]);
  });

  it('move a norm twice where two views pass: the second from where the first left it', () => {
    const norm = normNet(2, { momentum: 0.5 });
    const begun = initializeAll(Random.fromSeed(0), { norm });
    const at = running({ params: uploadTree(begun.params), stats: uploadTree(begun.stats) }, training);
    const [a, b] = [tf.tensor2d([2, 4, 6, 8], [2, 2]), tf.tensor2d([10, 20, 30, 40], [2, 2])];
    at.of('norm', norm, a);
    at.of('norm', norm, b);
    // Means (4, 6), then (20, 30): 0.5·(0.5·0 + 0.5·4) + 0.5·20.
    expect(valuesOf(new Map(leavesOf(at.stats)).get('norm/running_mean')!)).toEqual([11, 16.5]);
  });

  it('draw each net by its name, whatever others there are', () => {
    const net = linearNet({ inputs: 2, outputs: 2 });
    const alone = initializeAll(Random.fromSeed(3), { net });
    const among = initializeAll(Random.fromSeed(3), { other: net, net });
    expect(among.params.net).toEqual(alone.params.net);
    expect(among.params.other).not.toEqual(alone.params.net);
  });
});

describe('globalMean', () => {
  it('is the mean over each map', () => {
    const maps = tf.tensor4d([1, 2, 3, 6, 0, 0, 0, 4], [1, 2, 2, 2]);
    expect(valuesOf(globalMean(maps))).toEqual([3, 1]);
  });
});

describe('a norm', () => {
  // PyTorch 2.13: BatchNorm1d(2, affine=False) on these rows, and the gradient of (y * w).sum().
  const x = tf.tensor2d([1, 2, 3, 5, -2, 0.5], [3, 2]);
  const w = tf.tensor2d([1, -1, 2, 0.5, -0.25, 3], [3, 2]);
  const golden = {
    y: [0.162221, -0.267261, 1.135549, 1.336304, -1.29777, -1.069043],
    runningMean: [0.066667, 0.25],
    runningVar: [1.533333, 1.425],
    gradient: [-0.032017, -1.088133, 0.019212, 0.36271, 0.012805, 0.725424],
    evaluated: [0.753732, 1.465984, 2.368873, 3.979098, -1.668978, 0.209426],
  };

  it.each([
    ['none', []],
    ['scale', ['weight']],
    ['both', ['bias', 'weight']],
  ] as const)('with %s learned has the parameters %j', (learned, names) => {
    const begun = normNet(2, { learned }).initialize(Random.fromSeed(0));
    expect(leavesOf(begun.params).map(([path]) => path)).toEqual(names);
    expect(leavesOf(begun.stats).map(([path]) => path)).toEqual(['running_mean', 'running_var']);
  });

  it.each(['none', 'scale', 'both'] as const)(
    'with %s learned begins with the values of affine=False',
    (learned) => {
      const net = normNet(2, { learned });
      const begun = net.initialize(Random.fromSeed(0));
      const stats = uploadTree(begun.stats);
      const { aux, grads } = valueAndGrad(
        (tree) => {
          const { y, stats: after } = net.apply(tree, stats, leafAt(tree, 'x'), training);
          return { loss: tf.sum(tf.mul(y, w)) as tf.Scalar, aux: { y, after } };
        },
        { ...uploadTree(begun.params), x },
      );
      const found = new Map(leavesOf(aux));
      const near = (leaf: tf.Tensor, values: readonly number[]) =>
        expectClose(tf.reshape(leaf, [-1]), tf.tensor1d([...values]), 1e-5);
      near(found.get('y')!, golden.y);
      near(found.get('after/running_mean')!, golden.runningMean);
      near(found.get('after/running_var')!, golden.runningVar);
      near(grads.get('x')!, golden.gradient);
      const evaluated = net.apply(uploadTree(begun.params), branchOf(found), x, { training: false });
      near(evaluated.y, golden.evaluated);
    },
  );
});

const branchOf = (found: ReadonlyMap<string, tf.Tensor>) => ({
  running_mean: found.get('after/running_mean')!,
  running_var: found.get('after/running_var')!,
});
