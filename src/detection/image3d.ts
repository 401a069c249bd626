import * as tf from '@tensorflow/tfjs-core';
import type { ObjectLabel } from '../datasets/frame.ts';
import type { LossResult, Model } from '../encoders/trainable.ts';
import { float32, type HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import { allReduceSum } from '../engine/ranks/collectives.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt, type Initialized, leafAt, type Mode } from '../nn/layer.ts';
import { stackFloats, stackTables } from '../views/stack-points.ts';
import {
  type CenterRows,
  centerLosses,
  centerRows,
  initCenterHead,
  objectFeatures,
  sayOf,
} from './center-head.ts';
import { ConfiguredDetector } from './configured-detector.ts';
import {
  type Detector,
  ForwardPass,
  type ModelTensors,
  onePassPredictor,
  type PredictorOptions,
} from './detector.ts';
import type { Image3dConfig } from './image3d-config.ts';
import { decodeImage3d } from './image3d-decode.ts';
import { gridOf, type Image3dSample, LEAST_LOG_DEVIATION } from './image3d-sample.ts';
import { smoothL1, softmaxCrossEntropy, softplus, weightedSum, weightedTotal } from './losses.ts';
import { initPictureEncoder, pictureMap } from './picture-encoder.ts';

type Tensors = Tree<tf.Tensor>;

/**
 * A monocular detector of the kind of SMOKE (Liu et al. 2020) and MonoFlex (Zhang et al. 2021): the pictures of objects'
 * centres are peaks of a map with a stride of 4 pixels, and of each peak the head says the box around the picture, depth
 * with its uncertainty, size, and observation angle.
 */
export class Image3d extends ConfiguredDetector<Image3dConfig> implements Detector<Image3dSample> {
  readonly name = 'image3d';
  readonly ranks = { batchNorm: 'synchronised' } as const;

  collate(samples: readonly Image3dSample[]): Tree<HostTensor> {
    const { image, classes, maxObjects, headingBins } = this.config;
    const batch = samples.length;
    const grid = gridOf(this.config);
    const canvas = stackFloats(samples, (sample) => sample.canvas);
    const pictures = { image: float32(canvas, [batch, image.height, image.width, 3]) };
    if (samples.some(({ targets }) => targets === undefined)) return pictures;
    const rows = batch * grid.width * grid.height;
    const floats = (
      part: Exclude<keyof NonNullable<Image3dSample['targets']>, 'cells'>,
      shape: readonly number[],
    ) =>
      float32(
        stackFloats(samples, (sample) => sample.targets![part]),
        shape,
      );
    const objects = batch * maxObjects;
    return {
      ...pictures,
      targets: {
        heat: floats('heat', [rows, classes.length]),
        heatWeights: floats('heatWeights', [rows]),
        cells: stackTables(
          samples.map((sample) => sample.targets!.cells),
          grid.width * grid.height,
        ),
        mask: floats('mask', [objects]),
        offset: floats('offset', [objects, 2]),
        sides: floats('sides', [objects, 4]),
        depth: floats('depth', [objects, 1]),
        logSize: floats('logSize', [objects, 3]),
        headingBin: floats('headingBin', [objects, headingBins]),
        headingResidual: floats('headingResidual', [objects]),
      },
    };
  }

  initialize(random: Random): Initialized {
    const { channels, classes, headingBins, headBatchNorm } = this.config;
    const encoder = initPictureEncoder(random, this.config);
    const head = initCenterHead(random.fork('head'), {
      channels,
      classes: classes.length,
      outputs: {
        depth: 1,
        depthLogDeviation: 1,
        logSize: 3,
        headingBin: headingBins,
        headingResidual: headingBins,
      },
      batchNorm: headBatchNorm,
    });
    return {
      params: { ...encoder.params, head: head.params },
      stats: { ...encoder.stats, head: head.stats },
    };
  }

  loss({ params, stats }: Pick<Model, 'params' | 'stats'>, batch: Tensors, mode: Mode): LossResult {
    const { config } = this;
    const { rows, stats: next } = image3dRows(params, stats, leafAt(batch, 'image'), { config, ...mode });
    const targets = branchAt(batch, 'targets');
    const said = sayOf(branchAt(params, 'head'), objectFeatures(rows, targets));
    const space = spaceLosses(said, targets);
    const terms = { ...centerLosses(rows.peaks, said, targets), ...space.terms };
    return {
      loss: weightedTotal(terms, config.lossWeights),
      terms,
      metrics: space.metrics,
      stats: next,
    };
  }

  async predictor(model: ModelTensors, options?: PredictorOptions) {
    const { config } = this;
    const pass = new ForwardPass(
      (params, stats, batch) => {
        const options = { config, training: false };
        const { rows } = image3dRows(params, stats, leafAt(batch, 'image'), options);
        return { peaks: rows.peaks, ...sayOf(branchAt(params, 'head'), rows.features) };
      },
      model,
      options,
    );
    return onePassPredictor<Image3dSample>({
      detector: this,
      pass,
      decode: (outputs, samples): ObjectLabel[][] => decodeImage3d(outputs, samples, config),
    });
  }
}

/** What the head sees of pictures [B, H, W, 3], and the next running statistics of all that is passed on the way. */
export function image3dRows(
  params: Tensors,
  stats: Tensors,
  images: tf.Tensor,
  { config, training }: Mode & { readonly config: Image3dConfig },
): { readonly rows: CenterRows; readonly stats: Tensors } {
  const picture = pictureMap(params, stats, images, { config, training });
  const rows = centerRows(branchAt(params, 'head'), branchAt(stats, 'head'), picture.map, {
    ...config.headBatchNorm,
    training,
  });
  return { rows, stats: { ...picture.stats, head: rows.stats } };
}

/** The losses of depth, size and heading, each a mean over the objects. */
function spaceLosses(said: { readonly [name: string]: tf.Tensor }, targets: Tensors) {
  const mask = leafAt(targets, 'mask');
  const rows = tf.reshape(mask, [-1, 1]);
  const count = tf.sum(mask);
  const depthError = tf.sub(said.depth, leafAt(targets, 'depth'));
  // Laplacian negative logarithm of the likelihood (MonoPair's and MonoFlex's): |e|·exp(-s) + s.
  // A soft floor: below a hard one no gradient would bring the deviation back.
  const s = tf.add(softplus(tf.sub(said.depthLogDeviation, LEAST_LOG_DEVIATION)), LEAST_LOG_DEVIATION);
  const depth = tf.add(tf.mul(tf.abs(depthError), tf.exp(tf.neg(s))), s);
  const bins = leafAt(targets, 'headingBin');
  const residual = tf.sum(tf.mul(said.headingResidual, bins), 1);
  const headingError = tf.sub(residual, leafAt(targets, 'headingResidual'));
  const sizeError = tf.sub(said.logSize, leafAt(targets, 'logSize'));
  const right = tf.equal(tf.argMax(said.headingBin, 1), tf.argMax(bins, 1));
  return {
    terms: {
      depth: weightedSum(depth, rows, count),
      size: weightedSum(smoothL1(sizeError, 0.1), rows, count),
      heading: tf.add(
        weightedSum(softmaxCrossEntropy(said.headingBin, bins), mask, count),
        weightedSum(smoothL1(headingError, 0.5), mask, count),
      ) as tf.Scalar,
    },
    metrics: {
      objects: allReduceSum(count),
      relativeDepthError: weightedSum(tf.abs(depthError), rows, count),
      headingAccuracy: weightedSum(tf.cast(right, 'float32'), mask, count),
    },
  };
}
