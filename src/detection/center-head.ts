import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { convNorm, initConvNorm } from '../image/fpn.ts';
import type { BatchNormOptions } from '../nn/batch-norm.ts';
import { constant } from '../nn/initializers.ts';
import { branchAt, type Initialized, leafAt, type Mode } from '../nn/layer.ts';
import { initLinear, linear } from '../nn/linear.ts';
import { gatherRows } from '../pointcloud/grouping.ts';
import { smoothL1, softplus, weightedSum } from './losses.ts';

type Tensors = Tree<tf.Tensor>;

/** A head that finds objects by their centres on one map, and gives numbers for each by name. */
export interface CenterHeadOptions {
  /** Channels of the map, and of the head's own convolutions. */
  readonly channels: number;
  readonly classes: number;
  /** How many numbers the head gives for an object, by name; `offset` (2) and `sides` (4) are always among them. */
  readonly outputs: { readonly [name: string]: number };
  readonly batchNorm: BatchNormOptions;
}

/** What every centre head says of an object. */
const BASE_OUTPUTS = { offset: 2, sides: 4 };
/** With nothing learned a cell is a peak with this probability. */
const PRIOR = 0.01;

/** The head's parameters: `heat` and `values`, each a convolution with batch norm and linear layers over cells. */
export function initCenterHead(random: Random, options: CenterHeadOptions): Initialized {
  const { channels, classes } = options;
  const trunk = (name: string) =>
    initConvNorm(random.fork(name), { inputs: channels, outputs: channels, kernel: 3 });
  const [heat, values] = [trunk('heat'), trunk('values')];
  const said: { [name: string]: Tree<HostTensor> } = {};
  for (const [name, outputs] of Object.entries({ ...BASE_OUTPUTS, ...options.outputs }))
    said[name] = initLinear(random.fork('said', name), { inputs: channels, outputs });
  const peak = initLinear(random.fork('peak'), { inputs: channels, outputs: classes });
  return {
    params: {
      heat: heat.params,
      values: values.params,
      peak: { ...peak, bias: constant([classes], Math.log(PRIOR / (1 - PRIOR))) },
      said,
    },
    stats: { heat: heat.stats, values: values.stats },
  };
}

/** What a head sees of a batch: rows of cells, image after image, row by row. */
export interface CenterRows {
  /** Logits [B·H·W, K] of a peak of each class. */
  readonly peaks: tf.Tensor;
  /** The features [B·H·W, C] from which `sayOf` says something. */
  readonly features: tf.Tensor;
  readonly stats: Tensors;
}

/** Runs the head's convolutions over a map [B, C, H, W]. */
export function centerRows(
  params: Tensors,
  stats: Tensors,
  map: tf.Tensor,
  options: BatchNormOptions & Mode,
): CenterRows {
  const rowsOf = (name: string) => {
    const { y, stats: next } = convNorm(branchAt(params, name), branchAt(stats, name), map, {
      ...options,
      kernel: 3,
    });
    const [batch, channels, height, width] = y.shape as [number, number, number, number];
    const rows = tf.reshape(tf.transpose(y, [0, 2, 3, 1]), [batch * height * width, channels]);
    return { rows, next };
  };
  const [heat, values] = [rowsOf('heat'), rowsOf('values')];
  return {
    peaks: linear(branchAt(params, 'peak'), heat.rows),
    features: values.rows,
    stats: { heat: heat.next, values: values.next },
  };
}

/** What the head says of cells with these features, by name. */
export function sayOf(params: Tensors, features: tf.Tensor): { readonly [name: string]: tf.Tensor } {
  const said = branchAt(params, 'said');
  return Object.fromEntries(Object.keys(said).map((name) => [name, linear(branchAt(said, name), features)]));
}

/** The features of the objects' cells [B·M, C], `cells` counting through the batch. */
export function objectFeatures({ features }: CenterRows, targets: Tensors): tf.Tensor {
  return gatherRows(features, leafAt(targets, 'cells'));
}

/**
 * The losses of a head that finds image boxes: the peaks' penalty-reduced focal loss (Law and Deng 2018; Zhou et al. 2019),
 * and smooth L1 of offsets and sides; each divided by the number of objects.
 */
export function centerLosses(
  peaks: tf.Tensor,
  said: { readonly [name: string]: tf.Tensor },
  targets: Tensors,
): { readonly peaks: tf.Scalar; readonly offset: tf.Scalar; readonly sides: tf.Scalar } {
  const mask = leafAt(targets, 'mask');
  const count = tf.sum(mask);
  const rows = tf.reshape(mask, [-1, 1]);
  const error = (name: string) => tf.sub(said[name], leafAt(targets, name));
  return {
    peaks: peakLoss(peaks, targets, count),
    offset: weightedSum(smoothL1(error('offset'), 0.5), rows, count),
    sides: weightedSum(smoothL1(error('sides'), 0.1), rows, count),
  };
}

/** -1/N Σ (1-p)²·log p at peaks, (1-y)⁴·p²·log(1-p) elsewhere, y the Gaussian around peaks. */
function peakLoss(logits: tf.Tensor, targets: Tensors, count: tf.Tensor): tf.Scalar {
  const heat = leafAt(targets, 'heat');
  const weights = tf.reshape(leafAt(targets, 'heatWeights'), [-1, 1]);
  const isPeak = tf.cast(tf.greaterEqual(heat, 1), 'float32');
  const p = tf.sigmoid(logits);
  const logP = tf.neg(softplus(tf.neg(logits)));
  const logNot = tf.neg(softplus(logits));
  const atPeak = tf.mul(isPeak, tf.mul(tf.square(tf.sub(1, p)), logP));
  const away = tf.square(tf.square(tf.sub(1, heat)));
  const elsewhere = tf.mul(tf.mul(tf.sub(1, isPeak), away), tf.mul(tf.square(p), logNot));
  return tf.neg(weightedSum(tf.add(atPeak, elsewhere), weights, count)) as tf.Scalar;
}
