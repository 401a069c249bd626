import type { OverRanks } from '../encoders/trainable.ts';
import type { Device } from '../engine/device.ts';
import type { HostTensor } from '../engine/host-tensor.ts';
import { InputError } from '../engine/input-error.ts';
import type { Communicator } from '../engine/ranks/communicator.ts';
import { alone } from '../engine/ranks/in-memory.ts';
import { leavesOf, type Tree, treeOf } from '../engine/tree.ts';
import type { BatchNormScope } from '../nn/batch-norm.ts';
import { decodeSafetensors, encodeSafetensors } from './run/safetensors.ts';

/** Who computes which part of every batch. */
export interface ShareOptions {
  /** The processes that train together; this one alone by default. */
  readonly ranks?: Communicator;
  /** Rows that are computed at a time: a process's share of the batch goes in so many pieces. All of it by default. */
  readonly microBatch?: number;
}

/** How a batch is shared out: among processes, and in each of them among ranks that take turns. */
export interface RunShare {
  readonly communicator: Communicator;
  /** Ranks of each process. */
  readonly pieces: number;
  /** Ranks in all. */
  readonly ranks: number;
}

/** A batch that one process computes as a whole. */
export const unshared: RunShare = { communicator: alone, pieces: 1, ranks: 1 };

/** Shares out batches of `batchSize`. Throws an InputError where that does not come out even, and for devices that cannot. */
export function shareOut(
  batchSize: number,
  { ranks: communicator = alone, microBatch, device = 'cpu' }: ShareOptions & { readonly device?: Device },
): RunShare {
  const { size } = communicator;
  if (batchSize % size > 0)
    throw new InputError({
      file: 'batchSize',
      expected: `a multiple of the ${size} ranks`,
      found: `${batchSize}`,
    });
  const own = batchSize / size;
  if (microBatch !== undefined && own % microBatch > 0) {
    const expected = `a divisor of the ${own} samples of a process`;
    throw new InputError({ file: '--micro-batch', expected, found: `${microBatch}` });
  }
  const pieces = microBatch === undefined ? 1 : own / microBatch;
  if (size * pieces > 1 && device !== 'cpu')
    throw new InputError({ file: 'device', expected: 'cpu, where a batch is shared out', found: device });
  return { communicator, pieces, ranks: size * pieces };
}

/**
 * Over which rows batch norms normalise where batches are shared out: as the run's configuration says, else as what is trained does.
 * Throws an InputError for what was not shown to compute over ranks what it computes on one.
 */
export function batchNormOver(
  { ranks }: RunShare,
  trained: ReadonlyArray<{ readonly name: string; readonly ranks?: OverRanks }>,
  chosen?: OverRanks,
): BatchNormScope {
  const unknown = ranks === 1 ? undefined : trained.find((each) => each.ranks === undefined);
  if (unknown !== undefined) {
    throw new InputError({
      file: 'ranks',
      expected:
        'systems and detectors that declare `ranks`, as those do whose losses are those of the whole batch on any number of them, or one process without --micro-batch',
      found: `${unknown.name}, which declares none`,
    });
  }
  return (chosen ?? trained[0].ranks)?.batchNorm ?? 'synchronised';
}

/** What is said of a batch that is shared out; undefined where it is not. */
export function describeShare(
  { communicator: { size }, pieces, ranks }: RunShare,
  batchSize: number,
): string | undefined {
  if (ranks === 1) return undefined;
  const processes = size > 1 ? [`${size} processes`] : [];
  const turns = pieces > 1 ? [`${pieces} pieces one after another`] : [];
  return `each batch in ${[...processes, ...turns].join(', each in ')}, of ${batchSize / ranks} samples`;
}

/** Whether any of the processes says yes. */
export async function anyOf(communicator: Communicator, own: boolean): Promise<boolean> {
  if (communicator.size === 1) return own;
  const votes = Float32Array.of(own ? 1 : 0);
  await communicator.allReduce(votes);
  return votes[0] > 0;
}

/** Where a run begins, or goes on. */
export interface Beginning {
  readonly state: Tree<HostTensor>;
  readonly step: number;
  /** Items of the stream that are behind. */
  readonly consumed: number;
}

/** The beginning of the first process, for all: they need not see its folder. */
export async function beginningOfFirst(communicator: Communicator, own: Beginning): Promise<Beginning> {
  if (communicator.size === 1) return own;
  const { state, step, consumed } = own;
  const bytes =
    communicator.rank === 0
      ? encodeSafetensors(leavesOf(state), { step: `${step}`, consumed: `${consumed}` })
      : new Uint8Array();
  const { tensors, metadata } = decodeSafetensors(await communicator.broadcast(bytes), { file: 'rank 0' });
  return { state: treeOf(tensors), step: Number(metadata.step), consumed: Number(metadata.consumed) };
}
