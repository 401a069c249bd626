import type * as tf from '@tensorflow/tfjs-core';
import type { z } from 'zod';
import type { Need } from '../datasets/open-frames.ts';
import type { EncodersConfig } from '../encoders/encoder-config.ts';
import type { Net } from '../encoders/net.ts';
import type { GroupRule, How, Model, OverRanks, StepPlace, Tensors } from '../encoders/trainable.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import type { Views } from '../views/view-config.ts';
import type { Comparison } from './comparison.ts';
import type { OrderReading } from './order-reading.ts';

/** What an objective's loss gives. */
export interface Outcome {
  /** The scalars that the loss is the weighted sum of, by name. */
  readonly terms: { readonly [term: string]: tf.Scalar };
  /** Other scalars worth a curve, by name. */
  readonly metrics?: { readonly [name: string]: tf.Scalar };
  /** The running statistics after this batch; what is left out stays as it is. */
  readonly stats: Tensors;
  /** What `after` needs of the batch, without gradient; over several processes rows are gathered and means averaged. */
  readonly kept?: { readonly rows?: Tensors; readonly means?: Tensors };
}

/**
 * One self-supervised system at work: plain functions over a model. The model that they see has the shared encoders
 * (`imageEncoder`, `pointEncoder`) and the objective's own branches, nothing of other objectives; its `memory` is all its own.
 */
export interface Objective {
  /** What is drawn of each frame: plain data, all that a worker thread needs to know. */
  readonly views: Views;
  /** The value of each term when nothing is learned, or how it follows from the number of frames; null where nobody knows it beforehand. */
  readonly chance: { readonly [term: string]: number | null | ((frames: number) => number) };
  /** What terms are weighed with; 1 where it is not given. */
  readonly termWeights?: { readonly [term: string]: number };
  /** Parameters of its own that are not trained as heads are; paths within the model. */
  readonly groups?: readonly GroupRule[];
  /** Its own parameters, statistics and memory before the first step, and the encoders' values to copy from. */
  initialize(
    random: Random,
    given: { readonly encoders: Model<HostTensor>; readonly frames: number },
  ): Model<HostTensor>;
  /** The numbers that come with a step: momenta, temperatures, random indices; over ranks those of the whole batch. */
  inputs?(place: StepPlace): Tree<HostTensor>;
  /** What changes before the loss; gives its own parameters and memory, as far as they change. */
  before?(model: Model, inputs: Tensors): { readonly params?: Tensors; readonly memory?: Tensors };
  /** The loss of a batch, `batch` having a branch a view and `index` int32 [B]; a pure function in plain tfjs operations. */
  loss(model: Model, batch: Tensors, how: How & { readonly inputs: Tensors }): Outcome;
  /** The memory after the step, from the model with its new parameters. */
  after?(model: Model, kept: NonNullable<Outcome['kept']>, inputs: Tensors): Tensors;
  /** Its projection head, of which fine-tuning can keep the first layers. */
  readonly projection?: Projection;
  /** What it compares, where that can be looked at and measured in a frame. */
  readonly comparison?: Comparison;
  /** How it puts the frames of a clip in order, where it does. */
  readonly order?: OrderReading;
}

/** A head between the encoder's rows and what is compared. */
export interface Projection {
  /** The branch of its parameters and statistics, among the objective's own. */
  readonly name: string;
  /** How many layers it has. */
  readonly layers: number;
  /** The first so many of them, with the names of the whole head, and the width of what they give. */
  first(layers: number): { readonly net: Net; readonly channels: number };
}

/** An option as a paper has it, and as its authors' code does where the two differ. */
export interface OptionFact {
  readonly means: string;
  readonly paper: string;
  readonly code?: string;
}

/** What one file of a system exports: how it is called and cited, what it needs, and how it is made. */
export interface System<Config = unknown> {
  /** Its name, which is its key among a run's objectives. */
  readonly name: string;
  /** Authors, venue and year, and the arXiv number. */
  readonly citation: string;
  /** What it does, in a sentence or two. */
  readonly summary: string;
  readonly needs: readonly Need[];
  /** Whether it learns from a frozen image encoder of another run, whose configuration is its option and whose values are in its memory, both as `teacher`. */
  readonly teacher?: true;
  /** Whether it learns from boxes of pictures that belong together, whose file's SHA-256 is its option `correspondences`; the run keeps the file. */
  readonly correspondences?: true;
  /** How it is trained over ranks, where its loss was shown to be that of the whole batch on any number of them. */
  readonly ranks?: OverRanks;
  /** Its configuration, as a run has it under the system's name. */
  readonly schema: z.ZodType<Config>;
  /** What its options mean, with the values of paper and authors' code; one inside of another is `outer.inner`. */
  readonly options: { readonly [option: string]: OptionFact };
  /** What carries a gradient, and what does not. */
  readonly gradient: string;
  /** Whole runs by name; the options of the first are those that the system has where a run gives no others. */
  readonly presets: { readonly [name: string]: Preset };
  /** The label of its random numbers, its name by default. */
  readonly drawnAs?: string;
  make(config: Config, given: Given): Objective;
}

/** What an objective is made for. */
export interface Given {
  readonly encoders: EncodersConfig;
  readonly batchSize: number;
}

/** A whole run under a name. */
export interface Preset {
  /** What it is for, what it costs and what comes of it. */
  readonly about: string;
  /** The run's configuration. */
  readonly run: unknown;
  /** The presets of other runs that it begins with, of the same pictures. */
  readonly begins?: PresetBeginning;
}

/** The presets whose runs another one begins with. */
export interface PresetBeginning {
  /** Of the run whose image encoder it learns from (`pretrain --teacher`). */
  readonly teacher?: string;
  /** Of the run whose encoders it begins with (`pretrain --from`). */
  readonly from?: string;
  /** Of the run whose encoder matches the boxes of pictures (`correspond`, and then `pretrain --correspondences`). */
  readonly correspondences?: string;
}

/** A system whose configuration's type is known in its own file alone. */
export function system<Config>(declared: System<Config>): System {
  return declared as unknown as System;
}

/** The options that a system begins with where a run only names it: those of its first preset. */
export function defaultOptions({ name, presets }: System): unknown {
  const [{ run }] = Object.values(presets);
  return (run as { readonly objectives: { readonly [system: string]: unknown } }).objectives[name];
}
