/** The processes that train together, as one of them sees them. Every rank makes the same calls in the same order. */
export interface Communicator {
  readonly rank: number;
  readonly size: number;
  /** Sum over ranks, in place: added in the order of ranks, so that all ranks, and all runs, have the same bits. */
  allReduce(values: Float32Array): Promise<void>;
  /** Every rank's `own`, of one length, in the order of ranks: `all` has size · own.length values. */
  allGather(own: Float32Array, all: Float32Array): Promise<void>;
  /** Bytes of rank 0 to all. */
  broadcast(bytes: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}
