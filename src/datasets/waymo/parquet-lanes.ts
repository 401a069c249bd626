import { isMainThread } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { InputError } from '../../engine/input-error.ts';
import { moduleBeside, threadOptions } from '../thread-module.ts';
import type { Cell } from './parquet-cells.ts';
import { ParquetReader, type ReadTask } from './parquet-reader.ts';
import { type ReadOutcome, readCells } from './read-cells.ts';

/** A column of a row group that has less is read in the thread that asks for it. */
const SMALL_BYTES = 2 ** 20;
const IDLE_MS = 20_000;

/**
 * Reads cells of columns. A lane is a worker thread of its own with the pages that it decoded last: who reads a column in
 * the order of its rows asks the same lane for it each time.
 */
export type ReadColumn = (task: ReadTask, lane: number) => Promise<readonly Cell[]>;

/** How many lanes there are by default: none in a worker thread, which is not what a page or a training waits in. */
export function defaultLanes(): number {
  return isMainThread ? 2 : 0;
}

/** Reads large columns in so many lanes, which all that read in this thread share; with 0 all is read in this thread. */
export function columnReader(lanes: number): ReadColumn {
  return async (task, lane) => {
    const small = task.chunk.uncompressedBytes <= SMALL_BYTES;
    const outcome =
      small || lanes === 0 ? await readCells(reader(), task) : await lanesFrom(lane % lanes)(task);
    if ('fault' in outcome) throw new InputError(outcome.fault);
    return outcome.cells;
  };
}

let ownReader: ParquetReader | undefined;

function reader(): ParquetReader {
  ownReader ??= new ParquetReader(isMainThread ? 32 * SMALL_BYTES : 128 * SMALL_BYTES);
  return ownReader;
}

type Lane = (task: ReadTask) => Promise<ReadOutcome>;

const running = new Map<number, Lane>();

function lanesFrom(index: number): Lane {
  const known = running.get(index);
  if (known !== undefined) return known;
  const lane = startLane(() => running.delete(index));
  running.set(index, lane);
  return lane;
}

/** A thread that ends when nothing was asked of it for a while, and that keeps no process alive. */
function startLane(onBroken: () => void): Lane {
  const filename = moduleBeside(import.meta.url, 'parquet-worker');
  const pool = new Piscina<ReadTask, ReadOutcome>({
    filename,
    name: 'readAndMove',
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_MS,
    atomics: 'disabled',
    ...threadOptions(filename),
  });
  // A thread that dies without a task is told here only; its tasks would wait for ever.
  const waiting = new Set<(error: Error) => void>();
  pool.on('error', (error: Error) => {
    onBroken();
    for (const reject of waiting) reject(error);
    void pool.destroy();
  });
  return (task) =>
    new Promise((resolve, reject) => {
      waiting.add(reject);
      pool
        .run(task)
        .then(resolve, reject)
        .finally(() => waiting.delete(reject));
    });
}
