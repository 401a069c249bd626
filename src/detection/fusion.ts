import type * as tf from '@tensorflow/tfjs-core';
import { sampleFeatures } from '../encoders/sample-features.ts';
import type { LossResult, Model } from '../encoders/trainable.ts';
import { float32, type HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt, type Initialized, leafAt, type Mode } from '../nn/layer.ts';
import { stackFloats, stackTables } from '../views/stack-points.ts';
import { ConfiguredDetector } from './configured-detector.ts';
import {
  type Detector,
  ForwardPass,
  type ModelTensors,
  onePassPredictor,
  type PredictorOptions,
} from './detector.ts';
import type { FusionConfig } from './fusion-config.ts';
import type { FusionSample } from './fusion-sample.ts';
import { gridOf } from './image3d-sample.ts';
import { weightedTotal } from './losses.ts';
import { initPictureEncoder, pictureMap } from './picture-encoder.ts';
import { collatePoints } from './point-batch.ts';
import { initPointBranch, pointBranch } from './point-branch.ts';
import { decodePoints } from './point-decode.ts';
import { type PointPredictions, pointLosses } from './point-head.ts';

type Tensors = Tree<tf.Tensor>;

/**
 * A detector over points and pictures: `point3d` whose candidates also have the picture's features at the pixels where
 * they are seen. It is the fusion that Li et al. (2022) fine-tune with, PointFusion as in MVX-Net (Sindagi et
 * al. 2019), but for where it joins: candidates instead of input points, so that both encoders stay those of pretraining.
 */
export class Fusion extends ConfiguredDetector<FusionConfig> implements Detector<FusionSample> {
  readonly name = 'fusion';
  readonly ranks = { batchNorm: 'synchronised' } as const;

  collate(samples: readonly FusionSample[]): Tree<HostTensor> {
    const { width, height } = this.config.image;
    const grid = gridOf(this.config);
    const cells = stackTables(
      samples.map((sample) => sample.cells),
      grid.width * grid.height,
    );
    const canvas = stackFloats(samples, (sample) => sample.canvas);
    return {
      ...collatePoints(samples, this.config),
      image: float32(canvas, [samples.length, height, width, 3]),
      cells,
      cellWeights: float32(
        stackFloats(samples, (sample) => sample.cellWeights),
        cells.shape,
      ),
    };
  }

  initialize(random: Random): Initialized {
    const picture = initPictureEncoder(random, this.config);
    const points = initPointBranch(random, this.config, this.config.channels);
    return {
      params: { ...picture.params, ...points.params },
      stats: { ...picture.stats, ...points.stats },
    };
  }

  loss({ params, stats }: Pick<Model, 'params' | 'stats'>, batch: Tensors, mode: Mode): LossResult {
    const { config } = this;
    const { predictions, stats: next } = fusionPredictions(params, stats, batch, { config, ...mode });
    const { terms, metrics } = pointLosses(predictions, branchAt(batch, 'targets'));
    return { loss: weightedTotal(terms, config.lossWeights), terms, metrics, stats: next };
  }

  async predictor(model: ModelTensors, options?: PredictorOptions) {
    const { config } = this;
    const evaluated = { config, training: false };
    const pass = new ForwardPass(
      (params, stats, batch) => ({ ...fusionPredictions(params, stats, batch, evaluated).predictions }),
      model,
      options,
    );
    return onePassPredictor<FusionSample>({
      detector: this,
      pass,
      decode: (outputs, samples) => decodePoints(outputs, samples, config),
    });
  }
}

/** What the head says of the candidates of a batch, as `collate` stacks it, and the next running statistics. */
export function fusionPredictions(
  params: Tensors,
  stats: Tensors,
  batch: Tensors,
  { config, training }: Mode & { readonly config: FusionConfig },
): { readonly predictions: PointPredictions; readonly stats: Tensors } {
  const picture = pictureMap(params, stats, leafAt(batch, 'image'), { config, training });
  const extra = sampleFeatures(picture.map, leafAt(batch, 'cells'), leafAt(batch, 'cellWeights'));
  const { predictions, stats: own } = pointBranch(params, stats, batch, { config, extra, training });
  return { predictions, stats: { ...picture.stats, ...own } };
}
