import type { DataSelection } from '../datasets/data-selection.ts';
import { compile } from '../engine/compile.ts';
import type { Device } from '../engine/device.ts';
import { InputError } from '../engine/input-error.ts';
import { Random } from '../engine/random.ts';
import { leavesOf } from '../engine/tree.ts';
import { combine, type Pretraining } from '../objectives/combine.ts';
import { batchesOf, type ModelState, modelIn, stateOf, statisticsOf } from './batch-statistics.ts';
import type { RetrievalResult, RetrievalRow } from './retrieval-result.ts';

export type { ModelState } from './batch-statistics.ts';

/** What to evaluate, and on which held-out frames. */
export interface RetrievalOptions {
  /** The objectives of a run; the first that compares places is judged by. */
  readonly pretraining: Pretraining;
  readonly heldOut: DataSelection;
  readonly frames: number;
  /** Frames to take the batch statistics of untrained encoders from. */
  readonly calibration: { readonly data: DataSelection; readonly frames: number };
  /** The trained model; and the one that its run began with. */
  readonly after: ModelState;
  readonly before: ModelState;
  /** Seeds of further untrained models, at least one. */
  readonly randomSeeds: readonly number[];
  /** Seed of the views and samples of the held-out frames. */
  readonly seed: number;
  readonly device?: Device;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Pairs that lie farther apart than this, metres, do not show the same place, and are no right answer. */
export const samePlaceM = 1;

/**
 * How often, on held-out frames, the nearest of all points of a batch (by the heads' features) is the right one: between
 * two views of a sweep, and from the image to the points. All models see the same batches through running statistics;
 * untrained ones get theirs from training frames, as a trained model has. Throws an InputError where a selection has less
 * than one batch of usable frames.
 */
export async function evaluateRetrieval(options: RetrievalOptions): Promise<RetrievalResult> {
  const { pretraining, randomSeeds } = options;
  const { batchSize, encoders } = pretraining;
  const part = pretraining.parts.find(({ objective }) => objective.comparison !== undefined);
  if (part === undefined) {
    const expected = 'an objective that compares places of a frame';
    throw new InputError({ file: 'retrieval', expected, found: pretraining.name });
  }
  const { objective, pool, tasks } = part.objective.comparison!.retrieval(samePlaceM);
  const judge = combine([{ ...part, objective }], { encoders, batchSize });
  const { heldOut: held, calibration: from, seed } = options;
  const heldOut = await batchesOf(judge, held, { frames: options.frames, seed });
  const calibration = await batchesOf(judge, from.data, { frames: from.frames, seed });

  const calibrate = await statisticsOf(pretraining, {
    calibration,
    model: options.before,
    device: options.device,
  });
  const random = randomSeeds.map((each) =>
    pretraining.initialize(Random.fromSeed(each).fork('initialize'), { frames: 0 }),
  );
  const untrained: ModelState[] = [];
  for (const model of [options.before, ...random]) untrained.push(await calibrate.run(model));
  await calibrate.dispose();

  const measure = await compile(
    (state, batch) => {
      const { metrics } = judge.loss(modelIn(state), batch, { training: false });
      return [state, metrics];
    },
    { state: stateOf(options.after), batch: heldOut[0], device: options.device },
  );
  const models = [options.after, ...untrained];
  const results: Array<Record<string, number>> = [];
  for (const [i, model] of models.entries()) {
    const sums: Record<string, number> = {};
    for (const [j, batch] of heldOut.entries()) {
      const { outputs } = await measure.run(stateOf(model), batch);
      for (const [name, { data }] of leavesOf(outputs))
        sums[name] = (sums[name] ?? 0) + data[0] / heldOut.length;
      options.onProgress?.(i * heldOut.length + j + 1, models.length * heldOut.length);
    }
    results.push(sums);
  }
  await measure.dispose();

  const [after, before, ...others] = results;
  const rows = tasks.map(({ task, places, metric }): RetrievalRow => {
    const values = others.map((result) => result[metric]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const std = Math.sqrt(
      values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1),
    );
    return {
      task,
      metric: `top-${places}`,
      chance: places / pool,
      random: { mean, std, seeds: values.length },
      before: before[metric],
      after: after[metric],
    };
  });
  const split = options.heldOut.imageSet ?? options.heldOut.split ?? 'training';
  return { split, frames: heldOut.length * batchSize, pool, rows };
}
