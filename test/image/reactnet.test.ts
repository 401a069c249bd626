import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../src/engine/tree.ts';
import { initReActNet, type ReActNetOptions, reActNet, reActNetChannels } from '../../src/image/reactnet.ts';
import { resNetStages } from '../../src/image/resnet.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { distance, randomTensor, uploadTree, valuesOf, weighed } from '../nn/tensors.ts';

interface Case {
  readonly seed: number;
  readonly maps: { readonly [stage: string]: readonly number[] };
  readonly loss: number;
  readonly grads: { readonly [path: string]: readonly number[] };
  readonly stats: { readonly [path: string]: readonly number[] };
}

/** Made by golden/make-reactnet.py with PyTorch in float64, with a network that is written down there. */
const golden = JSON.parse(readFileSync(new URL('golden/reactnet.json', import.meta.url), 'utf8')) as {
  readonly parameters: number;
  readonly cases: { readonly [name: string]: Case };
};

type Tensors = Tree<tf.Tensor>;

const options: ReActNetOptions = {
  width: 2,
  weights: 'real',
  stem: 'small',
  batchNorm: { eps: 1e-2, momentum: 0.1 },
  stages: resNetStages,
};

/** The script's numbers start + scale·sin(seed + 0.7·i). */
function wave(shape: readonly number[], seed: number, scale = 1, start = 0): tf.Tensor {
  const at = (i: number) => start + scale * Math.sin(seed + 0.7 * i);
  return tf.tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => at(i)),
    [...shape],
  );
}

/** A tensor's numbers, or, where it has more than 4, four weighed sums and the sum of sizes, as the script gives them. */
function digest(tensor: tf.Tensor): number[] {
  const values = valuesOf(tensor);
  if (values.length <= 4) return values;
  const weighedBy = (weight: (value: number, i: number) => number) =>
    values.reduce((sum, value, i) => sum + value * weight(value, i), 0);
  return [
    ...[0, 1, 2, 3].map((seed) => weighedBy((_, i) => Math.sin(seed + 0.7 * i))),
    weighedBy((value) => Math.sign(value)),
  ];
}

/** The script's order of a network's tensors. */
function pathsInOrder(): string[] {
  const normed = (path: string) => [
    `${path}/conv/weight`,
    ...['weight', 'bias', 'running_mean', 'running_var'].map((name) => `${path}/norm/${name}`),
  ];
  const layers = Array.from({ length: 13 }, (_, i) => [
    `blocks/${i}/spatial`,
    `blocks/${i}/pointwise`,
  ]).flat();
  const own = ['threshold', 'act/before', 'act/slope', 'act/after'];
  return [
    ...normed('stem'),
    ...layers.flatMap((path) => [...normed(path), ...own.map((name) => `${path}/${name}`)]),
  ];
}

const FILLS: ReadonlyArray<readonly [name: string, scale: number, start: number]> = [
  ['conv/weight', 1.3, 0],
  ['norm/weight', 0.3, 1],
  ['running_var', 0.3, 1],
  ['act/slope', 0.1, 0.25],
];

/** A network with the script's numbers. */
function filled({ seed }: Case): { readonly params: Tensors; readonly stats: Tensors } {
  const places = new Map(pathsInOrder().map((path, place) => [path, place]));
  const { params, stats } = initReActNet(Random.fromSeed(0), options);
  const own = (tree: typeof params): Tensors =>
    mapTree(tree, ({ shape }, path) => {
      const [, scale, start] = FILLS.find(([name]) => path.endsWith(name)) ?? ['', 0.3, 0];
      return wave(shape, seed + places.get(path)!, scale, start);
    });
  return { params: own(params), stats: own(stats) };
}

/** The script's sum of all maps, each weighed by a wave of its own. */
function weighedMaps(features: ReturnType<typeof reActNet>['features']): tf.Tensor {
  return Object.values(features)
    .map((map, i) => tf.sum(tf.mul(map, wave(map.shape, i))))
    .reduce((sum, each) => tf.add(sum, each));
}

const cases = {
  'real weights': { how: { ...options, training: true }, size: [16, 16] },
  'binary weights': { how: { ...options, weights: 'binary', training: true }, size: [16, 16] },
  'binary weights, standard stem, running statistics': {
    how: { ...options, weights: 'binary', stem: 'standard', training: false },
    size: [32, 64],
  },
} as const;

/** The greatest difference, as a share of the greatest number. */
const near = (found: readonly number[], right: readonly number[]) =>
  distance(found, right) / Math.max(1, ...right.map(Math.abs));

describe.each(Object.keys(cases) as Array<keyof typeof cases>)('a ReActNet with %s', (name) => {
  const { how, size } = cases[name];
  const right = golden.cases[name];
  const { params, stats } = filled(right);
  const images = tf.transpose(wave([3, 3, ...size], right.seed + 0.5), [0, 2, 3, 1]);
  const { loss, aux, grads } = valueAndGrad((tree) => {
    const { features, stats: next } = reActNet(tree, stats, images, how);
    return { loss: weighedMaps(features), aux: { features, next } as Tensors };
  }, params);

  it('has the maps and running statistics of PyTorch', () => {
    expect(near(valuesOf(loss), [right.loss])).toBeLessThan(1e-5);
    for (const [stage, map] of leavesOf(aux.features as Tensors))
      expect(near(digest(map), right.maps[stage]), stage).toBeLessThan(1e-5);
    const moved = leavesOf(aux.next as Tensors);
    expect(moved.map(([path]) => path)).toEqual(Object.keys(right.stats).sort());
    for (const [path, leaf] of moved) expect(near(digest(leaf), right.stats[path]), path).toBeLessThan(1e-5);
  });

  it('has its gradients', () => {
    expect([...grads.keys()].sort()).toEqual(Object.keys(right.grads).sort());
    for (const [path, grad] of grads) expect(near(digest(grad), right.grads[path]), path).toBeLessThan(1e-4);
  });

  it('is another one in the other phase', () => {
    const weights = how.weights === 'real' ? 'binary' : 'real';
    const { features } = reActNet(params, stats, images, { ...how, weights });
    expect(near(valuesOf(weighedMaps(features)), [right.loss])).toBeGreaterThan(1e-3);
  });
});

/** What a convolution was given: pictures or activations, and the weights that each of its outputs has. */
interface Convolved {
  readonly x: Float32Array;
  readonly weights: ReadonlyArray<ReadonlySet<number>>;
}

/** Everything that tfjs convolves in a run, whatever makes it. */
function convolved(run: () => void): Convolved[] {
  const found: Convolved[] = [];
  const kernel = tf.getKernel(tf.Conv2D, 'cpu')!;
  const valuesOfInfo = ({ dataId }: tf.TensorInfo) => tf.engine().backend.readSync(dataId) as Float32Array;
  tf.unregisterKernel(tf.Conv2D, 'cpu');
  tf.registerKernel({
    ...kernel,
    kernelFunc: (given) => {
      const { x, filter } = given.inputs as { readonly [name: string]: tf.TensorInfo };
      const outputs = filter.shape[3]; // [kernel, kernel, inputs, outputs]
      const weights = Array.from({ length: outputs }, () => new Set<number>());
      valuesOfInfo(filter).forEach((value, i) => {
        weights[i % outputs].add(value);
      });
      found.push({ x: Float32Array.from(valuesOfInfo(x)), weights });
      return kernel.kernelFunc(given);
    },
  });
  run();
  tf.unregisterKernel(tf.Conv2D, 'cpu');
  tf.registerKernel(kernel);
  return found;
}

describe('what a ReActNet convolves', () => {
  const host = initReActNet(Random.fromSeed(1), options);
  const [params, stats] = [uploadTree(host.params), uploadTree(host.stats)];
  const images = randomTensor('images', [2, 16, 16, 3]);
  const convolutions = (weights: 'real' | 'binary') =>
    convolved(() => void reActNet(params, stats, images, { ...options, weights, training: true }));

  it.each(['real', 'binary'] as const)('are signs behind the stem, with %s weights', (weights) => {
    const [stem, ...others] = convolutions(weights);
    expect(new Set(stem.x).size).toBeGreaterThan(2);
    expect(others.length).toBe(26);
    for (const { x } of others) expect(x.every((value) => value === 1 || value === -1)).toBe(true);
    expect([...new Set(others[0].x)].sort()).toEqual([-1, 1]);
  });

  it('are weights of two values an output where they are binary, and of any where they are real', () => {
    const [stem, ...others] = convolutions('binary').map((each) => each.weights);
    expect(stem.every((values) => values.size === 27)).toBe(true);
    for (const values of others.flat()) {
      const [low, high = -low] = [...values].sort((a, b) => a - b);
      expect(values.size).toBeLessThanOrEqual(2);
      expect(low).toBe(-high);
    }
    for (const { weights } of convolutions('real').slice(1))
      expect(new Set(weights.flatMap((values) => [...values])).size).toBeGreaterThan(2 * weights.length - 1);
  });
});

describe('reActNet', () => {
  const host = initReActNet(Random.fromSeed(2), options);
  const [params, stats] = [uploadTree(host.params), uploadTree(host.stats)];

  it('has as many parameters as the released ReActNet-A, its classifier apart', () => {
    const counted = (width: number) =>
      leavesOf(initReActNet(Random.fromSeed(0), { ...options, width }).params).reduce(
        (sum, [, { shape }]) => sum + sizeOf(shape),
        0,
      );
    // a·width² + b·width: two narrow ones tell the count of a wide one without drawing it.
    const [one, two] = [counted(1), counted(2)];
    const square = (two - 2 * one) / 2;
    const whole = square * 32 ** 2 + (one - square) * 32;
    expect(whole + 1024 * 1000 + 1000).toBe(golden.parameters);
    // "29.3 million", as the authors count them.
    expect(Math.round(golden.parameters / 1e5)).toBe(293);
    expect(resNetStages.map((stage) => reActNetChannels({}, stage))).toEqual([128, 256, 512, 1024]);
  });

  it('has maps at strides of 4 to 32, and of 1 to 8 with the small stem', () => {
    const images = randomTensor('images', [1, 32, 64, 3]);
    const sizesWith = (stem: 'standard' | 'small') =>
      Object.values(reActNet(params, stats, images, { ...options, stem, training: false }).features).map(
        ({ shape }) => shape.slice(1),
      );
    expect(sizesWith('standard')).toEqual([
      [8, 8, 16],
      [16, 4, 8],
      [32, 2, 4],
      [64, 1, 2],
    ]);
    expect(sizesWith('small')).toEqual([
      [8, 32, 64],
      [16, 16, 32],
      [32, 8, 16],
      [64, 4, 8],
    ]);
  });

  it('makes no more than the stages that are wanted, and holds frozen ones fast', () => {
    const images = randomTensor('images', [2, 16, 16, 3]);
    const made = initReActNet(Random.fromSeed(2), { ...options, stages: ['c3'] });
    const blocks = new Set(leavesOf(made.params).map(([path]) => path.split('/').slice(0, 2).join('/')));
    expect(blocks.size).toBe(2 + 5); // stem/conv, stem/norm
    const { grads, aux } = valueAndGrad((tree) => {
      const how = { ...options, stages: ['c4'] as const, training: true, frozenStages: 2 };
      const result = reActNet(tree, stats, images, how);
      return { loss: weighed(result.features.c4!), aux: result.stats };
    }, params);
    const learned = new Set([...grads.keys()].map((path) => path.split('/')[1]));
    expect([...learned].map(Number).sort((a, b) => a - b)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    const before = new Map(leavesOf(stats));
    const moves = (path: string) =>
      distance(valuesOf(new Map(leavesOf(aux)).get(path)!), valuesOf(before.get(path)!)) > 0;
    expect(moves('stem/norm/running_var')).toBe(false);
    expect(moves('blocks/2/pointwise/norm/running_var')).toBe(false);
    expect(moves('blocks/3/spatial/norm/running_var')).toBe(true);
  });

  it('has the same tensors in both phases', () => {
    const paths = (weights: 'real' | 'binary') =>
      leavesOf(initReActNet(Random.fromSeed(2), { ...options, weights }).params).map(
        ([path, { shape }]) => `${path} [${shape}]`,
      );
    expect(paths('binary')).toEqual(paths('real'));
  });
});
