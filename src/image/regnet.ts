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
import { type ResNetStage, resNetStages } from './resnet.ts';

type Tensors = Tree<tf.Tensor>;

/** A RegNetY: four stages of blocks whose 3x3 convolutions are in groups and whose channels are weighed. */
export interface RegNetYOptions {
  /** Blocks and channels of each of the four stages. */
  readonly depths: readonly number[];
  readonly widths: readonly number[];
  /** Channels of a group; a stage that is narrower is one group. */
  readonly groupWidth: number;
  readonly stemWidth: number;
  readonly batchNorm: BatchNormOptions;
  /** `small`, for pictures of 32 pixels or so: neither stem nor first stage has a stride, which makes all strides a quarter. */
  readonly stem?: 'standard' | 'small';
  /** The outputs that are wanted; what comes after the last of them is neither made nor run. */
  readonly stages: readonly ResNetStage[];
}

/** The features that were asked for, [N, channels, ⌈H/stride⌉, ⌈W/stride⌉], and the next running statistics. */
export interface RegNetYFeatures {
  readonly features: { readonly [stage in ResNetStage]?: tf.Tensor };
  readonly stats: Tensors;
}

interface ConvPlan {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly groups: number;
}

interface BlockPlan {
  /** Counted from 1, as timm does. */
  readonly stage: number;
  readonly path: string;
  readonly convs: { readonly [name: string]: ConvPlan };
  /** The channels between which and its own a block's weights are made. */
  readonly squeezed: number;
  readonly isLast: boolean;
}

/** The parameters of a RegNetY without its classifier, under timm's names (`s1/b1/conv1/conv/weight`). */
export function initRegNetY(random: Random, options: RegNetYOptions): Initialized {
  const params: Array<[path: string, leaf: HostTensor]> = [];
  const stats: Array<[path: string, leaf: HostTensor]> = [];
  const add = (path: string, { inputs, outputs, kernel, groups }: ConvPlan) => {
    const shape = [outputs, inputs / groups, kernel, kernel];
    params.push([`${path}/conv/weight`, kaimingNormal(random.fork(path), shape, { fan: 'out' })]);
    const norm = initBatchNorm(outputs);
    params.push(...leavesOf(norm.params, `${path}/bn`));
    stats.push(...leavesOf(norm.stats, `${path}/bn`));
  };
  add('stem', stemPlan(options));
  for (const { path, convs, squeezed } of plansOf(options)) {
    for (const [name, plan] of Object.entries(convs)) add(`${path}/${name}`, plan);
    params.push(...initSqueezeExcitation(random, `${path}/se`, { channels: convs.conv2.outputs, squeezed }));
  }
  return { params: treeOf(params), stats: treeOf(stats) };
}

/**
 * Features of images [N, H, W, 3] (Radosavovic et al. 2020). The first `frozenStages` (the stem, and stage 1, 2, … with each
 * more) are held fast: no gradient enters them, and their batch norms use and keep the running statistics.
 */
export function regNetY(
  params: Tensors,
  stats: Tensors,
  images: tf.Tensor,
  options: RegNetYOptions & Mode & { readonly frozenStages?: number },
): RegNetYFeatures {
  const { frozenStages = 0 } = options;
  const updated: Array<[path: string, leaf: tf.Tensor]> = [];
  const run = (path: string, x: tf.Tensor, plan: ConvPlan, stage: number): tf.Tensor => {
    const own = pathAt(params, path);
    const { stride, kernel, groups } = plan;
    const shape = { stride, padding: (kernel - 1) / 2 };
    const conv = branchAt(own, 'conv');
    const y = groups === 1 ? conv2d(conv, x, shape) : groupedConv2d(conv, x, { ...shape, groups });
    const training = options.training && stage >= frozenStages;
    const norm = { ...options.batchNorm, training };
    const result = batchNorm(branchAt(own, 'bn'), branchAt(pathAt(stats, path), 'bn'), y, norm);
    updated.push(...leavesOf(result.stats, `${path}/bn`));
    return result.y;
  };
  const held = (x: tf.Tensor, stage: number) => (stage < frozenStages ? stopGradient(x) : x);
  let x = held(relu(run('stem', tf.transpose(images, [0, 3, 1, 2]), stemPlan(options), 0)), 0);
  const features: { [stage in ResNetStage]?: tf.Tensor } = {};
  for (const { stage, path, convs, isLast } of plansOf(options)) {
    let y = relu(run(`${path}/conv1`, x, convs.conv1, stage));
    y = relu(run(`${path}/conv2`, y, convs.conv2, stage));
    y = squeezeExcitation(pathAt(params, `${path}/se`), y, tf.sigmoid);
    y = run(`${path}/conv3`, y, convs.conv3, stage);
    const past = convs.downsample === undefined ? x : run(`${path}/downsample`, x, convs.downsample, stage);
    x = held(relu(tf.add(y, past)), stage);
    if (isLast && options.stages.includes(resNetStages[stage - 1])) features[resNetStages[stage - 1]] = x;
  }
  return { features, stats: treeOf(updated) };
}

function stemPlan({ stemWidth, stem }: RegNetYOptions): ConvPlan {
  return { inputs: 3, outputs: stemWidth, kernel: 3, stride: stem === 'small' ? 1 : 2, groups: 1 };
}

/** The blocks in their order, up to the last stage that is wanted. */
function plansOf({ depths, widths, groupWidth, stemWidth, stem, stages }: RegNetYOptions): BlockPlan[] {
  const last = Math.max(...stages.map((stage) => resNetStages.indexOf(stage)));
  if (!(last >= 0)) throw new Error('a RegNetY needs at least one stage to give');
  const plans: BlockPlan[] = [];
  let inputs = stemWidth;
  for (let stage = 0; stage <= last; stage++) {
    const outputs = widths[stage];
    const groups = outputs / Math.min(groupWidth, outputs);
    if (!Number.isInteger(groups))
      throw new Error(`groups of ${groupWidth} do not share out ${outputs} channels`);
    for (let block = 0; block < depths[stage]; block++) {
      const stride = block > 0 || (stage === 0 && stem === 'small') ? 1 : 2;
      const one = { kernel: 1, stride: 1, groups: 1 };
      plans.push({
        stage: stage + 1,
        path: `s${stage + 1}/b${block + 1}`,
        convs: {
          conv1: { ...one, inputs, outputs },
          conv2: { inputs: outputs, outputs, kernel: 3, stride, groups },
          conv3: { ...one, inputs: outputs, outputs },
          ...((inputs !== outputs || stride > 1) && { downsample: { ...one, inputs, outputs, stride } }),
        },
        squeezed: Math.round(inputs / 4),
        isLast: block === depths[stage] - 1,
      });
      inputs = outputs;
    }
  }
  return plans;
}
