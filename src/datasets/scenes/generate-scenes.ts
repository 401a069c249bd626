import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../../engine/input-error.ts';
import { claimFolder } from './claim-folder.ts';
import { hdl64, type ScannerOptions } from './laser-scanner.ts';
import { kittiImageSize } from './scene-camera.ts';
import { frameName, hasFrame, replaceFile, sceneFolders } from './scene-files.ts';
import { createRunner } from './scene-runner.ts';
import { type FrameOutcome, type FrameTask, makeFrame } from './scene-worker.ts';

/** Changes whenever the same seed gives other frames. */
const version = 1;

/** What to generate, and where to. */
export interface GenerateScenesOptions {
  /** The data set's folder; made if it is not there. */
  readonly out: string;
  readonly count: number;
  /** How many of the frames, the last ones, are listed for validation instead of training. */
  readonly heldOut: number;
  readonly seed: number | string;
  /** Threads; 0 works in this one. The frames do not depend on it. */
  readonly workers: number;
  readonly onProgress?: (progress: GenerateScenesProgress) => void;
  /** Pixels; KITTI's 1242 x 375 by default. */
  readonly imageSize?: { readonly width: number; readonly height: number };
  /** KITTI's 64 beams by default. */
  readonly scanner?: ScannerOptions;
  /** Whether the depth of every pixel is written too; frames that lack it are made again. */
  readonly depth?: boolean;
  /** Stops after the frames in work; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How far the generation is. */
export interface GenerateScenesProgress {
  /** Frames that are there, those kept from before included. */
  readonly done: number;
  readonly count: number;
}

/** What was generated. */
export interface GenerateScenesReport {
  readonly out: string;
  /** Frames rendered now, and frames that were there already. */
  readonly made: number;
  readonly kept: number;
  readonly train: number;
  readonly val: number;
  /** Of the frames rendered now: points a sweep on average, and labels of each class. */
  readonly meanPoints: number;
  readonly labels: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
}

/**
 * Writes a KITTI object data set of synthetic driving scenes: `training/{velodyne,image_2,calib,label_2}`,
 * with `depth` `training/depth_2` (KITTI's depth format), `ImageSets/{train,val}.txt` and `scenes.json`, which says what
 * it was made with. Frames that are there are kept, so that an interrupted run goes on where it stopped and a larger
 * `count` adds frames. Throws InputError for options that cannot be, a folder made with others or with more frames, and
 * files that cannot be written (a full disk among the reasons).
 *
 * @example
 * const report = await generateScenes({
 *   out: 'data/scenes',
 *   count: 6,
 *   heldOut: 2,
 *   seed: 0,
 *   workers: 1,
 *   imageSize: { width: 320, height: 96 },
 *   scanner: { beams: 32, steps: 1080 },
 * });
 * [report.train, report.val]; // [4, 2]
 */
export async function generateScenes(options: GenerateScenesOptions): Promise<GenerateScenesReport> {
  checkOptions(options);
  await requireAllFrames(options);
  const started = performance.now();
  const { count, heldOut, seed, depth, signal, onProgress } = options;
  const out = resolve(options.out);
  const imageSize = options.imageSize ?? kittiImageSize;
  const scanner = options.scanner ?? hdl64;
  // Depth is no part of the recipe: with it or without, the other files are the same.
  await claimFolder({
    out,
    record: 'scenes.json',
    beside: 'training',
    generator: 'pointpair scenes',
    recipe: { version, seed, imageSize, scanner },
    folders: sceneFolders({ depth }),
    other: 'drives.json',
  });
  const missing: number[] = [];
  for (let index = 0; index < count; index++)
    if (!(await hasFrame(out, index, { depth }))) missing.push(index);
  let done = count - missing.length;
  onProgress?.({ done, count });
  let points = 0;
  const labels: Record<string, number> = {};
  const runner = createRunner<FrameTask, FrameOutcome>(Math.min(options.workers, missing.length), {
    module: 'scene-worker',
    name: 'makeFrame',
    here: makeFrame,
  });
  try {
    const queue = missing.values();
    const work = async (): Promise<void> => {
      for (const index of queue) {
        signal?.throwIfAborted();
        const outcome = await runner.run({ out, seed, index, options: { imageSize, scanner, depth } });
        if ('fault' in outcome) throw new InputError(outcome.fault);
        points += outcome.points;
        for (const [type, n] of Object.entries(outcome.labels)) labels[type] = (labels[type] ?? 0) + n;
        done++;
        onProgress?.({ done, count });
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: Math.max(1, options.workers) }, work));
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
    signal?.throwIfAborted();
  } finally {
    await runner.close();
  }
  const names = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, i) => `${frameName(from + i)}\n`).join('');
  await replaceFile(join(out, 'ImageSets', 'train.txt'), names(0, count - heldOut));
  await replaceFile(join(out, 'ImageSets', 'val.txt'), names(count - heldOut, count));
  return {
    out,
    made: missing.length,
    kept: count - missing.length,
    train: count - heldOut,
    val: heldOut,
    meanPoints: missing.length === 0 ? 0 : points / missing.length,
    labels,
    elapsedMs: performance.now() - started,
  };
}

/** Frames that are there stay, so fewer than those cannot be asked for: some would be in none of the lists. */
async function requireAllFrames({ out, count }: GenerateScenesOptions): Promise<void> {
  const names = await readdir(join(out, 'training', 'velodyne')).catch(() => []);
  const frames = names.flatMap((name) => /^(\d{6,})\.bin$/.exec(name)?.[1] ?? []).map(Number);
  const there = Math.max(0, ...frames.map((index) => index + 1));
  if (there <= count) return;
  const expected = `at least the ${there} frames that are there, or another folder`;
  throw new InputError({ file: out, place: 'count', expected, found: String(count) });
}

/** Throws InputError unless an option is a whole number within bounds. */
export function whole(place: string, value: number, low: number, high: number): void {
  if (Number.isInteger(value) && value >= low && value <= high) return;
  throw new InputError({
    file: 'scene options',
    place,
    expected: `a whole number from ${low} to ${high}`,
    found: String(value),
  });
}

function checkOptions(options: GenerateScenesOptions): void {
  const size = options.imageSize ?? kittiImageSize;
  const scanner = options.scanner ?? hdl64;
  whole('count', options.count, 1, 1_000_000);
  whole('heldOut', options.heldOut, 0, options.count);
  whole('workers', options.workers, 0, 256);
  whole('imageSize.width', size.width, 32, 4096);
  whole('imageSize.height', size.height, 32, 4096);
  whole('scanner.beams', scanner.beams, 1, 64);
  whole('scanner.steps', scanner.steps, 8, 8192);
}
