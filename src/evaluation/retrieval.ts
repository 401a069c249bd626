import type { DataSelection } from '../datasets/data-selection.ts';
import { compile } from '../engine/compile.ts';
import type { Device } from '../engine/device.ts';
import { Random } from '../engine/random.ts';
import { leavesOf } from '../engine/tree.ts';
import { branchAt } from '../nn/layer.ts';
import { Simipu } from '../objectives/simipu.ts';
import type { SimipuConfig } from '../objectives/simipu-config.ts';
import { batchesOf, type ModelState, statisticsOf } from './batch-statistics.ts';
import type { RetrievalResult, RetrievalRow } from './retrieval-result.ts';

export type { ModelState } from './batch-statistics.ts';

/** What to evaluate, and on which held-out frames. */
export interface RetrievalOptions {
  readonly config: SimipuConfig;
  readonly batchSize: number;
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

const tasks = [
  { task: 'intra-modal', metric: 'top-1', places: 1, output: 'intraTop1' },
  { task: 'intra-modal', metric: 'top-5', places: 5, output: 'intraTop5' },
  { task: 'cross-modal', metric: 'top-1', places: 1, output: 'crossTop1' },
  { task: 'cross-modal', metric: 'top-5', places: 5, output: 'crossTop5' },
] as const;

/**
 * How often, on held-out frames, the nearest of all points of a batch (by the heads' features) is the right one: between
 * two views of a sweep, and from the image to the points. All models see the same batches through running statistics;
 * untrained ones get theirs from training frames, as a trained model has. Throws an InputError where a selection has less
 * than one batch of usable frames.
 */
export async function evaluateRetrieval(options: RetrievalOptions): Promise<RetrievalResult> {
  const { config, batchSize, randomSeeds } = options;
  const judge = new Simipu(
    { ...config, validityMask: true, matchGateM: config.matchGateM ?? samePlaceM },
    batchSize,
  );
  const { heldOut: held, calibration: from, seed } = options;
  const heldOut = await batchesOf(judge, held, { frames: options.frames, seed });
  const calibration = await batchesOf(judge, from.data, { frames: from.frames, seed });

  const calibrate = await statisticsOf(config, batchSize, {
    calibration,
    model: options.before,
    device: options.device,
  });
  const random = randomSeeds.map((each) => judge.initialize(Random.fromSeed(each).fork('initialize')));
  const untrained: ModelState[] = [];
  for (const model of [options.before, ...random]) untrained.push(await calibrate.run(model));
  await calibrate.dispose();

  const measure = await compile(
    (state, batch) => {
      const { metrics } = judge.loss(branchAt(state, 'params'), branchAt(state, 'stats'), batch, {
        training: false,
      });
      return [state, metrics];
    },
    { state: { ...options.after }, batch: heldOut[0], device: options.device },
  );
  const models = [options.after, ...untrained];
  const results: Array<Record<string, number>> = [];
  for (const [i, model] of models.entries()) {
    const sums: Record<string, number> = {};
    for (const [j, batch] of heldOut.entries()) {
      const { outputs } = await measure.run({ ...model }, batch);
      for (const [name, { data }] of leavesOf(outputs))
        sums[name] = (sums[name] ?? 0) + data[0] / heldOut.length;
      options.onProgress?.(i * heldOut.length + j + 1, models.length * heldOut.length);
    }
    results.push(sums);
  }
  await measure.dispose();

  const { levels } = config.pointEncoder;
  const pool = batchSize * levels[levels.length - 1].points;
  const [after, before, ...others] = results;
  const rows = tasks.map(({ task, metric, places, output }): RetrievalRow => {
    const values = others.map((result) => result[output]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const std = Math.sqrt(
      values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1),
    );
    return {
      task,
      metric,
      chance: places / pool,
      random: { mean, std, seeds: values.length },
      before: before[output],
      after: after[output],
    };
  });
  const split = options.heldOut.imageSet ?? options.heldOut.split ?? 'training';
  return { split, frames: heldOut.length * batchSize, pool, rows };
}
