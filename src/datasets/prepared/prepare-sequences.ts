import { resolve } from 'node:path';
import { Piscina } from 'piscina';
import { InputError } from '../../engine/input-error.ts';
import type { SourceReference } from '../loader-source.ts';
import type { Sequence } from '../sequence.ts';
import { moduleBeside, threadOptions } from '../thread-module.ts';
import { fileNamesOf, shardName } from './member-names.ts';
import { claimFolder, completeFolder, recipeOf, shardIndexPath } from './prepared-folder.ts';
import type { PreparedShard, Recipe } from './prepared-index.ts';
import { missingPart, missingParts, partsOf } from './read-moment.ts';
import { makeShardOf, openSource, type ShardOutcome, type ShardTask, STOP, WRITTEN } from './shard-worker.ts';

/** What is prepared, and where to. */
export interface PrepareOptions {
  /** How threads open it: a factory `(options) => Promise<readonly Sequence[]>`, which gives the same each time. */
  readonly source: SourceReference;
  /** What it is called in `prepared.json`; another run in the same folder has to give the same. */
  readonly described: Recipe['source'];
  /** The folder; made if it is not there. */
  readonly out: string;
  /** 50 by default. */
  readonly momentsPerShard?: number;
  /** Threads, each with a shard at a time; 0 works in this one. The bytes do not depend on it. */
  readonly workers: number;
  /** Whether a part that is missing or damaged ends it. */
  readonly strict?: boolean;
  readonly onProgress?: (progress: PrepareProgress) => void;
  /** Gives up the shards in work, of which nothing is left; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How far it is. */
export interface PrepareProgress {
  /** Moments that are there, those kept from before included. */
  readonly done: number;
  readonly count: number;
}

/** What was prepared. */
export interface PrepareReport {
  readonly out: string;
  readonly sequences: number;
  readonly shards: number;
  /** Moments written now, and moments that were there already. */
  readonly made: number;
  readonly kept: number;
  /** Of all shards. */
  readonly bytes: number;
  /** How many moments lack something, by what it is, such as `sweep: damaged`; those kept included. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** The first of them, a sentence each. */
  readonly examples: readonly string[];
  readonly elapsedMs: number;
}

/** So many moments lie in a shard: some 140 MB of KITTI, some 400 MB of Waymo with five cameras. */
const MOMENTS_PER_SHARD = 50;

/** So often progress is told. */
const PROGRESS_MS = 200;

/** So many of the moments that lack something are named. */
const EXAMPLES = 5;

/**
 * Writes the moments of sequences into tar files that are read in order, with `prepared.json`, which says where each part of each
 * moment lies and has its CRC-32. What was interrupted, or killed, goes on with the shards that are not there. Throws InputError for a
 * source without moments, a folder that was made from another source or otherwise, what cannot be written, and with `strict` for a
 * part that is missing or damaged.
 *
 * @example
 * const source = sourceOf({ path: 'data/kitti' });
 * const report = await prepareSequences({ ...source, out: 'data/prepared', workers: 0 });
 * [report.made, report.shards]; // [6, 1]
 */
export async function prepareSequences(options: PrepareOptions): Promise<PrepareReport> {
  const began = performance.now();
  const { source, described, strict = false, signal, onProgress } = options;
  const momentsPerShard = options.momentsPerShard ?? MOMENTS_PER_SHARD;
  const out = resolve(options.out);
  const sequences = await openSource(source);
  const count = sequences.reduce((sum, { moments }) => sum + moments.length, 0);
  if (count === 0) throw new InputError({ file: described.path, expected: 'moments', found: 'none' });
  if (strict) requireAllParts(sequences);
  const recipe = recipeOf(sequences, { source: described, momentsPerShard });
  const kept = await claimFolder(out, recipe);
  if (strict) for (const shard of kept.values()) requireNothingLeftOut(out, shard);

  const shared = new Int32Array(new SharedArrayBuffer(8));
  const plan = planOf(sequences, momentsPerShard);
  const tasks = plan.flat().filter(({ file }) => !kept.has(file));
  const made = tasks.reduce((sum, task) => sum + task.count, 0);
  const tell = () => onProgress?.({ done: count - made + Atomics.load(shared, WRITTEN), count });
  tell();
  const timer = setInterval(tell, PROGRESS_MS);
  try {
    await runAll(
      tasks.map((task) => ({
        ...task,
        ...{ source, folder: out, strict, shared },
        indexFile: shardIndexPath(out, task.file),
      })),
      { workers: options.workers, source, sequences, signal, shared },
    );
  } finally {
    clearInterval(timer);
  }
  tell();
  const files = plan.map((list) => list.map(({ file }) => file));
  const shards = (await completeFolder(out, recipe, files, kept)).flat();
  return {
    ...{ out, sequences: sequences.length, shards: shards.length, made, kept: count - made },
    bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
    ...leftOutOf(shards),
    elapsedMs: performance.now() - began,
  };
}

/** The shards of each sequence: so many moments after the other, so that a thread reads in order. */
function planOf(sequences: readonly Sequence[], momentsPerShard: number) {
  const names = fileNamesOf(
    sequences.map(({ name }) => name),
    'sequence',
  );
  return sequences.map(({ name, moments }, sequence) =>
    Array.from({ length: Math.ceil(moments.length / momentsPerShard) }, (_, place) => {
      const first = place * momentsPerShard;
      const count = Math.min(momentsPerShard, moments.length - first);
      const file = shardName(names[sequence], place);
      return { sequence, name, length: moments.length, file, first, count };
    }),
  );
}

/** Runs the tasks in their order, in so many threads; after a failure those in work are given up. */
async function runAll(
  tasks: readonly ShardTask[],
  options: {
    readonly workers: number;
    readonly source: SourceReference;
    readonly sequences: readonly Sequence[];
    readonly signal: AbortSignal | undefined;
    readonly shared: Int32Array;
  },
): Promise<void> {
  const { source, sequences, signal, shared } = options;
  signal?.throwIfAborted();
  const workers = Math.min(options.workers, tasks.length);
  const runner = createRunner(workers, { source, sequences });
  const stop = () => Atomics.store(shared, STOP, 1);
  signal?.addEventListener('abort', stop);
  try {
    const queue = tasks.values();
    const work = async (): Promise<void> => {
      for (const task of queue) {
        if (Atomics.load(shared, STOP) !== 0) return;
        try {
          const outcome = await runner.run(task);
          if ('fault' in outcome) throw new InputError(outcome.fault);
        } catch (error) {
          stop();
          throw error;
        }
      }
    };
    const ended = await Promise.allSettled(Array.from({ length: Math.max(1, workers) }, work));
    for (const end of ended) if (end.status === 'rejected') throw end.reason;
    signal?.throwIfAborted();
  } finally {
    signal?.removeEventListener('abort', stop);
    await runner.close();
  }
}

interface Runner {
  run(task: ShardTask): Promise<ShardOutcome>;
  close(): Promise<void>;
}

/** In this thread the sequences are those that are open; others open the source for themselves. */
function createRunner(
  workers: number,
  { source, sequences }: { readonly source: SourceReference; readonly sequences: readonly Sequence[] },
): Runner {
  if (workers === 0) return { run: (task) => makeShardOf(sequences, task), close: async () => {} };
  const filename = moduleBeside(import.meta.url, 'shard-worker');
  const pool = new Piscina<ShardTask, ShardOutcome>({
    filename,
    name: 'makeShard',
    minThreads: workers,
    maxThreads: workers,
    // A source may keep asynchronous work of its own in its thread.
    atomics: 'disabled',
    ...threadOptions(filename, source.module),
  });
  return { run: (task) => pool.run(task), close: () => pool.destroy() };
}

/** What is missing is told before anything is read. */
function requireAllParts(sequences: readonly Sequence[]): void {
  for (const sequence of sequences) {
    const parts = partsOf(sequence);
    for (const index of sequence.moments.keys()) {
      const [missing] = missingParts(sequence, index, parts);
      if (missing !== undefined) throw missingPart(sequence, index, missing);
    }
  }
}

function requireNothingLeftOut(out: string, { file, moments }: PreparedShard): void {
  const lacking = moments.find(({ leftOut }) => leftOut.length > 0);
  if (lacking === undefined) return;
  const { head, leftOut } = lacking;
  const place = `${file}, frame ${head.id}`;
  throw new InputError({ file: out, place, expected: 'all parts (strict)', found: leftOut.join(', ') });
}

function leftOutOf(shards: readonly PreparedShard[]): Pick<PrepareReport, 'leftOut' | 'examples'> {
  const leftOut: Record<string, number> = {};
  const examples: string[] = [];
  for (const { file, moments } of shards) {
    for (const { head, leftOut: lacking } of moments) {
      for (const part of lacking) leftOut[part] = (leftOut[part] ?? 0) + 1;
      if (lacking.length > 0 && examples.length < EXAMPLES) {
        const notes = head.notes.length > 0 ? head.notes.join('; ') : lacking.join(', ');
        examples.push(`${file}, frame ${head.id}: ${notes}`);
      }
    }
  }
  return { leftOut, examples };
}
