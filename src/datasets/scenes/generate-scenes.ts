import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Piscina } from 'piscina';
import { InputError } from '../../engine/input-error.ts';
import { hdl64, type ScannerOptions } from './laser-scanner.ts';
import { kittiImageSize } from './scene-camera.ts';
import {
  cannotWrite,
  frameName,
  hasFrame,
  replaceFile,
  type SceneParts,
  sceneFolders,
} from './scene-files.ts';
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
  await claimFolder(out, { version, seed, imageSize, scanner }, { depth });
  const missing: number[] = [];
  for (let index = 0; index < count; index++)
    if (!(await hasFrame(out, index, { depth }))) missing.push(index);
  let done = count - missing.length;
  onProgress?.({ done, count });
  let points = 0;
  const labels: Record<string, number> = {};
  const runner = createRunner(Math.min(options.workers, missing.length));
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

interface Runner {
  run(task: FrameTask): Promise<FrameOutcome>;
  close(): Promise<void>;
}

function createRunner(workers: number): Runner {
  if (workers === 0) return { run: makeFrame, close: async () => {} };
  const fromSource = import.meta.url.endsWith('.ts');
  const tsx = (): string => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const pool = new Piscina<FrameTask, FrameOutcome>({
    filename: new URL(`./scene-worker${fromSource ? '.ts' : '.js'}`, import.meta.url).href,
    name: 'makeFrame',
    minThreads: workers,
    maxThreads: workers,
    atomics: 'disabled',
    ...(fromSource ? { execArgv: ['--import', tsx(), '--disable-warning=THREE_CJS_DEPRECATED'] } : {}),
  });
  return { run: (task) => pool.run(task), close: () => pool.destroy() };
}

/** Makes the folders, clears away files that were never completed, and records what the data set is made with. */
async function claimFolder(
  out: string,
  recipe: Readonly<Record<string, unknown>>,
  wanted: SceneParts,
): Promise<void> {
  const file = join(out, 'scenes.json');
  const expected = `${JSON.stringify({ generator: 'pointpair scenes', ...recipe }, null, 2)}\n`;
  const found = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw cannotWrite(file, 0, error);
  });
  if (found !== undefined && found !== expected)
    throw new InputError({
      file,
      expected: `a folder made with ${oneLine(expected)}`,
      found: `one made with ${oneLine(found)}`,
    });
  for (const folder of sceneFolders(wanted).map((name) => join(out, name))) {
    try {
      await mkdir(folder, { recursive: true });
      const names = await readdir(folder);
      if (found === undefined && names.some((name) => !name.startsWith('.')))
        throw new InputError({
          file: folder,
          expected: 'an empty folder, or a scenes.json beside training',
          found: `${names.length} files`,
        });
      for (const name of names) if (/^\..+\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
    } catch (error) {
      throw cannotWrite(folder, 0, error);
    }
  }
  if (found === undefined) await replaceFile(file, expected);
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

function oneLine(json: string): string {
  return json.replace(/\s+/g, ' ').slice(0, 200).trim();
}

function checkOptions(options: GenerateScenesOptions): void {
  const size = options.imageSize ?? kittiImageSize;
  const scanner = options.scanner ?? hdl64;
  const whole = (place: string, value: number, low: number, high: number): void => {
    if (Number.isInteger(value) && value >= low && value <= high) return;
    throw new InputError({
      file: 'scene options',
      place,
      expected: `a whole number from ${low} to ${high}`,
      found: String(value),
    });
  };
  whole('count', options.count, 1, 1_000_000);
  whole('heldOut', options.heldOut, 0, options.count);
  whole('workers', options.workers, 0, 256);
  whole('imageSize.width', size.width, 32, 4096);
  whole('imageSize.height', size.height, 32, 4096);
  whole('scanner.beams', scanner.beams, 1, 64);
  whole('scanner.steps', scanner.steps, 8, 8192);
}
