import { createLoader, type LoadedBatch, type Loader, type LoaderPosition } from '../datasets/loader.ts';
import { type CompiledStep, compile, type ResidentState } from '../engine/compile.ts';
import type { Device } from '../engine/device.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import { Random } from '../engine/random.ts';
import { requireDevice } from '../engine/require-device.ts';
import { isResident } from '../engine/resident-state.ts';
import { leavesOf, type Tree } from '../engine/tree.ts';
import { initOptimizer, learningRatesAt } from '../nn/parameter-groups.ts';
import type { DataSelection } from '../objectives/objective.ts';
import type { SimipuSample } from '../objectives/simipu-sample.ts';
import { openFrames } from '../objectives/simipu-source.ts';
import { endsAtChance } from './chance.ts';
import { fingerprintOf, latestCheckpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { parameterGroups, type RunConfig } from './config.ts';
import { createObjective } from './create-objective.ts';
import { ProgressLine, type ProgressStream } from './progress.ts';
import { createRunFolder, type MetricsLine, readMetrics } from './run-folder.ts';
import { EventWriter } from './tensorboard-events.ts';
import { trainStep } from './train-step.ts';

/** What to pretrain, on what, and where to leave it. */
export interface PretrainOptions {
  readonly config: RunConfig;
  readonly data: DataSelection;
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
export interface PretrainResult {
  readonly step: number;
  readonly totalSteps: number;
  readonly interrupted: boolean;
  readonly checkpoint: string | undefined;
  /** Names of the terms that end at the value that they have when nothing is learned. */
  readonly atChance: readonly string[];
  /** Frames that were left out as damaged, by index. */
  readonly damagedFrames: number;
}

/** A loss that is no number: the run stops, and the last checkpoint is from before. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';
}

type State = Tree<HostTensor>;

/** The steps of a run over a data set of `frames` frames. */
export function totalSteps(
  config: Pick<RunConfig, 'steps' | 'epochs' | 'batchSize'>,
  frames: number,
): number {
  return config.steps ?? Math.max(1, Math.ceil((config.epochs * frames) / config.batchSize));
}

/** The state that a configuration begins with. */
export function initialState(config: RunConfig): State {
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
export async function pretrain(options: PretrainOptions): Promise<PretrainResult> {
  const { config, data, out } = options;
  if (options.device !== undefined) await requireDevice(options.device);
  const frames = await openFrames(data);
  const objective = createObjective(config);
  const groups = parameterGroups(config);
  const fingerprint = fingerprintOf({ ...config, steps: null, epochs: null, checkpoint: null, loader: null });
  const total = totalSteps(config, frames.length);
  const resumed = options.resume ? await latestCheckpoint(out) : undefined;
  const folder = await createRunFolder(out, {
    // With other frames the order in which they come would be another one.
    config: { ...config, data: { ...data, frames: frames.length } },
    resume: options.resume ? (resumed?.step ?? 0) : undefined,
    // A run may go on for longer, and the loader and the checkpoints do not change what it computes.
    mayDiffer: ['steps', 'epochs', 'checkpoint', 'loader', 'data.root', 'data.strict'],
    overwrite: options.overwrite,
  });
  let state: State | ResidentState = initialState(config);
  let step = 0;
  let position: LoaderPosition = { consumed: 0 };
  if (resumed !== undefined) {
    const loaded = await loadCheckpoint(resumed.folder, { expected: state, fingerprint });
    state = loaded.state;
    step = loaded.meta.step;
    position = loaded.meta.loader as LoaderPosition;
  }
  const { lines: earlier } = await readMetrics(out);
  const secondsBefore = earlier.at(-1)?.time ?? 0;
  const events = new EventWriter(out, options.resume ? { resumeStep: step + 1 } : {});
  folder.writeHeader({ chance: { total: objective.chance.total, ...objective.chance.terms }, terms: {} });
  const progress = new ProgressLine({ total, done: step, stream: options.stream });
  const say = (line: string) => progress.print(line);
  say(
    `${frames.length} frames${frames.incomplete.length > 0 ? ` (${frames.incomplete.length} incomplete ones left out)` : ''}, ` +
      `${total} steps of ${config.batchSize}${step > 0 ? `, going on after step ${step}` : ''}; ` +
      `nothing learned is a loss of ${objective.chance.total.toFixed(3)}`,
  );

  const loader = createLoader<SimipuSample>({
    length: frames.length,
    batchSize: config.batchSize,
    seed: config.seed,
    source: objective.source(data),
    workers: config.loader.workers,
    prefetch: config.loader.prefetch,
    strict: data.strict,
  });
  const history = earlier.map(({ loss }): Readonly<Record<string, number | null>> => loss);
  const began = performance.now();
  let compiled: CompiledStep | undefined;
  let checkpoint = resumed?.folder;
  let saved = step;
  let metrics: Readonly<Record<string, number | null>> = {};
  const reported = new Set<number>();

  const save = async () => {
    const host = isResident(state) ? await state.read() : state;
    requireFinite(host, step, checkpoint);
    folder.sync();
    events.flush();
    const meta = {
      step,
      fingerprint,
      loader: position,
      random: Random.fromSeed(config.seed).state,
      metrics,
      time: new Date().toISOString(),
    };
    checkpoint = await saveCheckpoint(out, step, { state: host, meta }, { keep: config.checkpoint.keep });
    saved = step;
  };

  try {
    let timesBefore = loaderTimes(loader);
    for await (const loaded of loader.from(position)) {
      if (step >= total || options.signal?.aborted) break;
      reportFailures(loaded, reported, (line) => say(`${data.root}: ${line}`));
      const epoch = position.consumed / frames.length;
      const batch = {
        data: objective.collate(loaded.batch),
        learningRates: learningRatesAt(groups, config.schedule, Math.floor(epoch)),
      };
      compiled ??= await compile(trainStep(objective, groups), {
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
      const samplesPerSecond = (1000 * config.batchSize) / (computeMs + profile.waitMs);
      const metric = scalarsOf(result.outputs, 'metric');
      metrics = { ...loss, ...metric };
      const line: MetricsLine = {
        step,
        epoch: position.consumed / frames.length,
        time: secondsBefore + (performance.now() - began) / 1000,
        samplesPerSecond,
        learningRate: Object.fromEntries(
          leavesOf(batch.learningRates).map(([name, rate]) => [name, rate.data[0]]),
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
      if (step === total || step % config.checkpoint.everySteps === 0) await save();
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
  const chance: Readonly<Record<string, number>> = {
    total: objective.chance.total,
    ...objective.chance.terms,
  };
  const atChance = Object.keys(chance).filter((term) =>
    endsAtChance(
      history.flatMap((loss) => loss[term] ?? []),
      chance[term],
    ),
  );
  const last = history[history.length - 1];
  for (const term of atChance) {
    say(
      `warning: loss '${term}' ends at ${last[term]?.toFixed(3)}, no better than the ${chance[term].toFixed(3)} of having learned nothing`,
    );
  }
  return {
    step,
    totalSteps: total,
    interrupted: step < total,
    checkpoint,
    atChance,
    damagedFrames: loader.failures.size,
  };
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
  return Object.fromEntries(
    leavesOf(outputs[branch] as Tree<HostTensor>).map(([name, { data }]) => [name, data[0]]),
  );
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

function requireFiniteLoss(
  loss: Readonly<Record<string, number>>,
  step: number,
  checkpoint: string | undefined,
): void {
  // The terms are named before their total.
  const [term] = Object.keys(loss)
    .filter((name) => !Number.isFinite(loss[name]))
    .sort((a, b) => Number(a === 'total') - Number(b === 'total'));
  if (term !== undefined) throw diverged(`loss '${term}' is ${loss[term]} at step ${step}`, checkpoint);
}

function requireFinite(state: State, step: number, checkpoint: string | undefined): void {
  for (const [path, { data }] of leavesOf(state)) {
    for (let i = 0; i < data.length; i++) {
      if (!Number.isFinite(data[i]))
        throw diverged(`tensor '${path}' holds ${data[i]} after step ${step}`, checkpoint);
    }
  }
}

function diverged(what: string, checkpoint: string | undefined): DivergedError {
  const kept =
    checkpoint === undefined
      ? 'there is no checkpoint from before'
      : `the last good checkpoint is ${checkpoint}`;
  return new DivergedError(
    `${what}: the run has diverged and stops; ${kept}. A lower learning rate (--set optimizers.…) may help`,
  );
}

function reportFailures(
  loaded: LoadedBatch<unknown>,
  reported: Set<number>,
  say: (line: string) => void,
): void {
  for (const { index, message } of loaded.failures) {
    if (!reported.has(index)) say(`frame left out as damaged: ${message}`);
    reported.add(index);
  }
}
