import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { type BatchNormOptions, batchNorm, defaultBatchNorm, initBatchNorm } from '../nn/batch-norm.ts';
import { constant, normal } from '../nn/initializers.ts';
import { type Applied, branchAt, type Initialized, type Mode } from '../nn/layer.ts';
import { initLinear, type LinearOptions, linear } from '../nn/linear.ts';
import { relu as rectified } from '../nn/relu.ts';
import type { Tensors } from './trainable.ts';

/** A network as two functions: how its parameters and statistics begin, and what it makes of rows or images. */
export interface Net {
  initialize(random: Random): Initialized;
  apply(params: Tensors, stats: Tensors, x: tf.Tensor, mode: Mode): Applied;
}

/** A linear layer: rows [R, inputs] to [R, outputs]. */
export function linearNet(options: LinearOptions): Net {
  return {
    initialize: (random) => ({ params: initLinear(random, options), stats: {} }),
    apply: (params, stats, x) => ({ y: linear(params, x), stats }),
  };
}

/** A linear layer that begins with normal weights of deviation 0.02, as those of ViTs do, and a bias of 0. */
export function smallLinearNet(options: Omit<LinearOptions, 'bias'>): Net {
  const { inputs, outputs } = options;
  return {
    ...linearNet(options),
    initialize: (random) => ({
      params: { weight: normal(random, [inputs, outputs], 0.02), bias: constant([outputs], 0) },
      stats: {},
    }),
  };
}

/** A batch norm of `channels`; `learned` says whether it has a scale and a shift, a scale alone, or none. */
export function normNet(
  channels: number,
  options: Partial<BatchNormOptions> & { readonly learned?: 'both' | 'scale' | 'none' } = {},
): Net {
  const { learned, ...norm } = options;
  return {
    initialize: () => initBatchNorm(channels, { learned }),
    apply: (params, stats, x, { training }) =>
      batchNorm(params, stats, x, { ...defaultBatchNorm, ...norm, training }),
  };
}

/** A net of one function, which learns nothing. */
export function plainNet(change: (x: tf.Tensor) => tf.Tensor): Net {
  return {
    initialize: () => ({ params: {}, stats: {} }),
    apply: (_, stats, x) => ({ y: change(x), stats }),
  };
}

/** max(x, 0). */
export const reluNet = plainNet(rectified);

/** Networks one after the other, whose parameters are named `0`, `1`, …; those that have none take no name. */
export function chain(...nets: readonly Net[]): Net {
  return {
    initialize: (random) => {
      const params: { [name: string]: Tree<HostTensor> } = {};
      const stats: { [name: string]: Tree<HostTensor> } = {};
      nets.forEach((net, i) => {
        const made = net.initialize(random.fork(i));
        if (Object.keys(made.params).length > 0) params[i] = made.params;
        if (Object.keys(made.stats).length > 0) stats[i] = made.stats;
      });
      return { params, stats };
    },
    apply: (params, stats, x, mode) => {
      let y = x;
      const next: { [name: string]: Tensors } = {};
      nets.forEach((net, i) => {
        const own = (tree: Tensors) => (i in tree ? branchAt(tree, `${i}`) : {});
        const result = net.apply(own(params), own(stats), y, mode);
        y = result.y;
        if (i in stats) next[i] = result.stats;
      });
      return { y, stats: next };
    },
  };
}

/** Networks at work: each is applied to the statistics that the ones before it left, in the order of the calls. */
export interface Running {
  /** What the net whose parameters are the branch `name` makes of x. */
  of(name: string, net: Net, x: tf.Tensor): tf.Tensor;
  /** All statistics as they are now. */
  readonly stats: Tensors;
}

/** The networks of a model at work in a mode. */
export function running(
  { params, stats }: { readonly params: Tensors; readonly stats: Tensors },
  mode: Mode,
): Running {
  let current = stats;
  return {
    of: (name, net, x) => {
      const own = (tree: Tensors) => (name in tree ? branchAt(tree, name) : {});
      const result = net.apply(own(params), own(current), x, { training: mode.training });
      if (name in current) current = { ...current, [name]: result.stats };
      return result.y;
    },
    get stats() {
      return current;
    },
  };
}

/** The beginnings of several networks, each drawn by its own name. */
export function initializeAll(
  random: Random,
  nets: { readonly [name: string]: Net },
): { readonly params: Tree<HostTensor>; readonly stats: Tree<HostTensor> } {
  const made = Object.entries(nets).map(([name, net]) => [name, net.initialize(random.fork(name))] as const);
  const each = (part: 'params' | 'stats') =>
    Object.fromEntries(
      made.flatMap(([name, own]) => (Object.keys(own[part]).length > 0 ? [[name, own[part]]] : [])),
    );
  return { params: each('params'), stats: each('stats') };
}

/** Features [B, C, H, W] averaged over each map: rows [B, C]. */
export function globalMean(features: tf.Tensor): tf.Tensor {
  return tf.mean(features, [2, 3]);
}

/** What an encoder gives of maps, with the means of the last ones [B, C, H, W] as rows [B, C]; they are computed where they are asked for. */
export function withRows<Result extends { readonly features: { readonly c5?: tf.Tensor } }>(
  result: Result,
): Result & { readonly pooled: tf.Tensor } {
  return {
    ...result,
    get pooled() {
      return globalMean(result.features.c5!);
    },
  };
}
