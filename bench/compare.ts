import { alternate, type Contestant } from './alternate.ts';
import { type Row, rowOf, type Unit } from './measurement.ts';
import type { Peer } from './peer.ts';
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
  /** Turns the milliseconds of a run into another unit. */
  readonly rate?: { readonly unit: Unit; readonly perRun: number };
}

/** Times a piece of work, in turns with a peer where there is one: our row, and the peer's behind it. */
export async function compare(work: Work, peer: Peer | undefined, options: CompareOptions): Promise<Row[]> {
  const { name, shape, rate, ownThreads = options.threads } = work;
  const others = peer === undefined || work.peerWork === undefined ? [] : [peer];
  const contestants = [work.run, ...others.map((other) => other.contestant(work.peerWork!))];
  const times = await alternate(contestants, { ...options, name });
  const { threads, warmup } = options;
  return [ourselves, ...others.map((other) => other.name)].map((by, i) =>
    rowOf(
      { name, shape, by, threads: i === 0 ? ownThreads : threads, warmup, unit: rate?.unit ?? 'ms' },
      rate === undefined ? times[i] : times[i].map((ms) => (1000 * rate.perRun) / ms),
    ),
  );
}

/** The most memory that this process, and the peer, have held so far: a row each of one value. */
export async function peakMemory(
  description: Pick<Row, 'name' | 'shape' | 'threads'>,
  peer: Peer | undefined,
): Promise<Row[]> {
  const row = (by: string, mib: number) => rowOf({ ...description, by, unit: 'MiB', warmup: 0 }, [mib]);
  const ours = row(ourselves, process.resourceUsage().maxRSS / 1024);
  return peer === undefined ? [ours] : [ours, row(peer.name, await peer.peakMemoryMiB())];
}
