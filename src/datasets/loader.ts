import { InputError } from '../engine/input-error.ts';
import { Random } from '../engine/random.ts';
import type { Communicator } from '../engine/ranks/communicator.ts';
import { alone } from '../engine/ranks/in-memory.ts';
import { runInProcess, runInWorkers, type SampleRunner } from './loader-runner.ts';
import type { DrawnBy, Outcome, SampleRequest, SourceReference } from './loader-source.ts';
import { sharedBatches } from './shared-batches.ts';
import type { StageTimings } from './stopwatch.ts';

/** What a loader loads, and how. */
export interface LoaderOptions {
  /** The number of items; the source must agree. */
  readonly length: number;
  readonly batchSize: number;
  readonly seed: number | string;
  readonly source: SourceReference;
  /** Worker threads; 0, the default, makes each sample in this thread when it is asked for. */
  readonly workers?: number;
  /** How many batches are made ahead of the one in use, at most; 2 by default. Without workers nothing is. */
  readonly prefetch?: number;
  /** Whether each epoch has its own random order; true by default. */
  readonly shuffle?: boolean;
  /** What the draws of a sample depend on beside seed and epoch: the item's place, the default, or its name. */
  readonly drawnBy?: DrawnBy;
  /** Whether a damaged item is an error instead of being left out and counted; false by default. */
  readonly strict?: boolean;
  /** The processes that load batches together, each its share of every one; `from` gives this one's alone. */
  readonly ranks?: Communicator;
}

/** A place in the stream of items, as a checkpoint keeps it: how many items of it are behind, damaged ones included. */
export interface LoaderPosition {
  readonly consumed: number;
}

/** An item that was left out because it is damaged. */
export interface LoadFailure {
  readonly index: number;
  readonly epoch: number;
  readonly message: string;
}

/** A batch, and where in the stream it stands. */
export interface LoadedBatch<Sample> {
  readonly batch: readonly Sample[];
  /** The items that the samples were made of. */
  readonly indices: readonly number[];
  /** The epoch in which the batch begins, and how many items of it came before; a batch may reach into the next epoch. */
  readonly epoch: number;
  readonly indexInEpoch: number;
  /** The place behind this batch: save it with the step that used the batch, and `from` it goes on. */
  readonly position: LoaderPosition;
  /** The items that were met on the way to fill this batch and left out. */
  readonly failures: readonly LoadFailure[];
}

/** What is known of a damaged item: the last message, and how often it was met. */
export interface FailureCount {
  readonly message: string;
  readonly count: number;
}

/**
 * A loader for these options. Throws RangeError for numbers that make no sense; reads nothing yet.
 *
 * @example
 * const module = 'data:text/javascript,export const squares = () => ({ length: 4, sample: (i) => i * i })';
 * const source = { module, export: 'squares' };
 * const loader = createLoader<number>({ length: 4, batchSize: 2, seed: 0, shuffle: false, source });
 * const batches: Array<readonly number[]> = [];
 * for await (const { batch } of loader.pass()) batches.push(batch);
 * batches; // [[0, 1], [4, 9]]
 */
export function createLoader<Sample>(options: LoaderOptions): Loader<Sample> {
  return new Loader<Sample>(options);
}

/**
 * Batches from an endless stream of items: epoch after epoch, each in the order
 * `Random.fromSeed(seed).fork('order', epoch).permutation(length)`, every sample made with the generator
 * `Random.fromSeed(seed).fork('sample', epoch, index)`, or `.fork('sample by name', epoch, name)`. Damaged items fall out of the stream, and what remains is cut
 * into full batches, so that the batches are the same for any number of workers and from any position on.
 */
export class Loader<Sample> {
  /** Milliseconds that the taker of batches has waited for samples in all. */
  waitedMs = 0;
  private readonly stageSums = new Map<string, number>();
  private readonly options: Required<LoaderOptions>;
  private readonly counts = new Map<number, FailureCount>();
  private readonly runners = new Set<SampleRunner<Sample>>();
  private readonly random: Random;
  private closed = false;

  constructor(options: LoaderOptions) {
    this.options = {
      workers: 0,
      prefetch: 2,
      shuffle: true,
      drawnBy: 'place',
      strict: false,
      ranks: alone,
      ...options,
    };
    const { length, batchSize, workers, prefetch } = this.options;
    const least = {
      length: [length, 1],
      batchSize: [batchSize, 1],
      workers: [workers, 0],
      prefetch: [prefetch, 1],
    };
    for (const [name, [value, low]] of Object.entries(least)) {
      if (!Number.isSafeInteger(value) || value < low || value >= 2 ** 31) {
        throw new RangeError(`${name} is a whole number from ${low} on, not ${value}`);
      }
    }
    const { size } = this.options.ranks;
    if (batchSize % size > 0)
      throw new RangeError(`a batch of ${batchSize} cannot be shared out among ${size}`);
    this.random = Random.fromSeed(options.seed);
  }

  /** Milliseconds that the stages of all samples delivered so far took, in the threads that made them. */
  get stageMs(): ReadonlyMap<string, number> {
    return this.stageSums;
  }

  /** The damaged items that were met so far, by index. */
  get failures(): ReadonlyMap<number, FailureCount> {
    return this.counts;
  }

  /**
   * Full batches without end, from a position on (the beginning by default). Leaving the iteration ends its threads.
   * Throws InputError where an item is damaged and the loader is strict, and where all of them are damaged; any error
   * that is no InputError is thrown on when its item's turn comes.
   */
  from(position: LoaderPosition = { consumed: 0 }): AsyncGenerator<LoadedBatch<Sample>, void> {
    const { consumed } = position;
    if (!Number.isSafeInteger(consumed) || consumed < 0) {
      throw new RangeError(`a position is a whole number of items, not ${consumed}`);
    }
    if (this.options.ranks.size > 1) return this.shares(consumed);
    return this.batches(consumed, Number.POSITIVE_INFINITY);
  }

  /**
   * Every item of one epoch once; the last batch is shorter where the items do not come out even, or left out with `dropLast`.
   * Damaged items behind the last batch are in `failures` of the loader alone. Throws as `from` does, but for items that are all damaged.
   */
  pass(
    options: { readonly epoch?: number; readonly dropLast?: boolean } = {},
  ): AsyncGenerator<LoadedBatch<Sample>, void> {
    const { epoch = 0, dropLast = false } = options;
    const { length } = this.options;
    return this.batches(epoch * length, (epoch + 1) * length, dropLast);
  }

  /** Ends all threads and all iterations. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all(Array.from(this.runners, (runner) => runner.close()));
  }

  private async *batches(
    begin: number,
    end: number,
    dropLast = false,
  ): AsyncGenerator<LoadedBatch<Sample>, void> {
    const { length, batchSize } = this.options;
    const damaged = new Set<number>();
    let batch: Sample[] = [];
    let indices: number[] = [];
    let failures: LoadFailure[] = [];
    let start = begin;
    let place = begin;
    for await (const { index, epoch, outcome } of this.items(begin, end)) {
      place++;
      if (outcome.kind === 'sample') {
        batch.push(outcome.sample);
        indices.push(index);
        this.addTimings(outcome.timings ?? {});
        damaged.clear();
      } else {
        const failure = { index, epoch, message: this.recordFailure(index, outcome) };
        failures.push(failure);
        damaged.add(index);
        if (damaged.size === length && end === Number.POSITIVE_INFINITY)
          throw allDamaged(length, failure.message);
      }
      if (batch.length === batchSize || (place === end && batch.length > 0 && !dropLast)) {
        const position = { consumed: place };
        yield {
          batch,
          indices,
          epoch: Math.floor(start / length),
          indexInEpoch: start % length,
          position,
          failures,
        };
        [batch, indices, failures, start] = [[], [], [], place];
      }
    }
  }

  /** This rank's share of every batch. */
  private async *shares(begin: number): AsyncGenerator<LoadedBatch<Sample>, void> {
    const { length, ranks, batchSize, workers, prefetch } = this.options;
    const ahead = workers === 0 ? 1 : prefetch;
    const runner = this.open((ahead * batchSize) / ranks.size);
    const requestAt = this.requests();
    const damaged = new Set<number>();
    const messageOf = (outcome: Fault) => this.messageOf(outcome);
    let start = begin;
    try {
      const shares = sharedBatches<Sample>({
        ...{ ranks, begin, batchSize, ahead, messageOf },
        make: (place) => runner.run(requestAt(place)),
        wait: (made) => this.waitFor(made),
        onDamaged: (place, message) => {
          const { index } = requestAt(place);
          this.count(index, message);
          damaged.add(index);
          if (damaged.size === length) throw allDamaged(length, message);
        },
      });
      for await (const { samples, end, damaged: found } of shares) {
        const failures = found.map(([place, message]): LoadFailure => ({ ...requestAt(place), message }));
        damaged.clear();
        for (const { outcome } of samples) this.addTimings(outcome.timings ?? {});
        yield {
          batch: samples.map(({ outcome }) => outcome.sample),
          indices: samples.map(({ place }) => requestAt(place).index),
          epoch: Math.floor(start / length),
          indexInEpoch: start % length,
          position: { consumed: end },
          failures,
        };
        if (this.closed) return;
        start = end;
      }
    } finally {
      this.runners.delete(runner);
      await runner.close();
    }
  }

  /** What makes samples, so many of them at a time. */
  private open(window: number): SampleRunner<Sample> {
    const { length, workers, source, seed, drawnBy } = this.options;
    const setting = { source, seed, length, drawnBy };
    const runner =
      workers === 0
        ? runInProcess<Sample>(setting)
        : runInWorkers<Sample>(setting, { workers, ahead: window });
    this.runners.add(runner);
    return runner;
  }

  /** The stream's items and what became of them, in the stream's order; ends early only when the loader is closed. */
  private async *items(begin: number, end: number): AsyncGenerator<LoadedItem<Sample>, void> {
    if (this.closed) throw new Error('the loader is closed');
    const { batchSize, workers, prefetch } = this.options;
    const window = workers === 0 ? 1 : prefetch * batchSize;
    const runner = this.open(window);
    const pending: Array<{ request: SampleRequest; made: Promise<Outcome<Sample>> }> = [];
    const requestAt = this.requests();
    let next = begin;
    const fill = () => {
      while (pending.length < window && next < end) {
        const request = requestAt(next++);
        const made = runner.run(request);
        // It is awaited when its turn comes; until then its rejection is nobody's fault.
        made.catch(() => {});
        pending.push({ request, made });
      }
    };
    try {
      for (fill(); pending.length > 0; fill()) {
        const { request, made } = pending.shift()!;
        const outcome = await this.waitFor(made);
        if (outcome === undefined) return;
        if (workers > 0) fill();
        yield { ...request, outcome };
        if (this.closed) return;
      }
    } finally {
      this.runners.delete(runner);
      await runner.close();
    }
  }

  /** A function that gives the item at a place of the stream; it keeps the order of the epoch it was last asked for. */
  private requests(): (place: number) => SampleRequest {
    const { length, shuffle } = this.options;
    let known = -1;
    let order: Int32Array | undefined;
    return (place) => {
      const epoch = Math.floor(place / length);
      if (shuffle && epoch !== known) order = this.random.fork('order', epoch).permutation(length);
      known = epoch;
      return { index: order === undefined ? place % length : order[place % length], epoch };
    };
  }

  /** The outcome, or undefined once the loader is closed. */
  private async waitFor(made: Promise<Outcome<Sample>>): Promise<Outcome<Sample> | undefined> {
    const begin = performance.now();
    try {
      const outcome = await made;
      return this.closed ? undefined : outcome;
    } catch (error) {
      if (this.closed) return undefined;
      throw error;
    } finally {
      this.waitedMs += performance.now() - begin;
    }
  }

  private addTimings(timings: StageTimings): void {
    for (const [stage, ms] of Object.entries(timings))
      this.stageSums.set(stage, (this.stageSums.get(stage) ?? 0) + ms);
  }

  /** Counts a damaged item and returns its message; throws where it may not be left out. */
  private recordFailure(index: number, outcome: Fault): string {
    const message = this.messageOf(outcome);
    this.count(index, message);
    return message;
  }

  private messageOf(outcome: Fault): string {
    const error = new InputError(outcome.fault);
    if (outcome.kind === 'unusable' || this.options.strict) throw error;
    return error.message;
  }

  private count(index: number, message: string): void {
    this.counts.set(index, { message, count: (this.counts.get(index)?.count ?? 0) + 1 });
  }
}

interface LoadedItem<Sample> extends SampleRequest {
  readonly outcome: Outcome<Sample>;
}

type Fault = Exclude<Outcome<unknown>, { kind: 'sample' }>;

/** The error where nothing is left of so many items. */
export function allDamaged(length: number, lastMessage: string): InputError {
  return new InputError({
    file: 'data set',
    expected: 'at least one usable item',
    found: `all ${length} damaged, the last because: ${lastMessage}`,
  });
}
