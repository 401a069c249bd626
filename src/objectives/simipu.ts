import * as tf from '@tensorflow/tfjs-core';
import type { DataSelection } from '../datasets/data-selection.ts';
import { sourceBeside } from '../datasets/loader-source.ts';
import {
  imageEncoderChannels,
  imageEncoderOptions,
  pointEncoderChannels,
  pointEncoderOptions,
} from '../encoders/encoder-config.ts';
import { encodeImages, encodePoints } from '../encoders/encoders.ts';
import { sampleFeatures } from '../encoders/sample-features.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { initResNet } from '../image/resnet.ts';
import { l2Normalize } from '../nn/l2-normalize.ts';
import { branchAt, type Initialized, leafAt, type Mode } from '../nn/layer.ts';
import { initMlpHead, mlpHead } from '../nn/mlp-head.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import { gatherRows } from '../pointcloud/grouping.ts';
import { initPointNet2 } from '../pointcloud/pointnet2-encoder.ts';
import { infoNce } from './info-nce.ts';
import type { Objective, ObjectiveResult } from './objective.ts';
import { collateSimipu } from './simipu-batch.ts';
import type { SimipuConfig } from './simipu-config.ts';
import type { SimipuSample } from './simipu-sample.ts';

type Tensors = Tree<tf.Tensor>;

/** The projection heads of a model. */
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

/**
 * SimIPU (Li et al., AAAI 2022): a point encoder learns to find the same place in two views of a sweep, and an image
 * encoder to say what the point encoder says of the place that it sees. No labels.
 */
export class Simipu implements Objective<SimipuSample> {
  readonly name = 'simipu';
  readonly batchSize: number;
  readonly chance: Objective<SimipuSample>['chance'];
  private readonly config: SimipuConfig;

  constructor(config: SimipuConfig, batchSize: number) {
    this.config = config;
    this.batchSize = batchSize;
    const { levels } = config.pointEncoder;
    // With nothing learned every key is as likely as any other.
    const columns = Math.log(batchSize * levels[levels.length - 1].points);
    this.chance = { total: columns * (1 + config.crossFactor), terms: { intra: columns, cross: columns } };
  }

  source(data: DataSelection) {
    const options = { data, config: this.config };
    return sourceBeside(import.meta.url, { name: 'simipu-source', export: 'simipuSource', options });
  }

  collate(samples: readonly SimipuSample[]): Tree<HostTensor> {
    if (samples.length !== this.batchSize)
      throw new Error(`${samples.length} samples for a batch of ${this.batchSize}`);
    return collateSimipu(samples, this.config);
  }

  initialize(random: Random): Initialized {
    const { heads } = this.config;
    const points = initPointNet2(random.fork('pointEncoder'), pointEncoderOptions(this.config.pointEncoder));
    const image = initResNet(random.fork('imageEncoder'), imageEncoderOptions(this.config.imageEncoder));
    const pointChannels = pointEncoderChannels(this.config.pointEncoder);
    const imageChannels = imageEncoderChannels(this.config.imageEncoder);
    const head = (name: Head, inputs: number) =>
      initMlpHead(random.fork('heads', name), { inputs, widths: heads[name] });
    const made = {
      intraPoints: head('intraPoints', pointChannels),
      crossImage: head('crossImage', imageChannels),
      crossPoints: head('crossPoints', pointChannels),
    };
    const each = (part: 'params' | 'stats') => ({
      pointEncoder: points[part],
      imageEncoder: image[part],
      heads: Object.fromEntries(Object.entries(made).map(([name, layers]) => [name, layers[part]])),
    });
    return { params: each('params'), stats: each('stats') };
  }

  loss(params: Tensors, stats: Tensors, batch: Tensors, mode: Mode): ObjectiveResult {
    const { temperature, validityMask, crossFactor } = this.config;
    const embeddings = this.embed(params, stats, batch, mode);
    const intra = infoNce(embeddings.intraQueries, embeddings.intraKeys, {
      temperature,
      weights: leafAt(batch, 'matched'),
    });
    const inside = leafAt(batch, 'inside');
    const crossWeights = validityMask ? inside : tf.onesLike(inside);
    const cross = infoNce(embeddings.crossQueries, embeddings.crossKeys, {
      temperature,
      weights: crossWeights,
    });
    return {
      loss: tf.add(intra.loss, tf.mul(cross.loss, crossFactor)) as tf.Scalar,
      terms: { intra: intra.loss, cross: cross.loss },
      metrics: {
        intraTop1: intra.top1,
        intraTop5: intra.top5,
        crossTop1: cross.top1,
        crossTop5: cross.top5,
        matchDistanceM: tf.mean(leafAt(batch, 'distanceM')),
        insideFraction: tf.mean(inside),
      },
      stats: embeddings.stats,
    };
  }

  /** The rows that the losses compare; the stop-gradients sit here. */
  embed(params: Tensors, stats: Tensors, batch: Tensors, mode: Mode): SimipuEmbeddings {
    const { stopGradient: cut } = this.config;
    const headStats = branchAt(stats, 'heads');
    const project = (head: Head, rows: tf.Tensor, current: Tensors) =>
      this.project(params, current, { head, rows }, mode);
    // The two views pass one after the other, so the running statistics move twice, as with two calls of a module.
    const alpha = this.encodePoints(params, branchAt(stats, 'pointEncoder'), branchAt(batch, 'alpha'), mode);
    const beta = this.encodePoints(params, alpha.stats, branchAt(batch, 'beta'), mode);
    const intraQueries = project('intraPoints', alpha.features, branchAt(headStats, 'intraPoints'));
    const intraKeys = project('intraPoints', beta.features, intraQueries.stats);

    const image = this.encodeImage(params, branchAt(stats, 'imageEncoder'), leafAt(batch, 'image'), mode);
    const seen = sampleFeatures(image.features, leafAt(batch, 'cells'), leafAt(batch, 'cellWeights'));
    const crossQueries = project('crossImage', seen, branchAt(headStats, 'crossImage'));
    const points = cut === 'point-feature' ? stopGradient(alpha.features) : alpha.features;
    const crossKeys = project('crossPoints', points, branchAt(headStats, 'crossPoints'));
    return {
      intraQueries: intraQueries.rows,
      intraKeys: gatherRows(stopGradient(intraKeys.rows), leafAt(batch, 'partner')),
      crossQueries: crossQueries.rows,
      crossKeys: cut === 'point-output' ? stopGradient(crossKeys.rows) : crossKeys.rows,
      stats: {
        pointEncoder: beta.stats,
        imageEncoder: image.stats,
        heads: { intraPoints: intraKeys.stats, crossImage: crossQueries.stats, crossPoints: crossKeys.stats },
      },
    };
  }

  /** Features [B·M, C] of the last centres of one view. */
  encodePoints(
    params: Tensors,
    stats: Tensors,
    view: Tensors,
    mode: Mode,
  ): { features: tf.Tensor; stats: Tensors } {
    const own = { params: branchAt(params, 'pointEncoder'), stats };
    return encodePoints(own, view, { encoder: this.config.pointEncoder, ...mode });
  }

  /** Features [B, C, H/32, W/32] of images [B, H, W, 3]. */
  encodeImage(
    params: Tensors,
    stats: Tensors,
    images: tf.Tensor,
    mode: Mode,
  ): { features: tf.Tensor; stats: Tensors } {
    const own = { params: branchAt(params, 'imageEncoder'), stats };
    const { features, stats: next } = encodeImages(own, images, {
      encoder: this.config.imageEncoder,
      ...mode,
    });
    return { features: features.c5!, stats: next };
  }

  /** Features [R, C] through a head, as the losses compare them: L2-normalised rows [R, D]. */
  project(
    params: Tensors,
    stats: Tensors,
    { head, rows }: { readonly head: Head; readonly rows: tf.Tensor },
    mode: Mode,
  ): { rows: tf.Tensor; stats: Tensors } {
    const { y, stats: next } = mlpHead(branchAt(branchAt(params, 'heads'), head), stats, rows, {
      ...this.config.headBatchNorm,
      ...mode,
    });
    return { rows: l2Normalize(y), stats: next };
  }
}
