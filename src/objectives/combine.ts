import * as tf from '@tensorflow/tfjs-core';
import type { DataSelection } from '../datasets/data-selection.ts';
import type { SourceReference } from '../datasets/loader-source.ts';
import type { EncodersConfig } from '../encoders/encoder-config.ts';
import { initEncoders } from '../encoders/encoders.ts';
import type { GroupRule, LossResult, Model, StepPlace, Tensors, Trainable } from '../encoders/trainable.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Random } from '../engine/random.ts';
import type { Tree } from '../engine/tree.ts';
import { branchOrNone, type Initialized } from '../nn/layer.ts';
import { collateViews } from '../views/collate-views.ts';
import { type ViewSourceOptions, viewSourceReference } from '../views/draw-views.ts';
import type { DrawnSample } from '../views/drawn-view.ts';
import type { Views } from '../views/view-config.ts';
import type { Objective, Outcome } from './objective.ts';

/** Branches that all objectives share. */
const ENCODERS = ['imageEncoder', 'pointEncoder'];

/** An objective under its name, and the weight of its loss. */
export interface Part {
  readonly name: string;
  readonly objective: Objective;
  readonly weight: number;
  /** The label of its random numbers. */
  readonly drawnAs: string;
}

/** What losses are when nothing is learned: each term's that is known, and the total where all of them are, else null. */
export interface Chance {
  readonly total: number | null;
  readonly terms: { readonly [term: string]: number };
}

/** One or several objectives on the same encoders, as a training loop takes them. */
export interface Pretraining extends Trainable<DrawnSample> {
  readonly parts: readonly Part[];
  readonly encoders: EncodersConfig;
  /** The views of all objectives, as `objective/view`. */
  readonly views: Views;
  /** The value of each term, and of the total, when nothing is learned, for a data set of so many frames. */
  chance(frames: number): Chance;
  readonly groups: readonly GroupRule[];
  /** The factory of its views; `beside` has what they need beside the frames. */
  source(data: DataSelection, beside?: Pick<ViewSourceOptions, 'correspondences'>): SourceReference;
  /** The model before the first step, for a data set of so many frames; with encoders that begin otherwise than drawn. */
  initialize(
    random: Random,
    options: { readonly frames: number; readonly encoders?: Initialized },
  ): Model<HostTensor>;
}

/**
 * Objectives on shared encoders: they run in their order and hand the running statistics on; the loss is the sum of weight
 * times term. The terms of a single objective have their own names, those of several are `objective/term`. Over ranks `batchSize` is
 * the whole batch, of which each rank collates its share.
 */
export function combine(
  parts: readonly Part[],
  {
    encoders,
    batchSize,
    ranks = 1,
  }: { readonly encoders: EncodersConfig; readonly batchSize: number; readonly ranks?: number },
): Pretraining {
  const single = parts.length === 1;
  const termName = (part: Part, term: string) => (single ? term : `${part.name}/${term}`);
  const factorOf = ({ objective, weight }: Part, term: string) =>
    weight * (objective.termWeights?.[term] ?? 1);
  const views: Views = Object.fromEntries(
    parts.flatMap(({ name, objective }) =>
      Object.entries(objective.views).map(([view, config]) => [`${name}/${view}`, config]),
    ),
  );
  return {
    name: parts.map(({ name }) => name).join(' + '),
    parts,
    encoders,
    batchSize,
    views,
    chance: (frames) => {
      const chances = parts.flatMap((part) =>
        Object.entries(part.objective.chance).map(([term, level]) => {
          const value = typeof level === 'function' ? level(frames) : level;
          return { name: termName(part, term), value, factor: factorOf(part, term) };
        }),
      );
      return {
        total: chances.reduce<number | null>(
          (sum, { value, factor }) => (sum === null || value === null ? null : sum + factor * value),
          0,
        ),
        terms: Object.fromEntries(
          chances.flatMap(({ name, value }) => (value === null ? [] : [[name, value] as const])),
        ),
      };
    },
    groups: parts.flatMap(({ name, objective }) =>
      (objective.groups ?? []).map((rule) => ({
        ...rule,
        match: rule.match.map((prefix) => `${name}/${prefix}`),
      })),
    ),
    source: (data, beside) => viewSourceReference({ data, views, ...beside }),
    collate: (samples) => {
      const rows = batchSize / ranks;
      if (samples.length !== rows) throw new Error(`${samples.length} samples for a batch of ${rows}`);
      return collateViews(samples, views);
    },

    initialize: (random, { frames, encoders: begun = initEncoders(random, encoders) }) => {
      const shared: Model<HostTensor> = { ...begun, memory: {} };
      const made = parts.map(({ name, objective, drawnAs }) => {
        const own = objective.initialize(random.fork(drawnAs), { encoders: shared, frames });
        return [name, own] as const;
      });
      const each = (part: keyof Model) => ({
        ...shared[part],
        ...Object.fromEntries(
          made.flatMap(([name, own]) => (Object.keys(own[part]).length > 0 ? [[name, own[part]]] : [])),
        ),
      });
      return { params: each('params'), stats: each('stats'), memory: each('memory') };
    },

    inputs: (place: StepPlace) => {
      const made: { [name: string]: Tree<HostTensor> } = {};
      for (const { name, objective } of parts) {
        const own = objective.inputs?.({ ...place, random: place.random.fork(name) });
        if (own !== undefined) made[name] = own;
      }
      return made;
    },

    before: (model, inputs) => {
      let { params, memory } = model;
      for (const { name, objective } of parts) {
        const changed = objective.before?.(seenBy(name, model), branchOrNone(inputs, name)) ?? {};
        if (changed.params !== undefined) params = { ...params, [name]: changed.params };
        if (changed.memory !== undefined) memory = { ...memory, [name]: changed.memory };
      }
      return { ...model, params, memory };
    },

    loss: (model, batch, how): LossResult => {
      let { stats } = model;
      const terms: { [term: string]: tf.Scalar } = {};
      const metrics: { [metric: string]: tf.Scalar } = {};
      const kept: { [name: string]: Tensors } = {};
      const weighted: tf.Tensor[] = [];
      for (const part of parts) {
        const { name, objective } = part;
        const inputs = branchOrNone(how.inputs ?? {}, name);
        const own = { ...branchOrNone(batch, name), index: batch.index };
        const result = objective.loss(seenBy(name, { ...model, stats }), own, { ...how, inputs });
        stats = withStats(stats, name, result.stats);
        if (result.kept !== undefined) kept[name] = keptTree(result.kept);
        for (const [term, value] of Object.entries(result.terms)) {
          terms[termName(part, term)] = value;
          const factor = factorOf(part, term);
          weighted.push(factor === 1 ? value : tf.mul(value, factor));
        }
        for (const [metric, value] of Object.entries(result.metrics ?? {}))
          metrics[termName(part, metric)] = value;
      }
      const loss = weighted.reduce((sum, value) => tf.add(sum, value)) as tf.Scalar;
      return { loss, terms, metrics, stats, kept };
    },

    after: (model, kept, inputs) => {
      let { memory } = model;
      for (const { name, objective } of parts) {
        if (objective.after === undefined) continue;
        const next = objective.after(
          seenBy(name, model),
          branchOrNone(kept, name),
          branchOrNone(inputs, name),
        );
        memory = { ...memory, [name]: next };
      }
      return memory;
    },
  };
}

/** The model as one objective sees it: the encoders, and its own branches beside them. */
export function seenBy<Leaf>(name: string, { params, stats, memory }: Model<Leaf>): Model<Leaf> {
  const seen = (tree: Tree<Leaf>): Tree<Leaf> => ({
    ...Object.fromEntries(ENCODERS.flatMap((encoder) => (encoder in tree ? [[encoder, tree[encoder]]] : []))),
    ...branchOrNone(tree, name),
  });
  return { params: seen(params), stats: seen(stats), memory: branchOrNone(memory, name) };
}

/** Statistics as an objective gives them, put where the model has them; what it does not give stays. */
function withStats(stats: Tensors, name: string, given: Tensors): Tensors {
  const next: { [branch: string]: Tensors[string] } = { ...stats };
  const own: { [branch: string]: Tensors[string] } = { ...branchOrNone(stats, name) };
  for (const [branch, value] of Object.entries(given))
    (ENCODERS.includes(branch) ? next : own)[branch] = value;
  if (Object.keys(own).length > 0) next[name] = own;
  return next;
}

function keptTree({ rows, means }: NonNullable<Outcome['kept']>): Tensors {
  return { ...(rows && { rows }), ...(means && { means }) };
}
