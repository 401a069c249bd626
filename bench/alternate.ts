import { setTimeout as sleep } from 'node:timers/promises';

/** One who does the work once and gives the milliseconds that it took. */
export type Contestant = () => Promise<number>;

/** How often the work is done, and how long each rests. */
export interface AlternateOptions {
  readonly runs: number;
  readonly warmup: number;
  /** What is being measured, for the line of progress. */
  readonly name: string;
}

/** The longest that a runtime's threads spin for more work before they sleep: OpenMP's of Intel wait 200 ms. */
const restMs = 250;

/**
 * The milliseconds of every contestant's runs. They take turns, one run each, so that what the machine does meanwhile
 * meets all alike, and where there are several each begins after a rest in which the threads of the one before have
 * gone to sleep. The warm-up runs come first and are not counted. Progress goes to stderr.
 */
export async function alternate(
  contestants: readonly Contestant[],
  { runs, warmup, name }: AlternateOptions,
): Promise<number[][]> {
  const times: number[][] = contestants.map(() => []);
  for (let run = -warmup; run < runs; run++) {
    for (const [i, contestant] of contestants.entries()) {
      if (contestants.length > 1) await sleep(restMs);
      const ms = await contestant();
      if (run >= 0) times[i].push(ms);
    }
    showProgress(`${name}: ${run < 0 ? 'warming up' : `run ${run + 1} of ${runs}`}`);
  }
  showProgress('');
  return times;
}

/** A contestant of our own, timed by the monotonic clock. */
export function timed(work: () => unknown): Contestant {
  return async () => {
    const begin = performance.now();
    await work();
    return performance.now() - begin;
  };
}

/** Rewrites the line of progress on a terminal; elsewhere nobody watches. */
export function showProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${line}\x1b[K`);
}
