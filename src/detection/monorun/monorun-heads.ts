import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../engine/host-tensor.ts';
import type { Random } from '../../engine/random.ts';
import type { Tree } from '../../engine/tree.ts';
import { convNorm, doubled, initConvNorm } from '../../image/fpn.ts';
import { constant } from '../../nn/initializers.ts';
import { branchAt, type Initialized, type Mode } from '../../nn/layer.ts';
import { initLinear, linear } from '../../nn/linear.ts';
import { relu } from '../../nn/relu.ts';
import type { MonorunConfig } from './monorun-config.ts';
import { REGION_BINS, REGION_CELLS } from './monorun-sample.ts';

type Tensors = Tree<tf.Tensor>;

/** The outputs per cell: three coordinates and the logarithms of two deviations. */
const CELL_VALUES = 5;
const CONVOLUTIONS = 3;
/** The global head sees half of the bins a side. */
const GLOBAL_BINS = REGION_BINS / 2;

/** The parameters of the global head (`global`) and the coordinate head (`coordinates`). */
export function initMonorunHeads(random: Random, config: MonorunConfig): Initialized {
  const { channels, globalWidth, latent, coordinateChannels, classes } = config;
  const global = {
    fc1: initLinear(random.fork('fc1'), {
      inputs: GLOBAL_BINS * GLOBAL_BINS * channels,
      outputs: globalWidth,
    }),
    fc2: initLinear(random.fork('fc2'), { inputs: globalWidth, outputs: globalWidth }),
    said: initLinear(random.fork('said'), { inputs: globalWidth, outputs: classes.length * (3 + latent) }),
  };
  const params: { [name: string]: Tree<HostTensor> } = {
    // Zero at first, so that the latent vector says nothing until it has learned to.
    latent: {
      weight: constant([latent, coordinateChannels], 0),
      bias: constant([coordinateChannels], 0),
    },
    said: initLinear(random.fork('cells'), {
      inputs: coordinateChannels,
      outputs: classes.length * 2 * CELL_VALUES,
    }),
  };
  const stats: { [name: string]: Tree<HostTensor> } = {};
  for (let i = 0; i <= CONVOLUTIONS; i++) {
    const inputs = i === 0 ? channels : coordinateChannels;
    const layer = initConvNorm(random.fork('conv', i), { inputs, outputs: coordinateChannels, kernel: 3 });
    params[`conv${i + 1}`] = layer.params;
    stats[`conv${i + 1}`] = layer.stats;
  }
  return { params: { global, coordinates: params }, stats: { coordinates: stats } };
}

/** What the global head says of regions: coded sizes and latent vectors, of the wanted class each. */
export interface GlobalSaid {
  /** [R, 3]: length, height, width as `codeSize` has them; and [R, latent]. */
  readonly sizes: tf.Tensor;
  readonly latent: tf.Tensor;
}

/** The first layer of the global head over regions [R, C, 14, 14]: [R, width], before dropout. */
export function globalFeatures(params: Tensors, regions: tf.Tensor): tf.Tensor {
  const [count, channels] = regions.shape as [number, number];
  const pairs = tf.reshape(regions, [count * channels, GLOBAL_BINS, 2, GLOBAL_BINS, 2]);
  const pooled = tf.mul(tf.sum(tf.sum(pairs, 4), 2), 0.25);
  const rows = tf.reshape(pooled, [count, channels * GLOBAL_BINS * GLOBAL_BINS]);
  return relu(linear(branchAt(branchAt(params, 'global'), 'fc1'), rows));
}

/** The rest of the global head with given dropout masks [R, width]; `ofClass` [R, K] says which class's values are wanted. */
export function globalSaid(
  params: Tensors,
  features: tf.Tensor,
  options: {
    readonly dropout1: tf.Tensor;
    readonly dropout2: tf.Tensor;
    readonly ofClass: tf.Tensor;
    readonly latent: number;
  },
): GlobalSaid {
  const global = branchAt(params, 'global');
  const hidden = relu(linear(branchAt(global, 'fc2'), tf.mul(features, options.dropout1)));
  const said = linear(branchAt(global, 'said'), tf.mul(hidden, options.dropout2));
  const [count, classes] = options.ofClass.shape as [number, number];
  const values = tf.reshape(said, [count, classes, 3 + options.latent]);
  const chosen = tf.sum(tf.mul(values, tf.reshape(options.ofClass, [count, classes, 1])), 1);
  return {
    sizes: tf.slice(chosen, [0, 0], [count, 3]),
    latent: tf.slice(chosen, [0, 3], [count, options.latent]),
  };
}

/**
 * The coordinate head over regions [R, C, 14, 14]: three convolutions, the latent vector added channel by channel, twice the
 * size (each cell four times; the paper's CARAFE learns how), a convolution, and of each of the 28 x 28 cells coded
 * coordinates [R, 784, 3] and logarithms of deviations [R, 784, 2]. Mirrored pictures have values of their own; `variant`
 * [R, 2K] says which are wanted.
 */
export function coordinateHead(
  params: Tensors,
  stats: Tensors,
  regions: tf.Tensor,
  options: Mode & { readonly config: MonorunConfig; readonly latent: tf.Tensor; readonly variant: tf.Tensor },
): { readonly coded: tf.Tensor; readonly logStd: tf.Tensor; readonly stats: Tensors } {
  const { config, latent, variant, training } = options;
  const [own, ownStats] = [branchAt(params, 'coordinates'), branchAt(stats, 'coordinates')];
  const next: { [name: string]: Tensors } = {};
  const layer = (i: number, x: tf.Tensor) => {
    const name = `conv${i + 1}`;
    const { y, stats: observed } = convNorm(branchAt(own, name), branchAt(ownStats, name), x, {
      ...config.headBatchNorm,
      training,
      kernel: 3,
    });
    next[name] = observed;
    return y;
  };
  let x = regions;
  for (let i = 0; i < CONVOLUTIONS; i++) x = layer(i, x);
  const count = regions.shape[0] as number;
  const added = tf.reshape(linear(branchAt(own, 'latent'), latent), [count, config.coordinateChannels, 1, 1]);
  const large = layer(CONVOLUTIONS, doubled(relu(tf.add(x, added))));
  const cells = REGION_CELLS * REGION_CELLS;
  const rows = tf.reshape(tf.transpose(large, [0, 2, 3, 1]), [count * cells, config.coordinateChannels]);
  const variants = config.classes.length * 2;
  const said = tf.reshape(linear(branchAt(own, 'said'), rows), [count, cells, variants, CELL_VALUES]);
  const chosen = tf.sum(tf.mul(said, tf.reshape(variant, [count, 1, variants, 1])), 2);
  return {
    coded: tf.slice(chosen, [0, 0, 0], [count, cells, 3]),
    logStd: tf.slice(chosen, [0, 0, 3], [count, cells, 2]),
    stats: { coordinates: next },
  };
}
