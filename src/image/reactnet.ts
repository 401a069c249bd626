import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import { leavesOf, type Tree, treeOf } from '../engine/tree.ts';
import { avgPool2x2 } from '../nn/avg-pool.ts';
import { type BatchNormOptions, batchNorm, initBatchNorm } from '../nn/batch-norm.ts';
import { binarySign, binaryWeights } from '../nn/binarize.ts';
import { conv2d, initConv2d } from '../nn/conv2d.ts';
import { constant } from '../nn/initializers.ts';
import { type Applied, branchAt, type Initialized, leafAt, type Mode, pathAt } from '../nn/layer.ts';
import { initShiftedPrelu, shifted, shiftedPrelu } from '../nn/shifted-prelu.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { type ResNetStage, resNetStages } from './resnet.ts';

type Tensors = Tree<tf.Tensor>;

/** A ReActNet without its classifier. */
export interface ReActNetOptions {
  /** The stem's channels, 32 where it is not given; the last maps have 32 times as many. */
  readonly width?: number;
  /** What convolutions behind the stem are computed with: their weights as they are, or ±mean|w|. Activations are ±1 either way. */
  readonly weights: 'real' | 'binary';
  readonly batchNorm: BatchNormOptions;
  /** `small`, for pictures of 32 pixels or so: without the first two strides, which makes all strides a quarter. */
  readonly stem?: 'standard' | 'small';
  /** The outputs that are wanted; what comes after the last of them is neither made nor run. */
  readonly stages: readonly ResNetStage[];
}

/** The features that were asked for, [N, channels, H/stride, W/stride], and the next running statistics. */
export interface ReActNetFeatures {
  readonly features: { readonly [stage in ResNetStage]?: tf.Tensor };
  readonly stats: Tensors;
}

/** Channels of each block's outputs, in widths of the stem, and its stride: those of MobileNet v1. */
const BLOCKS: ReadonlyArray<readonly [widths: number, stride: number]> = [
  [2, 1],
  [4, 2],
  [4, 1],
  [8, 2],
  [8, 1],
  [16, 2],
  ...Array.from({ length: 5 }, () => [16, 1] as const),
  [32, 2],
  [32, 1],
];
/** How many blocks there are up to a stage's maps. */
const BLOCKS_OF: { readonly [stage in ResNetStage]: number } = { c2: 3, c3: 5, c4: 11, c5: 13 };

/** The channels of a stage's maps. */
export function reActNetChannels({ width = 32 }: Pick<ReActNetOptions, 'width'>, stage: ResNetStage): number {
  return BLOCKS[BLOCKS_OF[stage] - 1][0] * width;
}

interface LayerPlan {
  readonly path: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: 1 | 3;
  readonly stride: number;
  /** 0 before a stride of 4, then 1, 2, … up to the maps of each stage. */
  readonly part: number;
  /** The stage whose maps it gives. */
  readonly gives?: ResNetStage;
}

/** The layers behind the stem in their order, two a block: over 3x3 pixels, and over channels alone. */
function plansOf({ width = 32, stem, stages }: ReActNetOptions): LayerPlan[] {
  const last = Math.max(...stages.map((stage) => BLOCKS_OF[stage]));
  if (!(last > 0)) throw new Error('a ReActNet needs at least one stage to give');
  let inputs = width;
  return BLOCKS.slice(0, last).flatMap(([widths, given], i): LayerPlan[] => {
    const outputs = widths * width;
    const stride = stem === 'small' && i === 1 ? 1 : given;
    const part = i === 0 ? 0 : 1 + resNetStages.findIndex((stage) => i < BLOCKS_OF[stage]);
    const gives = resNetStages.find((stage) => BLOCKS_OF[stage] === i + 1);
    const own = { inputs, part };
    inputs = outputs;
    return [
      { ...own, path: `blocks/${i}/spatial`, outputs: own.inputs, kernel: 3, stride },
      { ...own, path: `blocks/${i}/pointwise`, outputs, kernel: 1, stride: 1, gives },
    ];
  });
}

/** How a ReActNet begins: `stem`, and `spatial` and `pointwise` of each of its `blocks`. */
export function initReActNet(random: Random, options: ReActNetOptions): Initialized {
  const params: Array<[path: string, leaf: HostTensor]> = [];
  const stats: Array<[path: string, leaf: HostTensor]> = [];
  const add = (path: string, conv: { inputs: number; outputs: number; kernel: number }) => {
    const norm = initBatchNorm(conv.outputs);
    params.push(...leavesOf(initConv2d(random.fork(path), conv), `${path}/conv`));
    params.push(...leavesOf(norm.params, `${path}/norm`));
    stats.push(...leavesOf(norm.stats, `${path}/norm`));
  };
  add('stem', { inputs: 3, outputs: options.width ?? 32, kernel: 3 });
  for (const { path, inputs, outputs, kernel } of plansOf(options)) {
    add(path, { inputs, outputs, kernel });
    params.push([`${path}/threshold`, constant([inputs], 0)]);
    params.push(...leavesOf(initShiftedPrelu(outputs), `${path}/act`));
  }
  return { params: treeOf(params), stats: treeOf(stats) };
}

/**
 * Features of images [N, H, W, 3] (Liu et al. 2020, ReActNet), H and W multiples of the last stride. The first `frozenStages`
 * (what comes before a stride of 4, and up to the maps of each stage with each more) are held fast: no gradient enters them,
 * and their batch norms keep the running statistics.
 */
export function reActNet(
  params: Tensors,
  stats: Tensors,
  images: tf.Tensor,
  options: ReActNetOptions & Mode & { readonly frozenStages?: number },
): ReActNetFeatures {
  const { frozenStages = 0, weights } = options;
  const normOf = (part: number) => ({
    ...options.batchNorm,
    training: options.training && part >= frozenStages,
  });
  const features: { [stage in ResNetStage]?: tf.Tensor } = {};
  const pixels = tf.transpose(images, [0, 3, 1, 2]); // [N, 3, H, W]
  const [stem, stemStats] = [params, stats].map((tree) => branchAt(tree, 'stem'));
  const first = conv2d(branchAt(stem, 'conv'), pixels, {
    stride: options.stem === 'small' ? 1 : 2,
    padding: 1,
  });
  const begun = batchNorm(branchAt(stem, 'norm'), branchAt(stemStats, 'norm'), first, normOf(0));
  const updated = leavesOf(begun.stats, 'stem/norm');
  let x = begun.y;
  for (const plan of plansOf(options)) {
    const [own, ownStats] = [params, stats].map((tree) => pathAt(tree, plan.path));
    const result = binaryLayer(own, ownStats, x, { plan, weights, norm: normOf(plan.part) });
    updated.push(...leavesOf(result.stats, plan.path));
    x = plan.part < frozenStages ? stopGradient(result.y) : result.y;
    if (plan.gives !== undefined && options.stages.includes(plan.gives)) features[plan.gives] = x;
  }
  return { features, stats: treeOf(updated) };
}

/**
 * The sign of x over a learned threshold, convolved and normalised, and x itself beside it: averaged where there is a stride,
 * twice where there are twice as many channels. Then a PReLU between two shifts.
 */
function binaryLayer(
  params: Tensors,
  stats: Tensors,
  x: tf.Tensor,
  {
    plan,
    weights,
    norm,
  }: {
    readonly plan: LayerPlan;
    readonly weights: ReActNetOptions['weights'];
    readonly norm: BatchNormOptions & Mode;
  },
): Applied {
  const { inputs, outputs, kernel, stride } = plan;
  const signs = binarySign(shifted(x, leafAt(params, 'threshold')));
  const conv = branchAt(params, 'conv');
  const filter = weights === 'binary' ? { weight: binaryWeights(leafAt(conv, 'weight')) } : conv;
  const made = conv2d(filter, signs, { stride, padding: (kernel - 1) / 2 });
  const normed = batchNorm(branchAt(params, 'norm'), branchAt(stats, 'norm'), made, norm);
  const near = stride === 2 ? avgPool2x2(x) : x;
  const shortcut = outputs === 2 * inputs ? tf.concat([near, near], 1) : near;
  const y = shiftedPrelu(branchAt(params, 'act'), tf.add(normed.y, shortcut));
  return { y, stats: { norm: normed.stats } };
}
