import type * as tf from '@tensorflow/tfjs-core';
import type { DataSelection } from '../datasets/data-selection.ts';
import type { SourceReference } from '../datasets/loader-source.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import type { BatchNormScope } from '../nn/batch-norm.ts';
import type { Mode } from '../nn/layer.ts';

/** A tree of tensors inside a step. */
export type Tensors = Tree<tf.Tensor>;

/** A model: what is learned, what is observed, and whatever else is remembered between two steps. */
export interface Model<Leaf = tf.Tensor> {
  /** Parameters: gradients are taken with respect to these alone. */
  readonly params: Tree<Leaf>;
  /** Running statistics of batch norms, at the same paths. */
  readonly stats: Tree<Leaf>;
  /** Momentum encoders, queues, banks, prototypes' codes, centres, counters. */
  readonly memory: Tree<Leaf>;
}

/** How something is trained whose batches are shared out among ranks: it was shown to compute what it computes on one. */
export interface OverRanks {
  /** Over which rows its batch norms normalise, where the run's configuration says nothing else. */
  readonly batchNorm: BatchNormScope;
}

/** How a loss is computed: the mode of its layers, and the numbers that come with the step. */
export interface How extends Mode {
  /** Momenta, temperatures, random numbers: what `inputs` made for this step. */
  readonly inputs?: Tensors;
}

/** What a forward pass gives. */
export interface LossResult {
  /** The scalar that is minimised. */
  readonly loss: tf.Scalar;
  /** The scalars that it is the weighted sum of, by name. */
  readonly terms: Tensors;
  /** Other scalars worth a curve, by name. */
  readonly metrics: Tensors;
  /** The running statistics after this batch. */
  readonly stats: Tensors;
  /** What `after` needs of the batch, without gradient. */
  readonly kept?: Tensors;
}

/** Where a run stands before a step. */
export interface StepPlace {
  /** Steps done. */
  readonly step: number;
  /** Epochs done, with their fraction. */
  readonly epoch: number;
  /** The share of all steps that is done, 0 to 1. */
  readonly progress: number;
  /** A generator of this step's own. */
  readonly random: Random;
}

/** What a step is made of, in the order in which it runs: `before`, the loss and its gradient, the optimizers, `after`. */
export interface Learner {
  /** The numbers that come with a step, beside the batch. */
  inputs?(place: StepPlace): Tree<HostTensor>;
  /** What changes before the loss, such as a momentum encoder that follows; gives the model that the loss sees. */
  before?(model: Model, inputs: Tensors): Model;
  /** The loss of a batch; a pure function in plain tfjs operations. */
  loss(model: Model, batch: Tensors, how: How): LossResult;
  /** The memory after the step, from the model with its new parameters and statistics. */
  after?(model: Model, kept: Tensors, inputs: Tensors): Tensors;
}

/** Parameters that are trained otherwise than their path says. */
export interface GroupRule {
  /** Prefixes of paths. */
  readonly match: readonly string[];
  /** The optimizer that they are trained by. */
  readonly as: 'image' | 'points' | 'heads';
  /** What their learning rate is multiplied by, 1 by default; with another, or what follows, they are a group of their own. */
  readonly rate?: number;
  /** Whether their learning rate stays as it begins, whatever the schedule. */
  readonly constantRate?: boolean;
  /** They begin to be trained after this share of the run, 0 to 1. */
  readonly frozenUntil?: number;
}

/**
 * What a training loop trains: how its samples are stacked, what it learns, and its loss.
 * `Sample` is plain data with typed arrays, made in worker threads.
 */
export interface Trainable<Sample> extends Learner {
  readonly name: string;
  /** Samples a batch; every shape in a batch follows from it. */
  readonly batchSize: number;
  /** The factory of a `SampleSource<Sample>` for frames under a folder, for worker threads to import. */
  source(data: DataSelection): SourceReference;
  /** Stacks samples, exactly `batchSize` of them. */
  collate(samples: readonly Sample[]): Tree<HostTensor>;
}
