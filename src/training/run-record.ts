import { join } from 'node:path';
import type { HostTensor } from '../engine/host-tensor.ts';
import type { Tree } from '../engine/tree.ts';
import { writeFileAtomically, writeJsonAtomically } from './run/atomic-file.ts';
import { endInWords, endOf, endsAtChance, marginOf } from './run/chance.ts';
import { type CheckpointEntry, type CheckpointMeta, saveCheckpoint } from './run/checkpoint.ts';
import { ProgressLine } from './run/progress.ts';
import { describeRepeats } from './run/repeated-frames.ts';
import { createRunFolder, type MetricsLine, readMetrics, type requireSameRun } from './run/run-folder.ts';
import { EventWriter } from './run/tensorboard-events.ts';
import type { RunOptions, TrainingPlan } from './training-loop.ts';

/** What is found of a run that goes on. */
export interface FoundRun {
  readonly resumed: CheckpointEntry | undefined;
  /** What of its configuration is another one now. */
  readonly changes: Awaited<ReturnType<typeof requireSameRun>>;
}

type Plan = TrainingPlan<never>;
type RunFolder = Awaited<ReturnType<typeof createRunFolder>>;

/** What a run leaves and says: its folder with configuration, metrics, events and checkpoints, and the progress line. */
export class RunRecord {
  private readonly plan: Plan;
  private readonly out: string;
  private readonly progress: ProgressLine;
  private readonly folder: RunFolder;
  private readonly events: EventWriter;
  private readonly history: Losses[];
  private readonly secondsBefore: number;
  private readonly began = performance.now();

  private constructor(
    plan: Plan,
    { out }: RunOptions,
    parts: {
      readonly progress: ProgressLine;
      readonly folder: RunFolder;
      readonly events: EventWriter;
      readonly earlier: readonly MetricsLine[];
    },
  ) {
    this.plan = plan;
    this.out = out;
    this.progress = parts.progress;
    this.folder = parts.folder;
    this.events = parts.events;
    this.history = parts.earlier.map(({ loss }) => loss);
    this.secondsBefore = parts.earlier.at(-1)?.time ?? 0;
  }

  /** Begins a run's folder, or goes on with it after `step` steps. */
  static async open(
    plan: Plan,
    options: RunOptions,
    { resumed, changes, step }: FoundRun & { readonly step: number },
  ): Promise<RunRecord> {
    const { out, resume, overwrite, stream } = options;
    const { record, totalSteps: total } = plan;
    const progress = new ProgressLine({ total, done: step, stream });
    const folder = await createRunFolder(out, {
      config: record.config,
      resume: resume ? (resumed?.step ?? 0) : undefined,
      mayDiffer: record.mayDiffer,
      upgrade: record.olderForms?.config,
      fingerprint: record.fingerprint,
      overwrite,
    });
    for (const [name, value] of Object.entries(record.files ?? {})) {
      const file = join(out, name);
      await (value instanceof Uint8Array
        ? writeFileAtomically(file, value)
        : writeJsonAtomically(file, value));
    }
    const { lines: earlier } = await readMetrics(out);
    const events = new EventWriter(out, resume ? { resumeStep: step + 1 } : {});
    folder.writeHeader({ chance: chanceOf(plan), terms: {} });
    const made = new RunRecord(plan, options, { progress, folder, events, earlier });
    made.say(plan.introduction(step));
    const repeated = plan.mayRepeat ? undefined : describeRepeats(plan.batchSize, plan.frames.length);
    if (repeated !== undefined) made.say(repeated);
    for (const { key, before, now } of changes)
      made.say(`goes on with another ${key}: ${now}, before ${before}`);
    return made;
  }

  /** Says a line beside the progress. */
  say(line: string): void {
    this.progress.print(line);
  }

  /** Writes down a step that is done. */
  step(done: MetricsLine): void {
    const time = this.secondsBefore + (performance.now() - this.began) / 1000;
    const { step, samplesPerSecond, learningRate } = done;
    const [loss, metric] = [done.loss, done.metric] as ReadonlyArray<Readonly<Record<string, number>>>;
    this.folder.appendMetrics({ ...done, time });
    this.events.scalar(
      step,
      prefixed({ loss, metric, learningRate: learningRate as Record<string, number> }),
    );
    this.history.push(loss);
    this.progress.update({ step, samplesPerSecond: samplesPerSecond ?? undefined, loss });
  }

  /** Saves a checkpoint, with all that was written before it; gives its folder. */
  async save(state: Tree<HostTensor>, meta: CheckpointMeta): Promise<string> {
    this.folder.sync();
    this.events.flush();
    return saveCheckpoint(this.out, meta.step, { state, meta }, { keep: this.plan.checkpoint.keep });
  }

  /** Ends the progress line and closes the files. */
  close(): void {
    this.progress.end();
    this.events.close();
    this.folder.close();
  }

  /** Names of the losses that end where nothing is learned; each is said with what was judged. */
  lossesAtChance(): string[] {
    return lossesAtChance(this.plan, this.history, (line) => this.say(line));
  }
}

/** Says that a run is done already; gives the names of the losses that ended where nothing is learned. */
export async function nothingToDo(plan: Plan, { out, stream }: RunOptions): Promise<string[]> {
  const { totalSteps: total } = plan;
  const progress = new ProgressLine({ total, done: total, stream });
  const say = (line: string) => progress.print(line);
  say(`nothing to do: all ${total} steps are done; ${out} is left as it is`);
  const { lines } = await readMetrics(out);
  const history = lines.map(({ loss }) => loss);
  return lossesAtChance(plan, history, say);
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

function prefixed(groups: {
  readonly [group: string]: Readonly<Record<string, number>>;
}): Record<string, number> {
  return Object.fromEntries(
    Object.entries(groups).flatMap(([group, values]) =>
      Object.entries(values).map(([name, value]) => [`${group}/${name}`, value]),
    ),
  );
}
