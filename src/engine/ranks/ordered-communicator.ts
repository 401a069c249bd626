import type { Communicator } from './communicator.ts';
import { sliceStarts, type Transport } from './transport.ts';

/** How a communicator cuts its work. */
export interface CommunicatorOptions {
  /** The most values that are summed at a time, which bounds the memory that a sum needs beside its array. */
  readonly pieceLength?: number;
  /** An array is sent whole to all ranks, instead of in slices, where that is at most so many values. */
  readonly wholeLength?: number;
}

/**
 * The calls of a communicator over a transport, one at a time in the order in which they were made. A sum is cut into slices:
 * each rank receives its slice of all others, adds them in the order of ranks, and sends the result to all. Short arrays go whole to
 * all ranks, and each adds them all. Either way each value is ((r0 + r1) + r2) + … in single precision, on all ranks, over all
 * transports. After an error all further calls throw it.
 */
export function createCommunicator(
  transport: Transport,
  { pieceLength = 1 << 22, wholeLength = 1 << 14 }: CommunicatorOptions = {},
): Communicator {
  const { rank, size } = transport;
  let last: Promise<unknown> = Promise.resolve();
  /** A failed call fails those behind it: the order of calls is lost with it. */
  const inOrder = <T>(call: () => Promise<T>): Promise<T> => {
    const result = last.then(call);
    last = result;
    // Whoever made the call sees its error; the queue keeps it for the next one.
    last.catch(() => {});
    return result;
  };
  let scratch = new Float32Array(0);
  const scratchOf = (length: number): Float32Array => {
    if (scratch.length < length) scratch = new Float32Array(length);
    return scratch.subarray(0, length);
  };

  async function sumWhole(values: Float32Array): Promise<void> {
    const all = scratchOf(size * values.length);
    all.set(values, rank * values.length);
    await transport.gather(
      all,
      Array.from({ length: size + 1 }, (_, r) => r * values.length),
    );
    sumInOrder(all, size, values);
  }

  async function sumSlices(values: Float32Array): Promise<void> {
    const starts = sliceStarts(values.length, size);
    const own = values.subarray(starts[rank], starts[rank + 1]);
    const received = scratchOf(size * own.length);
    await transport.exchange(values, starts, received);
    sumInOrder(received, size, own);
    await transport.gather(values, starts);
  }

  return {
    rank,
    size,
    allReduce: (values) =>
      inOrder(async () => {
        if (values.length === 0) return;
        if (values.length * size <= wholeLength) return sumWhole(values);
        for (let begin = 0; begin < values.length; begin += pieceLength) {
          await sumSlices(values.subarray(begin, begin + pieceLength));
        }
      }),
    allGather: (own, all) =>
      inOrder(async () => {
        const { length } = own;
        if (all.length !== size * length) {
          throw new RangeError(`${size} ranks with ${length} values each do not fill ${all.length}`);
        }
        if (length === 0) return;
        all.set(own, rank * length);
        await transport.gather(
          all,
          Array.from({ length: size + 1 }, (_, r) => r * length),
        );
      }),
    broadcast: (bytes) => inOrder(() => transport.broadcast(bytes)),
    close: () => {
      const done = inOrder(() => transport.close());
      last = done.then(() => {
        throw new Error('the ranks have been closed');
      });
      last.catch(() => {});
      return done;
    },
  };
}

/** The sum of `size` arrays that lie one behind the other, added in their order: one addition a value and array, each rounded. */
function sumInOrder(arrays: Float32Array, size: number, sum: Float32Array): void {
  const { length } = sum;
  sum.set(arrays.subarray(0, length));
  for (let r = 1; r < size; r++) {
    const offset = r * length;
    for (let i = 0; i < length; i++) sum[i] += arrays[offset + i];
  }
}
