import type { Need } from '../datasets/open-frames.ts';
import { initEncoders } from '../encoders/encoders.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import { Random } from '../engine/random.ts';
import { leavesOf, type Tree } from '../engine/tree.ts';
import type { Chance } from '../objectives/combine.ts';
import type { OptionFact, System } from '../objectives/objective.ts';
import { systems } from '../objectives/systems.ts';
import { unknownName } from '../training/config-keys.ts';
import { createPretraining } from '../training/create-pretraining.ts';
import { presetOf } from '../training/presets.ts';
import { describeView } from './describe-view.ts';

/** A self-supervised system in a line: how it is called and cited, the runs that it comes with, and what it needs of a frame. */
export interface MethodEntry {
  readonly name: string;
  readonly citation: string;
  /** Names of presets. */
  readonly presets: readonly string[];
  readonly needs: readonly Need[];
}

/** What a system remembers between two steps: a tensor by its shape, or a branch of many by how many. */
export type Memory =
  | { readonly branch: string; readonly dtype: string; readonly shape: ReadonlyArray<number | string> }
  | { readonly branch: string; readonly tensors: number; readonly values: number };

/** A preset of a system: what it is for, and what follows from its configuration. */
export interface MethodRun {
  readonly preset: string;
  /** What it is for, and what it costs. */
  readonly about: string;
  /** The loss of a network that has learned nothing, and its terms before they are weighed; of 1,000 frames where that matters. */
  readonly nothingLearned: Chance;
  readonly memory: readonly Memory[];
  /** In words, by the name of the view. */
  readonly views: { readonly [view: string]: string };
}

/** All that a system declares, with some of its presets. */
export interface Method extends MethodEntry {
  readonly summary: string;
  /** What carries a gradient, and what does not. */
  readonly gradient: string;
  /** Its options, and the values of them in each preset. */
  readonly options: ReadonlyArray<
    OptionFact & { readonly option: string; readonly values: { readonly [preset: string]: unknown } }
  >;
  readonly runs: readonly MethodRun[];
}

/** Every system in a line. */
export function listMethods(): MethodEntry[] {
  return systems.map(entryOf);
}

/** Every system with all of its presets. */
export function allMethods(): Method[] {
  return systems.map((system) => explained(system, Object.keys(system.presets)));
}

/**
 * The system of a name, with all of its presets; or of a preset's name, whole (`moco-v2-cifar`) or without its data set
 * (`moco-v2`), with that. Throws an InputError with the nearest name.
 */
export function explainMethod(name: string): Method {
  const named = systems.find((system) => system.name === name);
  if (named !== undefined) return explained(named, Object.keys(named.presets));
  for (const called of [(preset: string) => preset, withoutDataSet]) {
    for (const system of systems) {
      const presets = Object.keys(system.presets).filter((preset) => called(preset) === name);
      if (presets.length > 0) return explained(system, presets);
    }
  }
  const known = systems.flatMap((system) => [
    system.name,
    ...Object.keys(system.presets).flatMap((preset) => [withoutDataSet(preset), preset]),
  ]);
  throw unknownName('methods', name, [...new Set(known)]);
}

function withoutDataSet(preset: string): string {
  return preset.slice(0, Math.max(preset.lastIndexOf('-'), 0)) || preset;
}

function entryOf({ name, citation, presets, needs }: System): MethodEntry {
  return { name, citation, presets: Object.keys(presets), needs };
}

function explained(system: System, presets: readonly string[]): Method {
  const valuesOf = (option: string) =>
    presets.map((preset) => [preset, valueAt(presetOf(preset)!.objectives[system.name], option.split('.'))]);
  return {
    ...entryOf(system),
    presets,
    summary: system.summary,
    gradient: system.gradient,
    options: Object.entries(system.options).map(([option, fact]) => ({
      option,
      ...fact,
      values: Object.fromEntries(valuesOf(option)),
    })),
    runs: presets.map((preset) => runOf(system, preset)),
  };
}

function runOf({ name, presets }: System, preset: string): MethodRun {
  const config = presetOf(preset)!;
  const pretraining = createPretraining(config, config.batchSize);
  const { objective } = pretraining.parts.find((part) => part.name === name)!;
  let made: Parameters<typeof objective.initialize>[1]['encoders'] | undefined;
  const memoryFor = (frames: number) =>
    objective.initialize(Random.fromSeed(0), {
      frames,
      // Millions of random numbers, which most systems do not ask for.
      get encoders() {
        made ??= { ...initEncoders(Random.fromSeed(0), config.encoders), memory: {} };
        return made;
      },
    }).memory;
  return {
    preset,
    about: presets[preset].about,
    nothingLearned: pretraining.chance(someFrames),
    memory: memoryOf(memoryFor),
    views: Object.fromEntries(
      Object.entries(objective.views).map(([view, drawn]) => [view, describeView(drawn)]),
    ),
  };
}

/** The size of the data set that is taken where something depends on it. */
const someFrames = 1000;

/** Up to so many tensors, the branches of a memory are listed tensor by tensor. */
const few = 4;

/** The branches of a memory; sizes that grow with the data set are marked as such. */
function memoryOf(memoryFor: (frames: number) => Tree<HostTensor>): Memory[] {
  const memory = memoryFor(someFrames);
  const grown = new Map(leavesOf(memoryFor(someFrames + 1)));
  const shapeOf = (path: string, { shape }: HostTensor) =>
    shape.map((size, axis) => {
      const growth = grown.get(path)!.shape[axis] - size;
      return growth === 0 ? size : growth === 1 ? 'frames' : `${growth} x frames`;
    });
  return Object.entries(memory).flatMap(([branch, inner]): Memory[] => {
    const leaves = leavesOf<HostTensor>({ [branch]: inner });
    if (leaves.length > few) {
      const values = leaves.reduce((sum, [, { data }]) => sum + data.length, 0);
      return [{ branch, tensors: leaves.length, values }];
    }
    return leaves.map(([path, leaf]) => ({ branch: path, dtype: leaf.dtype, shape: shapeOf(path, leaf) }));
  });
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (inner as { [key: string]: unknown } | undefined)?.[key],
    value,
  );
}
