import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../../src/engine/tree.ts';
import { initResNet, type ResNetOptions, resNetChannels, resnet } from '../../src/image/resnet.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { expectClose, expectGradients, randomTensor, uploadTree, weighed } from '../nn/tensors.ts';

const batchNorm = { eps: 1e-5, momentum: 0.1 };
const FULL = ['c5'] as const;

/**
 * A ResNet in NHWC as torchvision's description reads, over its flat parameter names, evaluated with running
 * statistics; `blocks` counts each layer's, `expand` tells bottlenecks, `small` the stem for small pictures.
 */
function plainResNet(
  leaves: Map<string, tf.Tensor>,
  images: tf.Tensor,
  blocks: number[],
  { expand, small = false }: { readonly expand: boolean; readonly small?: boolean },
): tf.Tensor[] {
  const get = (name: string): tf.Tensor => {
    const leaf = leaves.get(name);
    if (leaf === undefined) throw new Error(`no '${name}'`);
    return leaf;
  };
  const conv = (x: tf.Tensor, name: string, stride: number): tf.Tensor => {
    const filter = tf.transpose(get(`${name}/weight`), [2, 3, 1, 0]) as tf.Tensor4D;
    const pad = (filter.shape[0] - 1) / 2;
    return tf.conv2d(x as tf.Tensor4D, filter, stride, [
      [0, 0],
      [pad, pad],
      [pad, pad],
      [0, 0],
    ]);
  };
  const norm = (x: tf.Tensor, name: string): tf.Tensor =>
    tf.batchNorm(
      x as tf.Tensor4D,
      get(`${name}/running_mean`) as tf.Tensor1D,
      get(`${name}/running_var`) as tf.Tensor1D,
      get(`${name}/bias`) as tf.Tensor1D,
      get(`${name}/weight`) as tf.Tensor1D,
      batchNorm.eps,
    );
  let x = tf.relu(norm(conv(images, 'conv1', small ? 1 : 2), 'bn1'));
  if (!small) x = tf.maxPool(x as tf.Tensor4D, 3, 2, 1);
  return blocks.map((count, stage) => {
    for (let block = 0; block < count; block++) {
      const name = `layer${stage + 1}/${block}`;
      const stride = stage > 0 && block === 0 ? 2 : 1;
      let y = tf.relu(norm(conv(x, `${name}/conv1`, expand ? 1 : stride), `${name}/bn1`));
      y = norm(conv(y, `${name}/conv2`, expand ? stride : 1), `${name}/bn2`);
      if (expand) y = norm(conv(tf.relu(y), `${name}/conv3`, 1), `${name}/bn3`);
      const shortcut = leaves.has(`${name}/downsample/0/weight`)
        ? norm(conv(x, `${name}/downsample/0`, stride), `${name}/downsample/1`)
        : x;
      x = tf.relu(tf.add(y, shortcut));
    }
    return tf.transpose(x, [0, 3, 1, 2]);
  });
}

/** Statistics and norms that are no identities, so that mixing them up would show. */
function shaken(tree: Tree<tf.Tensor>): Tree<tf.Tensor> {
  return mapTree(tree, (leaf, path) =>
    leaf.rank === 1 ? tf.add(leaf, tf.mul(tf.abs(randomTensor(path, leaf.shape)), 0.3)) : leaf,
  );
}

describe('initResNet', () => {
  it.each([
    [18, 11_176_512, 62 - 2],
    [34, 21_284_672, 110 - 2],
    [50, 23_508_032, 161 - 2],
  ] as const)('gives a ResNet-%i %i parameters', (depth, count, tensors) => {
    const { params, stats } = initResNet(Random.fromSeed(0), { depth, stages: FULL, batchNorm });
    const leaves = leavesOf(params);
    expect(leaves.reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0)).toBe(count);
    expect(leaves).toHaveLength(tensors);
    expect(leaves.map(([path]) => path)).toContain('layer2/0/downsample/1/bias');
    expect(leavesOf(stats).map(([path]) => path)).toContain('layer4/1/bn2/running_var');
  });

  it('makes nothing after the last stage that is wanted', () => {
    const { params } = initResNet(Random.fromSeed(0), {
      depth: 18,
      stages: ['c3', 'c2'],
      batchNorm,
      width: 2,
    });
    expect(Object.keys(params).sort()).toEqual(['bn1', 'conv1', 'layer1', 'layer2']);
  });
});

describe.each([
  [18, [2, 2, 2, 2], false],
  [34, [3, 4, 6, 3], false],
  [50, [3, 4, 6, 3], true],
] as const)('ResNet-%i', (depth, blocks, expand) => {
  const options: ResNetOptions = { depth, stages: ['c2', 'c3', 'c4', 'c5'], batchNorm, width: 4 };
  const host = initResNet(Random.fromSeed(depth), options);
  const [params, stats] = [shaken(uploadTree(host.params)), shaken(uploadTree(host.stats))];
  const images = randomTensor('images', [2, 33, 40, 3]);

  it('gives the features of the plain restatement at evaluation, at odd sizes too', () => {
    const { features, stats: after } = resnet(params, stats, images, { ...options, training: false });
    const expected = plainResNet(new Map([...leavesOf(params), ...leavesOf(stats)]), images, [...blocks], {
      expand,
    });
    (['c2', 'c3', 'c4', 'c5'] as const).forEach((stage, i) => {
      const scale = Math.max(1, tf.max(tf.abs(expected[i])).dataSync()[0]);
      expectClose(tf.div(features[stage]!, scale), tf.div(expected[i], scale), 1e-5);
      expect(features[stage]!.shape).toEqual([
        2,
        resNetChannels(options, stage),
        Math.ceil(33 / 2 ** (i + 2)),
        Math.ceil(40 / 2 ** (i + 2)),
      ]);
    });
    expectSame(after, stats);
  });

  it('moves every running statistic in training, and gives every parameter a gradient', () => {
    const small = randomTensor('small', [2, 3, 32, 32]);
    const { aux, grads } = valueAndGrad((tree) => {
      const { features, stats: after } = resnet(tree, stats, small, {
        ...options,
        stages: ['c5'],
        training: true,
      });
      return { loss: weighed(features.c5!), aux: after };
    }, params);
    expect([...grads.keys()].sort()).toEqual(leavesOf(params).map(([path]) => path));
    const before = new Map(leavesOf(stats));
    const moved = leavesOf(aux);
    expect(moved.map(([path]) => path)).toEqual([...before.keys()]);
    for (const [path, leaf] of moved) {
      expect(tf.max(tf.abs(tf.sub(leaf, before.get(path)!))).dataSync()[0], path).toBeGreaterThan(0);
    }
  });
});

function expectSame(a: Tree<tf.Tensor>, b: Tree<tf.Tensor>): void {
  const other = new Map(leavesOf(b));
  expect(leavesOf(a).every(([path, leaf]) => leaf === other.get(path))).toBe(true);
  expect(leavesOf(a)).toHaveLength(other.size);
}

describe('resnet', () => {
  const options: ResNetOptions = { depth: 18, stages: ['c2'], batchNorm, width: 2 };
  const host = initResNet(Random.fromSeed(5), options);
  const [params, stats] = [shaken(uploadTree(host.params)), uploadTree(host.stats)];

  it('takes images either way round, and refuses others', () => {
    const run = (images: tf.Tensor): tf.Tensor =>
      resnet(params, stats, images, { ...options, training: false }).features.c2!;
    const images = randomTensor('images', [1, 3, 12, 16]);
    expectClose(run(images), run(tf.transpose(images, [0, 2, 3, 1])), 1e-6);
    expect(() => run(tf.zeros([1, 4, 8, 8]))).toThrow('[1,4,8,8]');
  });

  it('has the gradient of numeric differences', () => {
    const images = randomTensor('images', [2, 3, 16, 16]);
    const run = (tree: Tree<tf.Tensor>): tf.Scalar =>
      weighed(resnet(tree, stats, images, { ...options, training: true }).features.c2!);
    expectGradients(run, params, { step: 1e-3, tolerance: 0.06, elements: 2 });
  });
});

describe('the small stem', () => {
  it.each([
    [18, [2, 2, 2, 2], 3, false],
    [50, [3, 4, 6, 3], 2, true],
  ] as const)(
    'of a ResNet-%i has the features of the plain restatement, at a stride of 8',
    (depth, blocks, width, expand) => {
      const options: ResNetOptions = {
        ...{ depth, width, stem: 'small', batchNorm },
        stages: ['c2', 'c3', 'c4', 'c5'],
      };
      const host = initResNet(Random.fromSeed(depth), options);
      const [params, stats] = [shaken(uploadTree(host.params)), shaken(uploadTree(host.stats))];
      const leaves = new Map([...leavesOf(params), ...leavesOf(stats)]);
      expect(leaves.get('conv1/weight')!.shape).toEqual([width, 3, 3, 3]);
      const images = randomTensor('images', [2, 17, 24, 3]);
      const expected = plainResNet(leaves, images, [...blocks], { expand, small: true });
      const { features } = resnet(params, stats, images, { ...options, training: false });
      (['c2', 'c3', 'c4', 'c5'] as const).forEach((stage, i) => {
        const scale = Math.max(1, tf.max(tf.abs(expected[i])).dataSync()[0]);
        expectClose(tf.div(features[stage]!, scale), tf.div(expected[i], scale), 1e-5);
        const shape = [2, width * 2 ** i * (expand ? 4 : 1), Math.ceil(17 / 2 ** i), Math.ceil(24 / 2 ** i)];
        expect(features[stage]!.shape).toEqual(shape);
      });
    },
  );

  it('has the gradient of numeric differences', () => {
    const options: ResNetOptions = { depth: 18, stages: ['c2'], batchNorm, width: 3, stem: 'small' };
    const host = initResNet(Random.fromSeed(5), options);
    const [params, stats] = [shaken(uploadTree(host.params)), uploadTree(host.stats)];
    const images = randomTensor('images', [2, 3, 8, 8]);
    const run = (tree: Tree<tf.Tensor>): tf.Scalar =>
      weighed(resnet(tree, stats, images, { ...options, training: true }).features.c2!);
    expectGradients(run, params, { step: 1e-3, tolerance: 0.06, elements: 2 });
  });
});
