import * as tf from '@tensorflow/tfjs-core';
import { chain, linearNet, type Net, normNet, type Running, reluNet, running } from '../../encoders/net.ts';
import type { How, Model, Tensors } from '../../encoders/trainable.ts';
import { type HostTensor, scalar } from '../../engine/host-tensor.ts';
import type { BatchNormOptions } from '../../nn/batch-norm.ts';
import { branchAt, type Initialized, leafAt } from '../../nn/layer.ts';
import type { Objective, Outcome, Projection } from '../objective.ts';
import { meanCosine } from './cosine.ts';
import { followed, followerIn, followerOf, risingMomentum } from './momentum.ts';

/** The networks that the target has its own of. */
const NETS = ['imageEncoder', 'projector'];

/** The widths of projector and predictor: between their two layers, and of what is compared. */
export interface HeadWidths {
  readonly hidden: number;
  readonly dimensions: number;
}

/** Linear, batch norm, ReLU, and linear without a bias: a projector or a predictor (Grill et al. 2020). */
export function predictionHead(
  inputs: number,
  { hidden, dimensions }: HeadWidths,
  norm: BatchNormOptions,
): Net {
  return chain(...headLayers(inputs, { hidden, dimensions }, norm).flat());
}

/** The projector of such a system, as what keeps a part of it takes it. */
export function projectorOf(inputs: number, widths: HeadWidths, norm: BatchNormOptions): Projection {
  const layers = headLayers(inputs, widths, norm);
  return {
    name: 'projector',
    layers: layers.length,
    first: (count) => ({
      net: chain(...layers.slice(0, count).flat()),
      channels: [inputs, widths.hidden, widths.dimensions][count],
    }),
  };
}

function headLayers(inputs: number, { hidden, dimensions }: HeadWidths, norm: BatchNormOptions): Net[][] {
  return [
    [linearNet({ inputs, outputs: hidden }), normNet(hidden, norm), reluNet],
    [linearNet({ inputs: hidden, outputs: dimensions, bias: false })],
  ];
}

/** A target that begins as the online encoder and projector do, for the memory. */
export function targetLikeOnline(
  shared: Pick<Model<HostTensor>, 'params' | 'stats'>,
  own: Initialized,
): ReturnType<typeof followerOf> {
  const online = { params: { ...shared.params, ...own.params }, stats: { ...shared.stats, ...own.stats } };
  return followerOf(online, NETS);
}

/** Two views of the same, or of what is alike, and the predictor that goes from one to the other. */
export interface PredictedPair {
  readonly views: readonly [first: tf.Tensor, second: tf.Tensor];
  /** The branch of its parameters. */
  readonly name: string;
  readonly predictor: Net;
}

/**
 * An online and a target network at work on a batch. Batch norms of the target take the statistics of its batch, as those of
 * the online network do.
 */
export function onlineAndTarget(
  model: Model,
  how: How,
  { encoder, projector }: { readonly encoder: Net; readonly projector: Net },
): {
  /** ‖p₁ - t₂‖² + ‖p₂ - t₁‖², 0 to 8, and what the online projector makes of the first view [N, D]. */
  regression(pair: PredictedPair): { readonly loss: tf.Scalar; readonly rows: tf.Tensor };
  readonly online: Running;
  readonly target: Running;
} {
  const online = running(model, how);
  const target = running(followerIn(model.memory, 'target'), how);
  const projected = (nets: Running, x: tf.Tensor) =>
    nets.of('projector', projector, nets.of('imageEncoder', encoder, x)); // [N, D]
  return {
    online,
    target,
    regression: ({ views: [x1, x2], name, predictor }) => {
      const [z1, z2] = [projected(online, x1), projected(online, x2)];
      const [p1, p2] = [z1, z2].map((rows) => online.of(name, predictor, rows));
      const [t1, t2] = [projected(target, x1), projected(target, x2)];
      return { loss: tf.add(regression(p1, t2), regression(p2, t1)) as tf.Scalar, rows: z1 };
    },
  };
}

/** One direction, 0 to 4: the mean over rows [N, D] of ‖p/‖p‖ - t/‖t‖‖² = 2 - 2·cos. Gradient flows to the predictions alone. */
export function regression(predictions: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  return tf.sub(2, tf.mul(meanCosine(predictions, targets), 2)) as tf.Scalar;
}

/** What a target needs of an objective: a momentum that begins there and rises to 1, and the step that follows after the optimizer, towards the new parameters. */
export function followingTarget(momentum: number): Required<Pick<Objective, 'inputs' | 'after'>> {
  return {
    inputs: ({ progress }) => ({ momentum: scalar(risingMomentum(momentum, progress)) }),
    after: (model: Model, { means }: NonNullable<Outcome['kept']>, inputs: Tensors) => {
      const { params } = followed(
        followerIn(model.memory, 'target'),
        model,
        leafAt(inputs, 'momentum') as tf.Scalar,
      );
      return { target: { params, stats: branchAt(means!, 'stats') } };
    },
  };
}
