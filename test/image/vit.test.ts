import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, type Tree, treeOf } from '../../src/engine/tree.ts';
import { initVit, type VitOptions, vit } from '../../src/image/vit.ts';
import { resizedPositions, sinePositions } from '../../src/image/vit-positions.ts';
import { gelu } from '../../src/nn/gelu.ts';
import { layerNorm } from '../../src/nn/layer-norm.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { distance, expectGradients, randomTensor, uploadTree, valuesOf, weighed } from '../nn/tensors.ts';

/** Made by golden/make-vit.py with timm and PyTorch in float64. */
const golden = JSON.parse(readFileSync(new URL('golden/vit.json', import.meta.url), 'utf8')) as {
  readonly parameters: ReadonlyArray<readonly [name: string, shape: number[]]>;
  readonly grads: { readonly [name: string]: number[] };
  readonly counts: { readonly [name: string]: number };
} & { readonly [values: string]: number[] };

/** The script's numbers sin(seed + 0.7·i). */
function wave(shape: readonly number[], seed: number, scale = 1, start = 0): tf.Tensor {
  const data = Float32Array.from(
    { length: sizeOf(shape) },
    (_, i) => start + scale * Math.sin(seed + 0.7 * i),
  );
  return tf.tensor(data, [...shape]);
}

const isMatrix = (shape: readonly number[]) => shape.length === 2;
const pathOf = (name: string) => name.replaceAll('.', '/');

/** The script's parameters, under our paths and with our matrices. */
function goldenParameters(): Tree<tf.Tensor> {
  return treeOf(
    golden.parameters.map(([name, shape], place) => {
      const values = wave(shape, place, 0.3, /norm\d?\.weight$/.test(name) ? 1 : 0);
      return [pathOf(name), isMatrix(shape) ? tf.transpose(values) : values] as const;
    }),
  );
}

const options: VitOptions = {
  width: 8,
  depth: 2,
  heads: 2,
  patch: 4,
  positions: { rows: 2, columns: 3 },
};

describe('a vision transformer with the weights of one of timm', () => {
  const params = goldenParameters();
  const images = tf.transpose(wave([2, 3, 8, 12], 0.5), [0, 2, 3, 1]);
  /** The patches as timm has them, [B, N, D]. */
  const patchesOf = (map: tf.Tensor) => tf.reshape(tf.transpose(map, [0, 2, 3, 1]), [2, 6, 8]);

  it('has its tokens', () => {
    const { token, map } = vit(params, images, options);
    expect(map.shape).toEqual([2, 8, 2, 3]);
    expect(distance(valuesOf(token), golden.token)).toBeLessThan(5e-6);
    expect(distance(valuesOf(patchesOf(map)), golden.patches)).toBeLessThan(5e-6);
  });

  it('has its gradients', () => {
    const { loss, grads } = valueAndGrad((tree) => {
      const { token, map } = vit(tree, images, options);
      const patches = patchesOf(map);
      const sum = (x: tf.Tensor, seed: number) => tf.sum(tf.mul(x, wave(x.shape, seed)));
      return { loss: tf.add(sum(token, 1), sum(patches, 2)), aux: {} };
    }, params);
    expect(loss.dataSync()[0]).toBeCloseTo(golden.loss as unknown as number, 4);
    expect(grads.size).toBe(golden.parameters.length);
    for (const [name, shape] of golden.parameters) {
      const grad = grads.get(pathOf(name))!;
      const found = valuesOf(isMatrix(shape) ? tf.transpose(grad) : grad);
      const largest = Math.max(1, ...golden.grads[name].map(Math.abs));
      expect(distance(found, golden.grads[name]) / largest, name).toBeLessThan(1e-5);
    }
  });

  it('gives a frozen patch projection no gradient, and all else the same', () => {
    const { grads } = valueAndGrad(
      (tree) => ({ loss: weighed(vit(tree, images, { ...options, frozenPatch: true }).token), aux: {} }),
      params,
    );
    const frozen = ['patch_embed/proj/bias', 'patch_embed/proj/weight'];
    const all = leavesOf(params).map(([path]) => path);
    expect([...grads.keys()].sort()).toEqual(all.filter((path) => !frozen.includes(path)));
  });
});

describe('initVit', () => {
  it.each([
    ['vit_tiny_patch16_224', 192],
    ['vit_small_patch16_224', 384],
    ['vit_base_patch16_224', 768],
  ])('has the parameters of %s', (name, width) => {
    const counted = (positions: VitOptions['positions'], narrow: number) =>
      leavesOf(
        initVit(Random.fromSeed(0), { width: narrow, depth: 12, heads: 4, patch: 16, positions }).params,
      ).reduce((sum, [, { shape }]) => sum + sizeOf(shape), 0);
    // a·width² + b·width: two narrow ones tell the count of a wide one without drawing it.
    const grid = { rows: 14, columns: 14 };
    const [eight, sixteen] = [counted(grid, 8), counted(grid, 16)];
    const square = (sixteen / 16 - eight / 8) / 8;
    expect(square * width ** 2 + (eight / 8 - 8 * square) * width).toBe(golden.counts[name]);
    expect(eight - counted('sine', 8)).toBe(197 * 8);
  });

  it('draws from the spans of MoCo v3 with sine positions, and from those of DINO with learned ones', () => {
    const sized = { ...options, width: 32 };
    const largest = (tree: Tree<{ data: ArrayLike<number> }>, path: string) =>
      Math.max(...Array.from(new Map(leavesOf(tree)).get(path)!.data, Math.abs));
    const sine = initVit(Random.fromSeed(0), { ...sized, positions: 'sine' }).params;
    for (const [path, bound] of [
      ['blocks/0/attn/qkv/weight', Math.sqrt(6 / (32 + 32))],
      ['blocks/0/mlp/fc1/weight', Math.sqrt(6 / (32 + 128))],
      ['patch_embed/proj/weight', Math.sqrt(6 / (48 + 32))],
    ] as const) {
      expect(largest(sine, path)).toBeLessThan(bound);
      expect(largest(sine, path)).toBeGreaterThan(0.95 * bound);
    }
    expect(largest(sine, 'cls_token')).toBeLessThan(1e-5);
    const learned = initVit(Random.fromSeed(0), sized).params;
    const { data } = new Map(leavesOf(learned)).get('blocks/0/attn/qkv/weight')!;
    const variance = Array.from(data).reduce((sum, value) => sum + value * value, 0) / data.length;
    expect(Math.sqrt(variance)).toBeCloseTo(0.02, 3);
  });

  it('refuses heads that do not share out the width', () => {
    expect(() => initVit(Random.fromSeed(0), { ...options, heads: 3 })).toThrow('3 heads');
  });
});

describe('positions', () => {
  it('are those of MoCo v3', () => {
    expect(distance(sinePositions({ rows: 2, columns: 3 }, 8).data, golden.sine)).toBeLessThan(1e-6);
  });

  it('are interpolated as DINO does it', () => {
    const map = wave([1, 8, 2, 3], 3);
    const rows = tf.reshape(tf.transpose(map, [0, 2, 3, 1]), [6, 8]);
    const own = { rows: 2, columns: 3 };
    for (const [name, to] of [
      ['resized', { rows: 4, columns: 3 }],
      ['shrunk', { rows: 1, columns: 2 }],
    ] as const) {
      const made = resizedPositions(rows, own, to);
      expect(distance(valuesOf(tf.transpose(made)), golden[name])).toBeLessThan(2e-6);
    }
    expect(resizedPositions(rows, own, own)).toBe(rows);
  });

  it('let an encoder take pictures of other sizes, and refuse those that patches do not divide', () => {
    const { params } = initVit(Random.fromSeed(0), options);
    const of = (height: number, width: number) =>
      vit(uploadTree(params), tf.zeros([1, height, width, 3]), options).map.shape;
    expect(of(12, 20)).toEqual([1, 8, 3, 5]);
    expect(() => of(8, 10)).toThrow('patches of 4 pixels do not divide pictures of 10 x 8 pixels');
  });
});

describe('the layers of a block', () => {
  it('normalise rows by their own mean and variance', () => {
    const x = randomTensor('x', [3, 5]);
    const params = { weight: randomTensor('w', [5]), bias: randomTensor('b', [5]) };
    const expected = (x.arraySync() as number[][]).flatMap((row) => {
      const mean = row.reduce((a, b) => a + b) / 5;
      const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 5;
      const [weight, bias] = [params.weight, params.bias].map((each) => each.dataSync());
      return row.map((value, i) => ((value - mean) / Math.sqrt(variance + 0.01)) * weight[i] + bias[i]);
    });
    expect(distance(valuesOf(layerNorm(params, x, { eps: 0.01 })), expected)).toBeLessThan(1e-5);
    expectGradients((tree) => weighed(layerNorm(tree, tree.x as tf.Tensor, { eps: 0.01 })), { ...params, x });
  });

  it('have the exact GELU', () => {
    // x·Φ(x) by tables of the normal distribution; the tanh that comes near it gives 0.84119 at 1.
    const values = [0, 0.8413447, -0.1586553, 1.9544997];
    expect(distance(valuesOf(gelu(tf.tensor1d([0, 1, -1, 2]))), values)).toBeLessThan(1e-5);
    expectGradients((tree) => weighed(gelu(tree.x as tf.Tensor)), { x: randomTensor('x', [7]) });
  });
});
