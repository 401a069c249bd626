import type * as tf from '@tensorflow/tfjs-core';
import type { DataSelection } from '../datasets/data-selection.ts';
import type { SourceReference } from '../datasets/loader-source.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import type { Initialized, Mode } from '../nn/layer.ts';

/** What a forward pass of an objective gives. */
export interface ObjectiveResult {
  /** The scalar that is minimised. */
  readonly loss: tf.Scalar;
  /** The scalars that it is the weighted sum of, by name. */
  readonly terms: Tree<tf.Tensor>;
  /** Other scalars worth a curve, by name. */
  readonly metrics: Tree<tf.Tensor>;
  /** The running statistics after this batch. */
  readonly stats: Tree<tf.Tensor>;
}

/**
 * What a training loop trains: how its samples are stacked, what it learns, and its loss.
 * `Sample` is plain data with typed arrays, made in worker threads.
 */
export interface Trainable<Sample> {
  readonly name: string;
  /** Samples a batch; every shape in a batch follows from it. */
  readonly batchSize: number;
  /** The factory of a `SampleSource<Sample>` for frames under a folder, for worker threads to import. */
  source(data: DataSelection): SourceReference;
  /** Stacks samples, exactly `batchSize` of them. */
  collate(samples: readonly Sample[]): Tree<HostTensor>;
  /** Parameters and running statistics before the first step. */
  initialize(random: Random): Initialized;
  /** The loss of a batch; a pure function in plain tfjs operations. */
  loss(params: Tree<tf.Tensor>, stats: Tree<tf.Tensor>, batch: Tree<tf.Tensor>, mode: Mode): ObjectiveResult;
}

/** One self-supervised system: how it makes its samples, what it learns from them, and the loss of knowing nothing. */
export interface Objective<Sample> extends Trainable<Sample> {
  /** The value of each term, and of the total, when nothing is learned. */
  readonly chance: { readonly total: number; readonly terms: { readonly [term: string]: number } };
}
