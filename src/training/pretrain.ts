import type { DataSelection } from '../datasets/data-selection.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import { Random } from '../engine/random.ts';
import { requireDevice } from '../engine/require-device.ts';
import type { Tree } from '../engine/tree.ts';
import { initOptimizer, learningRatesAt } from '../nn/parameter-groups.ts';
import type { SimipuSample } from '../objectives/simipu-sample.ts';
import { openFrames } from '../objectives/simipu-source.ts';
import { fingerprintOf } from './checkpoint.ts';
import { parameterGroups, type RunConfig } from './config.ts';
import { createObjective } from './create-objective.ts';
import { type RunOptions, type RunResult, train } from './training-loop.ts';

/** What to pretrain, on what, and where to leave it. */
export interface PretrainOptions extends RunOptions {
  readonly config: RunConfig;
  readonly data: DataSelection;
}

/** The steps of a run over a data set of `frames` frames. */
export function totalSteps(
  config: Pick<RunConfig, 'steps' | 'epochs' | 'batchSize'>,
  frames: number,
): number {
  return config.steps ?? Math.max(1, Math.ceil((config.epochs * frames) / config.batchSize));
}

/** The state that a configuration begins with. */
export function initialState(config: RunConfig): Tree<HostTensor> {
  const { params, stats } = createObjective(config).initialize(
    Random.fromSeed(config.seed).fork('initialize'),
  );
  return { params, stats, optimizer: initOptimizer(parameterGroups(config), params) };
}

/**
 * Pretrains on the frames of a KITTI object data set. The run's folder gets its configuration, metrics and checkpoints;
 * a run that is killed at any moment and resumed has the losses that it would have had.
 * Throws InputError for input that cannot be right and DivergedError for a loss that is NaN or infinite.
 */
export async function pretrain({ config, data, ...options }: PretrainOptions): Promise<RunResult> {
  if (options.device !== undefined) await requireDevice(options.device);
  const frames = await openFrames(data);
  const objective = createObjective(config);
  const groups = parameterGroups(config);
  const total = totalSteps(config, frames.length);
  const incomplete =
    frames.incomplete.length > 0 ? ` (${frames.incomplete.length} incomplete ones left out)` : '';
  return train<SimipuSample>(
    {
      trainable: objective,
      chance: objective.chance,
      groups,
      initialState: initialState(config),
      totalSteps: total,
      learningRates: ({ epoch }) => learningRatesAt(groups, config.schedule, Math.floor(epoch)),
      batchSize: config.batchSize,
      seed: config.seed,
      frames: { length: frames.length, source: objective.source(data) },
      loader: { ...config.loader, strict: data.strict },
      checkpoint: config.checkpoint,
      record: {
        // With other frames the order in which they come would be another one.
        config: { ...config, data: { ...data, frames: frames.length } },
        // A run may go on for longer, and the loader and the checkpoints do not change what it computes.
        mayDiffer: ['steps', 'epochs', 'checkpoint', 'loader', 'data.root', 'data.strict'],
        fingerprint: fingerprintOf({ ...config, steps: null, epochs: null, checkpoint: null, loader: null }),
      },
      introduction: (step) =>
        `${frames.length} frames${incomplete}, ${total} steps of ${config.batchSize}` +
        `${step > 0 ? `, going on after step ${step}` : ''}; nothing learned is a loss of ${objective.chance.total.toFixed(3)}`,
      dataName: data.root,
    },
    options,
  );
}
