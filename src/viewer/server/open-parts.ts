import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { findKittiOdometry, isKittiOdometry } from '../../datasets/kitti-odometry-layout.ts';
import { exists } from '../../datasets/numbered-files.ts';
import {
  entryNamed,
  listSequences,
  namesInWords,
  type SequenceEntry,
  type SequenceReference,
} from '../../datasets/open-sequences.ts';
import type { Sequence } from '../../datasets/sequence.ts';
import { InputError, reasonOf } from '../../engine/input-error.ts';
import type { PointCloud } from '../../pointcloud/point-cloud.ts';
import type { Problem } from '../protocol.ts';
import { Detections } from './detections.ts';
import { firstDrawn } from './first-drawn.ts';
import { FolderGuard } from './folder-guard.ts';
import { Learned } from './learned.ts';
import { isRunFolder, runData, runDetections, runSelection } from './run-data.ts';
import { readRunInfo } from './run-info.ts';
import { RunTail } from './run-tail.ts';

/** What to look at. */
export interface SessionOptions {
  /** A run, a data set, a drive or several, a folder of point clouds, or a single one. */
  readonly path: string;
  /** The name of the sequence to show, of several that lie there; the first by default. */
  readonly sequence?: string;
  /** The camera to show; that of the run, or the data set's first by default. */
  readonly camera?: string;
  /** Where a run's data is, if not where its configuration says. */
  readonly data?: string;
  /** A folder of a detector's results; those in the folder `detections` of a detector's run by default. */
  readonly detections?: string;
  /** A KITTI tracking label file for a raw drive. */
  readonly tracks?: string;
  /** How many numbers a point has in `.bin` files; KITTI's four by default. */
  readonly columns?: number;
  /** Something to show beside it: frames (a data set, a drive, point clouds) beside frames, a run beside a run. */
  readonly beside?: string;
  /** Folders that links may lead to. */
  readonly also?: readonly string[];
}

/** What a session is made of; what was not given, or cannot be opened, is undefined. */
export interface SessionParts {
  readonly sequence: Sequence | undefined;
  /** How the sequence can be opened again. */
  readonly reference: SequenceReference | undefined;
  /** The cloud of a sequence that is a single one, which was read to see that it can be. */
  readonly only: PointCloud | undefined;
  /** The number of the first frame that can be drawn; 0 where none can. */
  readonly first: number;
  /** What was chosen and what was left aside, a sentence each. */
  readonly notes: readonly string[];
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
  const { path } = options;
  await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError({
      file: path,
      expected: 'a run, a data set or a point cloud',
      found: reasonOf(error),
    });
  });
  const run = (await isRunFolder(path)) ? path : undefined;
  if (run === undefined && options.data !== undefined) {
    throw new InputError({ file: path, expected: 'a run, which --data goes with', found: 'no run' });
  }
  const given = [path, options.data, options.detections, options.tracks, ...(options.also ?? [])];
  const guard = await FolderGuard.over(given.filter((each) => each !== undefined));
  const { root, problem: lost } = await rootOf(options, run);
  const detections = await detectionsOf(options, run, root);
  const tail = run === undefined ? undefined : new RunTail(run);
  for (const file of tail?.files ?? []) await guard.checkIfThere(file);
  const parts = { run: tail, detections };
  const none = {
    sequence: undefined,
    reference: undefined,
    only: undefined,
    first: 0,
    notes: [],
    learned: undefined,
  };
  if (root === undefined) return { ...parts, ...none, problem: lost, guard };
  const beside = [...(await calibrationBeside(root)), ...(await posesBeside(root))];
  const whole = await (await guard.withFolders([root])).withFiles(beside);
  try {
    await whole.checkReadAtOnce(root);
    for (const file of beside) await whole.check(file);
    const { reference, entry, notes } = await chosenSequence(root, options, run);
    const sequence = await entry.open();
    // Of a single cloud nothing is left to be shown where it is damaged.
    const only = sequence.kind === 'point cloud' ? await sequence.cloud(0) : undefined;
    const drawn = await firstDrawn(sequence, whole);
    // A detector or classifier has no heads that its features are compared by: matches are then drawn as of data alone.
    const encoders = run !== undefined && (await readRunInfo(run)).learns === 'encoders' ? run : undefined;
    const learned = new Learned({ sequence: reference, run: encoders, dataRoot: root });
    return {
      ...parts,
      sequence,
      reference,
      only,
      first: drawn.first,
      notes: [...notes, ...drawn.notes],
      problem: undefined,
      guard: whole,
      learned,
    };
  } catch (error) {
    if (run === undefined) throw error;
    return { ...parts, ...none, problem: problemOf(error), guard: whole };
  }
}

/** The sequence to open: the one that is named, or the first (that the run learned from), which a note says. */
async function chosenSequence(
  path: string,
  { sequence, camera, tracks, columns }: SessionOptions,
  run: string | undefined,
): Promise<{
  readonly reference: SequenceReference;
  readonly entry: SequenceEntry;
  readonly notes: readonly string[];
}> {
  const learned = run === undefined ? {} : await runSelection(run);
  const reference = { path, tracks, columns, camera: camera ?? learned.camera };
  const { entries, notes } = await listSequences(reference);
  if (sequence !== undefined || entries.length === 1) {
    const entry = sequence === undefined ? entries[0] : entryNamed(entries, sequence, path);
    return { reference: { ...reference, sequence }, entry, notes };
  }
  const entry = entries.find((each) => learned.sequences?.includes(each.name)) ?? entries[0];
  const { name } = entry;
  const others = namesInWords(entries.filter((each) => each !== entry));
  const note = `showing ${name} of ${entries.length} sequences; --sequence shows another: ${others}`;
  return { reference: { ...reference, sequence: name }, entry, notes: [...notes, note] };
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

/** The poses of an odometry sequence, which lie beside the folder of all sequences. */
async function posesBeside(root: string): Promise<string[]> {
  if (!(await isKittiOdometry(root))) return [];
  const files = (await findKittiOdometry(root)).map(({ poses }) => poses);
  const there = await Promise.all(files.map(exists));
  return files.filter((_, i) => there[i]);
}

function problemOf(error: unknown): Problem {
  if (error instanceof InputError) return { message: error.message };
  throw error;
}
