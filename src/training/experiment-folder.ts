import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { makeFolder, writeJsonAtomically } from './run/atomic-file.ts';
import { latestCheckpoint } from './run/checkpoint.ts';

/** What an experiment's folder says of it, as JSON has it. */
export type ExperimentPlan = { readonly [key: string]: unknown };

/**
 * Keeps in an experiment's folder what it is, in `experiment.json`. What is there already is given to `joined`, with the new
 * one, which says what is kept, or undefined where the two are not the same experiment: then an InputError is thrown.
 */
export async function takeExperimentFolder(
  out: string,
  plan: ExperimentPlan,
  joined: (known: ExperimentPlan, plan: ExperimentPlan) => ExperimentPlan | undefined,
): Promise<void> {
  await makeFolder(out);
  const file = join(out, 'experiment.json');
  // As it is when it is read: undefined values are left out.
  const written = JSON.parse(JSON.stringify(plan)) as ExperimentPlan;
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const kept = text === undefined ? written : joined(JSON.parse(text) as ExperimentPlan, written);
  if (kept !== undefined) return writeJsonAtomically(file, kept);
  throw new InputError({
    file,
    expected: 'the same experiment, to go on with',
    found: 'other settings: give them again, or another --out',
  });
}

/** How a training of an experiment begins: it goes on where a checkpoint of it is there. */
export async function resumedOrNew(
  run: string,
): Promise<{ readonly resume: boolean; readonly overwrite: boolean }> {
  const resume = (await latestCheckpoint(run)) !== undefined;
  return { resume, overwrite: !resume };
}
