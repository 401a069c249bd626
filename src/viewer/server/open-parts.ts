import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { openRecording, type RecordingReference } from '../../datasets/open-recording.ts';
import type { Recording } from '../../datasets/recording.ts';
import { InputError } from '../../engine/input-error.ts';
import type { Problem } from '../protocol.ts';
import { Detections } from './detections.ts';
import { FolderGuard } from './folder-guard.ts';
import { Learned } from './learned.ts';
import { isRunFolder, runData } from './run-data.ts';
import { RunTail } from './run-tail.ts';

/** What to look at. */
export interface SessionOptions {
  /** A run, a data set, a drive, a folder of point clouds, or a single one. */
  readonly path: string;
  /** Where a run's data is, if not where its configuration says. */
  readonly data?: string;
  /** A folder of a detector's results. */
  readonly detections?: string;
  /** A KITTI tracking label file for a raw drive. */
  readonly tracks?: string;
  /** Folders that links may lead to. */
  readonly also?: readonly string[];
}

/** What a session is made of; what was not given, or cannot be opened, is undefined. */
export interface SessionParts {
  readonly recording: Recording | undefined;
  /** Why there is no recording. */
  readonly problem: Problem | undefined;
  readonly run: RunTail | undefined;
  readonly detections: Detections | undefined;
  readonly guard: FolderGuard;
  /** Of the recording, and of the run where there is one. */
  readonly learned: Learned | undefined;
}

/**
 * Opens what there is. Throws InputError for a path that does not exist, and for options that do not go with it; a folder
 * in which there is nothing to look at, and a run whose data is missing, are a problem of the recording.
 */
export async function openParts(options: SessionOptions): Promise<SessionParts> {
  const { path, tracks } = options;
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
  const detections = options.detections === undefined ? undefined : await Detections.open(options.detections);
  const { reference, recording, problem } = await openFrames({ ...options, run });
  const given = [path, reference?.path, options.detections, tracks, ...(options.also ?? [])];
  // A drive's calibration lies beside it, in the folder of its day.
  const beside = (recording?.moments[0]?.files.calibration ?? []).filter(
    (file) => dirname(resolve(file)) === dirname(resolve(recording!.root)),
  );
  return {
    recording,
    problem,
    run: run === undefined ? undefined : new RunTail(run),
    detections,
    guard: await FolderGuard.over([...given.filter((each) => each !== undefined), ...beside]),
    learned:
      recording === undefined
        ? undefined
        : new Learned({ recording: reference!, run, dataRoot: reference!.path }),
  };
}

/** The frames of what was given, or of the data that a run names. */
async function openFrames({
  path,
  data,
  tracks,
  run,
}: SessionOptions & { readonly run: string | undefined }) {
  let reference: RecordingReference | undefined;
  try {
    reference = { path: run === undefined ? path : (data ?? (await runData(run))), tracks };
    return { reference, recording: await openRecording(reference), problem: undefined };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { reference, recording: undefined, problem: { message: error.message } };
  }
}
