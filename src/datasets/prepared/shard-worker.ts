import { InputError, type InputFault } from '../../engine/input-error.ts';
import type { SourceReference } from '../loader-source.ts';
import type { Sequence } from '../sequence.ts';
import { writeNewFile } from './new-file.ts';
import { formatShard } from './prepared-index.ts';
import { writeShard } from './write-shard.ts';

/** A shard to be written by whichever thread. */
export interface ShardTask {
  /** A factory `(options) => Promise<readonly Sequence[]>`, opened once in each thread. */
  readonly source: SourceReference;
  /** Which of them, with its name and the number of its moments as they were when the shards were planned. */
  readonly sequence: number;
  readonly name: string;
  readonly length: number;
  readonly folder: string;
  readonly file: string;
  /** Where its part of the index goes when the shard is there. */
  readonly indexFile: string;
  readonly first: number;
  readonly count: number;
  readonly strict: boolean;
  /** Shared by all: whether to stop, and how many moments have been written. */
  readonly shared: Int32Array;
}

/** The places in `ShardTask.shared`. */
export const STOP = 0;
export const WRITTEN = 1;

/** What became of a shard. Faults are plain data because error classes do not survive the way between threads. */
export type ShardOutcome = { readonly kind: 'written' | 'stopped' } | { readonly fault: InputFault };

class Stopped extends Error {}

let opened: Promise<readonly Sequence[]> | undefined;

/** Does a task in a thread of its own, which does all its tasks of one source. */
export async function makeShard(task: ShardTask): Promise<ShardOutcome> {
  opened ??= openSource(task.source);
  return makeShardOf(opened, task);
}

/** Writes a shard and then its part of the index, or nothing of it. */
export async function makeShardOf(
  opening: Promise<readonly Sequence[]> | readonly Sequence[],
  task: ShardTask,
): Promise<ShardOutcome> {
  const { sequence: place, name, length, shared, indexFile } = task;
  try {
    const sequence = (await opening)[place];
    if (sequence?.name !== name || sequence.moments.length !== length) {
      const expected = `sequence ${name} of ${length} moments, as a moment ago`;
      const found = sequence === undefined ? 'none' : `${sequence.name} of ${sequence.moments.length}`;
      throw new InputError({ file: sequence?.root ?? name, expected, found });
    }
    const shard = await writeShard(sequence, {
      ...task,
      onMoment: () => {
        Atomics.add(shared, WRITTEN, 1);
        if (Atomics.load(shared, STOP) !== 0) throw new Stopped();
      },
    });
    await writeNewFile(indexFile, `${formatShard(shard)}\n`);
    return { kind: 'written' };
  } catch (error) {
    if (error instanceof Stopped) return { kind: 'stopped' };
    if (error instanceof InputError) return { fault: error.fault };
    throw error;
  }
}

/** Opens a source in this thread. */
export async function openSource({
  module,
  export: name,
  options,
}: SourceReference): Promise<readonly Sequence[]> {
  const factory = ((await import(module)) as Record<string, unknown>)[name];
  if (typeof factory !== 'function') throw new TypeError(`${module}: no exported function ${name}`);
  return factory(options);
}
