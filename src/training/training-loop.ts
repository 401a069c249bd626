import { createLoader, type Loader, type LoaderPosition } from '../datasets/loader.ts';
import type { SourceReference } from '../datasets/loader-source.ts';
import type { Trainable } from '../encoders/trainable.ts';
import { type CompiledStep, compile, type ResidentState } from '../engine/compile.ts';
import type { Device } from '../engine/device.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import { Random } from '../engine/random.ts';
import { compileRanks } from '../engine/ranks/compile-ranks.ts';
import type { StepEvent } from '../engine/ranks/stages.ts';
import { isResident } from '../engine/resident-state.ts';
import { leavesOf, type Tree } from '../engine/tree.ts';
import type { BatchNormScope } from '../nn/batch-norm.ts';
import type { ParameterGroup, StepRates } from '../nn/parameter-groups.ts';
import type { Chance } from '../objectives/combine.ts';
import { type CheckpointEntry, latestCheckpoint, loadCheckpoint } from './run/checkpoint.ts';
import { damageTeller } from './run/damaged-frames.ts';
import { requireFinite, requireFiniteLoss } from './run/divergence.ts';
import type { ProgressStream } from './run/progress.ts';
import { recordedFingerprints, requireSameRun } from './run/run-folder.ts';
import { type FoundRun, nothingToDo, RunRecord } from './run-record.ts';
import {
  anyOf,
  type Beginning,
  beginningOfFirst,
  type RunShare,
  type ShareOptions,
  unshared,
} from './run-share.ts';
import { type GradientClip, sameOnAllRanks, stepInputs, trainStep } from './train-step.ts';

/** A state of training: parameters, running statistics, memory, and what the optimizers remember. */
export type State = Tree<HostTensor>;

/** Where and how a run is run, whatever it trains. */
export interface RunOptions extends ShareOptions {
  /** The run's folder. */
  readonly out: string;
  readonly device?: Device;
  readonly threads?: number;
  /** Goes on with the run in `out` from its newest checkpoint. */
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  /** Stops after the step that is running, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Receives what each step over ranks does, as it ends. */
  readonly trace?: (event: StepEvent) => void;
  /** Where the progress line goes, and what is said of damaged frames and of losses that did not move; stderr. */
  readonly stream?: ProgressStream;
}

/** How a run ended. */
export interface RunResult {
  readonly step: number;
  readonly totalSteps: number;
  readonly interrupted: boolean;
  readonly checkpoint: string | undefined;
  /** Names of the terms that end at the value that they have when nothing is learned. */
  readonly atChance: readonly string[];
  /** Frames that were left out as damaged, by index. */
  readonly damagedFrames: number;
}

/** What is trained, and what its run remembers of it. */
export interface TrainingPlan<Sample> {
  readonly trainable: Omit<Trainable<Sample>, 'name' | 'batchSize' | 'source'>;
  /** How batches are shared out, of which `trainable` collates the samples of one rank; not at all where it is not given. */
  readonly share?: RunShare;
  /** Over which rows batch norms normalise, where a batch is shared out. */
  readonly batchNorm?: BatchNormScope;
  /** What the losses are when nothing is learned, where that is known. */
  readonly chance?: Chance;
  readonly groups: readonly ParameterGroup[];
  /** What gradients are scaled down to. */
  readonly clip?: GradientClip;
  /** What a new run begins with. */
  readonly initialState: State;
  readonly totalSteps: number;
  /** What each group is trained by in the step after `step` steps and `epoch` epochs. */
  readonly ratesAt: (done: { readonly step: number; readonly epoch: number }) => StepRates<HostTensor>;
  readonly batchSize: number;
  readonly seed: number;
  /** The frames to learn from: how many, and the factory of their samples. */
  readonly frames: { readonly length: number; readonly source: SourceReference };
  readonly loader: { readonly workers: number; readonly prefetch: number; readonly strict?: boolean };
  readonly checkpoint: { readonly everySteps: number; readonly keep: number };
  /** The configuration that the folder keeps, which key paths of it may change, and how it is named; and other files to keep, JSON where they are not bytes. */
  readonly record: {
    readonly config: object;
    readonly files?: { readonly [name: string]: unknown };
    readonly mayDiffer: readonly string[];
    readonly fingerprint: (config: object) => string;
    /** How a run's folder of an older form is read: an option that has come since is what it is by default. */
    readonly olderForms?: {
      readonly fingerprints?: readonly string[];
      readonly config: (config: { readonly [key: string]: unknown }) => { readonly [key: string]: unknown };
      readonly state?: (state: State) => State;
    };
  };
  /** Whether a batch may be larger than the data without a word. */
  readonly mayRepeat?: boolean;
  /** What is said when it begins, or goes on after a step; and what damaged frames are said to be of. */
  readonly introduction: (step: number) => string;
  readonly dataName: string;
}

/**
 * Trains, and leaves a run's folder with its configuration, metrics and checkpoints; a run that is killed at any moment
 * and resumed has the losses that it would have had. A run that is resumed where all steps are done is left as it is.
 * Over several processes the first one has the folder, and says what there is to say; the others write nothing and read none of it.
 * Throws InputError for input that cannot be right, with nothing touched, and DivergedError for a loss that is NaN or infinite.
 */
export async function train<Sample>(plan: TrainingPlan<Sample>, options: RunOptions): Promise<RunResult> {
  const { trainable, totalSteps: total, share = unshared } = plan;
  const { communicator } = share;
  const first = communicator.rank === 0;
  const found = first ? await openedRun(plan, options) : { resumed: undefined, changes: [] };
  const own = found.begun ?? { state: plan.initialState, step: 0, consumed: 0 };
  const begun = await beginningOfFirst(communicator, own);
  let { step } = begun;
  let state: State | ResidentState = begun.state;
  let position: LoaderPosition = { consumed: begun.consumed };
  if (step > 0 && step === total) {
    const atChance = first ? await nothingToDo(plan, options) : [];
    const checkpoint = found.resumed?.folder;
    return { step, totalSteps: total, interrupted: false, checkpoint, atChance, damagedFrames: 0 };
  }
  const record = first ? await RunRecord.open(plan, options, { ...found, step }) : undefined;
  const tellDamaged = damageTeller(plan.dataName, (line) => record?.say(line));

  const loader = createLoader<Sample>({
    length: plan.frames.length,
    batchSize: plan.batchSize,
    seed: plan.seed,
    source: plan.frames.source,
    ranks: communicator,
    ...plan.loader,
  });
  const randomOfSteps = Random.fromSeed(plan.seed).fork('inputs');
  let running: Running | undefined;
  let checkpoint = found.resumed?.folder;
  let saved = step;
  let metrics: Readonly<Record<string, number | null>> = {};

  const save = async () => {
    saved = step;
    if (record === undefined) return;
    const host = isResident(state) ? await state.read() : state;
    requireFinite(host, step, checkpoint);
    const meta = {
      step,
      fingerprint: plan.record.fingerprint(plan.record.config),
      loader: position,
      random: Random.fromSeed(plan.seed).state,
      metrics,
      time: new Date().toISOString(),
    };
    checkpoint = await record.save(host, meta);
  };

  try {
    let timesBefore = loaderTimes(loader);
    for await (const loaded of loader.from(position)) {
      tellDamaged(loader.failures);
      if (step >= total || (await anyOf(communicator, options.signal?.aborted === true))) break;
      const epoch = position.consumed / plan.frames.length;
      const inputs = stepInputs(trainable, {
        step,
        epoch,
        progress: step / total,
        random: randomOfSteps.fork(step),
      });
      const rates = { ...plan.ratesAt({ step, epoch }) };
      const batches = piecesOf(loaded.batch, share.pieces).map(
        (samples): Tree<HostTensor> => ({
          data: trainable.collate(samples),
          rates,
          ...inputs,
        }),
      );
      running ??= await compiledStep(plan, { state: state as State, batch: batches[0] }, options);
      const begin = performance.now();
      const result = await running.run(state, batches);
      const computeMs = performance.now() - begin;
      const loss = scalarsOf(result.outputs, 'loss');
      requireFiniteLoss(loss, step + 1, checkpoint);
      state = result.state;
      step++;
      position = loaded.position;
      const times = loaderTimes(loader);
      const profile: Times = { computeMs, ...differences(times, timesBefore) };
      timesBefore = times;
      const metric = scalarsOf(result.outputs, 'metric');
      metrics = { ...loss, ...metric };
      record?.step({
        step,
        epoch: position.consumed / plan.frames.length,
        samplesPerSecond: (1000 * plan.batchSize) / (computeMs + profile.waitMs),
        learningRate: Object.fromEntries(
          leavesOf((rates as StepRates<HostTensor>).learningRates).map(([name, rate]) => [
            name,
            rate.data[0],
          ]),
        ),
        loss,
        metric,
        profile,
      });
      if (step === total || step % plan.checkpoint.everySteps === 0) await save();
      if (step >= total) break;
    }
    if (saved < step) await save();
  } finally {
    record?.close();
    await loader.close();
    await running?.dispose();
  }
  return {
    step,
    totalSteps: total,
    interrupted: step < total,
    checkpoint,
    atChance: record?.lossesAtChance() ?? [],
    damagedFrames: loader.failures.size,
  };
}

/** What `--resume` finds in a run's folder, and where the run goes on. */
async function openedRun(
  { initialState, totalSteps, record }: TrainingPlan<never>,
  { out, resume }: RunOptions,
): Promise<FoundRun & { readonly begun?: Beginning }> {
  if (!resume) return { resumed: undefined, changes: [] };
  const resumed = await latestCheckpoint(out);
  const changes = await requireSameRun(out, { ...record, upgrade: record.olderForms?.config });
  if (resumed === undefined) return { resumed, changes };
  const {
    config,
    fingerprint,
    olderForms: { fingerprints = [], state = (same: State) => same } = {},
  } = record;
  const loaded = await loadCheckpoint(resumed.folder, {
    expected: initialState,
    fingerprint: fingerprint(config),
    older: { state, fingerprints: [...fingerprints, ...(await recordedFingerprints(out, fingerprint))] },
  });
  const { consumed } = loaded.meta.loader as LoaderPosition;
  requireLength(out, totalSteps, resumed);
  return { resumed, changes, begun: { state: loaded.state, step: loaded.meta.step, consumed } };
}

/** A step at work on the batches of this process's ranks. */
interface Running {
  run(
    state: State | ResidentState,
    batches: ReadonlyArray<Tree<HostTensor>>,
  ): ReturnType<CompiledStep['run']>;
  dispose(): Promise<void>;
}

async function compiledStep(
  { trainable, groups, clip, batchNorm, share = unshared }: TrainingPlan<never>,
  given: { readonly state: State; readonly batch: Tree<HostTensor> },
  { device, threads, trace }: RunOptions,
): Promise<Running> {
  const step = trainStep(trainable, groups, { clip, batchNorm });
  if (share.ranks > 1)
    return compileRanks(step, { ...given, ...share, sameBatch: sameOnAllRanks, threads, trace });
  const compiled = await compile(step, { ...given, device, threads });
  return {
    run: (state, [batch]) => compiled.run(state, batch),
    dispose: () => compiled.dispose(),
  };
}

/** Samples in so many parts of one length. */
function piecesOf<Sample>(samples: readonly Sample[], count: number): Array<readonly Sample[]> {
  const length = samples.length / count;
  return Array.from({ length: count }, (_, i) => samples.slice(i * length, (i + 1) * length));
}

/** Throws an InputError where a run has done more steps than `total`, the length that it is to have. */
export function requireLength(run: string, total: number, { step }: Pick<CheckpointEntry, 'step'>): void {
  if (step <= total) return;
  const expected = `a length of at least the ${step} steps that are done, or another --out`;
  throw new InputError({ file: run, expected, found: `${total} steps` });
}

type Times = Readonly<Record<string, number>>;

/** What the loader has measured so far: `waitMs`, and of each stage of its samples the sum, such as `decodeMs`. */
function loaderTimes({ waitedMs, stageMs }: Loader<unknown>): Times {
  const stages = Array.from(stageMs, ([stage, ms]) => [`${stage}Ms`, ms]);
  return { waitMs: waitedMs, ...Object.fromEntries(stages) };
}

function differences(after: Times, before: Times): Times {
  return Object.fromEntries(Object.entries(after).map(([name, ms]) => [name, ms - (before[name] ?? 0)]));
}

function scalarsOf(outputs: Tree<HostTensor>, branch: string): Record<string, number> {
  // A step without metrics has no such branch: a tree is the leaves that it has.
  const scalars = (outputs[branch] ?? {}) as Tree<HostTensor>;
  return Object.fromEntries(leavesOf(scalars).map(([name, { data }]) => [name, data[0]]));
}
