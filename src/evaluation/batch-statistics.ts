import type * as tf from '@tensorflow/tfjs-core';
import type { DataSelection } from '../datasets/data-selection.ts';
import { createLoader } from '../datasets/loader.ts';
import type { Model } from '../encoders/trainable.ts';
import { compile } from '../engine/compile.ts';
import type { Device } from '../engine/device.ts';
import { float32, type HostTensor } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import { Random } from '../engine/random.ts';
import { leavesOf, mapTree, type Tree } from '../engine/tree.ts';
import { branchAt, branchOrNone } from '../nn/layer.ts';
import type { Pretraining } from '../objectives/combine.ts';
import type { Correspondences } from '../views/correspondences.ts';
import type { DrawnSample } from '../views/drawn-view.ts';
import { openViewFrames } from '../views/open-view-frames.ts';

type Tensors = Tree<HostTensor>;

/** The parameters and running statistics of a model, and its memory where it has any. */
export interface ModelState {
  readonly params: Tensors;
  readonly stats: Tensors;
  readonly memory?: Tensors;
}

/** Gives models of one form the statistics of some batches. */
export interface StatisticsOfBatches {
  /** The model with the statistics of the batches as its running ones. */
  run(model: ModelState): Promise<ModelState>;
  /** Gives the memory back. */
  dispose(): Promise<void>;
}

/**
 * Full batches of the first usable frames of a selection, at most `frames` frames but one batch at least, each frame once,
 * always the same for a seed, and each frame's views whichever others there are. Throws an InputError where there are fewer frames than a batch has.
 */
export async function batchesOf(
  pretraining: Pretraining,
  data: DataSelection,
  {
    frames,
    seed,
    ...beside
  }: {
    readonly frames: number;
    readonly seed: number;
    /** Of a run that learns from boxes. */
    readonly correspondences?: Correspondences;
  },
): Promise<Tensors[]> {
  const { length } = await openViewFrames(data, pretraining.views);
  const { batchSize } = pretraining;
  const loader = createLoader<DrawnSample>({
    length,
    batchSize,
    seed,
    source: pretraining.source(data, beside),
    shuffle: false,
    strict: data.strict,
    drawnBy: 'name',
  });
  const batches: Tensors[] = [];
  for await (const { batch } of loader.pass({ dropLast: true })) {
    batches.push(pretraining.collate(batch));
    if ((batches.length + 1) * batchSize > frames) break;
  }
  await loader.close();
  if (batches.length > 0) return batches;
  throw new InputError({
    file: data.root,
    place: data.imageSet,
    expected: `at least one batch of ${batchSize} usable frames to evaluate`,
    found: `${length - loader.failures.size}`,
  });
}

/** Running statistics as large as this tell how much of them an update leaves, whatever it adds. */
const LARGE = 2 ** 20;

/**
 * What gives models of the form of `model` the statistics of the `calibration` batches, which an untrained model lacks: it
 * is then compared with a trained one on equal terms. They are those that training settles at where it sees one batch again
 * and again, of both views where both pass a layer, in the shares that training gives them; of several batches their mean.
 * An update of running statistics is s ← c·s + d, with c the same for all models and batches, and settles at d / (1 - c).
 */
export async function statisticsOf(
  pretraining: Pretraining,
  {
    calibration,
    model,
    device,
  }: { readonly calibration: readonly Tensors[]; readonly model: ModelState; readonly device?: Device },
): Promise<StatisticsOfBatches> {
  const given = pretraining.inputs?.({ step: 0, epoch: 0, progress: 0, random: Random.fromSeed(0) }) ?? {};
  const withInputs = (data: Tensors) => ({ data, ...(leavesOf(given).length > 0 && { inputs: given }) });
  const step = await compile(
    (state, { data, inputs = {} }) => {
      const { stats } = pretraining.loss(modelIn(state), data as Tree<tf.Tensor>, {
        training: true,
        inputs: inputs as Tree<tf.Tensor>,
      });
      return [state, { stats }];
    },
    { state: stateOf(model), batch: withInputs(calibration[0]), device },
  );
  /** The leaves of running statistics that all were `value`, after a batch. */
  const updated = async (own: ModelState, value: number, batch: Tensors) => {
    const begun = mapTree(own.stats, ({ shape, data }) =>
      float32(new Float32Array(data.length).fill(value), shape),
    );
    const { outputs } = await step.run(stateOf({ ...own, stats: begun }), withInputs(batch));
    return new Map(leavesOf(branchAt(outputs, 'stats')));
  };
  const [added, all] = [await updated(model, 0, calibration[0]), await updated(model, LARGE, calibration[0])];
  const moved = (path: string, i: number) => 1 - (all.get(path)!.data[i] - added.get(path)!.data[i]) / LARGE;
  return {
    run: async (own) => {
      const sums: Array<ReadonlyMap<string, HostTensor>> = [];
      for (const batch of calibration) sums.push(await updated(own, 0, batch));
      const settled = (path: string, i: number) =>
        sums.reduce((sum, leaves) => sum + leaves.get(path)!.data[i], 0) / (sums.length * moved(path, i));
      const stats = mapTree(own.stats, ({ shape, data }, path) =>
        float32(
          Float32Array.from(data, (value, i) => (moved(path, i) === 0 ? value : settled(path, i))),
          shape,
        ),
      );
      return { ...own, stats };
    },
    dispose: () => step.dispose(),
  };
}

/** A model as the state of a step, which has no empty branches. */
export function stateOf({ params, stats, memory }: ModelState): Tensors {
  return { params, stats, ...(memory !== undefined && leavesOf(memory).length > 0 && { memory }) };
}

/** The model in a state. */
export function modelIn<Leaf>(state: Tree<Leaf>): Model<Leaf> {
  const branch = (name: string) => branchOrNone(state, name);
  return { params: branch('params'), stats: branch('stats'), memory: branch('memory') };
}
