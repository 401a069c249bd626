/** What a way of talking between ranks has to do; sums, their order and the order of calls are made of it in one place. */
export interface Transport {
  readonly rank: number;
  readonly size: number;
  /**
   * Slice r of `values`, from starts[r] to starts[r + 1], goes to rank r. `received` then has what every rank sent here, in the
   * order of ranks: size slices of this rank's length. Resolves when the slices that were sent may change.
   */
  exchange(values: Float32Array, starts: Starts, received: Float32Array): Promise<void>;
  /** Every rank's slice of `values`, from starts[r] to starts[r + 1], is copied to the same place on all others. */
  gather(values: Float32Array, starts: Starts): Promise<void>;
  /** Bytes of rank 0 to all; what other ranks give is not read. */
  broadcast(bytes: Uint8Array): Promise<Uint8Array>;
  /** Waits until all ranks have come here, and ends. */
  close(): Promise<void>;
  /** Ends the others, who learn why. Over Open MPI it ends this process too, after a line on stderr. */
  abort(error: Error): Promise<void>;
}

/** Where slices begin, in values, and behind the last one where it ends: size + 1 numbers that do not fall. */
export type Starts = readonly number[];

/** A rank that is gone, or has ended itself, in one line that names it. */
export class RankError extends Error {
  override readonly name = 'RankError';
  /** The rank that ended. */
  readonly rank: number;
  /** What it did, in words that go after its number. */
  readonly what: string;

  constructor(rank: number, what: string) {
    super(`rank ${rank} ${what}`);
    this.rank = rank;
    this.what = what;
  }
}

/** The exit code of a rank that ended because another one was lost: the same command may well succeed when it is given again. */
export const lostRankCode = 75;

/** The slices of so many values over the ranks, as equal as they can be: the first ones have one more. */
export function sliceStarts(length: number, size: number): number[] {
  const least = Math.floor(length / size);
  const longer = length % size;
  return Array.from({ length: size + 1 }, (_, rank) => rank * least + Math.min(rank, longer));
}
