import { type Call, Link } from './tcp-link.ts';
import { connectRanks, type Rendezvous } from './tcp-rendezvous.ts';
import { RankError, type Starts, type Transport } from './transport.ts';

/** How long the others have to close their end of a connection. */
const CLOSE_MS = 2000;

/**
 * Ranks that talk over TCP, each with a connection to each other, and through memory where two are on one host. Calls are made one at a
 * time. All hosts have the same order of bytes.
 */
export async function openTcp({
  sharedMemory = true,
  ...rendezvous
}: Rendezvous & { readonly sharedMemory?: boolean }): Promise<Transport> {
  const { rank, size } = rendezvous;
  const links = new Map(
    [...(await connectRanks(rendezvous))].map(([other, socket]) => [other, new Link(socket, other)]),
  );
  const others = [...links].sort(([one], [other]) => one - other);
  let sequence = 0;
  /** Sends to every other rank and receives from it, all at the same time. */
  const withAll = async (work: (link: Link, other: number) => readonly Promise<unknown>[]): Promise<void> => {
    await Promise.all(others.flatMap(([other, link]) => work(link, other)));
  };
  const closed = () => Promise.all(others.map(([, link]) => link.end(CLOSE_MS)));
  try {
    await Promise.all(others.map(([, link]) => link.shareMemory(sharedMemory)));
  } catch (error) {
    await closed();
    throw error;
  }
  return {
    rank,
    size,
    exchange: async (values, starts, received) => {
      const call: Call = { name: 'exchange', sequence: sequence++, bytes: values.byteLength };
      const own = starts[rank + 1] - starts[rank];
      received.set(values.subarray(starts[rank], starts[rank + 1]), rank * own);
      await withAll((link, other) => [
        link.send(call, slice(values, starts, other)),
        link.receive(call, bytesOf(received.subarray(other * own, (other + 1) * own))),
      ]);
    },
    gather: async (values, starts) => {
      const call: Call = { name: 'gather', sequence: sequence++, bytes: values.byteLength };
      await withAll((link, other) => [
        link.send(call, slice(values, starts, rank)),
        link.receive(call, slice(values, starts, other)),
      ]);
    },
    broadcast: async (bytes) => {
      const call: Call = { name: 'broadcast', sequence: sequence++, bytes: 0 };
      if (rank !== 0) return links.get(0)!.receive(call);
      await withAll((link) => [link.send(call, bytes)]);
      return bytes;
    },
    close: async () => {
      const call: Call = { name: 'close', sequence: sequence++, bytes: 0 };
      await withAll((link) => [link.send(call, new Uint8Array(0)), link.receive(call)]);
      await closed();
    },
    abort: async (error) => {
      const fault = error instanceof RankError ? error : new RankError(rank, `ended: ${error.message}`);
      const text = Buffer.from(JSON.stringify({ rank: fault.rank, what: fault.what }));
      for (const [, link] of others) void link.send({ name: 'abort', sequence: sequence++, bytes: 0 }, text);
      await closed();
    },
  };
}

function slice(values: Float32Array, starts: Starts, rank: number): Uint8Array {
  return bytesOf(values.subarray(starts[rank], starts[rank + 1]));
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
