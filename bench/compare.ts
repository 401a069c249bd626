import { alternate, type Contestant, showProgress } from './alternate.ts';
import { type Row, rowOf } from './measurement.ts';
import { peakMemoryAlone } from './peak-memory.ts';
import type { Peer } from './peer.ts';
import type { StepReference } from './repeated-step.ts';
import { ourselves } from './result.ts';

/** How often each piece of work is done, and with how many threads. */
export interface CompareOptions {
  readonly runs: number;
  readonly warmup: number;
  readonly threads: number;
}

/** A piece of work that is ours, and what the peer calls the same. */
export interface Work {
  readonly name: string;
  readonly shape: string;
  readonly run: Contestant;
  /** The line that makes the peer do it; without it the peer does not take part. */
  readonly peerWork?: string;
  /** The threads of ours, where that is not those of all. */
  readonly ownThreads?: number;
}

/** Times a piece of work, in turns with a peer where there is one: our row, and the peer's behind it. */
export async function compare(work: Work, peer: Peer | undefined, options: CompareOptions): Promise<Row[]> {
  const { name, shape, peerWork, ownThreads = options.threads } = work;
  const { threads, warmup } = options;
  const workers = [{ by: ourselves, threads: ownThreads, run: work.run }];
  if (peer !== undefined && peerWork !== undefined)
    workers.push({ threads, ...peer.methodOf(peerWork), run: peer.contestant(peerWork) });
  const times = await alternate(
    workers.map(({ run }) => run),
    { ...options, name },
  );
  return workers.map(({ by, threads }, i) =>
    rowOf({ name, shape, by, threads, warmup, unit: 'ms' }, times[i]),
  );
}

/** A step whose memory is measured. */
export interface MemoryWork extends Pick<Row, 'name' | 'shape'> {
  readonly step: StepReference;
}

/**
 * The most memory that a process holds that runs a step as often as it is timed: ours in a new process, the peer's in its
 * own, which must have done nothing else so far. A row each of one value.
 */
export async function peakMemory(
  { name, shape, step }: MemoryWork,
  peer: Peer | undefined,
  { runs, warmup, threads }: CompareOptions,
): Promise<Row[]> {
  showProgress(`${name}: the step in a process of its own`);
  const row = (by: string, mib: number) => rowOf({ name, shape, by, threads, unit: 'MiB', warmup: 0 }, [mib]);
  const rows = [row(ourselves, await peakMemoryAlone({ step, runs: warmup + runs }))];
  if (peer !== undefined) rows.push(row(peer.name, await peer.peakMemoryMiB()));
  showProgress('');
  return rows;
}
