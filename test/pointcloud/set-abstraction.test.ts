import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { branchAt, leafAt } from '../../src/nn/layer.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { gatherRows, relativeCoordinates } from '../../src/pointcloud/grouping.ts';
import {
  halvedPointEncoder,
  initPointNet2,
  type PointNet2Options,
  pointNet2,
  releasedPointEncoder,
} from '../../src/pointcloud/pointnet2-encoder.ts';
import { groupedLinear, initSetAbstraction, setAbstraction } from '../../src/pointcloud/set-abstraction.ts';
import {
  distance,
  expectClose,
  expectGradients,
  randomTensor,
  uploadTree,
  valuesOf,
  weighed,
} from '../nn/tensors.ts';

const NORM = { eps: 1e-3, momentum: 0.1 };

/** A table of random rows, the last neighbour of each centre the first again, as unfilled balls are. */
function tableOf(seed: string, centers: number, neighbors: number, rows: number): tf.Tensor1D {
  const random = Random.fromSeed(seed);
  const table = Int32Array.from({ length: centers * neighbors }, () => random.integer(rows));
  for (let i = 0; i < centers; i++) table[(i + 1) * neighbors - 1] = table[i * neighbors];
  return tf.tensor1d(table, 'int32');
}

function tablesOf(seed: string, centers: number, neighbors: readonly number[], rows: number) {
  return {
    centers: tf.tensor1d(Random.fromSeed(seed).permutation(rows).slice(0, centers), 'int32'),
    neighbors: neighbors.map((count, i) => tableOf(`${seed} ${i}`, centers, count, rows)),
  };
}

/** Plain numbers, row by row: what a shared layer of linear, batch norm in training and ReLU gives. */
function plainLayer(rows: number[][], layer: Tree<tf.Tensor>): number[][] {
  const linear = branchAt(layer, 'linear');
  const norm = branchAt(layer, 'norm');
  const weight = leafAt(linear, 'weight').arraySync() as number[][];
  const bias = 'bias' in linear ? valuesOf(leafAt(linear, 'bias')) : weight[0].map(() => 0);
  const [scale, shift] = ['weight', 'bias'].map((key) => valuesOf(leafAt(norm, key)));
  const mapped = rows.map((row) =>
    bias.map((b, o) => row.reduce((sum, value, i) => sum + value * weight[i][o], b)),
  );
  const mean = bias.map((_, o) => mapped.reduce((sum, row) => sum + row[o], 0) / mapped.length);
  const variance = mean.map(
    (m, o) => mapped.reduce((sum, row) => sum + (row[o] - m) ** 2, 0) / mapped.length,
  );
  return mapped.map((row) =>
    row.map((value, o) =>
      Math.max(0, ((value - mean[o]) / Math.sqrt(variance[o] + NORM.eps)) * scale[o] + shift[o]),
    ),
  );
}

describe('gatherRows', () => {
  it('takes rows, and adds their gradients up', () => {
    const x = tf.tensor2d([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const indices = tf.tensor1d([2, 0, 2], 'int32');
    expect(valuesOf(gatherRows(x, indices))).toEqual([5, 6, 1, 2, 5, 6]);
    const dy = tf.tensor2d([
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    const { grads } = valueAndGrad(
      (tree) => ({ loss: tf.sum(tf.mul(gatherRows(leafAt(tree, 'x'), indices), dy)), aux: {} }),
      { x },
    );
    expect(valuesOf(grads.get('x')!)).toEqual([2, 20, 0, 0, 4, 40]);
  });

  it('sees neighbours from their centre', () => {
    const xyz = tf.tensor2d([
      [1, 2, 3],
      [4, 5, 7],
      [0, 0, 1],
    ]);
    const [neighbors, centers] = [tf.tensor1d([0, 1, 2, 2], 'int32'), tf.tensor1d([1, 2], 'int32')];
    expect(valuesOf(relativeCoordinates(xyz, neighbors, centers))).toEqual([
      -3, -3, -4, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    expect(() => relativeCoordinates(xyz, tf.tensor1d([0, 1, 2], 'int32'), centers)).toThrow('3 neighbours');
  });
});

describe('groupedLinear', () => {
  it.each([false, true])(
    'is the same before and after gathering, value and gradients (xyz: %s)',
    (useXyz) => {
      const features = randomTensor('features', [9, 4]);
      const xyz = tf.mul(randomTensor('xyz', [9, 3]), 20);
      const weight = randomTensor('weight', [useXyz ? 7 : 4, 5]);
      const { centers, neighbors } = tablesOf('tables', 4, [3], 9);
      const relative = useXyz ? relativeCoordinates(xyz, neighbors[0], centers) : undefined;
      const run = (linearFirst: boolean) =>
        valueAndGrad(
          (tree) => {
            const options = { neighbors: neighbors[0], relative, linearFirst };
            const y = groupedLinear(leafAt(tree, 'weight'), leafAt(tree, 'features'), options);
            return { loss: weighed(y), aux: { y } };
          },
          { weight, features },
        );
      const [before, after] = [run(true), run(false)];
      expect(leafAt(before.aux, 'y').shape).toEqual([12, 5]);
      expectClose(leafAt(before.aux, 'y'), leafAt(after.aux, 'y'), 1e-4);
      expectClose(before.grads.get('weight')!, after.grads.get('weight')!, 1e-4);
      expectClose(before.grads.get('features')!, after.grads.get('features')!, 1e-4);
    },
  );

  it('refuses a weight of other channels', () => {
    const options = { neighbors: tf.tensor1d([0], 'int32') };
    expect(() => groupedLinear(tf.zeros([3, 2]), tf.zeros([1, 4]), options)).toThrow('4 channels');
  });
});

describe.each([
  ['narrow features', 1, false],
  ['wide features', 6, false],
  ['narrow features and xyz', 1, true],
  ['wide features and xyz', 6, true],
])('setAbstraction of %s', (_, inputs, useXyz) => {
  const options = {
    inputs,
    useXyz,
    widths: [
      [3, 4],
      [4, 2],
    ],
    out: 5,
    bias: true,
  };
  const host = initSetAbstraction(Random.fromSeed('sa'), options);
  const [params, stats] = [uploadTree(host.params), uploadTree(host.stats)];
  const features = randomTensor('features', [12, inputs]);
  const xyz = randomTensor('xyz', [12, 3]);
  const tables = tablesOf('tables', 5, [4, 3], 12);
  const mode = { ...NORM, training: true, useXyz };

  it('is the plain order of gather, shared layers and maximum', () => {
    const points = features.arraySync() as number[][];
    const places = xyz.arraySync() as number[][];
    const middles = valuesOf(tables.centers);
    const scales = tables.neighbors.map((table, scale) => {
      const count = table.size / middles.length;
      let rows = valuesOf(table).map((neighbor, i) => {
        const middle = places[middles[Math.floor(i / count)]];
        return [
          ...(useXyz ? places[neighbor].map((value, axis) => value - middle[axis]) : []),
          ...points[neighbor],
        ];
      });
      const own = branchAt(params, `scale${scale + 1}`);
      for (const layer of ['0', '1']) rows = plainLayer(rows, branchAt(own, layer));
      return middles.map((__, center) => {
        const group = rows.slice(center * count, (center + 1) * count);
        return group[0].map((___, channel) => Math.max(...group.map((row) => row[channel])));
      });
    });
    const joined = middles.map((__, center) => scales.flatMap((scale) => scale[center]));
    const expected = plainLayer(joined, branchAt(params, 'aggregation')).flat();
    const { y, stats: after } = setAbstraction(params, stats, { features, xyz, tables }, mode);
    expect(y.shape).toEqual([5, 5]);
    expect(distance(valuesOf(y), expected)).toBeLessThan(1e-4);
    expect(leavesOf(after).map(([path]) => path)).toEqual(leavesOf(stats).map(([path]) => path));
  });

  it('has the gradient of numeric differences, for its features too', () => {
    const withoutBias = initSetAbstraction(Random.fromSeed('sa'), { ...options, bias: false });
    expectGradients(
      (tree) =>
        weighed(
          setAbstraction(
            branchAt(tree, 'own'),
            stats,
            { features: leafAt(tree, 'features'), xyz, tables },
            mode,
          ).y,
        ),
      { own: uploadTree(withoutBias.params), features },
      { step: 5e-4, tolerance: 0.06, elements: 4 },
    );
  });

  it('differs at evaluation, where the running statistics stay', () => {
    const input = { features, xyz, tables };
    const evaluated = setAbstraction(params, stats, input, { ...mode, training: false });
    const trained = setAbstraction(params, stats, input, mode);
    expect(distance(valuesOf(evaluated.y), valuesOf(trained.y))).toBeGreaterThan(1e-2);
    const before = new Map(leavesOf(stats));
    expect(leavesOf(evaluated.stats).every(([path, leaf]) => leaf === before.get(path))).toBe(true);
    expect(leavesOf(trained.stats).every(([path, leaf]) => leaf !== before.get(path))).toBe(true);
  });
});

describe('pointNet2', () => {
  const options: PointNet2Options = {
    inChannels: 1,
    useXyz: true,
    bias: true,
    batchNorm: NORM,
    levels: [
      {
        points: 6,
        radii: [1, 2],
        neighbors: [3, 4],
        widths: [
          [4, 4],
          [4, 6],
        ],
        out: 5,
      },
      { points: 3, radii: [3], neighbors: [4], widths: [[5, 7]], out: 8 },
    ],
  };
  const host = initPointNet2(Random.fromSeed('encoder'), options);
  const [params, stats] = [uploadTree(host.params), uploadTree(host.stats)];
  const input = {
    features: randomTensor('reflectance', [20, 1]),
    xyz: randomTensor('xyz', [20, 3]),
    levels: [tablesOf('one', 12, [3, 4], 20), tablesOf('two', 6, [4], 12)],
  };

  it('gives each level, seen from the centres of the level before', () => {
    const {
      features,
      levels,
      stats: after,
    } = pointNet2(params, stats, input, { ...options, training: true });
    expect(levels.map(({ shape }) => shape)).toEqual([
      [12, 5],
      [6, 8],
    ]);
    expect(levels[1]).toBe(features);
    expect(leavesOf(after).map(([path]) => path)).toEqual(leavesOf(stats).map(([path]) => path));
    const second = setAbstraction(
      branchAt(params, 'sa2'),
      branchAt(stats, 'sa2'),
      { features: levels[0], xyz: tf.gather(input.xyz, input.levels[0].centers), tables: input.levels[1] },
      { ...NORM, training: true, useXyz: true },
    );
    expectClose(features, second.y, 1e-6);
  });

  it('asks for what is missing', () => {
    const run = (changed: object) => () =>
      pointNet2(params, stats, { ...input, ...changed }, { ...options, training: true });
    expect(run({ xyz: undefined })).toThrow('useXyz needs the coordinates');
    expect(run({ levels: input.levels.slice(1) })).toThrow('2 levels cannot use the tables of 1');
  });

  it('gives every parameter a gradient, and does not need one for the points', () => {
    const { grads } = valueAndGrad((tree) => {
      const { features } = pointNet2(tree, stats, input, { ...options, training: true });
      return { loss: weighed(features), aux: {} };
    }, params);
    expect([...grads.keys()].sort()).toEqual(leavesOf(params).map(([path]) => path));
  });
});

describe('the configurations of SimIPU', () => {
  const parametersOf = (options: PointNet2Options): number => {
    const { params } = initPointNet2(Random.fromSeed(0), options);
    return leavesOf(params).reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
  };
  // Of each layer its weights, its bias, and the two vectors of its norm.
  const chain = (widths: number[]): number =>
    widths.slice(1).reduce((sum, width, i) => sum + widths[i] * width + 3 * width, 0);

  it('has the released widths', () => {
    const expected =
      2 * chain([1, 32, 32, 64]) +
      chain([1, 64, 64, 128]) +
      chain([256, 128]) +
      2 * chain([128, 64, 64, 128]) +
      chain([128, 128, 128, 256]) +
      chain([512, 256]) +
      2 * chain([256, 128, 128, 256]) +
      chain([256, 256, 256, 512]) +
      chain([1024, 1024]);
    expect(parametersOf(releasedPointEncoder)).toBe(expected);
    expect(releasedPointEncoder.levels.map(({ points }) => points)).toEqual([4096, 2048, 1024]);
  });

  it('has half of them in the small encoder', () => {
    const { levels } = halvedPointEncoder;
    expect(levels.map(({ points, out }) => [points, out])).toEqual([
      [512, 64],
      [256, 128],
      [128, 512],
    ]);
    expect(levels.map(({ neighbors }) => neighbors)).toEqual([
      [16, 16, 32],
      [16, 16, 32],
      [16, 16, 16],
    ]);
    expect(levels.map(({ radii }) => radii)).toEqual(releasedPointEncoder.levels.map(({ radii }) => radii));
    const expected =
      2 * chain([1, 16, 16, 32]) +
      chain([1, 32, 32, 64]) +
      chain([128, 64]) +
      2 * chain([64, 32, 32, 64]) +
      chain([64, 64, 64, 128]) +
      chain([256, 128]) +
      2 * chain([128, 64, 64, 128]) +
      chain([128, 128, 128, 256]) +
      chain([512, 512]);
    expect(parametersOf(halvedPointEncoder)).toBe(expected);
  });
});
