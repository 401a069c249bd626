import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import { leavesOf, type Tree, treeOf } from '../engine/tree.ts';
import { type BatchNormOptions, batchNorm, initBatchNorm } from '../nn/batch-norm.ts';
import { conv2d, initConv2d } from '../nn/conv2d.ts';
import { type Applied, branchAt, type Initialized, type Mode } from '../nn/layer.ts';
import { maxPool3x3Stride2 } from '../nn/max-pool.ts';
import { relu } from '../nn/relu.ts';
import { stopGradient } from '../nn/stop-gradient.ts';

/** An output of a ResNet by its stage: c2 has a stride of 4 pixels, c5 one of 32; with the small stem 1 and 8. */
export type ResNetStage = 'c2' | 'c3' | 'c4' | 'c5';

/** Which ResNet; `width` is the stem's number of channels, 64 where it is not given, and may be any. */
export interface ResNetOptions {
  readonly depth: 18 | 34 | 50;
  /** The outputs that are wanted; what comes after the last of them is neither made nor run. */
  readonly stages: readonly ResNetStage[];
  readonly batchNorm: BatchNormOptions;
  readonly width?: number;
  /** `standard`: 7x7 with stride 2, then max pooling; `small`, for pictures of 32 pixels or so: 3x3 with stride 1 alone, which makes all strides a quarter. */
  readonly stem?: 'standard' | 'small';
  /** The channels of its images, 3 where it is not given. */
  readonly inputs?: number;
}

/** The features that were asked for, [N, channels, ⌈H/stride⌉, ⌈W/stride⌉], and the next running statistics. */
export interface ResNetFeatures {
  readonly features: { readonly [stage in ResNetStage]?: tf.Tensor };
  readonly stats: Tree<tf.Tensor>;
}

interface ConvPlan {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
}

interface BlockPlan {
  readonly layer: string;
  readonly block: string;
  readonly convs: readonly ConvPlan[];
  readonly downsample: ConvPlan | undefined;
  readonly stage: ResNetStage | undefined;
}

interface ConvNormNames {
  readonly conv: string;
  readonly bn: string;
}

const SHORTCUT: ConvNormNames = { conv: '0', bn: '1' };
/** All stages, from the finest maps to the coarsest. */
export const resNetStages: readonly ResNetStage[] = ['c2', 'c3', 'c4', 'c5'];
const BLOCKS = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 6, 3] } as const;
const EXPANSION = { 18: 1, 34: 1, 50: 4 } as const;

/** The channels of a stage's features: 64, 128, 256, 512 for the basic blocks at full width, four times as many for ResNet-50. */
export function resNetChannels(options: Pick<ResNetOptions, 'depth' | 'width'>, stage: ResNetStage): number {
  return (options.width ?? 64) * 2 ** resNetStages.indexOf(stage) * EXPANSION[options.depth];
}

/** The parameters of a ResNet without its classifier, under torchvision's names (`layer1/0/conv1/weight`). */
export function initResNet(random: Random, options: ResNetOptions): Initialized {
  const params: Array<[path: string, leaf: HostTensor]> = [];
  const stats: Array<[path: string, leaf: HostTensor]> = [];
  const add = (prefix: string, names: ConvNormNames, plan: ConvPlan): void => {
    const conv = join(prefix, names.conv);
    const norm = initBatchNorm(plan.outputs);
    params.push(...leavesOf(initConv2d(random.fork(conv), plan), conv));
    params.push(...leavesOf(norm.params, join(prefix, names.bn)));
    stats.push(...leavesOf(norm.stats, join(prefix, names.bn)));
  };
  add('', namesAt(0), stemPlan(options));
  for (const { layer, block, convs, downsample } of plansOf(options)) {
    convs.forEach((conv, i) => {
      add(`${layer}/${block}`, namesAt(i), conv);
    });
    if (downsample !== undefined) add(`${layer}/${block}/downsample`, SHORTCUT, downsample);
  }
  return { params: treeOf(params), stats: treeOf(stats) };
}

/**
 * Deep residual features of images [N, 3, H, W], or [N, H, W, 3], which is transposed once (He et al. 2016; ResNet-50
 * strides in its 3x3 convolutions). The first `frozenStages` (the stem, and layer1, layer2, … with each more) are held
 * fast: no gradient enters them, and their batch norms use and keep the running statistics.
 * Throws where the images have another shape.
 *
 * @example
 * const options: ResNetOptions = { depth: 18, width: 8, stages: ['c5'], batchNorm: defaultBatchNorm };
 * const state = initResNet(Random.fromSeed(0), options);
 * const batch = { images: float32(new Float32Array(64 * 96 * 3), [1, 64, 96, 3]) };
 * const step = await compile(
 *   (model, { images }) => {
 *     const { features } = resnet(model.params, model.stats, images, { ...options, training: false });
 *     return [model, { c5: features.c5! }];
 *   },
 *   { state, batch },
 * );
 * const { outputs } = await step.run(state, batch);
 * outputs.c5.shape; // [1, 64, 2, 3]
 */
export function resnet(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  images: tf.Tensor,
  options: ResNetOptions & Mode & { readonly frozenStages?: number },
): ResNetFeatures {
  const { frozenStages = 0 } = options;
  const normOf = (stage: number) => ({
    ...options.batchNorm,
    training: options.training && stage >= frozenStages,
  });
  const plan = stemPlan(options);
  const stem = convNorm(params, stats, toNchw(images, plan.inputs), {
    plan,
    names: namesAt(0),
    norm: normOf(0),
  });
  let x = options.stem === 'small' ? relu(stem.y) : maxPool3x3Stride2(relu(stem.y));
  if (frozenStages > 0) x = stopGradient(x);
  const updated = leavesOf(stem.stats);
  const features: { [stage in ResNetStage]?: tf.Tensor } = {};
  for (const plan of plansOf(options)) {
    const [own, ownStats] = [params, stats].map((tree) => branchAt(branchAt(tree, plan.layer), plan.block));
    const stage = Number(plan.layer.slice('layer'.length));
    const result = residualBlock(own, ownStats, x, { plan, norm: normOf(stage) });
    x = stage < frozenStages ? stopGradient(result.y) : result.y;
    updated.push(...leavesOf(result.stats, `${plan.layer}/${plan.block}`));
    if (plan.stage !== undefined && options.stages.includes(plan.stage)) features[plan.stage] = x;
  }
  return { features, stats: treeOf(updated) };
}

function residualBlock(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  x: tf.Tensor,
  { plan, norm }: { readonly plan: BlockPlan; readonly norm: BatchNormOptions & Mode },
): Applied {
  let y = x;
  const updated: { [key: string]: Tree<tf.Tensor> } = {};
  plan.convs.forEach((conv, i) => {
    const result = convNorm(params, stats, y, { plan: conv, names: namesAt(i), norm });
    y = i < plan.convs.length - 1 ? relu(result.y) : result.y;
    Object.assign(updated, result.stats);
  });
  if (plan.downsample === undefined) return { y: relu(tf.add(y, x)), stats: updated };
  const shortcut = convNorm(branchAt(params, 'downsample'), branchAt(stats, 'downsample'), x, {
    plan: plan.downsample,
    names: SHORTCUT,
    norm,
  });
  return { y: relu(tf.add(y, shortcut.y)), stats: { ...updated, downsample: shortcut.stats } };
}

function convNorm(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  x: tf.Tensor,
  options: {
    readonly plan: ConvPlan;
    readonly names: ConvNormNames;
    readonly norm: BatchNormOptions & Mode;
  },
): Applied {
  const { names, norm } = options;
  const { stride, kernel } = options.plan;
  const y = conv2d(branchAt(params, names.conv), x, { stride, padding: (kernel - 1) / 2 });
  const result = batchNorm(branchAt(params, names.bn), branchAt(stats, names.bn), y, norm);
  return { y: result.y, stats: { [names.bn]: result.stats } };
}

function namesAt(index: number): ConvNormNames {
  return { conv: `conv${index + 1}`, bn: `bn${index + 1}` };
}

function join(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}/${name}`;
}

function stemPlan({ width = 64, stem, inputs = 3 }: ResNetOptions): ConvPlan {
  return {
    inputs,
    outputs: width,
    ...(stem === 'small' ? { kernel: 3, stride: 1 } : { kernel: 7, stride: 2 }),
  };
}

/** The blocks in their order, up to the last stage that is wanted. */
function plansOf(options: ResNetOptions): BlockPlan[] {
  const { depth, stages, width = 64 } = options;
  const last = Math.max(...stages.map((stage) => resNetStages.indexOf(stage)));
  if (!(last >= 0)) throw new Error('a ResNet needs at least one stage to give');
  const plans: BlockPlan[] = [];
  let inputs = width;
  for (let stage = 0; stage <= last; stage++) {
    const middle = width * 2 ** stage;
    const outputs = middle * EXPANSION[depth];
    for (let block = 0; block < BLOCKS[depth][stage]; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      plans.push({
        layer: `layer${stage + 1}`,
        block: `${block}`,
        convs:
          EXPANSION[depth] === 1
            ? [
                { inputs, outputs, kernel: 3, stride },
                { inputs: outputs, outputs, kernel: 3, stride: 1 },
              ]
            : [
                { inputs, outputs: middle, kernel: 1, stride: 1 },
                { inputs: middle, outputs: middle, kernel: 3, stride },
                { inputs: middle, outputs, kernel: 1, stride: 1 },
              ],
        downsample: stride > 1 || inputs !== outputs ? { inputs, outputs, kernel: 1, stride } : undefined,
        stage: block === BLOCKS[depth][stage] - 1 ? resNetStages[stage] : undefined,
      });
      inputs = outputs;
    }
  }
  return plans;
}

function toNchw(images: tf.Tensor, channels: number): tf.Tensor {
  const shape: readonly number[] = images.shape;
  if (shape.length === 4 && shape[1] === channels) return images;
  if (shape.length === 4 && shape[3] === channels) return tf.transpose(images, [0, 3, 1, 2]);
  throw new Error(`a ResNet takes images [N, ${channels}, H, W] or [N, H, W, ${channels}], not [${shape}]`);
}
