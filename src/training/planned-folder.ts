import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../engine/input-error.ts';
import { makeFolder, writeJsonAtomically } from './run/atomic-file.ts';
import { changesOf } from './run/changes.ts';
import { latestCheckpoint } from './run/checkpoint.ts';

/** What a folder says of how its files are made, as JSON has it. */
export type FolderPlan = { readonly [key: string]: unknown };

/** How something goes on with what its folder says. */
export interface Continuation {
  /** What is noted, with options that have come since as they are by default. */
  readonly read?: (noted: FolderPlan) => FolderPlan;
  /** What the new plan has to be; by default what is noted. */
  readonly expected?: (known: FolderPlan, plan: FolderPlan) => FolderPlan;
  /** The name of the file in the folder that holds the plan (`experiment.json`). */
  readonly name?: string;
  /** What the folder holds, as error messages call it (`experiment`). */
  readonly what?: string;
  /** The plan of a folder that has files but none. */
  readonly unnoted?: FolderPlan;
  /** What is noted from now on; by default the new plan. */
  readonly kept?: (known: FolderPlan, plan: FolderPlan) => FolderPlan;
}

/**
 * Keeps in a folder what its files come from, such as an experiment's plan in `experiment.json`. Where one is there already the new one
 * has to go on with it, else an InputError names the first thing in which they differ.
 */
export async function takePlannedFolder(
  out: string,
  plan: FolderPlan,
  {
    read = (noted) => noted,
    expected = (known) => known,
    name = 'experiment.json',
    what = 'experiment',
    unnoted,
    kept = (_, now) => now,
  }: Continuation = {},
): Promise<void> {
  await makeFolder(out);
  const file = join(out, name);
  const written = asJson(plan);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const noted = text === undefined ? unnoted : (JSON.parse(text) as FolderPlan);
  if (noted === undefined) return writeJsonAtomically(file, written);
  const known = asJson(read(noted));
  const [change] = changesOf(expected(known, written), written);
  if (change === undefined) return writeJsonAtomically(file, kept(known, written));
  throw new InputError({
    file,
    place: change.key,
    expected: `the same ${what}, to go on with: ${change.before}`,
    found: `${change.now}: give the same again, or another --out`,
  });
}

/** As it is when it is read: undefined values are left out. */
function asJson(plan: FolderPlan): FolderPlan {
  return JSON.parse(JSON.stringify(plan)) as FolderPlan;
}

/** How a training of an experiment begins: it goes on where a checkpoint of it is there. */
export async function resumedOrNew(
  run: string,
): Promise<{ readonly resume: boolean; readonly overwrite: boolean }> {
  const resume = (await latestCheckpoint(run)) !== undefined;
  return { resume, overwrite: !resume };
}
