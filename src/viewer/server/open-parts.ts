import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { openSequence } from '../../datasets/open-sequence.ts';
import type { Sequence } from '../../datasets/sequence.ts';
import { InputError } from '../../engine/input-error.ts';
import type { Problem } from '../protocol.ts';
import { Detections } from './detections.ts';
import { FolderGuard } from './folder-guard.ts';
import { Learned } from './learned.ts';
import { isRunFolder, runData, runDetections } from './run-data.ts';
import { readRunInfo } from './run-info.ts';
import { RunTail } from './run-tail.ts';

/** What to look at. */
export interface SessionOptions {
  /** A run, a data set, a drive, a folder of point clouds, or a single one. */
  readonly path: string;
  /** Where a run's data is, if not where its configuration says. */
  readonly data?: string;
  /** A folder of a detector's results; those in the folder `detections` of a detector's run by default. */
  readonly detections?: string;
  /** A KITTI tracking label file for a raw drive. */
  readonly tracks?: string;
  /** How many numbers a point has in `.bin` files; KITTI's four by default. */
  readonly columns?: number;
  /** Folders that links may lead to. */
  readonly also?: readonly string[];
}

/** What a session is made of; what was not given, or cannot be opened, is undefined. */
export interface SessionParts {
  readonly sequence: Sequence | undefined;
  /** Why there is no sequence. */
  readonly problem: Problem | undefined;
  readonly run: RunTail | undefined;
  readonly detections: Detections | undefined;
  readonly guard: FolderGuard;
  /** Of the sequence, and of the run where there is one. */
  readonly learned: Learned | undefined;
}

/**
 * Opens what there is. Throws InputError for a path that does not exist or holds nothing to look at, for a single cloud that
 * cannot be right, and for options that do not go with the path; a run has more to show, and data of it that is missing is a
 * problem of the sequence.
 */
export async function openParts(options: SessionOptions): Promise<SessionParts> {
  const { path, tracks, columns } = options;
  await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({
      file: path,
      expected: 'a run, a data set or a point cloud',
      found: error.code ?? error.message,
    });
  });
  const run = (await isRunFolder(path)) ? path : undefined;
  if (run === undefined && options.data !== undefined) {
    throw new InputError({ file: path, expected: 'a run, which --data goes with', found: 'no run' });
  }
  const given = [path, options.data, options.detections, tracks, ...(options.also ?? [])];
  const guard = await FolderGuard.over(given.filter((each) => each !== undefined));
  const { root, problem: lost } = await rootOf(options, run);
  const detections = await detectionsOf(options, run, root);
  const tail = run === undefined ? undefined : new RunTail(run);
  for (const file of tail?.files ?? []) await guard.checkIfThere(file);
  const parts = { run: tail, detections };
  if (root === undefined) return { ...parts, sequence: undefined, problem: lost, guard, learned: undefined };
  const reference = { path: root, tracks, columns };
  const beside = await calibrationBeside(root);
  const whole = await (await guard.withFolders([root])).withFiles(beside);
  try {
    await whole.checkReadAtOnce(root);
    for (const file of beside) await whole.check(file);
    const sequence = await openSequence(reference);
    // Of a single cloud nothing is left to be shown where it is damaged.
    if (sequence.kind === 'point cloud') await sequence.cloud(0);
    // A detector has no heads that its features are compared by: matches are then drawn as of data alone.
    const encoders = run !== undefined && (await readRunInfo(run)).isDetector ? undefined : run;
    const learned = new Learned({ sequence: reference, run: encoders, dataRoot: root });
    return { ...parts, sequence, problem: undefined, guard: whole, learned };
  } catch (error) {
    if (run === undefined) throw error;
    return { ...parts, sequence: undefined, problem: problemOf(error), guard: whole, learned: undefined };
  }
}

/** Where the frames are: what was given, or the data that a run names. */
async function rootOf(
  { path, data }: SessionOptions,
  run: string | undefined,
): Promise<{ readonly root?: string; readonly problem?: Problem }> {
  try {
    return { root: run === undefined ? path : (data ?? (await runData(run))) };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

/** The results that were given, or those of a detector's run of what is shown. */
async function detectionsOf(
  { detections }: SessionOptions,
  run: string | undefined,
  root: string | undefined,
): Promise<Detections | undefined> {
  if (detections !== undefined) return Detections.open(detections);
  const own = run === undefined || root === undefined ? undefined : await runDetections(run, root);
  return own === undefined ? undefined : Detections.open(own);
}

/** A drive's calibration, where it lies beside it in the folder of its day. */
async function calibrationBeside(root: string): Promise<string[]> {
  const day = dirname(resolve(root));
  if (!/_drive_\d+/.test(basename(resolve(root)))) return [];
  const names = await readdir(day).catch(() => []);
  return names.filter((name) => /^calib_\w+\.txt$/.test(name)).map((name) => join(day, name));
}

function problemOf(error: unknown): Problem {
  if (error instanceof InputError) return { message: error.message };
  throw error;
}
