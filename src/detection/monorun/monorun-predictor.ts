import * as tf from '@tensorflow/tfjs-core';
import type { ObjectLabel } from '../../datasets/frame.ts';
import { float32, type HostTensor, int32 } from '../../engine/host-tensor.ts';
import type { Tree } from '../../engine/tree.ts';
import type { ImageBox } from '../../geometry/box-projection.ts';
import { branchAt, leafAt } from '../../nn/layer.ts';
import { boxOf, findPeaks } from '../center-decode.ts';
import { centerRows, sayOf } from '../center-head.ts';
import {
  type Detector,
  type ExplainedObject,
  ForwardPass,
  fillBatch,
  type GivenBox,
  type ModelTensors,
  type Predictor,
  type PredictorOptions,
} from '../detector.ts';
import { boxOnCanvas } from '../image-sample.ts';
import { gridOf } from '../image3d-sample.ts';
import { nonMaximumSuppression, rotatedNonMaximumSuppression } from '../nms.ts';
import { pictureMap } from '../picture-encoder.ts';
import { roiTables } from '../roi-tables.ts';
import type { MonorunConfig } from './monorun-config.ts';
import { type PosedObject, type Region, solveRegion } from './monorun-pose.ts';
import { classMasks, regionPass } from './monorun-region-pass.ts';
import { type MonorunSample, REGION_BINS, REGION_CELLS } from './monorun-sample.ts';
import { calibrated, PLAIN_LOG_SCALES, plainScore, scoreInputs, scoreLogits } from './monorun-score.ts';

const CELLS = REGION_CELLS * REGION_CELLS;
/** What the predictor needs of the detector. */
type Model = Pick<Detector<MonorunSample>, 'batchSize' | 'collate'> & { readonly config: MonorunConfig };

/** A region that was looked into: the object in it by PnP, and what the global head's first layer says of the region. */
export interface SolvedRegion {
  readonly object: PosedObject;
  readonly features: Float32Array;
}

/**
 * MonoRUn at work: one pass gives 2D boxes, which are thinned out on the host; a second one gives coordinates, uncertainty and
 * sizes in them, and PnP on the host gives poses. The size's variance over dropout is added to the cells' before a second PnP.
 *
 * Where the model has a score head (`scoreHead` among its parameters, learned after the rest), the score is the 2D score
 * times what that says; else `plainScore`. Covariances are calibrated by the head's factors, or by plain ones.
 */
export class MonorunPredictor implements Predictor<MonorunSample> {
  private readonly model: Model;
  private readonly first: ForwardPass;
  private readonly second: ForwardPass;
  private readonly scoring: ForwardPass | undefined;
  private readonly logScales: ArrayLike<number>;

  constructor(model: Model, tensors: ModelTensors, options?: PredictorOptions) {
    this.model = model;
    const { config } = model;
    const mode = { training: false };
    const { scoreHead, ...params } = tensors.params;
    const { scoreHead: standards, ...stats } = tensors.stats;
    const trained = { params, stats };
    this.first = new ForwardPass(
      (params, stats, batch) => {
        const { map } = pictureMap(params, stats, leafAt(batch, 'image'), { config, ...mode });
        const own = branchAt(params, 'head');
        const rows = centerRows(own, branchAt(stats, 'head'), map, { ...config.headBatchNorm, ...mode });
        return { map, peaks: rows.peaks, ...sayOf(own, rows.features) };
      },
      trained,
      options,
    );
    this.second = new ForwardPass(
      (params, stats, batch) => regionPass(params, stats, batch, config),
      trained,
      options,
    );
    this.logScales =
      scoreHead === undefined
        ? PLAIN_LOG_SCALES
        : leafAt(branchAt(tensors.params, 'scoreHead'), 'logScales').data;
    if (scoreHead === undefined) return;
    this.scoring = new ForwardPass(
      (params, stats, batch) => ({
        score: tf.sigmoid(scoreLogits(params, stats, leafAt(batch, 'evidence'), leafAt(batch, 'features'))),
      }),
      { params: scoreHead as Tree<HostTensor>, stats: standards as Tree<HostTensor> },
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
  ): Promise<ExplainedObject[][]> {
    const solved = await this.solve(samples, givenBoxes);
    const scores = await this.scoresOf(solved.flat());
    let next = 0;
    return solved.map((own) => {
      const found = own.map(({ object: { label, maps, evidence } }) => ({
        label: { ...label, score: scores[next++] },
        maps,
        covariance: calibrated(evidence.covariance, this.logScales),
      }));
      return bestOf(found, this.model.config);
    });
  }

  /** The objects of all regions by PnP, with their 2D scores, before they are judged and thinned out. */
  async solve(
    samples: readonly MonorunSample[],
    givenBoxes?: ReadonlyArray<readonly GivenBox[]>,
  ): Promise<SolvedRegion[][]> {
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
    const said = await this.second.run(this.regionBatch(regions, leafAt(outputs, 'map')));
    const values = (name: string) => leafAt(said, name).data as Float32Array;
    return samples.map((sample, b) =>
      regions[b].flatMap((region, r) => {
        const row = b * config.regions + r;
        const part = (name: string, width: number) => values(name).slice(row * width, (row + 1) * width);
        const object = solveRegion(sample, region, {
          classes: config.classes,
          coded: part('coded', CELLS * 3),
          logStd: part('logStd', CELLS * 2),
          size: part('size', 3),
          sizeVariance: part('sizeVariance', 3),
        });
        return object === undefined ? [] : [{ object, features: part('features', config.globalWidth) }];
      }),
    );
  }

  async dispose(): Promise<void> {
    for (const pass of [this.first, this.second, this.scoring]) await pass?.dispose();
  }

  private regionBatch(
    regions: ReadonlyArray<readonly Region[]>,
    map: HostTensor,
  ): { [name: string]: HostTensor } {
    const { config } = this.model;
    const grid = gridOf(config);
    const filled = regions.flatMap((own) =>
      Array.from({ length: config.regions }, (_, r): ImageBox => own[r]?.box ?? [0, 0, 1, 1]),
    );
    const tables = roiTables(filled, grid, REGION_BINS);
    const perSample = config.regions * REGION_BINS * REGION_BINS * 4;
    const cells = tables.cells.map((cell, i) => cell + Math.floor(i / perSample) * grid.width * grid.height);
    const rows = filled.length;
    const [variant, ofClass] = classMasks(regions, config);
    return {
      map,
      cells: int32(cells, [cells.length]),
      weights: float32(tables.weights, [cells.length]),
      variant: float32(variant, [rows, 2 * config.classes.length]),
      regionClass: float32(ofClass, [rows, config.classes.length]),
    };
  }

  /** The scores of at most a batch's regions. */
  private async scoresOf(solved: readonly SolvedRegion[]): Promise<number[]> {
    const plain = solved.map(({ object: { label, evidence } }) =>
      plainScore(label.score!, calibrated(evidence.covariance, this.logScales)),
    );
    if (this.scoring === undefined || solved.length === 0) return plain;
    const { config, batchSize } = this.model;
    const rows = batchSize * config.regions;
    const told = solved.map(({ object: { evidence }, features }) => ({ evidence, features }));
    const said = await this.scoring.run(scoreInputs(told, rows));
    const scores = leafAt(said, 'score').data;
    return solved.map(({ object: { label } }, i) => label.score! * scores[i]);
  }
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
function bestOf(found: readonly ExplainedObject[], config: MonorunConfig): ExplainedObject[] {
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
