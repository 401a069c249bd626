import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { DataSelection } from '../../datasets/data-selection.ts';
import { InputError } from '../../engine/input-error.ts';
import { parseRunConfig, type RunConfig } from '../config.ts';
import { type FolderPlan, resumedOrNew, takePlannedFolder } from '../planned-folder.ts';
import { pretrain } from '../pretrain.ts';
import type { PretrainedReference } from '../pretrained.ts';
import { makeFolder, writeJsonAtomically } from '../run/atomic-file.ts';
import type { ProgressStream } from '../run/progress.ts';
import { adoptEncoders } from './adopt-encoders.ts';
import { detect } from './detect.ts';
import { applyDetectionSettings, type DetectionConfig, parseDetectionConfig } from './detection-config.ts';
import { loadDetectionRun } from './detection-run.ts';
import { finetune } from './finetune.ts';
import { pseudoLabel } from './pseudo-label.ts';

/** The beginning whose encoders are random. */
export const SCRATCH = 'scratch';

/**
 * A pretraining to compare with others: a configuration, of which the experiment makes a run; a run that is there; or the detector itself,
 * trained on the boxes of clusters (`pseudoLabel`) of the training frames, with which whole detectors begin, heads and all.
 */
export type Arm = { readonly name: string } & (
  | { readonly config: RunConfig }
  | { readonly run: string }
  | { readonly clusters: { readonly steps: number } }
);

/** One training of the experiment. */
export interface Cell {
  /** How the detector's encoders begin: `SCRATCH`, or the name of an arm. */
  readonly beginning: string;
  /** The share of the training frames whose labels are used. */
  readonly fraction: number;
  /** Draws those frames, the first values of what is new, and the order of the frames. */
  readonly seed: number;
}

/** What the experiment compares. */
export interface LabelEfficiencyOptions {
  /** The folder of everything that it leaves. */
  readonly out: string;
  /** The frames to learn from, and others to measure on: of drives none in both. */
  readonly train: DataSelection;
  readonly heldOut: DataSelection;
  /** What is compared with encoders that begin at random; their encoders are of one kind. */
  readonly arms: readonly Arm[];
  /** Of every cell, but for its labels, its seed and its encoders' first values. */
  readonly detector: DetectionConfig;
  readonly fractions: readonly number[];
  readonly seeds: readonly number[];
  /** Average precisions by name of a folder of result files of the held-out frames. */
  readonly evaluate: (detections: string) => Promise<Readonly<Record<string, number | null>>>;
  readonly signal?: AbortSignal;
  readonly stream?: ProgressStream;
  readonly onCell?: (done: number, total: number, result: CellResult) => void;
}

const resultSchema = z.strictObject({
  beginning: z.string(),
  fraction: z.number(),
  seed: z.number(),
  /** Frames whose labels were used. */
  frames: z.number(),
  seconds: z.number(),
  ap: z.record(z.string(), z.number().nullable()),
});

/** What came of a cell: average precision on the held-out frames, percent, by the names that `evaluate` gives. */
export type CellResult = z.infer<typeof resultSchema>;

/** The cells in their order: seed by seed, so that an unfinished experiment has whole seeds. */
export function cellsOf({
  arms,
  fractions,
  seeds,
}: Pick<LabelEfficiencyOptions, 'arms' | 'fractions' | 'seeds'>): Cell[] {
  const beginnings = [SCRATCH, ...arms.map(({ name }) => name)];
  return seeds.flatMap((seed) =>
    fractions.flatMap((fraction) => beginnings.map((beginning) => ({ beginning, fraction, seed }))),
  );
}

/**
 * Pretrains each arm once on all training frames without their labels, then trains the detector for every share of labels,
 * seed and beginning, and measures each on the held-out frames. What is done is kept: run again, it resumes.
 * Gives the results of all cells, or undefined where it was interrupted. Throws an InputError where the folder holds
 * another experiment, and where the arms' encoders are not of one kind.
 */
export async function runLabelEfficiency(
  options: LabelEfficiencyOptions,
): Promise<readonly CellResult[] | undefined> {
  const { out, arms } = options;
  checkNames(arms);
  await takeFolder(options);
  const runs = new Map<string, PretrainedReference>();
  for (const arm of arms) {
    if ('clusters' in arm) continue;
    const run = await runOf(arm, options);
    if (run === undefined) return undefined;
    runs.set(arm.name, { run });
  }
  const detector = await withEncodersOf(runs, options.detector);
  for (const arm of arms) {
    if (!('clusters' in arm)) continue;
    const run = await clusterRun(arm, { ...options, detector });
    if (run === undefined) return undefined;
    runs.set(arm.name, { run, heads: true });
  }
  const cells = cellsOf(options);
  const results: CellResult[] = [];
  for (const cell of cells) {
    const result = await runCell(cell, { ...options, detector }, runs.get(cell.beginning));
    if (result === undefined) return undefined;
    results.push(result);
    options.onCell?.(results.length, cells.length, result);
  }
  await writeJsonAtomically(join(out, 'results.json'), results);
  return results;
}

/** Throws an InputError for names that cannot be those of folders, and for one that is there twice. */
function checkNames(arms: readonly Arm[]): void {
  const names = [SCRATCH, ...arms.map(({ name }) => name)];
  for (const [i, name] of names.entries()) {
    if (/^[\w+-][\w.+-]*$/.test(name) && !names.slice(0, i).includes(name)) continue;
    const expected = `names of arms, each once, of letters, digits and . _ + -, none of them ${SCRATCH}`;
    throw new InputError({ file: 'arms', expected, found: name });
  }
}

/** The run of an arm, pretrained where there is none yet; undefined where that was interrupted. */
async function runOf(
  arm: Exclude<Arm, { readonly clusters: unknown }>,
  { out, train, signal, stream }: LabelEfficiencyOptions,
): Promise<string | undefined> {
  if ('run' in arm) return arm.run;
  const run = join(out, 'pretrained', arm.name);
  const how = await resumedOrNew(run);
  const result = await pretrain({ config: arm.config, data: train, out: run, ...how, signal, stream });
  return result.interrupted ? undefined : run;
}

/** The detector as it is after learning from the boxes of clusters, of all training frames; undefined where that was interrupted. */
async function clusterRun(
  { name, clusters }: Extract<Arm, { readonly clusters: unknown }>,
  { out, train, detector, signal, stream }: LabelEfficiencyOptions,
): Promise<string | undefined> {
  const labels = join(out, 'pretrained', `${name}-boxes`);
  const { interrupted } = await pseudoLabel({ data: train, out: labels, signal, stream });
  if (interrupted) return undefined;
  const run = join(out, 'pretrained', name);
  const config = applyDetectionSettings(detector, [`steps=${clusters.steps}`]);
  const data = { ...train, labels };
  const result = await finetune({ config, data, out: run, ...(await resumedOrNew(run)), signal, stream });
  return result.interrupted ? undefined : run;
}

/** The detector with the encoders of the runs. Throws an InputError where they are not of one kind, for then it would not be the same detector. */
async function withEncodersOf(
  runs: ReadonlyMap<string, PretrainedReference>,
  detector: DetectionConfig,
): Promise<DetectionConfig> {
  let first: { readonly name: string; readonly adopted: DetectionConfig } | undefined;
  for (const [name, { run }] of runs) {
    const adopted = await adoptEncoders(detector, run);
    first ??= { name, adopted };
    if (isDeepStrictEqual(adopted, first.adopted)) continue;
    const expected = `encoders as those of ${first.name}, so that the detectors are the same`;
    throw new InputError({ file: run, expected, found: `other ones of ${name}` });
  }
  return first?.adopted ?? detector;
}

async function runCell(
  cell: Cell,
  options: LabelEfficiencyOptions,
  from: PretrainedReference | undefined,
): Promise<CellResult | undefined> {
  const { train, heldOut, signal, stream } = options;
  const folder = join(options.out, 'cells', cellName(cell));
  const file = join(folder, 'result.json');
  const known = await readFile(file, 'utf8').catch(() => undefined);
  if (known !== undefined) return resultOf(known, file);
  const run = join(folder, 'run');
  const detections = join(folder, 'detections');
  await makeFolder(folder);
  const began = performance.now();
  const config = applyDetectionSettings(options.detector, [
    `seed=${cell.seed}`,
    `labels.fraction=${cell.fraction}`,
    `labels.seed=${cell.seed}`,
  ]);
  const trained = await finetune({
    config,
    data: train,
    from,
    out: run,
    ...(await resumedOrNew(run)),
    signal,
    stream,
  });
  if (trained.interrupted) return undefined;
  const found = await detect({
    run: await loadDetectionRun(run),
    data: heldOut,
    out: detections,
    overwrite: true,
    signal,
    stream,
  });
  if (found.interrupted) return undefined;
  const ap = await options.evaluate(detections);
  const { frames } = trained;
  const seconds = (performance.now() - began) / 1000;
  const result = { ...cell, frames, seconds, ap };
  await writeJsonAtomically(file, result);
  // What was measured can be made again from the configuration; dozens of times a network's state is gigabytes.
  await rm(join(run, 'checkpoints'), { recursive: true, force: true });
  return result;
}

/** `5pct-pretrained-seed1`. */
export function cellName({ beginning, fraction, seed }: Cell): string {
  return `${Number((100 * fraction).toPrecision(6))}pct-${beginning}-seed${seed}`;
}

/** Notes what the experiment is, or makes sure that the folder's is the same; more arms, seeds and shares may be added. */
function takeFolder({ out, train, heldOut, arms, detector }: LabelEfficiencyOptions): Promise<void> {
  const named = Object.fromEntries(arms.map(({ name, ...arm }) => [name, arm]));
  const armsOf = ({ arms: all }: FolderPlan) => (all ?? {}) as FolderPlan;
  return takePlannedFolder(
    out,
    { train, heldOut, detector, arms: named },
    {
      read: (noted) => withDefaults(noted, join(out, 'experiment.json')),
      expected: (known, plan) => {
        const before = armsOf(known);
        const same = Object.entries(armsOf(plan)).map(([name, arm]) => [name, before[name] ?? arm]);
        return { ...known, arms: Object.fromEntries(same) };
      },
      kept: (known, plan) => ({ ...plan, arms: { ...armsOf(known), ...armsOf(plan) } }),
    },
  );
}

/** What was noted, with what options that have come since are without being given. */
function withDefaults(plan: FolderPlan, file: string): FolderPlan {
  const arms = Object.entries((plan.arms ?? {}) as { readonly [name: string]: FolderPlan });
  return {
    ...plan,
    detector: parseDetectionConfig(plan.detector, { file }),
    arms: Object.fromEntries(
      arms.map(([name, arm]) => [
        name,
        arm.config === undefined ? arm : { ...arm, config: parseRunConfig(arm.config, { file }) },
      ]),
    ),
  };
}

function resultOf(text: string, file: string): CellResult {
  const { data, error } = resultSchema.safeParse(JSON.parse(text));
  if (data !== undefined) return data;
  throw new InputError({ file, expected: 'the result of a cell', found: error.issues[0].message });
}
