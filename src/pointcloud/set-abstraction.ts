import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import type { BatchNormOptions } from '../nn/batch-norm.ts';
import { type Applied, branchAt, type Initialized, leafAt, type Mode } from '../nn/layer.ts';
import { initLinearNorm, linearNorm, normAfterLinear } from '../nn/linear-norm.ts';
import { maxOverNeighbors } from '../nn/max-over-neighbors.ts';
import { initMlp } from '../nn/mlp.ts';
import { relu } from '../nn/relu.ts';
import { type GroupingTables, gatherRows, neighborsPerCenter, relativeCoordinates } from './grouping.ts';

/** The widths of one set abstraction. */
export interface SetAbstractionOptions {
  /** Channels of the features that come in, coordinates not counted. */
  readonly inputs: number;
  /** Whether the first layers also see each neighbour's coordinates relative to its centre. */
  readonly useXyz: boolean;
  /** The widths of the shared layers, for each scale. */
  readonly widths: ReadonlyArray<readonly number[]>;
  /** The width of the layer that joins the scales. */
  readonly out: number;
  readonly bias: boolean;
}

/** What is abstracted from: stacked features [R, C], the coordinates [R, 3] where they are used, and the tables. */
export interface SetAbstractionInput {
  readonly features: tf.Tensor;
  readonly xyz?: tf.Tensor;
  readonly tables: GroupingTables;
}

/** `scale1`, `scale2`, … with layers `0`, `1`, … each, and `aggregation`. First weights have the coordinates' rows on top. */
export function initSetAbstraction(random: Random, options: SetAbstractionOptions): Initialized {
  const { useXyz, widths, out, bias } = options;
  const inputs = options.inputs + (useXyz ? 3 : 0);
  const joined = widths.reduce((sum, scale) => sum + scale[scale.length - 1], 0);
  const aggregation = initLinearNorm(random.fork('aggregation'), { inputs: joined, outputs: out, bias });
  const params: { [key: string]: Tree<HostTensor> } = { aggregation: aggregation.params };
  const stats: { [key: string]: Tree<HostTensor> } = { aggregation: aggregation.stats };
  widths.forEach((scale, i) => {
    const own = initMlp(random.fork('scale', i), { inputs, widths: scale, bias });
    params[`scale${i + 1}`] = own.params;
    stats[`scale${i + 1}`] = own.stats;
  });
  return { params, stats };
}

/**
 * Multi-scale grouping of PointNet++ (Qi et al. 2017): for each scale the neighbours of a centre pass shared layers and
 * their maximum is kept; a last layer joins the scales. Gives [B·M, out].
 */
export function setAbstraction(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  input: SetAbstractionInput,
  options: BatchNormOptions & Mode & { readonly useXyz: boolean },
): Applied {
  const updated: { [key: string]: Tree<tf.Tensor> } = {};
  const scales = input.tables.neighbors.map((_, i) => {
    const key = `scale${i + 1}`;
    const scale = abstractScale(branchAt(params, key), branchAt(stats, key), { ...input, scale: i }, options);
    updated[key] = scale.stats;
    return scale.y;
  });
  const [own, ownStats] = [branchAt(params, 'aggregation'), branchAt(stats, 'aggregation')];
  const { y, stats: aggregation } = linearNorm(own, ownStats, tf.concat(scales, 1), options);
  return { y, stats: { ...updated, aggregation } };
}

function abstractScale(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  input: SetAbstractionInput & { readonly scale: number },
  options: BatchNormOptions & Mode & { readonly useXyz: boolean },
): Applied {
  const { centers } = input.tables;
  const neighbors = input.tables.neighbors[input.scale];
  const depth = Object.keys(params).length;
  const updated: { [key: string]: Tree<tf.Tensor> } = {};
  let x = input.features;
  for (let i = 0; i < depth; i++) {
    const [own, ownStats] = [branchAt(params, `${i}`), branchAt(stats, `${i}`)];
    const weight = leafAt(branchAt(own, 'linear'), 'weight');
    const product =
      i > 0
        ? tf.matMul(x, weight)
        : groupedLinear(weight, input.features, {
            neighbors,
            relative: options.useXyz
              ? relativeCoordinates(coordinates(input), neighbors, centers)
              : undefined,
          });
    const layer = normAfterLinear(own, ownStats, product, options);
    updated[i] = layer.stats;
    // ReLU never falls, so of the last layer it may follow the maximum, on a K-th of the rows.
    x = i < depth - 1 ? relu(layer.y) : layer.y;
  }
  return { y: relu(maxOverNeighbors(x, neighborsPerCenter(neighbors, centers))), stats: updated };
}

/**
 * [relative, x gathered]·W, without `relative` where it is not given: features [R, C] to [S, outputs].
 * Taking rows and a linear map commute, so the order that moves fewer channels is taken: where C is not below the
 * outputs the features are mapped first, once for each point instead of once for each time it is a neighbour.
 */
export function groupedLinear(
  weight: tf.Tensor,
  features: tf.Tensor,
  options: {
    readonly neighbors: tf.Tensor;
    readonly relative?: tf.Tensor;
    /** The order to take instead; results differ by rounding alone. */
    readonly linearFirst?: boolean;
  },
): tf.Tensor {
  const { neighbors, relative } = options;
  const [inputs, outputs] = weight.shape as [number, number];
  const channels = features.shape[1] as number;
  if (inputs !== channels + (relative === undefined ? 0 : 3)) {
    throw new Error(
      `a weight of [${weight.shape}] does not take ${channels} channels${relative ? ' and xyz' : ''}`,
    );
  }
  const { linearFirst = channels >= outputs } = options;
  if (!linearFirst) {
    const rows = gatherRows(features, neighbors);
    return tf.matMul(relative === undefined ? rows : tf.concat([relative, rows], 1), weight);
  }
  if (relative === undefined) return gatherRows(tf.matMul(features, weight), neighbors);
  const [spatial, rest] = tf.split(weight, [3, channels], 0);
  return tf.add(gatherRows(tf.matMul(features, rest), neighbors), tf.matMul(relative, spatial));
}

function coordinates({ xyz }: SetAbstractionInput): tf.Tensor {
  if (xyz === undefined) throw new Error('useXyz needs the coordinates of the points');
  return xyz;
}
