import type * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import type { BatchNormOptions } from '../nn/batch-norm.ts';
import { branchAt, type Initialized, type Mode } from '../nn/layer.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { type GroupingTables, gatherRows } from './grouping.ts';
import { initSetAbstraction, setAbstraction } from './set-abstraction.ts';

/** One set abstraction: which points and neighbours it works on, and its widths. */
export interface PointNet2Level {
  /** Points a sample that stay, over all samplers. */
  readonly points: number;
  /** Of each scale, the radius of its ball in metres, its number of neighbours and its layers' widths. */
  readonly radii: readonly number[];
  readonly neighbors: readonly number[];
  readonly widths: ReadonlyArray<readonly number[]>;
  /** The width of the layer that joins the scales. */
  readonly out: number;
}

/** A PointNet++ encoder with multi-scale grouping. */
export interface PointNet2Options {
  /** Channels of the points' own features (1: reflectance), coordinates not counted. */
  readonly inChannels: number;
  readonly useXyz: boolean;
  readonly levels: readonly PointNet2Level[];
  /** Whether linear layers have a bias. Before a batch norm it makes no difference but for loading weights that have one. */
  readonly bias: boolean;
  readonly batchNorm: BatchNormOptions;
}

/** The point encoder of the released configuration of Li et al. 2022: three levels, reflectance in, 1024 points of 1024 channels out. */
export const releasedPointEncoder: PointNet2Options = {
  inChannels: 1,
  useXyz: false,
  bias: true,
  batchNorm: { eps: 1e-3, momentum: 0.1 },
  levels: [
    {
      points: 4096,
      radii: [0.2, 0.4, 0.8],
      neighbors: [32, 32, 64],
      widths: [
        [32, 32, 64],
        [32, 32, 64],
        [64, 64, 128],
      ],
      out: 128,
    },
    {
      points: 2048,
      radii: [0.4, 0.8, 1.6],
      neighbors: [32, 32, 64],
      widths: [
        [64, 64, 128],
        [64, 64, 128],
        [128, 128, 256],
      ],
      out: 256,
    },
    {
      points: 1024,
      radii: [1.6, 3.2, 4.8],
      neighbors: [16, 16, 16],
      widths: [
        [128, 128, 256],
        [128, 128, 256],
        [256, 256, 512],
      ],
      out: 1024,
    },
  ],
};

const HALVED_SETS = [
  { points: 512, neighbors: [16, 16, 32] },
  { points: 256, neighbors: [16, 16, 32] },
  { points: 128, neighbors: [16, 16, 16] },
];

/** The small point encoder: the released radii and half of its widths, on an eighth of its points: 128 of 512 channels out. */
export const halvedPointEncoder: PointNet2Options = {
  ...releasedPointEncoder,
  levels: releasedPointEncoder.levels.map((level, i) => ({
    ...level,
    ...HALVED_SETS[i],
    widths: level.widths.map((scale) => scale.map((width) => width / 2)),
    out: level.out / 2,
  })),
};

/** The points of a batch, stacked, and the tables of each level. */
export interface PointNet2Input {
  /** float32 [B·N, inChannels]. */
  readonly features: tf.Tensor;
  /** float32 [B·N, 3], metres; needed with `useXyz` alone. */
  readonly xyz?: tf.Tensor;
  readonly levels: readonly GroupingTables[];
}

/** Each level's features [B·M, out], the last level's again as `features`, and the next running statistics. */
export interface PointNet2Features {
  readonly features: tf.Tensor;
  readonly levels: readonly tf.Tensor[];
  readonly stats: Tree<tf.Tensor>;
}

/** The parameters of an encoder, a branch `sa1`, `sa2`, … for each level. */
export function initPointNet2(random: Random, options: PointNet2Options): Initialized {
  const params: { [key: string]: Tree<HostTensor> } = {};
  const stats: { [key: string]: Tree<HostTensor> } = {};
  let inputs = options.inChannels;
  options.levels.forEach(({ widths, out }, i) => {
    const level = initSetAbstraction(random.fork(i), { ...options, inputs, widths, out });
    params[`sa${i + 1}`] = level.params;
    stats[`sa${i + 1}`] = level.stats;
    inputs = out;
  });
  return { params, stats };
}

/**
 * PointNet++ with multi-scale grouping (Qi et al. 2017), level after level. The first `frozenLevels` are frozen: no
 * gradient enters them, and their batch norms use and keep the running statistics. Throws where tables and levels are not
 * equally many.
 *
 * @example
 * const level = { points: 16, radii: [2], neighbors: [8], widths: [[8, 8]], out: 32 };
 * const options = { inChannels: 1, useXyz: true, levels: [level], bias: false, batchNorm: defaultBatchNorm };
 * const random = Random.fromSeed(0);
 * const sweep = Float32Array.from({ length: 64 * 4 }, () => random.uniform(-5, 5));
 * const { levels } = sampleLevels(sweep, { levels: [level], dilated: false });
 * const rows = sweep.length / 4;
 * const batch = {
 *   features: float32(sweep.filter((_, i) => i % 4 === 3), [rows, 1]),
 *   xyz: float32(sweep.filter((_, i) => i % 4 < 3), [rows, 3]),
 *   centers: int32(levels[0].centers, [16]),
 *   neighbors: int32(levels[0].neighbors[0], [16 * 8]),
 * };
 * const state = initPointNet2(random.fork('encoder'), options);
 * const step = await compile(
 *   (model, { features, xyz, centers, neighbors }) => {
 *     const input = { features, xyz, levels: [{ centers, neighbors: [neighbors] }] };
 *     const encoded = pointNet2(model.params, model.stats, input, { ...options, training: false });
 *     return [model, { y: encoded.features }];
 *   },
 *   { state, batch },
 * );
 * const { outputs } = await step.run(state, batch);
 * outputs.y.shape; // [16, 32]
 */
export function pointNet2(
  params: Tree<tf.Tensor>,
  stats: Tree<tf.Tensor>,
  input: PointNet2Input,
  options: PointNet2Options & Mode & { readonly frozenLevels?: number },
): PointNet2Features {
  if (input.levels.length !== options.levels.length) {
    throw new Error(`${options.levels.length} levels cannot use the tables of ${input.levels.length}`);
  }
  const updated: { [key: string]: Tree<tf.Tensor> } = {};
  const { useXyz, frozenLevels = 0 } = options;
  let { features, xyz } = input;
  const levels = input.levels.map((tables, i) => {
    const key = `sa${i + 1}`;
    const frozen = i < frozenLevels;
    const mode = { ...options.batchNorm, training: options.training && !frozen, useXyz };
    const level = setAbstraction(
      branchAt(params, key),
      branchAt(stats, key),
      { features, xyz, tables },
      mode,
    );
    updated[key] = level.stats;
    features = frozen ? stopGradient(level.y) : level.y;
    if (useXyz && xyz !== undefined) xyz = gatherRows(xyz, tables.centers);
    return features;
  });
  return { features, levels, stats: updated };
}
