import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import { allReduceSum } from '../engine/ranks/collectives.ts';
import type { Tree } from '../engine/tree.ts';
import { constant } from '../nn/initializers.ts';
import { branchAt, type Initialized, leafAt, type Mode } from '../nn/layer.ts';
import { initLinear, linear } from '../nn/linear.ts';
import { initMlp, mlp } from '../nn/mlp.ts';
import { stopGradient } from '../nn/stop-gradient.ts';
import type { PointNet2Features } from '../pointcloud/pointnet2-encoder.ts';
import { initSetAbstraction, setAbstraction } from '../pointcloud/set-abstraction.ts';
import { candidateChannels, candidateFeatures, initLastLevel } from './candidate-features.ts';
import { binaryCrossEntropy, focalLoss, smoothL1, softmaxCrossEntropy, weightedSum } from './losses.ts';
import type { PointDetectorConfig } from './point-config.ts';

type Tensors = Tree<tf.Tensor>;

/** The head's raw outputs per candidate, R of them; K classes. */
export interface PointPredictions {
  /** Logits [R, K]. */
  readonly classes: tf.Tensor;
  /** [R, 3]: metres to the centre, upwards from the ground to the bottom where boxes are measured from it; and logarithms of the sizes over the class's mean. */
  readonly offset: tf.Tensor;
  readonly logSize: tf.Tensor;
  /** Logits and residuals [R, bins]. */
  readonly headingBin: tf.Tensor;
  readonly headingResidual: tf.Tensor;
  /** Logits [R, 1] of how near the centre is to the true one. */
  readonly quality: tf.Tensor;
}

/** What a head needs to know of a detector, or of whatever else has one. */
export type PointHeadConfig = Pick<
  PointDetectorConfig,
  | 'classes'
  | 'pointEncoder'
  | 'candidateLevel'
  | 'surroundings'
  | 'lastLevel'
  | 'heightFrom'
  | 'headWidths'
  | 'headBatchNorm'
  | 'headingBins'
>;

/** How near a predicted centre counts as near, metres: quality is exp(-distance / this). */
const QUALITY_M = 0.4;
/** With nothing learned a candidate is of a class with this probability, so that the many empty ones do not drown the rest. */
const PRIOR = 0.02;
/** Numbers that are joined to a candidate's features: its height (above the ground, where boxes are measured from it), and its distance in tens of metres. */
const PLACE_CHANNELS = 2;

const outputsOf = ({ classes, headingBins }: PointHeadConfig) => ({
  classes: classes.length,
  offset: 3,
  logSize: 3,
  headingBin: headingBins,
  headingResidual: headingBins,
  quality: 1,
});

/** The head's parameters: `layers`, and a linear layer for each output. `extra` channels are joined to a candidate's features. */
export function initPointHead(random: Random, config: PointHeadConfig, extra = 0): Initialized {
  const around = config.surroundings?.out ?? 0;
  const inputs = candidateChannels(config) + around + extra + PLACE_CHANNELS;
  const layers = initMlp(random.fork('layers'), { inputs, widths: config.headWidths });
  const width = config.headWidths[config.headWidths.length - 1];
  const params: { [name: string]: Tree<HostTensor> } = { layers: layers.params };
  for (const [name, outputs] of Object.entries(outputsOf(config)))
    params[name] = initLinear(random.fork(name), { inputs: width, outputs });
  const bias = Math.log(PRIOR / (1 - PRIOR));
  params.classes = { ...params.classes, bias: constant([config.classes.length], bias) };
  const stats: { [name: string]: Tree<HostTensor> } = { layers: layers.stats };
  const join = (name: string, made: Initialized) => {
    params[name] = made.params;
    stats[name] = made.stats;
  };
  if (config.surroundings !== null) {
    const balls = { ...{ inputs: 1, useXyz: true, bias: false }, ...config.surroundings };
    join('surroundings', initSetAbstraction(random.fork('surroundings'), balls));
  }
  if (config.lastLevel === 'offsets') join('lastLevel', initLastLevel(random.fork('lastLevel'), config));
  return { params, stats };
}

/** Features of the points around each candidate [R, C], and their next running statistics. */
function featuresAround(
  params: Tensors,
  stats: Tensors,
  batch: Tensors,
  options: Mode & { readonly config: PointHeadConfig },
) {
  const { config, training } = options;
  const points = branchAt(batch, 'points');
  const tables = branchAt(batch, 'surroundings');
  const neighbors = branchAt(tables, 'neighbors');
  const input = {
    features: leafAt(points, 'features'),
    xyz: leafAt(points, 'xyz'),
    tables: {
      centers: leafAt(tables, 'centers'),
      neighbors: Object.keys(neighbors).map((s) => leafAt(neighbors, s)),
    },
  };
  return setAbstraction(params, stats, input, { ...config.headBatchNorm, training, useXyz: true });
}

/**
 * What the head says of the candidates of a batch, as `collatePoints` stacks it, from the encoder's features. Features `extra` [R, C] are joined to
 * the candidates' own.
 */
export function pointHead(
  params: Tensors,
  stats: Tensors,
  encoded: PointNet2Features,
  options: Mode & {
    readonly config: PointHeadConfig;
    readonly batch: Tensors;
    readonly extra?: tf.Tensor;
  },
): { readonly predictions: PointPredictions; readonly stats: Tensors } {
  const { config, batch, training, extra } = options;
  const own = candidateFeatures(params, stats, encoded, options);
  const around =
    config.surroundings === null
      ? undefined
      : featuresAround(branchAt(params, 'surroundings'), branchAt(stats, 'surroundings'), batch, options);
  const place = placeFeatures(
    leafAt(batch, 'places'),
    config.heightFrom === 'ground' ? leafAt(batch, 'ground') : undefined,
  );
  const parts = [own.y, extra, around?.y, place].filter((part) => part !== undefined);
  const joined = tf.concat(parts, 1);
  const layers = mlp(branchAt(params, 'layers'), branchAt(stats, 'layers'), joined, {
    ...config.headBatchNorm,
    training,
  });
  const say = (name: string) => linear(branchAt(params, name), layers.y);
  return {
    predictions: {
      classes: say('classes'),
      offset: say('offset'),
      logSize: say('logSize'),
      headingBin: say('headingBin'),
      headingResidual: say('headingResidual'),
      quality: say('quality'),
    },
    stats: {
      layers: layers.stats,
      ...own.stats,
      ...(around === undefined ? {} : { surroundings: around.stats }),
    },
  };
}

/** The losses of predictions against the batch's targets, each a mean over the candidates that are of an object. */
export function pointLosses(
  predictions: PointPredictions,
  targets: Tensors,
): {
  readonly terms: { readonly [term: string]: tf.Scalar };
  readonly metrics: { readonly [name: string]: tf.Tensor };
} {
  const positive = leafAt(targets, 'positive');
  const count = tf.sum(positive);
  const perObject = tf.reshape(positive, [-1, 1]);
  const countsAtAll = tf.reshape(leafAt(targets, 'weights'), [-1, 1]);
  const offsetError = tf.sub(predictions.offset, leafAt(targets, 'offset'));
  const sizeError = tf.sub(predictions.logSize, leafAt(targets, 'logSize'));
  const bins = leafAt(targets, 'headingBin');
  const residual = tf.sum(tf.mul(predictions.headingResidual, bins), 1);
  const headingError = tf.sub(residual, leafAt(targets, 'headingResidual'));
  const distance = tf.sqrt(tf.add(tf.sum(tf.square(stopGradient(offsetError)), 1), 1e-12));
  const quality = tf.reshape(tf.exp(tf.mul(distance, -1 / QUALITY_M)), [-1, 1]);
  const best = tf.equal(tf.argMax(predictions.headingBin, 1), tf.argMax(bins, 1));
  return {
    terms: {
      classes: weightedSum(focalLoss(predictions.classes, leafAt(targets, 'classes')), countsAtAll, count),
      offset: weightedSum(smoothL1(offsetError, 1 / 3), perObject, count),
      size: weightedSum(smoothL1(sizeError, 0.1), perObject, count),
      heading: tf.add(
        weightedSum(softmaxCrossEntropy(predictions.headingBin, bins), positive, count),
        weightedSum(smoothL1(headingError, 0.5), positive, count),
      ),
      quality: weightedSum(binaryCrossEntropy(predictions.quality, quality), perObject, count),
    },
    metrics: {
      positives: allReduceSum(count),
      centerErrorM: weightedSum(distance, positive, count),
      headingAccuracy: weightedSum(tf.cast(best, 'float32'), positive, count),
    },
  };
}

function placeFeatures(places: tf.Tensor, ground?: tf.Tensor): tf.Tensor {
  const horizontal = tf.slice(places, [0, 0], [places.shape[0] as number, 2]);
  const distance = tf.sqrt(tf.sum(tf.square(horizontal), 1, true));
  const height = tf.slice(places, [0, 2], [places.shape[0] as number, 1]);
  return tf.concat([ground === undefined ? height : tf.sub(height, ground), tf.mul(distance, 0.1)], 1);
}
