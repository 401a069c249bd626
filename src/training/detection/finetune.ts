import { join } from 'node:path';
import type { DataSelection } from '../../datasets/data-selection.ts';
import type { ImageEncoderConfig } from '../../encoders/encoder-config.ts';
import type { HostTensor } from '../../engine/host-tensor.ts';
import { Random } from '../../engine/random.ts';
import { requireDevice } from '../../engine/require-device.ts';
import type { Tree } from '../../engine/tree.ts';
import { branchAt } from '../../nn/layer.ts';
import { initOptimizer, ratesAt } from '../../nn/parameter-groups.ts';
import { progressOf } from '../../nn/schedules.ts';
import { readConfigJson } from '../config-file.ts';
import { withDefaults } from '../config-keys.ts';
import { totalSteps } from '../pretrain.ts';
import { beginWith, type Initialization, type PretrainedReference } from '../pretrained.ts';
import { fingerprintBut, latestCheckpoint, loadCheckpoint } from '../run/checkpoint.ts';
import { describeDamaged, describeIncomplete, describeWithoutPicture } from '../run/damaged-frames.ts';
import { batchNormOver, describeShare, shareOut } from '../run-share.ts';
import { type RunOptions, type RunResult, train } from '../training-loop.ts';
import {
  classesOf,
  createDetector,
  type DetectionConfig,
  detectionConfigSchema,
  detectionGroups,
  takesPictures,
} from './detection-config.ts';
import { describeLabelledFrames, drawLabelledFrames, type LabelledFrames } from './labelled-frames.ts';
import { type LearnedScores, learnScores } from './learn-scores.ts';
import { loadScoreHead, saveScoreHead } from './score-head-files.ts';

/** What to train a detector on, from what, and where to leave it. */
export interface FinetuneOptions extends RunOptions {
  readonly config: DetectionConfig;
  readonly data: DataSelection;
  /** Without it every parameter begins at random. */
  readonly from?: PretrainedReference;
}

/** The file in a run's folder that says which tensors were loaded, which not. */
export const INITIALIZATION = 'initialization.json';

/** The model that a configuration begins with, at random. */
export function initialModel(config: DetectionConfig) {
  return createDetector(config).initialize(Random.fromSeed(config.seed).fork('initialize'));
}

/** The form of a detection run's state. */
export function detectionState(config: DetectionConfig, model = initialModel(config)): Tree<HostTensor> {
  return { ...model, optimizer: initOptimizer(detectionGroups(config), model.params) };
}

/**
 * Trains a detector on the labelled frames of a KITTI object data set, from random parameters or from a run's encoders.
 * The run's folder gets its configuration, metrics and checkpoints, and `initialization.json`; it can be killed and
 * resumed as a pretraining run can. Throws InputError for input that cannot be right and DivergedError for a loss that is
 * NaN or infinite. `frames` of the result counts those whose labels are used.
 *
 * @example
 * const preset = applyDetectionSettings(detectionPresetOf('point3d-small')!, ['steps=2', 'batchSize=2']);
 * const config = await adoptEncoders(preset, 'runs/first');
 * const data = { root: 'data/kitti', imageSet: 'train' };
 * const { frames } = await finetune({ config, data, from: { run: 'runs/first' }, out: 'runs/point3d' });
 * frames; // 4
 */
export async function finetune({
  config,
  data,
  from,
  ...options
}: FinetuneOptions): Promise<RunResult & { readonly frames: number }> {
  if (options.device !== undefined) await requireDevice(options.device);
  const classes = classesOf(config);
  const labelled = await drawLabelledFrames(data, {
    ...config.labels,
    classes,
    withPictures: takesPictures(config),
  });
  const groups = detectionGroups(config);
  const detector = createDetector(config);
  const share = shareOut(config.batchSize, options);
  const batchNorm = batchNormOver(share, [detector], config.ranks);
  const total = totalSteps(config, labelled.indices.length);
  const resumed = options.resume && (await latestCheckpoint(options.out)) !== undefined;
  const begun = await firstModel(config, resumed ? undefined : from);
  const initialization =
    resumed && from !== undefined ? await recordedInitialization(options.out) : begun.initialization;
  const result = await train(
    {
      trainable: detector,
      share,
      batchNorm,
      groups,
      clip: config.clipNorm === null ? undefined : { norm: config.clipNorm, of: 'all' },
      initialState: detectionState(config, begun.model),
      totalSteps: total,
      ratesAt: (done) =>
        ratesAt(groups, config.schedule, {
          progress: progressOf(config.schedule.per ?? 'run', { ...done, total }),
          share: done.step / total,
        }),
      batchSize: config.batchSize,
      seed: config.seed,
      frames: {
        length: labelled.indices.length,
        source: detector.source({ ...data, frames: labelled.indices, training: true }),
      },
      loader: { ...config.loader, strict: data.strict },
      checkpoint: config.checkpoint,
      record: {
        config: {
          ...config,
          data: { ...data, frames: labelled.indices.length },
          from: from === undefined ? null : { ...from, step: from.step ?? initialization?.step },
        },
        files: initialization === undefined ? {} : { [INITIALIZATION]: initialization },
        mayDiffer: ['checkpoint', 'loader', 'data.root', 'data.strict', 'from.run'],
        fingerprint: fingerprintBut(['checkpoint', 'loader']),
        olderForms: { config: (recorded) => withDefaults(detectionConfigSchema, recorded) },
      },
      introduction: (step) =>
        [
          `${describeLabelledFrames(labelled)}; ${total} steps of ${config.batchSize}${step > 0 ? `, going on after step ${step}` : ''}`,
          ...[describeIncomplete(data.root, labelled.incomplete) ?? []].flat(),
          ...[describeWithoutPicture(data.root, labelled.withoutPicture) ?? []].flat(),
          ...labelled.damaged.map((message) => describeDamaged(data.root, message)),
          ...[describeShare(share, config.batchSize) ?? []].flat(),
          ...(begun.description !== undefined ? [begun.description] : []),
          ...(from === undefined ? ['begins at random, with no pretrained encoder'] : []),
        ].join('\n'),
      dataName: data.root,
    },
    options,
  );
  const done = result.interrupted || (await finishScores(result, { config, data, labelled, options }));
  return {
    ...result,
    damagedFrames: result.damagedFrames + labelled.damaged.length,
    interrupted: result.interrupted || !done,
    frames: labelled.indices.length,
  };
}

/** Learns a trained MonoRUn's score head, unless the run has it; true where nothing is left to do. */
async function finishScores(
  { checkpoint }: RunResult,
  run: {
    readonly config: DetectionConfig;
    readonly data: DataSelection;
    readonly labelled: LabelledFrames;
    readonly options: RunOptions;
  },
): Promise<boolean> {
  const { config, data, labelled, options } = run;
  if (config.detector !== 'monorun' || config.monorun.scoreHead === null || checkpoint === undefined)
    return true;
  const { state, meta } = await loadCheckpoint(checkpoint);
  if ((await loadScoreHead(options.out, meta)) !== undefined) return true;
  const say = (line: string) => (options.stream ?? process.stderr).write(`${line}\n`);
  say('the score head: what the detector makes of the frames that it learned from');
  const learned = await learnScores({
    ...options,
    config: config.monorun,
    batchSize: config.batchSize,
    seed: config.seed,
    workers: config.loader.workers,
    model: { params: branchAt(state, 'params'), stats: branchAt(state, 'stats') },
    data,
    frames: labelled.indices,
  });
  if (options.signal?.aborted) return false;
  if (learned === undefined) {
    say('no score head: PnP found no pose in any frame; scores are those of the 2D boxes');
    return true;
  }
  await saveScoreHead(options.out, meta, learned);
  say(describeScores(learned));
  return true;
}

function describeScores({ examples, found, factors }: LearnedScores): string {
  const [yaw, x, y, z] = factors.map((factor) => factor.toFixed(1));
  return `learned from ${examples} boxes, ${found} of them on an object; deviations of yaw, x, y, z times ${yaw}, ${x}, ${y}, ${z}`;
}

/** What a run that goes on began with. Throws InputError where it did not begin with a pretraining, or where its file is damaged. */
async function recordedInitialization(out: string): Promise<Initialization> {
  const missing = { file: out, expected: `a run that began with a pretraining (${INITIALIZATION})` };
  return (await readConfigJson(join(out, INITIALIZATION), missing)) as unknown as Initialization;
}

async function firstModel(config: DetectionConfig, from: PretrainedReference | undefined) {
  const model = initialModel(config);
  if (from === undefined)
    return { model, initialization: undefined as Initialization | undefined, description: undefined };
  const own = (
    config as unknown as { readonly [key: string]: { readonly imageEncoder?: ImageEncoderConfig } }
  )[config.detector];
  return beginWith(model, from, own.imageEncoder);
}
