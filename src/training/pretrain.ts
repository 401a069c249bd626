import type { DataSelection } from '../datasets/data-selection.ts';
import { initEncoders } from '../encoders/encoders.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import { Random } from '../engine/random.ts';
import { requireDevice } from '../engine/require-device.ts';
import type { Tree } from '../engine/tree.ts';
import type { Initialized } from '../nn/layer.ts';
import { initOptimizer, ratesAt } from '../nn/parameter-groups.ts';
import { progressOf } from '../nn/schedules.ts';
import { systems } from '../objectives/systems.ts';
import type { DrawnSample } from '../views/drawn-view.ts';
import { openViewFrames } from '../views/open-view-frames.ts';
import { parameterGroups, type RunConfig, runConfigSchema } from './config.ts';
import { withDefaults } from './config-keys.ts';
import { correspondencesOf } from './correspond/adopt-correspondences.ts';
import type { CorrespondenceFile } from './correspond/correspondence-file.ts';
import { createPretraining } from './create-pretraining.ts';
import { beginWith, type PretrainedReference } from './pretrained.ts';
import { fingerprintBut, latestCheckpoint } from './run/checkpoint.ts';
import { describeIncomplete } from './run/damaged-frames.ts';
import { oldForm, upgradedConfig, upgradedState } from './run/old-runs.ts';
import { batchNormOver, describeShare, shareOut } from './run-share.ts';
import { type Teacher, withTeacher } from './teacher.ts';
import { type RunOptions, type RunResult, train } from './training-loop.ts';

/** What to pretrain, on what, and where to leave it. */
export interface PretrainOptions extends RunOptions {
  readonly config: RunConfig;
  readonly data: DataSelection;
  /** What a system learns from that has a teacher, as `adoptTeacher` gives it; a resumed run has it already. */
  readonly teacher?: Teacher;
  /** The boxes that a system learns from that draws views of them, as `adoptCorrespondences` gives them; a resumed run has them already. */
  readonly correspondences?: CorrespondenceFile;
  /** What the encoders begin with instead of random weights: a run, or a file of weights of the image encoder. */
  readonly from?: PretrainedReference;
}

/** The steps of a run over a data set of `frames` frames; without steps it has epochs. */
export function totalSteps(
  config: Pick<RunConfig, 'steps' | 'epochs' | 'batchSize'>,
  frames: number,
): number {
  return config.steps ?? Math.max(1, Math.ceil((config.epochs! * frames) / config.batchSize));
}

/** The state that a configuration begins with, on a data set of so many frames. */
export function initialState(
  config: RunConfig,
  options: { readonly frames: number; readonly encoders?: Initialized },
): Tree<HostTensor> {
  const pretraining = createPretraining(config, config.batchSize);
  const random = Random.fromSeed(config.seed).fork('initialize');
  const { params, stats, memory } = pretraining.initialize(random, options);
  const optimizer = initOptimizer(parameterGroups(config, pretraining.groups), params);
  return { params, stats, optimizer, ...(Object.keys(memory).length > 0 && { memory }) };
}

/** A run may go on for longer, and the loader and the checkpoints do not change what it computes. */
const fingerprint = fingerprintBut(['steps', 'epochs', 'checkpoint', 'loader']);

/** The name that a configuration's checkpoints had in the form that runs had before. */
function oldFingerprints(config: RunConfig): string[] {
  const old = oldForm(JSON.parse(JSON.stringify(config)) as Record<string, unknown>);
  return old === undefined ? [] : [fingerprint(old)];
}

/**
 * Pretrains on the frames of a data set. The run's folder gets its configuration, metrics and checkpoints; a run that is
 * killed at any moment and resumed has the losses that it would have had.
 * Throws InputError for input that cannot be right and DivergedError for a loss that is NaN or infinite.
 *
 * @example
 * const config = applySettings(presetOf('simipu-smoke')!, ['steps=10']);
 * const { step, checkpoint } = await pretrain({ config, data: { root: 'data/kitti' }, out: 'runs/first' });
 * step; // 10
 */
export async function pretrain({
  config,
  data,
  from,
  teacher,
  correspondences: boxes,
  ...options
}: PretrainOptions): Promise<RunResult> {
  if (options.device !== undefined) await requireDevice(options.device);
  const share = shareOut(config.batchSize, options);
  const chosen = systems.filter(({ name }) => config.objectives[name] !== undefined);
  const batchNorm = batchNormOver(share, chosen, config.ranks);
  const pretraining = createPretraining(config, config.batchSize, share);
  const frames = await openViewFrames(data, pretraining.views);
  const groups = parameterGroups(config, pretraining.groups);
  const total = totalSteps(config, frames.length);
  const chance = pretraining.chance(frames.length);
  const { schedule } = config;
  const incomplete = describeIncomplete(data.root, frames.incomplete);
  const resumed = options.resume === true && (await latestCheckpoint(options.out)) !== undefined;
  const { correspondences, files } = await correspondencesOf(config, frames.whole, {
    given: boxes,
    out: options.out,
    resumed,
  });
  const begun = from === undefined || resumed ? undefined : await begunEncoders(config, from);
  const first = initialState(config, { frames: frames.length, encoders: begun?.model });
  return train<DrawnSample>(
    {
      trainable: pretraining,
      share,
      batchNorm,
      chance,
      groups,
      clip: config.clip,
      initialState: resumed ? first : withTeacher(config, first, teacher),
      totalSteps: total,
      ratesAt: (done) =>
        ratesAt(groups, schedule, {
          progress: progressOf(schedule.per ?? 'epoch', { ...done, total }),
          share: done.step / total,
        }),
      batchSize: config.batchSize,
      seed: config.seed,
      frames: {
        length: frames.length,
        source: pretraining.source({ ...data, listing: frames.listing?.() }, { correspondences }),
      },
      loader: { ...config.loader, strict: data.strict },
      checkpoint: config.checkpoint,
      record: {
        // With other frames the order in which they come is another one, which a stream alone takes.
        config: { ...config, data: { ...data, frames: frames.length }, ...(from && { from }) },
        files: {
          ...(teacher && { 'teacher.json': { run: teacher.run, step: teacher.step } }),
          ...files,
        },
        mayDiffer: [
          ...['from.run', 'steps', 'epochs', 'checkpoint', 'loader', 'data.root', 'data.strict'],
          ...(config.epochs === null ? ['data.frames'] : []),
        ],
        fingerprint,
        olderForms: {
          fingerprints: oldFingerprints(config),
          config: (recorded) => withDefaults(runConfigSchema, upgradedConfig(recorded)),
          state: upgradedState,
        },
      },
      introduction: (step) =>
        `${frames.length} frames, ${total} steps of ${config.batchSize}` +
        `${step > 0 ? `, going on after step ${step}` : ''}` +
        `; chance-level loss: ${chance.total?.toFixed(3) ?? 'not known beforehand'}` +
        [describeShare(share, config.batchSize), begun?.description, incomplete, ...frames.notes]
          .filter((note) => note !== undefined)
          .map((note) => `\n${note}`)
          .join(''),
      dataName: data.root,
    },
    options,
  );
}

/** The encoders of a configuration as they begin with a run or a file of weights. */
function begunEncoders(config: RunConfig, from: PretrainedReference) {
  const drawn = initEncoders(Random.fromSeed(config.seed).fork('initialize'), config.encoders);
  return beginWith(drawn, from, config.encoders.image);
}
