import type * as tf from '@tensorflow/tfjs-core';
import type { LossResult, Model } from '../encoders/trainable.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { branchAt, type Initialized, type Mode } from '../nn/layer.ts';
import { ConfiguredDetector } from './configured-detector.ts';
import {
  type Detector,
  ForwardPass,
  type ModelTensors,
  onePassPredictor,
  type PredictorOptions,
} from './detector.ts';
import { weightedTotal } from './losses.ts';
import { collatePoints } from './point-batch.ts';
import { initPointBranch, pointBranch } from './point-branch.ts';
import { decodePoints } from './point-decode.ts';
import { pointLosses } from './point-head.ts';
import type { PointSample } from './point-sample.ts';
import type { Point3dConfig } from './point3d-config.ts';

type Tensors = Tree<tf.Tensor>;

/**
 * A detector over points alone, of the kind of 3DSSD (Yang et al. 2020): a head says of each of some sampled points of
 * a PointNet++ whether it belongs to an object, and where that object's box is. What depends on coordinates alone, which
 * points are candidates and what they are of, is settled with the sample; there is no second grouping around shifted
 * candidates as in 3DSSD, because that would depend on what the network says.
 */
export class Point3d extends ConfiguredDetector<Point3dConfig> implements Detector<PointSample> {
  readonly name = 'point3d';
  readonly ranks = { batchNorm: 'synchronised' } as const;

  collate(samples: readonly PointSample[]): Tree<HostTensor> {
    return collatePoints(samples, this.config);
  }

  initialize(random: Random): Initialized {
    return initPointBranch(random, this.config);
  }

  loss({ params, stats }: Pick<Model, 'params' | 'stats'>, batch: Tensors, mode: Mode): LossResult {
    const { config } = this;
    const { predictions, stats: next } = pointBranch(params, stats, batch, { config, ...mode });
    const { terms, metrics } = pointLosses(predictions, branchAt(batch, 'targets'));
    return { loss: weightedTotal(terms, config.lossWeights), terms, metrics, stats: next };
  }

  async predictor(model: ModelTensors, options?: PredictorOptions) {
    const { config } = this;
    const pass = new ForwardPass(
      (params, stats, batch) => ({
        ...pointBranch(params, stats, batch, { config, training: false }).predictions,
      }),
      model,
      options,
    );
    return onePassPredictor<PointSample>({
      detector: this,
      pass,
      decode: (outputs, samples) => decodePoints(outputs, samples, config),
    });
  }
}
