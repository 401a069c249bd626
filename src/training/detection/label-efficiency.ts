import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../../engine/input-error.ts';
import type { RunConfig } from '../config.ts';
import { pretrain } from '../pretrain.ts';
import { makeFolder, writeJsonAtomically } from '../run/atomic-file.ts';
import { latestCheckpoint } from '../run/checkpoint.ts';
import type { ProgressStream } from '../run/progress.ts';
import { adoptEncoders } from './adopt-encoders.ts';
import { detect } from './detect.ts';
import { applyDetectionSettings, type DetectionConfig } from './detection-config.ts';
import { loadDetectionRun } from './detection-run.ts';
import { finetune } from './finetune.ts';

/** How a detector's encoders begin. */
export const beginnings = ['scratch', 'pretrained'] as const;

/** One training of the experiment. */
export interface Cell {
  readonly beginning: (typeof beginnings)[number];
  /** The share of the training frames whose labels are used. */
  readonly fraction: number;
  /** Draws those frames, the first values of what is new, and the order of the frames. */
  readonly seed: number;
}

/** What the experiment compares. */
export interface LabelEfficiencyOptions {
  /** The folder of everything that it leaves. */
  readonly out: string;
  /** A data set with the lists `train` and `val`. */
  readonly data: string;
  readonly pretraining: RunConfig;
  /** Of every cell, but for its labels, its seed and, for `pretrained`, its encoders' first values. */
  readonly detector: DetectionConfig;
  readonly fractions: readonly number[];
  readonly seeds: readonly number[];
  /** Whether a damaged or incomplete frame ends it instead of being left out; false by default. */
  readonly strict?: boolean;
  /** Average precisions by name of result files against label files. */
  readonly evaluate: (folders: {
    labels: string;
    detections: string;
  }) => Promise<Readonly<Record<string, number | null>>>;
  readonly signal?: AbortSignal;
  readonly stream?: ProgressStream;
  readonly onCell?: (done: number, total: number, result: CellResult) => void;
}

const resultSchema = z.strictObject({
  beginning: z.enum(beginnings),
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
export function cellsOf({ fractions, seeds }: Pick<LabelEfficiencyOptions, 'fractions' | 'seeds'>): Cell[] {
  return seeds.flatMap((seed) =>
    fractions.flatMap((fraction) => beginnings.map((beginning) => ({ beginning, fraction, seed }))),
  );
}

/**
 * Pretrains once on all training frames without their labels, then trains the detector for every share of labels, seed
 * and beginning, and measures each on the held-out frames. What is done is kept: begun again it goes on where it was.
 * Gives the results of all cells, or undefined where it was interrupted. Throws an InputError where the folder holds
 * another experiment.
 */
export async function runLabelEfficiency(
  options: LabelEfficiencyOptions,
): Promise<readonly CellResult[] | undefined> {
  const { out, data, signal, stream } = options;
  await takeFolder(options);
  const pretrained = join(out, 'pretrained');
  const pretraining = await pretrain({
    config: options.pretraining,
    data: { root: data, imageSet: 'train', strict: options.strict },
    out: pretrained,
    ...(await howToBegin(pretrained)),
    signal,
    stream,
  });
  if (pretraining.interrupted) return undefined;
  const detector = await adoptEncoders(options.detector, pretrained);
  const cells = cellsOf(options);
  const results: CellResult[] = [];
  for (const cell of cells) {
    const result = await runCell(cell, { ...options, detector }, pretrained);
    if (result === undefined) return undefined;
    results.push(result);
    options.onCell?.(results.length, cells.length, result);
  }
  await writeJsonAtomically(join(out, 'results.json'), results);
  return results;
}

async function runCell(
  cell: Cell,
  options: LabelEfficiencyOptions,
  pretrained: string,
): Promise<CellResult | undefined> {
  const { data, signal, stream } = options;
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
    data: { root: data, imageSet: 'train', strict: options.strict },
    from: cell.beginning === 'pretrained' ? { run: pretrained } : undefined,
    out: run,
    ...(await howToBegin(run)),
    signal,
    stream,
  });
  if (trained.interrupted) return undefined;
  const found = await detect({
    run: await loadDetectionRun(run),
    data: { root: data, imageSet: 'val', strict: options.strict },
    out: detections,
    overwrite: true,
    signal,
    stream,
  });
  if (found.interrupted) return undefined;
  const ap = await options.evaluate({ labels: join(data, 'training', 'label_2'), detections });
  const { frames } = trained;
  const seconds = (performance.now() - began) / 1000;
  const result = { ...cell, frames, seconds, ap };
  await writeJsonAtomically(file, result);
  // What was measured can be made again from the configuration; 24 times a network's state is gigabytes.
  await rm(join(run, 'checkpoints'), { recursive: true, force: true });
  return result;
}

/** `5pct-pretrained-seed1`. */
export function cellName({ beginning, fraction, seed }: Cell): string {
  return `${Number((100 * fraction).toPrecision(6))}pct-${beginning}-seed${seed}`;
}

async function howToBegin(run: string): Promise<{ resume: boolean; overwrite: boolean }> {
  const resume = (await latestCheckpoint(run)) !== undefined;
  return { resume, overwrite: !resume };
}

/** Notes what the experiment is, or makes sure that the folder's is the same; more seeds and shares may be added. */
async function takeFolder({ out, data, pretraining, detector }: LabelEfficiencyOptions) {
  await makeFolder(out);
  const file = join(out, 'experiment.json');
  const plan = JSON.parse(JSON.stringify({ data, pretraining, detector })) as unknown;
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return writeJsonAtomically(file, plan);
  if (JSON.stringify(JSON.parse(text)) !== JSON.stringify(plan)) {
    throw new InputError({
      file,
      expected: 'the same experiment, to go on with',
      found: 'other settings: give them again, or another --out',
    });
  }
}

function resultOf(text: string, file: string): CellResult {
  const { data, error } = resultSchema.safeParse(JSON.parse(text));
  if (data !== undefined) return data;
  throw new InputError({ file, expected: 'the result of a cell', found: error.issues[0].message });
}
