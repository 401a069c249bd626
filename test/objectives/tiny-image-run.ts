import * as tf from '@tensorflow/tfjs-core';
import type { Model } from '../../src/encoders/trainable.ts';
import { type CompiledStep, compile } from '../../src/engine/compile.ts';
import type { Device } from '../../src/engine/device.ts';
import type { HostTensor } from '../../src/engine/host-tensor.ts';
import { Random } from '../../src/engine/random.ts';
import { leavesOf, type Tree } from '../../src/engine/tree.ts';
import { ratesAt } from '../../src/nn/parameter-groups.ts';
import { valueAndGrad } from '../../src/nn/value-and-grad.ts';
import { parameterGroups, parseRunConfig, type RunConfig } from '../../src/training/config.ts';
import { createPretraining } from '../../src/training/create-pretraining.ts';
import { presetOf } from '../../src/training/presets.ts';
import { initialState } from '../../src/training/pretrain.ts';
import { stepInputs, trainStep } from '../../src/training/train-step.ts';
import { chooseBoxes, cutBoxes } from '../../src/views/box-pair.ts';
import { drawView } from '../../src/views/draw-views.ts';
import type { PictureView } from '../../src/views/view-config.ts';
import { uploadTree } from '../nn/tensors.ts';
import { tinyCorrespondences } from './tiny-correspondences.ts';
import { smoothPicture } from './tiny-simipu.ts';

type State = Tree<HostTensor>;

/** What `firstSteps` begins with. */
const LEARNING_RATE = 0.05;

/** Views of 8 pixels. */
export const tinyView = {
  width: 8,
  height: 8,
  crop: { area: [0.3, 1] },
  flip: 0.5,
  jitter: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
} as const;

/** A RegNetY of a block a stage. */
export const tinyRegNetY = { depths: [1, 1, 1, 1], widths: [4, 4, 8, 8], groupWidth: 4, stemWidth: 4 };

/**
 * A preset with a ResNet-18 of width 4, or its RegNetY as small, and batches of four, so that tfjs's own backend can follow. `options` change those
 * of its one objective. The batch norms' eps is large, so that those of a few nearly equal values do not magnify rounding.
 */
export function tinyImageRun(
  preset: string,
  options: { readonly [option: string]: unknown },
  changes: Partial<RunConfig> = {},
): RunConfig {
  const run = presetOf(preset)!;
  const [[name, own]] = Object.entries(run.objectives);
  const { image } = run.encoders;
  const sgd = { kind: 'sgd', momentum: 0.9, learningRate: LEARNING_RATE, weightDecay: 5e-4 };
  return parseRunConfig(
    {
      ...run,
      encoders: {
        image: {
          ...image,
          ...(image?.kind === 'regnety' ? tinyRegNetY : { width: 4 }),
          batchNorm: { eps: 0.1, momentum: 0.1 },
        },
      },
      objectives: { [name]: { ...own, ...options } },
      batchSize: 4,
      steps: 4,
      schedule: { kind: 'constant' },
      optimizers: { image: sgd, heads: sgd },
      checkpoint: { everySteps: 100, keep: 2 },
      loader: { workers: 0, prefetch: 2 },
      ...changes,
    },
    { file: 'tiny run' },
  );
}

/** Small integers as a float32 tensor [R, C]. */
export function rowsOf(rows: ReadonlyArray<readonly number[]>): tf.Tensor2D {
  return tf.tensor2d(rows.map((row) => [...row]));
}

/** The small integers of the golden values. */
export const golden = {
  a: [
    [-4, -1, 2, 5],
    [3, -5, -2, 1],
    [-1, 2, 5, -3],
    [-5, -2, 1, 4],
  ],
  b: [
    [-4, 0, 4, -5],
    [1, 5, -4, 0],
    [6, -3, 1, 5],
    [-2, 2, 6, -3],
  ],
  queue: [
    [1, -1, -3, 2],
    [-3, 2, 0, -2],
    [0, -2, 3, 1],
    [3, 1, -1, -3],
    [-1, -3, 2, 0],
    [2, 0, -2, 3],
    [-2, 3, 1, -1],
    [1, -1, -3, 2],
  ],
} as const;

/** Rows of random numbers, normal. */
export function randomRows(seed: string, rows: number, width: number): number[][] {
  const random = Random.fromSeed(seed);
  return Array.from({ length: rows }, () => Array.from({ length: width }, () => random.normal()));
}

/** A row of length one, in float64. */
export function unit(row: readonly number[]): number[] {
  const length = Math.hypot(...row);
  return row.map((value) => value / length);
}

/** The product of two rows. */
export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/** A batch of a run's views of synthetic pictures, by their numbers. */
export function imageBatch(config: RunConfig, indices: readonly number[], draw: number): State {
  const pretraining = createPretraining(config, config.batchSize);
  const pictureOf = (index: number) => smoothPicture(Random.fromSeed(`picture ${index}`), 60, 48);
  const samples = indices.map((index) => {
    const picture = pictureOf(index);
    const random = Random.fromSeed(`draw ${draw}`).fork(index);
    const views = Object.entries(pretraining.views).map(([name, view]) => {
      if (view.kind !== 'box-pair')
        return [name, drawView({ frame: undefined, picture }, view as PictureView, { name, random })];
      const own = random.fork('view', name);
      const boxes = chooseBoxes(tinyCorrespondences(24, picture), index, own, view);
      return [name, cutBoxes([picture, pictureOf(boxes.neighbour)], boxes, own, view)];
    });
    return { id: `${index}`, index, views: Object.fromEntries(views) };
  });
  return pretraining.collate(samples);
}

/** What the first steps of a run on pictures need: the step, the state that it begins with, and a batch for each list of pictures. */
export function firstSteps(
  config: RunConfig,
  { frames, pictures }: { readonly frames: number; readonly pictures: ReadonlyArray<readonly number[]> },
) {
  return stepsOn(config, {
    frames,
    data: pictures.map((indices, step) => imageBatch(config, indices, step)),
  });
}

/** What the first steps of a run on these batches need. */
export function stepsOn(
  config: RunConfig,
  { frames, data }: { readonly frames: number; readonly data: readonly State[] },
) {
  const pretraining = createPretraining(config, config.batchSize);
  const groups = parameterGroups(config, pretraining.groups);
  const batches = data.map((drawn, step) => {
    const progress = step / data.length;
    const place = { step, epoch: step, progress, random: Random.fromSeed('inputs').fork(step) };
    return {
      data: drawn,
      rates: { ...ratesAt(groups, config.schedule, { progress: step, share: progress }) },
      ...stepInputs(pretraining, place),
    } as State;
  });
  return {
    pretraining,
    groups,
    step: trainStep(pretraining, groups, { clip: config.clip }),
    state: initialState(config, { frames }),
    batches,
  };
}

/** The outputs and the state after each step; with `from`, each step begins with a given state instead of the last one. */
export async function runSteps(
  { step, state, batches }: Pick<ReturnType<typeof firstSteps>, 'step' | 'state' | 'batches'>,
  { device = 'eager', from }: { readonly device?: Device; readonly from?: readonly State[] } = {},
): Promise<{ readonly outputs: State[]; readonly states: State[] }> {
  const compiled = await compile(step, { state, batch: batches[0], device });
  const result = { outputs: [] as State[], states: [state] };
  let current: Parameters<CompiledStep['run']>[0] = state;
  for (const [i, batch] of batches.entries()) {
    const { state: next, outputs } = await compiled.run(from?.[i] ?? current, batch);
    result.outputs.push(outputs);
    result.states.push(await next.read());
    current = next;
  }
  await compiled.dispose();
  return result;
}

/** The greatest difference between leaves of two trees of one form, divided by the greatest number of its leaf (1 at least). */
export function greatestDifference(
  one: State,
  other: State,
): { readonly path: string; readonly difference: number } {
  const found = new Map(leavesOf(other));
  let worst = { path: '', difference: 0 };
  for (const [path, { data }] of leavesOf(one)) {
    const others = found.get(path)!.data;
    const scale = Array.from(data).reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
    data.forEach((value: number, i: number) => {
      const difference = Math.abs(value - others[i]) / scale;
      if (!(difference <= worst.difference)) worst = { path, difference };
    });
  }
  if (found.size !== leavesOf(one).length) throw new Error('trees of different forms');
  return worst;
}

/** The paths of all leaves, of parameters and memory alike, that a gradient of the first batch's loss would reach. */
export function connectedPaths({ pretraining, state, batches }: ReturnType<typeof firstSteps>): string[] {
  const { params, memory, stats } = state as { readonly [branch: string]: State };
  const { data, inputs } = batches[0] as { readonly [branch: string]: State };
  const { grads } = valueAndGrad(
    (tree) => {
      const model = { memory: {}, ...tree, stats: uploadTree(stats) } as unknown as Model;
      const how = { training: true, inputs: uploadTree(inputs ?? {}) };
      return { loss: pretraining.loss(model, uploadTree(data), how).loss, aux: {} };
    },
    uploadTree({ params, ...(memory && { memory }) }),
  );
  return [...grads.keys()];
}

/** A leaf of a tree by its path. */
export function leafOf(tree: State, path: string): HostTensor {
  return new Map(leavesOf(tree)).get(path)!;
}

/** The shapes of a tree's leaves by path. */
export function shapesOf(tree: State): { readonly [path: string]: readonly number[] } {
  return Object.fromEntries(leavesOf(tree).map(([path, { shape }]) => [path, shape]));
}
