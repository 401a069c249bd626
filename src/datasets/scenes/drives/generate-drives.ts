import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../../../engine/input-error.ts';
import { claimFolder } from '../claim-folder.ts';
import { whole } from '../generate-scenes.ts';
import { hdl64, type ScannerOptions } from '../laser-scanner.ts';
import { kittiImageSize } from '../scene-camera.ts';
import { createRunner } from '../scene-runner.ts';
import {
  dateName,
  driveName,
  framesAmong,
  hasDriveFrame,
  isFinished,
  prepareDrive,
  writeCalibration,
} from './drive-files.ts';
import { type DriveOutcome, type DriveTask, workAtDrive } from './drive-worker.ts';
import { maxFrames } from './timeline.ts';

/** Changes whenever the same seed gives other drives. */
const version = 1;

/** What drives to generate, and where to. */
export interface GenerateDrivesOptions {
  /** The data set's folder; made if it is not there. */
  readonly out: string;
  readonly drives: number;
  /** Of each drive, ten a second; 200 at most. */
  readonly frames: number;
  readonly seed: number | string;
  /** Threads; 0 works in this one. The drives do not depend on it. */
  readonly workers: number;
  /** Whether each firing of the scanner has its own time within its turn, as on a real car; otherwise a sweep is of one instant. */
  readonly rolling?: boolean;
  readonly onProgress?: (progress: GenerateDrivesProgress) => void;
  /** Pixels; KITTI's 1242 x 375 by default. */
  readonly imageSize?: { readonly width: number; readonly height: number };
  /** KITTI's 64 beams by default. */
  readonly scanner?: ScannerOptions;
  /** Stops after the frames in work; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How far the generation is. */
export interface GenerateDrivesProgress {
  /** Frames of all drives that are there, those kept from before included. */
  readonly done: number;
  readonly count: number;
}

/** What was generated. */
export interface GenerateDrivesReport {
  readonly out: string;
  readonly drives: number;
  /** Frames rendered now, and frames that were there already. */
  readonly made: number;
  readonly kept: number;
  /** Of the frames rendered now: points a sweep on average, and labels of each class. */
  readonly meanPoints: number;
  readonly labels: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
}

/**
 * Writes synthetic drives in the layout of KITTI's raw data, with the tracking benchmark's labels as `label_02.txt` in each drive's
 * folder, and `drives.json`, which says what they were made with. Frames that are there are kept, so that an interrupted run goes on
 * where it stopped, and more drives or more frames are added. Throws InputError for options that cannot be, a folder made with
 * others or with more frames, and files that cannot be written.
 *
 * @example
 * const report = await generateDrives({
 *   out: 'data/drives',
 *   drives: 1,
 *   frames: 2,
 *   seed: 0,
 *   workers: 1,
 *   imageSize: { width: 320, height: 96 },
 *   scanner: { beams: 16, steps: 540 },
 * });
 * report.made; // 2
 */
export async function generateDrives(options: GenerateDrivesOptions): Promise<GenerateDrivesReport> {
  checkOptions(options);
  const started = performance.now();
  const { drives, frames, seed, workers, rolling = false, signal, onProgress } = options;
  const out = resolve(options.out);
  await requireAll(out, options);
  const imageSize = options.imageSize ?? kittiImageSize;
  const scanner = options.scanner ?? hdl64;
  await claimFolder({
    out,
    record: 'drives.json',
    beside: dateName,
    generator: 'pointpair scenes --drives',
    recipe: { version, seed, imageSize, scanner, rolling },
    folders: [dateName],
    other: 'scenes.json',
  });
  await writeCalibration(out, imageSize);
  const unfinished: Array<{ readonly drive: number; readonly missing: readonly number[] }> = [];
  let missingFrames = 0;
  for (let drive = 0; drive < drives; drive++) {
    const folder = join(out, driveName(drive));
    await prepareDrive(folder);
    const missing: number[] = [];
    for (let frame = 0; frame < frames; frame++)
      if (!(await hasDriveFrame(folder, frame))) missing.push(frame);
    missingFrames += missing.length;
    if (missing.length > 0 || !(await isFinished(folder, frames))) unfinished.push({ drive, missing });
  }
  const count = drives * frames;
  let done = count - missingFrames;
  onProgress?.({ done, count });
  let points = 0;
  const labels: Record<string, number> = {};
  const pieces = cut(unfinished, Math.max(1, workers));
  const queue = pieces.values();
  const left = new Map(unfinished.map(({ drive, missing }) => [drive, missing.length]));
  const lane = async (): Promise<void> => {
    // A thread of its own: it keeps the world that it has built.
    const runner = createRunner<DriveTask, DriveOutcome>(Math.min(1, workers), {
      module: 'drives/drive-worker',
      name: 'workAtDrive',
      here: workAtDrive,
    });
    const run = async (drive: number, work: DriveTask['work']) => {
      signal?.throwIfAborted();
      const outcome = await runner.run({ out, seed, drive, options: { imageSize, scanner, rolling }, work });
      if ('fault' in outcome) throw new InputError(outcome.fault);
      return outcome;
    };
    try {
      for (const { drive, missing } of queue) {
        for (const frame of missing) {
          const outcome = await run(drive, { frame });
          points += outcome.points;
          for (const [type, n] of Object.entries(outcome.labels)) labels[type] = (labels[type] ?? 0) + n;
          left.set(drive, left.get(drive)! - 1);
          onProgress?.({ done: ++done, count });
        }
        if (left.get(drive) !== 0) continue;
        left.delete(drive);
        await run(drive, { finish: frames });
      }
    } finally {
      await runner.close();
    }
  };
  const lanes = Math.max(1, Math.min(workers, pieces.length));
  const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const end of ended) if (end.status === 'rejected') throw end.reason;
  signal?.throwIfAborted();
  return {
    out,
    drives,
    made: missingFrames,
    kept: count - missingFrames,
    meanPoints: missingFrames === 0 ? 0 : points / missingFrames,
    labels,
    elapsedMs: performance.now() - started,
  };
}

interface Piece {
  readonly drive: number;
  readonly missing: readonly number[];
}

/** Whole drives, for a thread builds each world that it works at; where there are fewer than threads, parts of drives. */
function cut(drives: readonly Piece[], threads: number): Piece[] {
  const parts = Math.max(1, Math.floor(threads / Math.max(1, drives.length)));
  return drives.flatMap(({ drive, missing }) => {
    const size = Math.max(1, Math.ceil(missing.length / parts));
    const pieces: Piece[] = [];
    for (let from = 0; from < Math.max(1, missing.length); from += size)
      pieces.push({ drive, missing: missing.slice(from, from + size) });
    return pieces;
  });
}

/** Drives and frames that are there stay, so fewer than those cannot be asked for. */
async function requireAll(out: string, { drives, frames }: GenerateDrivesOptions): Promise<void> {
  const refuse = (place: string, there: number, what: string, found: number): never => {
    const expected = `at least the ${there} ${what} that are there, or another folder`;
    throw new InputError({ file: out, place, expected, found: String(found) });
  };
  const names = await readdir(join(out, dateName)).catch((): string[] => []);
  const numbers = names.flatMap((name) => /_drive_(\d{4,})_sync$/.exec(name)?.[1] ?? []).map(Number);
  const there = Math.max(0, ...numbers.map((number) => number + 1));
  if (there > drives) refuse('drives', there, 'drives', drives);
  for (const number of numbers) {
    const inside = join(out, driveName(number), 'velodyne_points', 'data');
    const most = framesAmong(await readdir(inside).catch((): string[] => []));
    if (most > frames) refuse('frames', most, 'frames a drive', frames);
  }
}

function checkOptions(options: GenerateDrivesOptions): void {
  const size = options.imageSize ?? kittiImageSize;
  const scanner = options.scanner ?? hdl64;
  whole('drives', options.drives, 1, 2000);
  whole('frames', options.frames, 1, maxFrames);
  whole('workers', options.workers, 0, 256);
  whole('imageSize.width', size.width, 32, 4096);
  whole('imageSize.height', size.height, 32, 4096);
  whole('scanner.beams', scanner.beams, 1, 64);
  whole('scanner.steps', scanner.steps, 8, 8192);
}
