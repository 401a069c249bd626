import * as tf from '@tensorflow/tfjs-core';
import type { ObjectLabel } from '../datasets/frame.ts';
import { float32, type HostTensor, int32 } from '../engine/host-tensor.ts';
import { Random } from '../engine/random.ts';
import { wrapAngle } from '../geometry/angle.ts';
import type { ImageBox } from '../geometry/box-projection.ts';
import { boxFromKitti, type KittiBox } from '../geometry/kitti-box.ts';
import { affineOf } from '../image/image-view.ts';
import { branchAt, leafAt } from '../nn/layer.ts';
import { COORDINATE_MEAN, COORDINATE_STD, errorUnitPx } from '../objectives/monorun.ts';
import { boxOf, findPeaks } from './center-decode.ts';
import { centerRows, sayOf } from './center-head.ts';
import {
  type Detector,
  ForwardPass,
  fillBatch,
  type ModelTensors,
  type Predictor,
  type PredictorOptions,
} from './detector.ts';
import { boxOnCanvas } from './image-sample.ts';
import { inPicture } from './image3d-decode.ts';
import { gridOf } from './image3d-sample.ts';
import type { MonorunConfig } from './monorun-config.ts';
import { coordinateHead, globalFeatures, globalSaid } from './monorun-heads.ts';
import {
  type MonorunSample,
  plainCamera,
  REGION_BINS,
  REGION_CELLS,
  sizeOf,
  sizeVariance,
} from './monorun-sample.ts';
import { nonMaximumSuppression, rotatedNonMaximumSuppression } from './nms.ts';
import { pictureMap } from './picture-encoder.ts';
import type { Intrinsics } from './pnp/pnp-points.ts';
import { type UncertainPose, uncertaintyPnp } from './pnp/uncertainty-pnp.ts';
import { cellPixels, roiAlign, roiTables } from './roi-align.ts';

const CELLS = REGION_CELLS * REGION_CELLS;
/** What the camera cannot tell apart is at least this far from sure: a deviation of a pixel. */
const LEAST_INLIER_PX = 2;

/** A region of a picture: where an object is, in pixels of the canvas. */
export interface Region {
  readonly box: ImageBox;
  readonly classIndex: number;
  readonly score: number;
}

/** The maps behind an object that was found: of 28 x 28 cells of its region. */
export interface ObjectMaps {
  /** The region, in pixels of the picture. */
  readonly box: ImageBox;
  /** float32 [784·3]: the object's own coordinates, metres: x along it, y down from its bottom, z across. */
  readonly coordinates: Float32Array;
  /** float32 [784·2]: logarithms of the deviations in u and v; [784]: how far off the pose puts the cell; pixels of the picture. */
  readonly logStd: Float32Array;
  readonly errorPx: Float32Array;
  /** 4x4, of yaw, x, y, z in the camera's frame, where the pose fixes it. */
  readonly covariance: Float64Array;
}

/** An object that was found, with the maps behind it. */
export interface MonorunObject {
  readonly label: ObjectLabel;
  readonly maps: ObjectMaps;
}

/** What the predictor needs of the detector. */
type Model = Pick<Detector<MonorunSample>, 'batchSize' | 'collate'> & { readonly config: MonorunConfig };

/**
 * MonoRUn at work: one pass gives 2D boxes, which are thinned out on the host; a second one gives coordinates, uncertainty and
 * sizes in them, and PnP on the host gives poses. The size's variance over dropout, which the network does not know how far
 * away the object is, is added to the cells' before a second PnP.
 *
 * The score is the 2D score times exp(-σ), σ the relative deviation of the distance that PnP gives. The paper's
 * learned score (an MLP over pose, covariance and size) and its calibration of the covariance are not part of this.
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
    givenBoxes?: ReadonlyArray<ReadonlyArray<{ readonly box: ImageBox; readonly classIndex: number }>>,
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
        const object = solve(sample, region, {
          config,
          coded: part('coded', CELLS * 3),
          logStd: part('logStd', CELLS * 2),
          size: part('size', 3),
          sizeVariance: part('sizeVariance', 3),
        });
        return object === undefined ? [] : [object];
      });
      const kept = rotatedNonMaximumSuppression(
        found.map(({ label }) => label.box3!),
        found.map(({ label }) => label.score!),
        { maxIou: config.nmsIouBev, maxKept: config.maxDetections },
      );
      return Array.from(kept, (i) => found[i]);
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
  const kept = nonMaximumSuppression(
    found.map(({ box }) => box),
    found.map(({ score }) => score),
    { maxIou: config.nmsIou2d, maxKept: config.regions },
  );
  return Array.from(kept, (i) => found[i]);
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

/** The pose of a region's object; undefined where its cells fix none. */
function solve(
  sample: MonorunSample,
  region: Region,
  said: {
    readonly config: MonorunConfig;
    readonly coded: Float32Array;
    readonly logStd: Float32Array;
    readonly size: Float32Array;
    readonly sizeVariance: Float32Array;
  },
): MonorunObject | undefined {
  const type = said.config.classes[region.classIndex];
  const [length, height, width] = sizeOf(said.size, type);
  const { camera, shift } = plainCamera(sample.canvasFromCamera);
  const normalised = said.coded.map((value, i) => value * COORDINATE_STD[i % 3] + COORDINATE_MEAN[i % 3]);
  const objectPoints = normalised.map((value, i) => value * [length, height, width][i % 3]);
  const pixels = cellPixels(region.box, REGION_CELLS);
  const inlierThresholdPx = Math.max(LEAST_INLIER_PX, 0.2 * (region.box[3] - region.box[1]));
  const random = Random.fromSeed(sample.id).fork('pnp', Math.round(region.box[0]), Math.round(region.box[1]));
  const pnp = (logStd: Float32Array) =>
    uncertaintyPnp({ objectPoints, pixels, logStd }, { intrinsics: camera, inlierThresholdPx, random });
  // Deviations are said in units that depend on the distance, which only a first pose tells.
  const near = pnp(said.logStd);
  if (near === undefined) return undefined;
  const distance = Math.hypot(...near.translation);
  const logStd = withSizeVariance(said.logStd, {
    unitPx: errorUnitPx(camera.fx, distance),
    pixelsPerMetre: camera.fx / distance,
    variance: sizeVariance(said.sizeVariance, type),
    normalised,
  });
  const pose = pnp(logStd) ?? near;
  return {
    label: labelOf(sample, region, { pose, type, size: [length, height, width], shift }),
    maps: mapsOf(sample, region, { pose, objectPoints, pixels, logStd, camera }),
  };
}

/** Deviations in pixels with what the size's variance adds: a coordinate is a share of the size, and so is its error. */
function withSizeVariance(
  logStd: Float32Array,
  options: {
    readonly unitPx: number;
    readonly pixelsPerMetre: number;
    readonly variance: readonly [number, number, number];
    readonly normalised: Float32Array;
  },
): Float32Array {
  const { unitPx, pixelsPerMetre, variance, normalised } = options;
  return logStd.map((log, i) => {
    const own = (Math.exp(log) * unitPx) ** 2;
    const at = 3 * Math.floor(i / 2);
    const part = (k: number) => variance[k] * normalised[at + k] ** 2;
    // Across the picture a length and a width are seen alike on average; down it a height.
    const added = i % 2 === 0 ? (part(0) + part(2)) / 2 : part(1);
    return Math.log(own + added * pixelsPerMetre ** 2) / 2;
  });
}

function labelOf(
  sample: MonorunSample,
  region: Region,
  found: {
    readonly pose: UncertainPose;
    readonly type: string;
    readonly size: readonly [number, number, number];
    readonly shift: readonly [number, number, number];
  },
): ObjectLabel {
  const { pose, type, size, shift } = found;
  const [x, y, z] = pose.translation.map((value, k) => value - shift[k]);
  const box: KittiBox = { sizeM: [size[1], size[2], size[0]], location: [x, y, z], rotationY: pose.yaw };
  const deviation = Math.sqrt(Math.max(0, pose.covariance[15])) / Math.max(1, z);
  return {
    type,
    truncation: -1,
    occlusion: -1,
    alpha: wrapAngle(pose.yaw - Math.atan2(x, z)),
    box2: inPicture(region.box, sample),
    box3: boxFromKitti(box, sample.cameraFromLidar),
    score: region.score * Math.exp(-deviation),
  };
}

function mapsOf(
  sample: MonorunSample,
  region: Region,
  found: {
    readonly pose: UncertainPose;
    readonly objectPoints: Float32Array;
    readonly pixels: Float32Array;
    readonly logStd: Float32Array;
    readonly camera: Intrinsics;
  },
): ObjectMaps {
  const { pose, objectPoints, pixels, logStd, camera } = found;
  // A pixel of the canvas is this many of the picture.
  const scale = 1 / Math.abs(affineOf(sample.imageView).scaleY);
  const [c, s] = [Math.cos(pose.yaw), Math.sin(pose.yaw)];
  const [tx, ty, tz] = pose.translation;
  const errorPx = Float32Array.from({ length: CELLS }, (_, i) => {
    const [x, y, z] = objectPoints.subarray(3 * i, 3 * i + 3);
    const depth = Math.max(0.5, c * z - s * x + tz);
    const u = camera.cx + (camera.fx * (c * x + s * z + tx)) / depth;
    const v = camera.cy + (camera.fy * (y + ty)) / depth;
    return scale * Math.hypot(u - pixels[2 * i], v - pixels[2 * i + 1]);
  });
  return {
    box: inPicture(region.box, sample),
    coordinates: objectPoints,
    logStd: logStd.map((log) => log + Math.log(scale)),
    errorPx,
    covariance: pose.covariance,
  };
}
