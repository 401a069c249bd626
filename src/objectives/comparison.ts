import type * as tf from '@tensorflow/tfjs-core';
import type { Model } from '../encoders/trainable.ts';
import type { PointPairView } from '../views/point-pair.ts';
import type { Objective } from './objective.ts';

/** One way of looking for partners, and the metric of a loss that counts how often they are found. */
export interface RetrievalTask {
  readonly task: 'intra-modal' | 'cross-modal';
  /** The number of nearest candidates among which the partner has to be. */
  readonly places: number;
  readonly metric: string;
}

/**
 * What an objective compares in a frame: places of two views of its sweep, and pixels of its picture. The rows that come
 * out are L2-normalised, and those of `across` and `pixels` have one width.
 */
export interface Comparison {
  /** How the two views and the picture are drawn, and who belongs to whom. */
  readonly view: PointPairView;
  /** Features of places [M, C] as they are compared with places of the other view, and with pixels. */
  places(model: Model, features: tf.Tensor): { readonly within: tf.Tensor; readonly across: tf.Tensor };
  /** Features of pixels [R, C] as they are compared with places. */
  pixels(model: Model, features: tf.Tensor): tf.Tensor;
  /** The same objective, where pairs farther apart than `gateM` metres or outside of the picture do not count, and its tasks. */
  retrieval(gateM: number): {
    readonly objective: Objective;
    /** The candidates that each query is compared with. */
    readonly pool: number;
    readonly tasks: readonly RetrievalTask[];
  };
}
