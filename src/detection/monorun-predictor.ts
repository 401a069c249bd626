import * as tf from '@tensorflow/tfjs-core';
import type { ObjectLabel } from '../datasets/frame.ts';
import { float32, type HostTensor, int32 } from '../engine/host-tensor.ts';
import { Random } from '../engine/random.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { boxOf, findPeaks } from './center-decode.ts';
import { centerRows, sayOf } from './center-head.ts';
import {
  type Detector,
  ForwardPass,
  fillBatch,
  type GivenBox,
  type ModelTensors,
  type Predictor,
  type PredictorOptions,
} from './detector.ts';
import { boxOnCanvas } from './image-sample.ts';
import { gridOf } from './image3d-sample.ts';
import type { MonorunConfig } from './monorun-config.ts';
import { coordinateHead, globalFeatures, globalSaid } from './monorun-heads.ts';
import { type MonorunObject, type Region, solveRegion } from './monorun-pose.ts';
import { type MonorunSample, REGION_BINS, REGION_CELLS } from './monorun-sample.ts';
import { nonMaximumSuppression, rotatedNonMaximumSuppression } from './nms.ts';
import { pictureMap } from './picture-encoder.ts';
import { roiAlign, roiTables } from './roi-align.ts';

const CELLS = REGION_CELLS * REGION_CELLS;
/** What the predictor needs of the detector. */
type Model = Pick<Detector<MonorunSample>, 'batchSize' | 'collate'> & { readonly config: MonorunConfig };

/**
 * MonoRUn at work: one pass gives 2D boxes, which are thinned out on the host; a second one gives coordinates, uncertainty and
 * sizes in them, and PnP on the host gives poses. The size's variance over dropout is added to the cells' before a second PnP.
 *
 * The score is the 2D score times exp(-σ/2 m), σ the deviation of the depth that PnP gives, made larger by one factor. The
 * paper's learned score (an MLP over pose, covariance and size; 31.47 against 28.19 of the mean of its six numbers) and its
 * calibration of the covariance are not part of this.
 */
export class MonorunPredictor implements Predictor<MonorunSample> {
  private readonly model: Model;
  private readonly first: ForwardPass;
  private readonly second: ForwardPass;

  constructor(model: Model, tensors: ModelTensors, options?: PredictorOptions) {
    this.model = model;
    const { config } = model;
    const mode = { training: false };
    this.first = new ForwardPass(
      (params, stats, batch) => {
        const { map } = pictureMap(params, stats, leafAt(batch, 'image'), { config, ...mode });
        const own = branchAt(params, 'head');
        const rows = centerRows(own, branchAt(stats, 'head'), map, { ...config.headBatchNorm, ...mode });
        return { map, peaks: rows.peaks, ...sayOf(own, rows.features) };
      },
      tensors,
      options,
    );
    this.second = new ForwardPass(
      (params, stats, batch) => regionPass(params, stats, batch, config),
      tensors,
      options,
    );
  }

  async detect(samples: readonly MonorunSample[]): Promise<ObjectLabel[][]> {
    return (await this.explain(samples)).map((objects) => objects.map(({ label }) => label));
  }

  /** What is found, with the maps behind it; with `givenBoxes` of each sample (pixels of the picture) in those boxes alone. */
  async explain(
    samples: readonly MonorunSample[],
    givenBoxes?: ReadonlyArray<readonly GivenBox[]>,
  ): Promise<MonorunObject[][]> {
    const { config, batchSize } = this.model;
    const full = fillBatch(samples, batchSize);
    const outputs = await this.first.run(this.model.collate(full));
    const regions = full.map((sample, b): Region[] => {
      if (b >= samples.length) return [];
      if (givenBoxes === undefined) return regionsOf(outputs, b, config);
      return givenBoxes[b]
        .map(({ box, classIndex }) => ({ box: boxOnCanvas(box, sample.imageView), classIndex, score: 1 }))
        .slice(0, config.regions);
    });
    const grid = gridOf(config);
    const filled = regions.flatMap((own) =>
      Array.from({ length: config.regions }, (_, r): ImageBox => own[r]?.box ?? [0, 0, 1, 1]),
    );
    const tables = roiTables(filled, grid, REGION_BINS);
    const perSample = config.regions * REGION_BINS * REGION_BINS * 4;
    const cells = tables.cells.map((cell, i) => cell + Math.floor(i / perSample) * grid.width * grid.height);
    const rows = filled.length;
    const [variant, ofClass] = classMasks(regions, config);
    const said = await this.second.run({
      map: leafAt(outputs, 'map'),
      cells: int32(cells, [cells.length]),
      weights: float32(tables.weights, [cells.length]),
      variant: float32(variant, [rows, 2 * config.classes.length]),
      regionClass: float32(ofClass, [rows, config.classes.length]),
    });
    const values = (name: string) => leafAt(said, name).data as Float32Array;
    return samples.map((sample, b) => {
      const found = regions[b].flatMap((region, r) => {
        const row = b * config.regions + r;
        const part = (name: string, width: number) => values(name).subarray(row * width, (row + 1) * width);
        const object = solveRegion(sample, region, {
          classes: config.classes,
          coded: part('coded', CELLS * 3),
          logStd: part('logStd', CELLS * 2),
          size: part('size', 3),
          sizeVariance: part('sizeVariance', 3),
        });
        return object === undefined ? [] : [object];
      });
      return bestOf(found, config);
    });
  }

  async dispose(): Promise<void> {
    await this.first.dispose();
    await this.second.dispose();
  }
}

/** The second pass: coordinates, deviations, sizes and their variance over dropout, of regions on a map. */
function regionPass(
  params: Parameters<ConstructorParameters<typeof ForwardPass>[0]>[0],
  stats: typeof params,
  batch: typeof params,
  config: MonorunConfig,
) {
  const [heads, headStats] = [branchAt(params, 'monorun'), branchAt(stats, 'monorun')];
  const at = (name: string) => leafAt(batch, name);
  const features = roiAlign(at('map'), { cells: at('cells'), weights: at('weights') }, REGION_BINS);
  const hidden = globalFeatures(heads, features);
  const [rows, width] = hidden.shape as [number, number];
  const { monteCarlo: times, dropout, latent, classes } = config;
  const random = Random.fromSeed('monte carlo dropout');
  const masks = Array.from({ length: 2 }, () => {
    const values = Float32Array.from({ length: times * width }, () =>
      random.chance(dropout) ? 0 : 1 / (1 - dropout),
    );
    return tf.reshape(tf.add(tf.tensor(values, [1, times, width]), tf.zeros([rows, 1, 1])), [
      rows * times,
      width,
    ]);
  });
  const repeated = (x: tf.Tensor, size: number) =>
    tf.reshape(tf.add(tf.reshape(x, [rows, 1, size]), tf.zeros([1, times, 1])), [rows * times, size]);
  const global = globalSaid(heads, repeated(hidden, width), {
    dropout1: masks[0],
    dropout2: masks[1],
    ofClass: repeated(at('regionClass'), classes.length),
    latent,
  });
  const meanOf = (x: tf.Tensor, size: number) =>
    tf.mul(tf.sum(tf.reshape(x, [rows, times, size]), 1), 1 / times);
  const size = meanOf(global.sizes, 3);
  const spread = tf.sub(tf.reshape(global.sizes, [rows, times, 3]), tf.reshape(size, [rows, 1, 3]));
  const cells = coordinateHead(heads, headStats, features, {
    config,
    latent: meanOf(global.latent, latent),
    variant: at('variant'),
    training: false,
  });
  const variance = tf.mul(tf.sum(tf.square(spread), 1), 1 / times);
  return { coded: cells.coded, logStd: cells.logStd, size, sizeVariance: variance };
}

function regionsOf(
  outputs: { readonly [name: string]: unknown },
  b: number,
  config: MonorunConfig,
): Region[] {
  const grid = gridOf(config);
  const cells = grid.width * grid.height;
  const { length: classes } = config.classes;
  const values = (name: string, width: number) =>
    ((outputs[name] as HostTensor).data as Float32Array).subarray(b * cells * width, (b + 1) * cells * width);
  const sides = values('sides', 4);
  const peaks = findPeaks(values('peaks', classes), {
    grid,
    classes,
    threshold: config.scoreThreshold,
    maxPeaks: config.maxDetections,
  });
  const found = peaks.map((peak) => ({
    box: boxOf(peak, sides.subarray(4 * peak.cell, 4 * peak.cell + 4), grid),
    classIndex: peak.classIndex,
    score: peak.score,
  }));
  const sound = found.filter(({ box: [left, top, right, bottom] }) => right - left >= 1 && bottom - top >= 1);
  const kept = config.classes.flatMap((_, k) => {
    const own = sound.filter(({ classIndex }) => classIndex === k);
    const best = nonMaximumSuppression(
      own.map(({ box }) => box),
      own.map(({ score }) => score),
      { maxIou: config.nmsIou2d },
    );
    return Array.from(best, (i) => own[i]);
  });
  return kept.sort((a, b) => b.score - a.score).slice(0, config.regions);
}

/** Of each class the better ones where boxes overlap as seen from above, by falling score. */
function bestOf(found: readonly MonorunObject[], config: MonorunConfig): MonorunObject[] {
  const kept = config.classes.flatMap((type) => {
    const own = found.filter(({ label }) => label.type === type);
    const best = rotatedNonMaximumSuppression(
      own.map(({ label }) => label.box3!),
      own.map(({ label }) => label.score!),
      { maxIou: config.nmsIouBev },
    );
    return Array.from(best, (i) => own[i]);
  });
  return kept.sort((a, b) => b.label.score! - a.label.score!).slice(0, config.maxDetections);
}

/** Which of the heads' values are wanted in each region: of its class, unmirrored. */
function classMasks(
  regions: ReadonlyArray<readonly Region[]>,
  config: MonorunConfig,
): [Float32Array, Float32Array] {
  const { length: classes } = config.classes;
  const rows = regions.length * config.regions;
  const [variant, ofClass] = [new Float32Array(rows * classes * 2), new Float32Array(rows * classes)];
  regions.forEach((own, b) => {
    own.forEach(({ classIndex }, r) => {
      const row = b * config.regions + r;
      variant[row * classes * 2 + classIndex * 2] = 1;
      ofClass[row * classes + classIndex] = 1;
    });
  });
  return [variant, ofClass];
}
