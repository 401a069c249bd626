import * as tf from '@tensorflow/tfjs-core';
import type { LossResult, Model } from '../../encoders/trainable.ts';
import { float32, type HostTensor } from '../../engine/host-tensor.ts';
import type { Random } from '../../engine/random.ts';
import { allReduceSum } from '../../engine/ranks/collectives.ts';
import type { Tree } from '../../engine/tree.ts';
import { constant } from '../../nn/initializers.ts';
import { branchAt, type Initialized, leafAt, type Mode } from '../../nn/layer.ts';
import { stackFloats, stackTables } from '../../views/stack-points.ts';
import { centerLosses, centerRows, initCenterHead, objectFeatures, sayOf } from '../center-head.ts';
import { ConfiguredDetector } from '../configured-detector.ts';
import type { Detector, ModelTensors, PredictorOptions } from '../detector.ts';
import { gridOf } from '../image3d-sample.ts';
import { smoothL1, weightedSum, weightedTotal } from '../losses.ts';
import { initPictureEncoder, pictureMap } from '../picture-encoder.ts';
import { roiAlign } from '../roi-align.ts';
import type { MonorunConfig } from './monorun-config.ts';
import { coordinateHead, globalFeatures, globalSaid, initMonorunHeads } from './monorun-heads.ts';
import { MonorunPredictor } from './monorun-predictor.ts';
import { meanOver, objectPoints, reprojectionError, robustKl } from './monorun-reprojection.ts';
import { type MonorunSample, REGION_BINS, REGION_CELLS, type RegionTargets } from './monorun-sample.ts';

type Tensors = Tree<tf.Tensor>;

const CELLS = REGION_CELLS * REGION_CELLS;

/**
 * MonoRUn (Chen et al., CVPR 2021): 2D boxes from a centre head, in each the object's own coordinates of 28 x 28 cells with
 * their uncertainty, learned from poses alone, and the object's pose by uncertainty-aware PnP. The 2D detector is ours,
 * one stage on the same encoder, where the paper has Faster R-CNN; boxes may be given instead (`MonorunPredictor`).
 */
export class Monorun extends ConfiguredDetector<MonorunConfig> implements Detector<MonorunSample> {
  readonly name = 'monorun';
  readonly ranks = { batchNorm: 'synchronised' } as const;

  collate(samples: readonly MonorunSample[]): Tree<HostTensor> {
    const { image, classes, maxObjects, regions, globalWidth } = this.config;
    const batch = samples.length;
    const grid = gridOf(this.config);
    const cells = grid.width * grid.height;
    const canvas = stackFloats(samples, (sample) => sample.canvas);
    const pictures = { image: float32(canvas, [batch, image.height, image.width, 3]) };
    if (samples.some(({ targets }) => targets === undefined)) return pictures;
    const center = (part: 'heat' | 'heatWeights' | 'mask' | 'offset' | 'sides', shape: readonly number[]) =>
      float32(
        stackFloats(samples, (sample) => sample.targets![part]),
        shape,
      );
    const rows = batch * regions;
    const region = (part: Exclude<keyof RegionTargets, 'cells'>, shape: readonly number[]) =>
      float32(
        stackFloats(samples, (sample) => sample.regions![part]),
        shape,
      );
    return {
      ...pictures,
      targets: {
        heat: center('heat', [batch * cells, classes.length]),
        heatWeights: center('heatWeights', [batch * cells]),
        cells: stackTables(
          samples.map((sample) => sample.targets!.cells),
          cells,
        ),
        mask: center('mask', [batch * maxObjects]),
        offset: center('offset', [batch * maxObjects, 2]),
        sides: center('sides', [batch * maxObjects, 4]),
      },
      regions: {
        cells: stackTables(
          samples.map((sample) => sample.regions!.cells),
          cells,
        ),
        weights: region('weights', [rows * REGION_BINS * REGION_BINS * 4]),
        regionMask: region('regionMask', [rows]),
        variant: region('variant', [rows, 2 * classes.length]),
        regionClass: region('regionClass', [rows, classes.length]),
        cellPixels: region('cellPixels', [rows, CELLS, 2]),
        sizes: region('sizes', [rows, 3]),
        codedSizes: region('codedSizes', [rows, 3]),
        cos: region('cos', [rows, 1]),
        sin: region('sin', [rows, 1]),
        translation: region('translation', [rows, 3]),
        camera: region('camera', [rows, 4]),
        unitPx: region('unitPx', [rows, 1]),
        coordinates: region('coordinates', [rows, CELLS, 3]),
        known: region('known', [rows, CELLS, 1]),
        dropout1: region('dropout1', [rows, globalWidth]),
        dropout2: region('dropout2', [rows, globalWidth]),
      },
    };
  }

  initialize(random: Random): Initialized {
    const { channels, classes, headBatchNorm } = this.config;
    const encoder = initPictureEncoder(random, this.config);
    const head = initCenterHead(random.fork('head'), {
      channels,
      classes: classes.length,
      outputs: {},
      batchNorm: headBatchNorm,
    });
    const monorun = initMonorunHeads(random.fork('monorun'), this.config);
    return {
      params: { ...encoder.params, head: head.params, monorun: monorun.params },
      stats: {
        ...encoder.stats,
        head: head.stats,
        monorun: monorun.stats,
        robustKl: { meanWeight: constant([1], 1) },
      },
    };
  }

  loss({ params, stats }: Pick<Model, 'params' | 'stats'>, batch: Tensors, mode: Mode): LossResult {
    const { config } = this;
    const picture = pictureMap(params, stats, leafAt(batch, 'image'), { config, ...mode });
    const [own, ownStats] = [branchAt(params, 'head'), branchAt(stats, 'head')];
    const rows = centerRows(own, ownStats, picture.map, { ...config.headBatchNorm, ...mode });
    const targets = branchAt(batch, 'targets');
    const center = centerLosses(rows.peaks, sayOf(own, objectFeatures(rows, targets)), targets);

    const [heads, headStats] = [branchAt(params, 'monorun'), branchAt(stats, 'monorun')];
    const regions = branchAt(batch, 'regions');
    const at = (name: string) => leafAt(regions, name);
    const features = roiAlign(picture.map, { cells: at('cells'), weights: at('weights') }, REGION_BINS);
    const global = globalSaid(heads, globalFeatures(heads, features), {
      dropout1: at('dropout1'),
      dropout2: at('dropout2'),
      ofClass: at('regionClass'),
      latent: config.latent,
    });
    const cells = coordinateHead(heads, headStats, features, {
      config,
      latent: global.latent,
      variant: at('variant'),
      ...mode,
    });
    const counted = tf.reshape(at('regionMask'), [-1, 1, 1]);
    const error = reprojectionError({
      points: objectPoints(cells.coded, at('sizes')),
      cells: at('cellPixels'),
      poses: { cos: at('cos'), sin: at('sin'), translation: at('translation'), camera: at('camera') },
      unitPx: at('unitPx'),
      picture: [config.image.width, config.image.height],
    });
    const meanWeight = leafAt(branchAt(stats, 'robustKl'), 'meanWeight');
    const kl = robustKl(error, cells.logStd, { meanWeight, counted, training: mode.training });
    const sizeError = smoothL1(tf.sub(global.sizes, at('codedSizes')));
    const terms: { [term: string]: tf.Scalar } = {
      ...center,
      reprojection: meanOver(kl.loss, counted),
      size: meanOver(tf.reshape(sizeError, [-1, 1, 3]), counted),
    };
    if (config.lossWeights.coordinates > 0) terms.coordinates = this.coordinateLoss(cells.coded, regions);
    return {
      loss: weightedTotal(terms, config.lossWeights),
      terms,
      metrics: {
        regions: allReduceSum(tf.sum(at('regionMask'))),
        reprojectionErrorPx: meanOver(tf.mul(tf.abs(error), tf.reshape(at('unitPx'), [-1, 1, 1])), counted),
        meanLogStd: meanOver(cells.logStd, counted),
      },
      stats: {
        ...picture.stats,
        head: rows.stats,
        monorun: cells.stats,
        robustKl: { meanWeight: kl.meanWeight },
      },
    };
  }

  async predictor(model: ModelTensors, options?: PredictorOptions): Promise<MonorunPredictor> {
    return new MonorunPredictor(this, model, options);
  }

  /** Smooth L1 of coordinates where LiDAR points give them, a mean over those cells. */
  private coordinateLoss(coded: tf.Tensor, regions: Tensors): tf.Scalar {
    const known = leafAt(regions, 'known');
    const each = smoothL1(tf.sub(coded, leafAt(regions, 'coordinates')));
    return weightedSum(each, known, tf.mul(tf.sum(known), 3));
  }
}
