import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { makeFolder, writeJsonAtomically } from './run/atomic-file.ts';
import { changesOf } from './run/changes.ts';
import { latestCheckpoint } from './run/checkpoint.ts';

/** What an experiment's folder says of it, as JSON has it. */
export type ExperimentPlan = { readonly [key: string]: unknown };

/** How an experiment goes on with what its folder says. */
export interface Continuation {
  /** What is noted, with options that have come since as they are by default. */
  readonly read?: (noted: ExperimentPlan) => ExperimentPlan;
  /** What the new plan has to be; by default what is noted. */
  readonly expected?: (known: ExperimentPlan, plan: ExperimentPlan) => ExperimentPlan;
  /** What is noted from now on; by default the new plan. */
  readonly kept?: (known: ExperimentPlan, plan: ExperimentPlan) => ExperimentPlan;
}

/**
 * Keeps in an experiment's folder what it is, in `experiment.json`. Where one is there already the new one has to go on with it, else
 * an InputError names the first thing in which they differ.
 */
export async function takeExperimentFolder(
  out: string,
  plan: ExperimentPlan,
  { read = (noted) => noted, expected = (known) => known, kept = (_, now) => now }: Continuation = {},
): Promise<void> {
  await makeFolder(out);
  const file = join(out, 'experiment.json');
  const written = asJson(plan);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return writeJsonAtomically(file, written);
  const known = asJson(read(JSON.parse(text) as ExperimentPlan));
  const [change] = changesOf(expected(known, written), written);
  if (change === undefined) return writeJsonAtomically(file, kept(known, written));
  throw new InputError({
    file,
    place: change.key,
    expected: `the same experiment, to go on with: ${change.before}`,
    found: `${change.now}: give the same again, or another --out`,
  });
}

/** As it is when it is read: undefined values are left out. */
function asJson(plan: ExperimentPlan): ExperimentPlan {
  return JSON.parse(JSON.stringify(plan)) as ExperimentPlan;
}

/** How a training of an experiment begins: it goes on where a checkpoint of it is there. */
export async function resumedOrNew(
  run: string,
): Promise<{ readonly resume: boolean; readonly overwrite: boolean }> {
  const resume = (await latestCheckpoint(run)) !== undefined;
  return { resume, overwrite: !resume };
}
