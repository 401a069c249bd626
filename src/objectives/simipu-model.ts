import type * as tf from '@tensorflow/tfjs-core';
import { imageEncoderChannels, pointEncoderChannels } from '../encoders/encoder-config.ts';
import { encodeImages, encodePoints } from '../encoders/encoders.ts';
import { sampleFeatures } from '../encoders/sample-features.ts';
import type { Model, Tensors } from '../encoders/trainable.ts';
import type { Random } from '../engine/random.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, branchOrNone, type Initialized, leafAt, type Mode } from '../nn/layer.ts';
import { initMlpHead, mlpHead } from '../nn/mlp-head.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { gatherRows } from '../pointcloud/grouping.ts';
import type { SimipuConfig, SimipuEncoders } from './simipu-config.ts';

/** The projection heads. */
type Head = keyof SimipuConfig['heads'];

/** What SimIPU compares: L2-normalised rows [B·M, D], of which the i-th belong together. */
export interface SimipuEmbeddings {
  /** Points of the original view, and the same places in the transformed view. */
  readonly intraQueries: tf.Tensor;
  readonly intraKeys: tf.Tensor;
  /** Image features where the points are seen, and the points. */
  readonly crossQueries: tf.Tensor;
  readonly crossKeys: tf.Tensor;
  readonly stats: Tensors;
}

/** Its three heads as they begin. */
export function initSimipuHeads(
  random: Random,
  { heads }: Pick<SimipuConfig, 'heads'>,
  { image, points }: SimipuEncoders,
): Initialized {
  const pointChannels = pointEncoderChannels(points);
  const head = (name: Head, inputs: number) =>
    initMlpHead(random.fork(name), { inputs, widths: heads[name] });
  const made = {
    intraPoints: head('intraPoints', pointChannels),
    crossImage: head('crossImage', imageEncoderChannels(image)),
    crossPoints: head('crossPoints', pointChannels),
  };
  const each = (part: 'params' | 'stats') =>
    Object.fromEntries(Object.entries(made).map(([name, layers]) => [name, layers[part]]));
  return { params: each('params'), stats: each('stats') };
}

/** Features [R, C] through a head, as the losses compare them: L2-normalised rows [R, D]. */
export function project(
  { params, stats }: Pick<Model, 'params' | 'stats'>,
  { head, rows }: { readonly head: Head; readonly rows: tf.Tensor },
  options: Mode & Pick<SimipuConfig, 'headBatchNorm'>,
): { readonly rows: tf.Tensor; readonly stats: Tensors } {
  const { y, stats: next } = mlpHead(branchAt(params, head), branchAt(stats, head), rows, {
    ...options.headBatchNorm,
    training: options.training,
  });
  return { rows: l2Normalize(y), stats: next };
}

/** The rows that the losses compare, of a batch's point pair; the stop-gradients sit here. */
export function embed(
  { params, stats }: Pick<Model, 'params' | 'stats'>,
  pair: Tensors,
  {
    config,
    encoders: { image, points },
    training,
  }: Mode & { readonly config: SimipuConfig; readonly encoders: SimipuEncoders },
): SimipuEmbeddings {
  const { stopGradient: cut, headBatchNorm } = config;
  const mode = { training, headBatchNorm };
  const encode = (view: 'alpha' | 'beta', own: Tensors) => {
    const encoder = { params: branchAt(params, 'pointEncoder'), stats: own };
    return encodePoints(encoder, branchAt(pair, view), { encoder: points, training });
  };
  // The two views pass one after the other, so the running statistics move twice, as with two calls of a module.
  const alpha = encode('alpha', branchAt(stats, 'pointEncoder'));
  const beta = encode('beta', alpha.stats);
  const intraQueries = project({ params, stats }, { head: 'intraPoints', rows: alpha.features }, mode);
  const moved = { params, stats: { intraPoints: intraQueries.stats } };
  const intraKeys = project(moved, { head: 'intraPoints', rows: beta.features }, mode);

  const imageEncoder = {
    params: branchAt(params, 'imageEncoder'),
    stats: branchOrNone(stats, 'imageEncoder'),
  };
  const picture = encodeImages(imageEncoder, leafAt(pair, 'image'), { encoder: image, training });
  const seen = sampleFeatures(picture.features.c5!, leafAt(pair, 'cells'), leafAt(pair, 'cellWeights'));
  const crossQueries = project({ params, stats }, { head: 'crossImage', rows: seen }, mode);
  const places = cut === 'point-feature' ? stopGradient(alpha.features) : alpha.features;
  const crossKeys = project({ params, stats }, { head: 'crossPoints', rows: places }, mode);
  return {
    intraQueries: intraQueries.rows,
    intraKeys: gatherRows(stopGradient(intraKeys.rows), leafAt(pair, 'partner')),
    crossQueries: crossQueries.rows,
    crossKeys: cut === 'point-output' ? stopGradient(crossKeys.rows) : crossKeys.rows,
    stats: {
      pointEncoder: beta.stats,
      imageEncoder: picture.stats,
      intraPoints: intraKeys.stats,
      crossImage: crossQueries.stats,
      crossPoints: crossKeys.stats,
    },
  };
}
