import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { gelu } from '../nn/gelu.ts';
import { constant, normal, uniform } from '../nn/initializers.ts';
import { branchAt, type Initialized, leafAt } from '../nn/layer.ts';
import { initLayerNorm, layerNorm } from '../nn/layer-norm.ts';
import { linear } from '../nn/linear.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { type PatchGrid, resizedPositions, sinePositions } from './vit-positions.ts';

/** A vision transformer without its classifier. */
export interface VitOptions {
  /** The numbers of a token; heads share them out. */
  readonly width: number;
  /** Blocks. */
  readonly depth: number;
  readonly heads: number;
  /** The side of a patch, pixels. */
  readonly patch: number;
  /** `sine`: fixed, of any grid (MoCo v3). A grid: learned for it, and interpolated to others (DINO). */
  readonly positions: 'sine' | PatchGrid;
  /** Whether the projection of patches stays as it was drawn (MoCo v3). */
  readonly frozenPatch?: boolean;
}

/** The tokens after the last norm: `token` [B, width], the class's, and `map` [B, width, rows, columns], the patches'. */
export interface VitFeatures {
  readonly token: tf.Tensor;
  readonly map: tf.Tensor;
}

/** The hidden numbers of a block's MLP are so many times the width. */
const MLP_RATIO = 4;
const EPS = 1e-6;

/**
 * The parameters of a vision transformer under timm's names (`blocks/0/attn/qkv/weight`); matrices are [inputs, outputs], the
 * patch projection [width, 3, patch, patch]. With sine positions they begin as MoCo v3's (Xavier, of query, key and value one
 * by one), with learned ones as DINO's (normal, deviation 0.02). Biases begin at 0.
 */
export function initVit(random: Random, options: VitOptions): Initialized {
  const { width, depth, heads, patch, positions } = options;
  if (width % heads !== 0) throw new Error(`${heads} heads cannot share out a width of ${width}`);
  const sine = positions === 'sine';
  const pixels = 3 * patch * patch;
  const layer = (name: string, inputs: number, outputs: number, parts = 1) => {
    const own = random.fork(name);
    const bound = Math.sqrt(6 / (inputs + outputs / parts));
    const shape = [inputs, outputs];
    const weight = sine ? uniform(own, shape, bound) : normal(own, shape, 0.02);
    return { weight, bias: constant([outputs], 0) };
  };
  const blocks = Array.from({ length: depth }, (_, i): [string, Tree<HostTensor>] => [
    `${i}`,
    {
      norm1: initLayerNorm(width),
      attn: {
        qkv: layer(`blocks/${i}/attn/qkv`, width, 3 * width, 3),
        proj: layer(`blocks/${i}/attn/proj`, width, width),
      },
      norm2: initLayerNorm(width),
      mlp: {
        fc1: layer(`blocks/${i}/mlp/fc1`, width, MLP_RATIO * width),
        fc2: layer(`blocks/${i}/mlp/fc2`, MLP_RATIO * width, width),
      },
    },
  ]);
  const projection = random.fork('patch_embed');
  const shape = [width, 3, patch, patch];
  return {
    params: {
      cls_token: normal(random.fork('cls_token'), [1, 1, width], sine ? 1e-6 : 0.02),
      ...(!sine && {
        pos_embed: normal(random.fork('pos_embed'), [1, 1 + positions.rows * positions.columns, width], 0.02),
      }),
      patch_embed: {
        proj: {
          weight: sine
            ? uniform(projection, shape, Math.sqrt(6 / (pixels + width)))
            : uniform(projection, shape, 1 / Math.sqrt(pixels)),
          bias: constant([width], 0),
        },
      },
      blocks: Object.fromEntries(blocks),
      norm: initLayerNorm(width),
    },
    stats: {},
  };
}

/**
 * Tokens of images [B, H, W, 3] (Dosovitskiy et al. 2021): patches, a class token and positions, blocks that normalise first,
 * exact GELU, and a norm at the end. Throws where the patch does not divide the images.
 *
 * @example
 * const options: VitOptions = { width: 8, depth: 1, heads: 2, patch: 4, positions: 'sine' };
 * const { params } = initVit(Random.fromSeed(0), options);
 * const batch = { images: float32(new Float32Array(8 * 12 * 3), [1, 8, 12, 3]) };
 * const step = await compile((state, { images }) => [state, { ...vit(state, images, options) }], { state: params, batch });
 * const { outputs } = await step.run(params, batch);
 * outputs.map.shape; // [1, 8, 2, 3]
 */
export function vit(params: Tree<tf.Tensor>, images: tf.Tensor, options: VitOptions): VitFeatures {
  const { width, depth, heads } = options;
  const batch = images.shape[0];
  const grid = gridOf(images, options.patch);
  const count = grid.rows * grid.columns;
  const patches = tf.reshape(embedded(params, images, grid, options), [batch, count, width]);
  // Patches behind a place for the class token, which comes with the positions: nothing is repeated for each picture.
  const behind = tf.pad(patches, [
    [0, 0],
    [1, 0],
    [0, 0],
  ]); // [B, 1 + N, D]
  const first = tf.pad(tf.reshape(leafAt(params, 'cls_token'), [1, 1, width]), [
    [0, 0],
    [0, count],
    [0, 0],
  ]);
  let x: tf.Tensor = tf.add(behind, tf.add(first, positionsOf(params, grid, options)));
  x = tf.reshape(x, [batch * (1 + count), width]);
  const blocks = branchAt(params, 'blocks');
  for (let i = 0; i < depth; i++) {
    const block = branchAt(blocks, `${i}`);
    const attended = attention(
      branchAt(block, 'attn'),
      layerNorm(branchAt(block, 'norm1'), x, { eps: EPS }),
      [batch, 1 + count, heads],
    );
    x = tf.add(x, attended);
    const mlp = branchAt(block, 'mlp');
    const hidden = gelu(linear(branchAt(mlp, 'fc1'), layerNorm(branchAt(block, 'norm2'), x, { eps: EPS })));
    x = tf.add(x, linear(branchAt(mlp, 'fc2'), hidden));
  }
  const tokens = tf.reshape(layerNorm(branchAt(params, 'norm'), x, { eps: EPS }), [batch, 1 + count, width]);
  const rest = tf.reshape(tf.slice(tokens, [0, 1, 0], [batch, count, width]), [
    batch,
    grid.rows,
    grid.columns,
    width,
  ]);
  return {
    token: tf.reshape(tf.slice(tokens, [0, 0, 0], [batch, 1, width]), [batch, width]),
    map: tf.transpose(rest, [0, 3, 1, 2]),
  };
}

/** Patches times the projection: rows [B·N, width], as a convolution whose stride is its kernel's side gives them. */
function embedded(
  params: Tree<tf.Tensor>,
  images: tf.Tensor,
  { rows, columns }: PatchGrid,
  { patch, width, frozenPatch }: VitOptions,
): tf.Tensor {
  const batch = images.shape[0];
  const cut = tf.reshape(images, [batch, rows, patch, columns, patch, 3]);
  const pixels = 3 * patch * patch;
  const flat = tf.reshape(tf.transpose(cut, [0, 1, 3, 5, 2, 4]), [batch * rows * columns, pixels]);
  const projection = branchAt(branchAt(params, 'patch_embed'), 'proj');
  const weight = tf.reshape(leafAt(projection, 'weight'), [width, pixels]);
  const tokens = tf.add(tf.matMul(flat, weight, false, true), leafAt(projection, 'bias'));
  return frozenPatch === true ? stopGradient(tokens) : tokens;
}

/** What is added to the class token and the patches: [1, 1 + N, width]. */
function positionsOf(params: Tree<tf.Tensor>, grid: PatchGrid, { positions, width }: VitOptions): tf.Tensor {
  const count = grid.rows * grid.columns;
  if (positions === 'sine') {
    const { data } = sinePositions(grid, width);
    const all = new Float32Array((1 + count) * width);
    all.set(data as Float32Array, width); // The class token has none.
    return tf.tensor3d(all, [1, 1 + count, width]);
  }
  const own = 1 + positions.rows * positions.columns;
  const learned = tf.reshape(leafAt(params, 'pos_embed'), [own, width]);
  const patches = resizedPositions(tf.slice(learned, [1, 0], [own - 1, width]), positions, grid);
  return tf.reshape(tf.concat([tf.slice(learned, [0, 0], [1, width]), patches], 0), [1, 1 + count, width]);
}

/** Attention of every token of an image to all of them, in heads: rows [B·T, width]. */
function attention(
  params: Tree<tf.Tensor>,
  x: tf.Tensor,
  [batch, tokens, heads]: readonly [batch: number, tokens: number, heads: number],
): tf.Tensor {
  const width = x.shape[1] as number;
  const each = width / heads;
  const all = tf.reshape(linear(branchAt(params, 'qkv'), x), [batch, tokens, 3, heads, each]);
  const [q, k, v] = tf
    .unstack(tf.transpose(all, [2, 0, 3, 1, 4]))
    .map((part) => tf.reshape(part, [batch * heads, tokens, each]));
  const weights = tf.softmax(tf.matMul(tf.mul(q, each ** -0.5), k, false, true)); // [B·H, T, T]
  const mixed = tf.reshape(tf.matMul(weights, v), [batch, heads, tokens, each]);
  const joined = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch * tokens, width]);
  return linear(branchAt(params, 'proj'), joined);
}

function gridOf(images: tf.Tensor, patch: number): PatchGrid {
  const [, height, width, channels] = images.shape as number[];
  if (images.rank !== 4 || channels !== 3)
    throw new Error(`a vision transformer takes images [B, H, W, 3], not [${images.shape}]`);
  if (height % patch !== 0 || width % patch !== 0)
    throw new Error(`patches of ${patch} pixels do not divide pictures of ${width} x ${height} pixels`);
  return { rows: height / patch, columns: width / patch };
}
