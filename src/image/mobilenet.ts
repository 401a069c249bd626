import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import { leavesOf, type Tree, treeOf } from '../engine/tree.ts';
import { type BatchNormOptions, batchNorm, initBatchNorm } from '../nn/batch-norm.ts';
import { conv2d } from '../nn/conv2d.ts';
import { groupedConv2d } from '../nn/grouped-conv2d.ts';
import { kaimingNormal } from '../nn/initializers.ts';
import { branchAt, type Initialized, type Mode, pathAt } from '../nn/layer.ts';
import { relu } from '../nn/relu.ts';
import { initSqueezeExcitation, squeezeExcitation } from '../nn/squeeze-excitation.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import type { ResNetStage } from './resnet.ts';

type Tensors = Tree<tf.Tensor>;
type Activation = 'relu' | 'hardswish' | 'none';

/** A MobileNetV3-Large without its classifier. */
export interface MobileNetV3Options {
  /** What the channels of every layer are multiplied by, 1 by default; they stay multiples of 8. */
  readonly widthFactor?: number;
  readonly batchNorm: BatchNormOptions;
  /** `small`, for pictures of 32 pixels or so: without the first two strides, which makes all strides a quarter. */
  readonly stem?: 'standard' | 'small';
  /** The outputs that are wanted. */
  readonly stages: readonly ResNetStage[];
}

/** The features that were asked for, [N, channels, ⌈H/stride⌉, ⌈W/stride⌉], and the next running statistics. */
export interface MobileNetV3Features {
  readonly features: { readonly [stage in ResNetStage]?: tf.Tensor };
  readonly stats: Tensors;
}

/** Kernel, inner and outer channels, whether channels are weighed, activation, stride (Howard et al. 2019, table 1). */
const BLOCKS: ReadonlyArray<
  readonly [kernel: number, inner: number, outer: number, isWeighed: boolean, act: Activation, stride: number]
> = [
  [3, 16, 16, false, 'relu', 1],
  [3, 64, 24, false, 'relu', 2],
  [3, 72, 24, false, 'relu', 1],
  [5, 72, 40, true, 'relu', 2],
  [5, 120, 40, true, 'relu', 1],
  [5, 120, 40, true, 'relu', 1],
  [3, 240, 80, false, 'hardswish', 2],
  [3, 200, 80, false, 'hardswish', 1],
  [3, 184, 80, false, 'hardswish', 1],
  [3, 184, 80, false, 'hardswish', 1],
  [3, 480, 112, true, 'hardswish', 1],
  [3, 672, 112, true, 'hardswish', 1],
  [5, 672, 160, true, 'hardswish', 2],
  [5, 960, 160, true, 'hardswish', 1],
  [5, 960, 160, true, 'hardswish', 1],
];
/** The layer after which a stage's maps are given. */
const STAGES: { readonly [stage in ResNetStage]: number } = { c2: 3, c3: 6, c4: 12, c5: 16 };

/** The nearest multiple of 8 to channels times a factor, no less than nine tenths of it, as every layer is widened. */
export function scaledChannels(channels: number, factor = 1): number {
  const near = Math.max(8, Math.floor((channels * factor + 4) / 8) * 8);
  return near < 0.9 * channels * factor ? near + 8 : near;
}

/** The channels of a stage's maps. */
export function mobileNetV3Channels(
  { widthFactor }: Pick<MobileNetV3Options, 'widthFactor'>,
  stage: ResNetStage,
) {
  if (stage === 'c5') return 6 * scaledChannels(160, widthFactor);
  return scaledChannels(BLOCKS[STAGES[stage] - 1][2], widthFactor);
}

interface ConvPlan {
  readonly path: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly isDepthwise: boolean;
  readonly act: Activation;
}

interface LayerPlan {
  /** Its number among `features`. */
  readonly layer: number;
  readonly convs: readonly ConvPlan[];
  /** What weighs the channels before the last convolution, where anything does. */
  readonly gate?: { readonly path: string; readonly channels: number; readonly squeezed: number };
  readonly isResidual: boolean;
}

function plansOf({ widthFactor, stem }: MobileNetV3Options): LayerPlan[] {
  const one = { kernel: 1, stride: 1, isDepthwise: false };
  const first = { ...one, path: 'features/0', kernel: 3, stride: stem === 'small' ? 1 : 2 };
  let inputs = scaledChannels(16, widthFactor);
  const plans: LayerPlan[] = [
    { layer: 0, convs: [{ ...first, inputs: 3, outputs: inputs, act: 'hardswish' }], isResidual: false },
  ];
  BLOCKS.forEach(([kernel, wide, narrow, isWeighed, act, given], i) => {
    const [inner, outputs] = [scaledChannels(wide, widthFactor), scaledChannels(narrow, widthFactor)];
    const stride = stem === 'small' && i === 1 ? 1 : given;
    let place = 0;
    const next = () => `features/${i + 1}/block/${place++}`;
    const expand = inner === inputs ? [] : [{ ...one, path: next(), inputs, outputs: inner, act }];
    const depthwise = { path: next(), inputs: inner, outputs: inner, kernel, stride, isDepthwise: true, act };
    const gate = isWeighed
      ? { path: next(), channels: inner, squeezed: scaledChannels(inner / 4) }
      : undefined;
    const project = { ...one, path: next(), inputs: inner, outputs, act: 'none' as const };
    // The small stem takes strides away and leaves the rest of the network as it is.
    const isResidual = given === 1 && inputs === outputs;
    plans.push({ layer: i + 1, convs: [...expand, depthwise, project], gate, isResidual });
    inputs = outputs;
  });
  const last = { ...one, path: 'features/16', inputs, outputs: 6 * inputs, act: 'hardswish' as const };
  plans.push({ layer: 16, convs: [last], isResidual: false });
  return plans;
}

/** The parameters of a MobileNetV3-Large under torchvision's names (`features/4/block/1/0/weight`). */
export function initMobileNetV3(random: Random, options: MobileNetV3Options): Initialized {
  const params: Array<[path: string, leaf: HostTensor]> = [];
  const stats: Array<[path: string, leaf: HostTensor]> = [];
  for (const { convs, gate } of plansOf(options)) {
    for (const { path, inputs, outputs, kernel, isDepthwise } of convs) {
      const shape = [outputs, isDepthwise ? 1 : inputs, kernel, kernel];
      params.push([`${path}/0/weight`, kaimingNormal(random.fork(path), shape, { fan: 'out' })]);
      const norm = initBatchNorm(outputs);
      params.push(...leavesOf(norm.params, `${path}/1`));
      stats.push(...leavesOf(norm.stats, `${path}/1`));
    }
    if (gate !== undefined) params.push(...initSqueezeExcitation(random, gate.path, gate));
  }
  return { params: treeOf(params), stats: treeOf(stats) };
}

/**
 * Features of images [N, H, W, 3] (Howard et al. 2019). The first `frozenStages` (what comes before a stride of 4, and up to the
 * maps of each stage with each more) are held fast: no gradient enters them, and their batch norms keep the running statistics.
 */
export function mobileNetV3(
  params: Tensors,
  stats: Tensors,
  images: tf.Tensor,
  options: MobileNetV3Options & Mode & { readonly frozenStages?: number },
): MobileNetV3Features {
  const { frozenStages = 0 } = options;
  const updated: Array<[path: string, leaf: tf.Tensor]> = [];
  const features: { [stage in ResNetStage]?: tf.Tensor } = {};
  let x: tf.Tensor = tf.transpose(images, [0, 3, 1, 2]);
  for (const { layer, convs, gate, isResidual } of plansOf(options)) {
    const stage = layer < 2 ? 0 : 1 + Object.values(STAGES).findIndex((last) => layer <= last);
    const training = options.training && stage >= frozenStages;
    let y = x;
    convs.forEach((plan, i) => {
      if (gate !== undefined && i === convs.length - 1)
        y = squeezeExcitation(pathAt(params, gate.path), y, gateOf);
      const { path, kernel, stride, isDepthwise, inputs } = plan;
      const own = pathAt(params, path);
      const shape = { stride, padding: (kernel - 1) / 2 };
      const conv = branchAt(own, '0');
      const made = isDepthwise
        ? groupedConv2d(conv, y, { ...shape, groups: inputs })
        : conv2d(conv, y, shape);
      const norm = { ...options.batchNorm, training };
      const result = batchNorm(branchAt(own, '1'), branchAt(pathAt(stats, path), '1'), made, norm);
      updated.push(...leavesOf(result.stats, `${path}/1`));
      y = activated(result.y, plan.act);
    });
    if (isResidual) y = tf.add(y, x);
    x = stage < frozenStages ? stopGradient(y) : y;
    for (const wanted of options.stages) if (STAGES[wanted] === layer) features[wanted] = x;
  }
  return { features, stats: treeOf(updated) };
}

/** min(max(x + 3, 0), 6) / 6. */
function gateOf(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.relu6(tf.add(x, 3)), 1 / 6);
}

function activated(x: tf.Tensor, act: Activation): tf.Tensor {
  if (act === 'relu') return relu(x);
  return act === 'none' ? x : tf.mul(x, gateOf(x));
}
