import * as tf from '@tensorflow/tfjs-core';
import { type HostTensor, scalar } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import { leavesOf, mapTree, type Tree, treeOf } from '../engine/tree.ts';
import { branchAt, leafAt } from './layer.ts';
import type { Updated } from './moments.ts';
import { initState, type OptimizerOptions, update } from './optimizers.ts';
import { multiplierAt, type Schedule } from './schedules.ts';

/** Parameters that are trained alike. */
export interface ParameterGroup {
  readonly name: string;
  /** Which paths belong to it: a pattern, or prefixes that end where a key does (`encoder/layer1`); [''] takes all. */
  readonly match: RegExp | readonly string[];
  readonly optimizer: OptimizerOptions;
  readonly learningRate: number;
  readonly weightDecay: number;
  /** What the weight decay becomes by the end of the run, along half a cosine; absent, it stays. */
  readonly weightDecayEnd?: number;
  /** Whether the learning rate stays as it is, whatever the schedule. */
  readonly constantRate?: boolean;
  /** They begin to be trained after this share of the run, 0 to 1; until then nothing of them moves. */
  readonly frozenUntil?: number;
}

/** What each group is trained by in one step: scalars under the group's name. */
export interface StepRates<Leaf> {
  readonly learningRates: Tree<Leaf>;
  /** Of the groups that have any. */
  readonly weightDecays?: Tree<Leaf>;
  /** 0 while a group is frozen, then 1; of the groups that are frozen for a while. */
  readonly active?: Tree<Leaf>;
}

/** The group of every parameter, the first that matches. Throws an InputError where none does, or two have one name. */
export function groupOfEach(
  groups: readonly ParameterGroup[],
  paths: readonly string[],
): ReadonlyMap<string, ParameterGroup> {
  const names = groups.map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (repeated !== undefined) {
    throw new InputError({
      file: 'parameter groups',
      expected: 'different names',
      found: `'${repeated}' twice`,
    });
  }
  return new Map(
    paths.map((path) => {
      const group = groups.find(({ match }) => matches(match, path));
      if (group === undefined) {
        throw new InputError({
          file: 'parameter groups',
          place: `parameter '${path}'`,
          expected: 'a group that takes it',
          found: `groups that do not: ${names.join(', ') || 'none'}`,
        });
      }
      return [path, group];
    }),
  );
}

/** The state of all optimizers before the first step, a branch for each group that has parameters, by its name. */
export function initOptimizer(groups: readonly ParameterGroup[], params: Tree<HostTensor>): Tree<HostTensor> {
  return Object.fromEntries(
    partition(groups, params).map(([group, own]) => [group.name, initState(group.optimizer, own)]),
  );
}

/** One step of every group's optimizer. */
export function updateParameters(
  groups: readonly ParameterGroup[],
  params: Tree<tf.Tensor>,
  grads: ReadonlyMap<string, tf.Tensor>,
  state: Tree<tf.Tensor>,
  { learningRates, weightDecays = {}, active = {} }: StepRates<tf.Tensor>,
): Updated {
  const leaves: Array<readonly [string, tf.Tensor]> = [];
  const next: { [group: string]: Tree<tf.Tensor> } = {};
  for (const [group, own] of partition(groups, params)) {
    const { name } = group;
    const scalarIn = (tree: Tree<tf.Tensor>) => leafAt(tree, name) as tf.Scalar;
    const decay = name in weightDecays ? scalarIn(weightDecays) : group.weightDecay;
    const before = branchAt(state, name);
    const hyper = { learningRate: scalarIn(learningRates), weightDecay: decay };
    const updated = update(group.optimizer, own, grads, before, hyper);
    const moves = name in active ? tf.greater(scalarIn(active), 0) : undefined;
    const held = (now: Tree<tf.Tensor>, then: Tree<tf.Tensor>) =>
      moves === undefined ? now : chosen(moves, now, then);
    leaves.push(...leavesOf(held(updated.params, own)));
    next[name] = held(updated.state, before);
  }
  return { params: treeOf(leaves), state: next };
}

/** The learning rate of each group at this progress of a schedule, a scalar under the group's name. */
export function learningRatesAt(
  groups: readonly ParameterGroup[],
  schedule: Schedule,
  progress: number,
): Tree<HostTensor> {
  const multiplier = multiplierAt(schedule, progress);
  return Object.fromEntries(
    groups.map(({ name, learningRate, constantRate }) => [
      name,
      scalar(constantRate ? learningRate : learningRate * multiplier),
    ]),
  );
}

/** What each group is trained by in a step: `progress` of the schedule, and `share` of the run that is done, 0 to 1. */
export function ratesAt(
  groups: readonly ParameterGroup[],
  schedule: Schedule,
  { progress, share }: { readonly progress: number; readonly share: number },
): StepRates<HostTensor> {
  const decaying = groups.filter(
    ({ weightDecay, weightDecayEnd = weightDecay }) => weightDecay !== 0 || weightDecayEnd !== 0,
  );
  const frozen = groups.filter(({ frozenUntil }) => frozenUntil !== undefined);
  return {
    learningRates: learningRatesAt(groups, schedule, progress),
    ...(decaying.length > 0 && {
      weightDecays: Object.fromEntries(
        decaying.map((group) => [group.name, scalar(weightDecayAt(group, share))]),
      ),
    }),
    ...(frozen.length > 0 && {
      active: Object.fromEntries(
        frozen.map(({ name, frozenUntil }) => [name, scalar(share < frozenUntil! ? 0 : 1)]),
      ),
    }),
  };
}

/** A group's weight decay when this share of the run is done: end + (begin - end)·(cos(π·share) + 1)/2. */
export function weightDecayAt(
  { weightDecay, weightDecayEnd = weightDecay }: Pick<ParameterGroup, 'weightDecay' | 'weightDecayEnd'>,
  share: number,
): number {
  return weightDecayEnd + ((weightDecay - weightDecayEnd) * (Math.cos(Math.PI * share) + 1)) / 2;
}

/** The leaves of `now` where `moves` is true, else those of `then`: not even the count of an optimizer's steps goes on. */
function chosen(moves: tf.Tensor, now: Tree<tf.Tensor>, then: Tree<tf.Tensor>): Tree<tf.Tensor> {
  const old = new Map(leavesOf(then));
  return mapTree(now, (leaf, path) => tf.where(moves, leaf, old.get(path)!));
}

function matches(match: RegExp | readonly string[], path: string): boolean {
  if (match instanceof RegExp) return path.search(match) >= 0;
  return match.some((prefix) => prefix === '' || path === prefix || path.startsWith(`${prefix}/`));
}

function partition<Leaf>(
  groups: readonly ParameterGroup[],
  params: Tree<Leaf>,
): Array<[group: ParameterGroup, own: Tree<Leaf>]> {
  const leaves = leavesOf(params);
  const groupOf = groupOfEach(
    groups,
    leaves.map(([path]) => path),
  );
  return groups
    .map((group) => ({ group, own: leaves.filter(([path]) => groupOf.get(path) === group) }))
    .filter(({ own }) => own.length > 0)
    .map(({ group, own }) => [group, treeOf(own)]);
}
