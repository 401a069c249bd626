import { join } from 'node:path';
import { createLoader, type Loader, type LoaderPosition } from '../datasets/loader.ts';
import type { SourceReference } from '../datasets/loader-source.ts';
import type { Trainable } from '../encoders/trainable.ts';
import { type CompiledStep, compile, type ResidentState } from '../engine/compile.ts';
import type { Device } from '../engine/device.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import { Random } from '../engine/random.ts';
import { isResident } from '../engine/resident-state.ts';
import { leavesOf, type Tree } from '../engine/tree.ts';
import type { ParameterGroup, StepRates } from '../nn/parameter-groups.ts';

import type { Chance } from '../objectives/combine.ts';
import { writeFileAtomically, writeJsonAtomically } from './run/atomic-file.ts';
import { endInWords, endOf, endsAtChance, marginOf } from './run/chance.ts';
import { type CheckpointEntry, latestCheckpoint, loadCheckpoint, saveCheckpoint } from './run/checkpoint.ts';
import { damageTeller } from './run/damaged-frames.ts';
import { requireFinite, requireFiniteLoss } from './run/divergence.ts';
import { ProgressLine, type ProgressStream } from './run/progress.ts';
import { describeRepeats } from './run/repeated-frames.ts';
import { createRunFolder, type MetricsLine, readMetrics, requireSameRun } from './run/run-folder.ts';
import { EventWriter } from './run/tensorboard-events.ts';
import { type GradientClip, trainStep } from './train-step.ts';

/** A state of training: parameters, running statistics, memory, and what the optimizers remember. */
export type State = Tree<HostTensor>;

/** Where and how a run is run, whatever it trains. */
export interface RunOptions {
  /** The run's folder. */
  readonly out: string;
  readonly device?: Device;
  readonly threads?: number;
  /** Goes on with the run in `out` from its newest checkpoint. */
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  /** Stops after the step that is running, with a checkpoint. */
  readonly signal?: AbortSignal;
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
  /** The configuration that the folder keeps, which key paths of it may change, and its fingerprint; and other files to keep, JSON where they are not bytes. */
  readonly record: {
    readonly config: unknown;
    readonly files?: { readonly [name: string]: unknown };
    readonly mayDiffer: readonly string[];
    readonly fingerprint: string;
    /** How a run's folder of an older form is read. */
    readonly olderForms?: {
      readonly fingerprints: readonly string[];
      readonly config: (config: { readonly [key: string]: unknown }) => { readonly [key: string]: unknown };
      readonly state: (state: State) => State;
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
 * Throws InputError for input that cannot be right, with nothing touched, and DivergedError for a loss that is NaN or infinite.
 */
export async function train<Sample>(plan: TrainingPlan<Sample>, options: RunOptions): Promise<RunResult> {
  const { trainable, groups, totalSteps: total, record } = plan;
  const { out } = options;
  const resumed = options.resume ? await latestCheckpoint(out) : undefined;
  const upgrade = record.olderForms?.config;
  const changes = options.resume ? await requireSameRun(out, { ...record, upgrade }) : [];
  let state: State | ResidentState = plan.initialState;
  let step = 0;
  let position: LoaderPosition = { consumed: 0 };
  if (resumed !== undefined) {
    const { fingerprint, olderForms: older } = record;
    const loaded = await loadCheckpoint(resumed.folder, { expected: state, fingerprint, older });
    state = loaded.state;
    step = loaded.meta.step;
    position = loaded.meta.loader as LoaderPosition;
    requireLength(out, total, resumed);
  }
  const progress = new ProgressLine({ total, done: step, stream: options.stream });
  const say = (line: string) => progress.print(line);
  if (resumed !== undefined && step === total) {
    say(`nothing to do: all ${total} steps are done; ${out} is left as it is`);
    const { lines } = await readMetrics(out);
    const atChance = lossesAtChance(
      plan,
      lines.map(({ loss }) => loss),
      say,
    );
    const checkpoint = resumed.folder;
    return { step, totalSteps: total, interrupted: false, checkpoint, atChance, damagedFrames: 0 };
  }
  const folder = await createRunFolder(out, {
    config: record.config,
    resume: options.resume ? (resumed?.step ?? 0) : undefined,
    mayDiffer: record.mayDiffer,
    upgrade,
    overwrite: options.overwrite,
  });
  for (const [name, value] of Object.entries(record.files ?? {})) {
    const file = join(out, name);
    await (value instanceof Uint8Array ? writeFileAtomically(file, value) : writeJsonAtomically(file, value));
  }
  const { lines: earlier } = await readMetrics(out);
  const secondsBefore = earlier.at(-1)?.time ?? 0;
  const events = new EventWriter(out, options.resume ? { resumeStep: step + 1 } : {});
  folder.writeHeader({ chance: chanceOf(plan), terms: {} });
  say(plan.introduction(step));
  const repeated = plan.mayRepeat ? undefined : describeRepeats(plan.batchSize, plan.frames.length);
  if (repeated !== undefined) say(repeated);
  for (const { key, before, now } of changes) say(`goes on with another ${key}: ${now}, before ${before}`);

  const loader = createLoader<Sample>({
    length: plan.frames.length,
    batchSize: plan.batchSize,
    seed: plan.seed,
    source: plan.frames.source,
    ...plan.loader,
  });
  const randomOfSteps = Random.fromSeed(plan.seed).fork('inputs');
  const history = earlier.map(({ loss }): Losses => loss);
  const began = performance.now();
  let compiled: CompiledStep | undefined;
  let checkpoint = resumed?.folder;
  let saved = step;
  let metrics: Readonly<Record<string, number | null>> = {};
  const tellDamaged = damageTeller(plan.dataName, say);

  const save = async () => {
    const host = isResident(state) ? await state.read() : state;
    requireFinite(host, step, checkpoint);
    folder.sync();
    events.flush();
    const meta = {
      step,
      fingerprint: record.fingerprint,
      loader: position,
      random: Random.fromSeed(plan.seed).state,
      metrics,
      time: new Date().toISOString(),
    };
    checkpoint = await saveCheckpoint(out, step, { state: host, meta }, { keep: plan.checkpoint.keep });
    saved = step;
  };

  try {
    let timesBefore = loaderTimes(loader);
    for await (const loaded of loader.from(position)) {
      tellDamaged(loader.failures);
      if (step >= total || options.signal?.aborted) break;
      const epoch = position.consumed / plan.frames.length;
      const inputs = trainable.inputs?.({
        step,
        epoch,
        progress: step / total,
        random: randomOfSteps.fork(step),
      });
      const batch: Tree<HostTensor> = {
        data: trainable.collate(loaded.batch),
        rates: { ...plan.ratesAt({ step, epoch }) },
        ...(inputs !== undefined && leavesOf(inputs).length > 0 && { inputs }),
      };
      compiled ??= await compile(trainStep(trainable, groups, { clip: plan.clip }), {
        state: state as State,
        batch,
        device: options.device,
        threads: options.threads,
      });
      const begin = performance.now();
      const result = await compiled.run(state, batch);
      const computeMs = performance.now() - begin;
      const loss = scalarsOf(result.outputs, 'loss');
      requireFiniteLoss(loss, step + 1, checkpoint);
      state = result.state;
      step++;
      position = loaded.position;
      const times = loaderTimes(loader);
      const profile: Times = { computeMs, ...differences(times, timesBefore) };
      timesBefore = times;
      const samplesPerSecond = (1000 * plan.batchSize) / (computeMs + profile.waitMs);
      const metric = scalarsOf(result.outputs, 'metric');
      metrics = { ...loss, ...metric };
      const line: MetricsLine = {
        step,
        epoch: position.consumed / plan.frames.length,
        time: secondsBefore + (performance.now() - began) / 1000,
        samplesPerSecond,
        learningRate: Object.fromEntries(
          leavesOf((batch.rates as unknown as StepRates<HostTensor>).learningRates).map(([name, rate]) => [
            name,
            rate.data[0],
          ]),
        ),
        loss,
        metric,
        profile,
      };
      folder.appendMetrics(line);
      events.scalar(
        step,
        prefixed({ loss, metric, learningRate: line.learningRate as Record<string, number> }),
      );
      history.push(loss);
      progress.update({ step, samplesPerSecond, loss });
      if (step === total || step % plan.checkpoint.everySteps === 0) await save();
      if (step >= total) break;
    }
    if (saved < step) await save();
  } finally {
    progress.end();
    events.close();
    folder.close();
    await loader.close();
    await compiled?.dispose();
  }
  const atChance = lossesAtChance(plan, history, say);
  return {
    step,
    totalSteps: total,
    interrupted: step < total,
    checkpoint,
    atChance,
    damagedFrames: loader.failures.size,
  };
}

/** Throws an InputError where a run has done more steps than `total`, the length that it is to have. */
export function requireLength(run: string, total: number, { step }: Pick<CheckpointEntry, 'step'>): void {
  if (step <= total) return;
  const expected = `a length of at least the ${step} steps that are done, or another --out`;
  throw new InputError({ file: run, expected, found: `${total} steps` });
}

type Losses = Readonly<Record<string, number | null>>;

/** What the losses are when nothing is learned, by name. */
function chanceOf({ chance }: Pick<TrainingPlan<never>, 'chance'>): Readonly<Record<string, number>> {
  return { ...(chance?.total != null && { total: chance.total }), ...chance?.terms };
}

/** The losses that end where nothing is learned; each is said with what was judged. */
function lossesAtChance(
  plan: Pick<TrainingPlan<never>, 'chance'>,
  history: readonly Losses[],
  say: (line: string) => void,
): string[] {
  return Object.entries(chanceOf(plan)).flatMap(([term, level]) => {
    const values = history.flatMap((loss) => loss[term] ?? []);
    if (!endsAtChance(values, level)) return [];
    const end = endOf(values).toFixed(3);
    const margin = marginOf(values, level).toFixed(3);
    say(
      `warning: loss '${term}' ends at ${end} (${endInWords(values)}): the chance level is ${level.toFixed(3)}, and a loss has to end ${margin} below it`,
    );
    return [term];
  });
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

function prefixed(groups: {
  readonly [group: string]: Readonly<Record<string, number>>;
}): Record<string, number> {
  return Object.fromEntries(
    Object.entries(groups).flatMap(([group, values]) =>
      Object.entries(values).map(([name, value]) => [`${group}/${name}`, value]),
    ),
  );
}
