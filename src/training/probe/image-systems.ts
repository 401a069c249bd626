import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { InputError } from '../../engine/input-error.ts';
import { probeReportSchema } from '../../evaluation/probe-report.ts';
import { adoptTeacher } from '../adopt-teacher.ts';
import { applySettings, type RunConfig } from '../config.ts';
import { adoptCorrespondences } from '../correspond/adopt-correspondences.ts';
import { correspond } from '../correspond/correspond.ts';
import { releasedMatching } from '../correspond/correspondence-file.ts';
import { resumedOrNew, takePlannedFolder } from '../planned-folder.ts';
import { beginningOf, presetOf } from '../presets.ts';
import { type PretrainOptions, pretrain } from '../pretrain.ts';
import { makeFolder, writeJsonAtomically } from '../run/atomic-file.ts';
import { loadRun } from '../run/model-state.ts';
import type { ProgressStream } from '../run/progress.ts';
import { type MetricsLine, readMetrics } from '../run/run-folder.ts';
import { probeRun } from './probe-run.ts';

/** What the experiment compares. */
export interface ImageSystemsOptions {
  /** The folder of everything that it leaves. */
  readonly out: string;
  /** Pictures in a folder a class, as `train` and `test`: the labels are for the probes alone. */
  readonly data: string;
  /** The presets to compare. Those that they begin with are trained too. */
  readonly presets: readonly string[];
  readonly seeds: readonly number[];
  /** Changes of every configuration, such as `steps=100`. */
  readonly settings: readonly string[];
  /** Random encoders of each form to compare with. */
  readonly randomSeeds: number;
  /** Whether whitened random patches of the pictures are measured as well. */
  readonly patches: boolean;
  /** Shares of the labels to fine-tune on, which takes longer than all the rest. */
  readonly finetune: readonly number[];
  readonly finetuneSteps: number;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly stream?: ProgressStream;
  readonly say: (line: string) => void;
  readonly onCell?: (done: number, total: number, result: SystemResult) => void;
}

/** One run of the experiment. */
export interface SystemCell {
  readonly preset: string;
  readonly seed: number;
}

const resultSchema = z.strictObject({
  preset: z.string(),
  seed: z.number(),
  /** Of the training and the probe together. */
  seconds: z.number(),
  steps: z.number(),
  /** The middle one of all steps, with what it waited for pictures. */
  stepMs: z.number(),
  report: probeReportSchema,
});

/** What came of a run; its report has random encoders if it is the first of its form, and what needs no network if it is the first of all. */
export type SystemResult = z.infer<typeof resultSchema>;

/** The cells in their order, seed by seed, each preset behind those that it begins with. Throws an InputError for a preset that is not there. */
export function systemCells({
  presets,
  seeds,
}: Pick<ImageSystemsOptions, 'presets' | 'seeds'>): SystemCell[] {
  const ordered: string[] = [];
  const add = (preset: string) => {
    if (ordered.includes(preset)) return;
    for (const earlier of Object.values(beginningOf(preset))) add(earlier);
    ordered.push(preset);
  };
  for (const preset of presets) add(preset);
  return seeds.flatMap((seed) => ordered.map((preset) => ({ preset, seed })));
}

/**
 * Pretrains every preset with every seed and probes each run, beside random encoders of each form and what needs no network.
 * What is done is kept: run again, it resumes. Gives the results of all cells, or undefined where it was interrupted. Throws
 * an InputError where the folder holds another experiment, and for presets that are not there or not of pictures.
 */
export async function runImageSystems(
  options: ImageSystemsOptions,
): Promise<readonly SystemResult[] | undefined> {
  const { out, presets, data, settings, randomSeeds, patches, finetuneSteps, onCell } = options;
  const cells = systemCells(options);
  const forms = new Map(cells.map(({ preset }) => [preset, configOf({ preset, seed: 0 }, settings)]));
  for (const preset of presets) requirePictures(preset, forms.get(preset)!);
  const plan = { data, settings, randomSeeds, patches, finetuneSteps };
  // More presets, seeds and shares of labels may be added; shares were noted once.
  await takePlannedFolder(out, plan, { read: ({ finetune: _, ...noted }) => noted });
  const results: SystemResult[] = [];
  const formsDone: unknown[] = [];
  for (const cell of cells) {
    const form = forms.get(cell.preset)!.encoders.image;
    const isFirst = !formsDone.some((known) => isDeepStrictEqual(known, form));
    const result = await runCell(cell, options, {
      random: isFirst ? randomSeeds : 0,
      patches: patches && results.length === 0,
    });
    if (result === undefined) return undefined;
    if (isFirst) formsDone.push(form);
    results.push(result);
    onCell?.(results.length, cells.length, result);
  }
  await writeJsonAtomically(join(out, 'results.json'), results);
  return results;
}

function configOf({ preset, seed }: SystemCell, settings: readonly string[]): RunConfig {
  const config = presetOf(preset);
  if (config === undefined)
    throw new InputError({ file: 'presets', expected: 'the name of a preset', found: preset });
  return applySettings(config, [...settings, `seed=${seed}`]);
}

function requirePictures(preset: string, { encoders }: RunConfig): void {
  if (encoders.image !== undefined && encoders.points === undefined) return;
  throw new InputError({
    file: 'presets',
    expected: 'presets that learn from pictures alone',
    found: preset,
  });
}

/** Trains and probes a run where that was not done before; undefined where it was interrupted. */
async function runCell(
  cell: SystemCell,
  options: ImageSystemsOptions,
  beside: { readonly random: number; readonly patches: boolean },
): Promise<SystemResult | undefined> {
  const { out, data, finetuneSteps, threads, signal, stream, say } = options;
  const folder = join(out, cellName(cell));
  const file = join(folder, 'result.json');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const known = text === undefined ? undefined : resultOf(text, file);
  const shares = known?.report.finetune.map(({ fraction }) => fraction) ?? [];
  const finetune = [...new Set([...shares, ...options.finetune])];
  if (known !== undefined) {
    const { randomEncoder, randomPatches } = known.report;
    // It may have been done when others came before it, or with fewer shares of the labels.
    const hasAll =
      (beside.random === 0 || randomEncoder !== null) &&
      (!beside.patches || randomPatches !== null) &&
      finetune.length === shares.length;
    if (hasAll) return known;
  }
  await makeFolder(folder);
  const began = performance.now();
  const run = join(folder, 'run');
  const begun = await beginningIn(cell, options);
  if (begun === undefined) return undefined;
  const trained = await pretrain({
    ...begun,
    data: picturesIn(data),
    out: run,
    threads,
    ...(await resumedOrNew(run)),
    signal,
    stream,
  });
  if (trained.interrupted) return undefined;
  const report = await probeRun({
    run: await loadRun(run),
    folder: run,
    data,
    k: 20,
    temperature: 0.07,
    randomSeeds: beside.random,
    patches: beside.patches,
    finetune,
    finetuneSteps,
    threads,
    signal,
    say,
  });
  const { lines } = await readMetrics(run);
  const seconds = (known?.seconds ?? 0) + (performance.now() - began) / 1000;
  const result = { ...cell, seconds, steps: trained.step, stepMs: middleStepMs(lines), report };
  await writeJsonAtomically(file, result);
  return result;
}

/** The pictures to learn from. */
function picturesIn(data: string) {
  return { root: data, imageSet: 'train' } as const;
}

/** What a run begins with: its configuration, and what it has of runs of the same seed; undefined where it was interrupted. */
async function beginningIn(
  { preset, seed }: SystemCell,
  { out, data, settings, threads, signal, say }: ImageSystemsOptions,
): Promise<Pick<PretrainOptions, 'config' | 'teacher' | 'from' | 'correspondences'> | undefined> {
  const { teacher, from, correspondences } = beginningOf(preset);
  const runOf = (earlier: string) => join(out, cellName({ preset: earlier, seed }), 'run');
  const config = configOf({ preset, seed }, settings);
  const begun = from === undefined ? {} : { from: { run: runOf(from) } };
  if (teacher !== undefined) return { ...(await adoptTeacher(config, runOf(teacher))), ...begun };
  if (correspondences === undefined) return { config, ...begun };
  const folder = runOf(correspondences);
  const boxes = join(out, cellName({ preset, seed }), 'boxes.safetensors');
  say(`boxes of pictures, by ${folder}`);
  try {
    await correspond({
      ...{ run: await loadRun(folder), folder, data: picturesIn(data), out: boxes, threads, signal, say },
      // Photographs this small show few things.
      matching: { ...releasedMatching, most: 6 },
      workers: availableParallelism(),
    });
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  }
  return { ...(await adoptCorrespondences(config, boxes)), ...begun };
}

/** The folder of a cell, such as `byol-cifar-seed1`. */
export function cellName({ preset, seed }: SystemCell): string {
  return `${preset}-seed${seed}`;
}

function middleStepMs(lines: readonly MetricsLine[]): number {
  const times = lines.map(({ profile }) => (profile?.computeMs ?? 0) + (profile?.waitMs ?? 0));
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}

function resultOf(text: string, file: string): SystemResult {
  const { data, error } = resultSchema.safeParse(JSON.parse(text));
  if (data !== undefined) return data;
  throw new InputError({ file, expected: 'the result of a run', found: error.issues[0].message });
}
