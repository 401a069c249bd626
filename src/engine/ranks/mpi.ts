import { writeSync } from 'node:fs';
import { InputError } from '../input-error.ts';
import { type MpiApi, MpiError, type Slices, startMpi } from './mpi-api.ts';
import { lostRankCode, type Starts, type Transport } from './transport.ts';

/** The largest number of values or bytes that Open MPI counts. */
const MOST = 2 ** 31 - 1;
/** Bytes of a broadcast that go at a time. */
const BROADCAST_BYTES = 1 << 30;

/** Who this process is, as its launcher said. */
export interface ExpectedRank {
  readonly rank: number;
  readonly size: number;
}

/**
 * Ranks that talk through Open MPI. Calls wait in a thread of koffi's, one at a time. A process that ends without `close`, by an
 * uncaught error or by `process.exit`, ends all others with it: a thread that waits for them would keep it from ending.
 * Throws InputError where Open MPI is missing, or where it was not started by the launcher that the environment tells of.
 */
export function openMpi(expected: ExpectedRank): Transport {
  const api = startMpi();
  requireSame('ranks that Open MPI sees', expected.size, api.size);
  requireSame("Open MPI's rank", expected.rank, api.rank);
  const end = (why: string, code = 1): void => {
    // Open MPI ends the process where it stands: nothing may be left in a buffer.
    writeSync(2, `pointpair: rank ${api.rank} of ${api.size}: ${why}\n`);
    api.abort(code);
  };
  const onExit = (code: number): void => end(`ended with code ${code} before the others`);
  const onUncaught = (error: Error): void => end(error.stack ?? String(error));
  process.once('exit', onExit);
  process.once('uncaughtExceptionMonitor', onUncaught);
  return {
    rank: api.rank,
    size: api.size,
    exchange: (values, starts, received) => {
      const own = starts[api.rank + 1] - starts[api.rank];
      const taken = slicesOf(Array.from({ length: api.size + 1 }, (_, r) => r * own));
      return api.exchange(stable(values), slicesOf(starts), stable(received), taken);
    },
    gather: async (values, starts) => {
      if (values.length > MOST) {
        throw new RangeError(`Open MPI counts to ${MOST}: ${values.length} values cannot be gathered`);
      }
      await api.gather(stable(values), slicesOf(starts));
    },
    broadcast: (bytes) => broadcast(api, bytes),
    close: async () => {
      await api.barrier();
      process.off('exit', onExit);
      process.off('uncaughtExceptionMonitor', onUncaught);
      api.finalize();
    },
    abort: async (error) => end(error.message, error instanceof MpiError ? lostRankCode : 1),
  };
}

function requireSame(what: string, launched: number, found: number): void {
  if (launched === found) return;
  const expected = `${launched}, by an mpirun of the same Open MPI or by srun --mpi=pmix`;
  throw new InputError({ file: what, expected, found: String(found) });
}

async function broadcast(api: MpiApi, bytes: Uint8Array): Promise<Uint8Array> {
  const length = stable(new Float64Array([bytes.length]));
  await api.broadcast(new Uint8Array(length.buffer));
  const all = api.rank === 0 ? stable(bytes) : new Uint8Array(length[0]);
  for (let begin = 0; begin < all.length; begin += BROADCAST_BYTES) {
    await api.broadcast(all.subarray(begin, begin + BROADCAST_BYTES));
  }
  return all;
}

function slicesOf(starts: Starts): Slices {
  const counts = Int32Array.from({ length: starts.length - 1 }, (_, r) => starts[r + 1] - starts[r]);
  return { counts: stable(counts), starts: stable(Int32Array.from(starts.slice(0, -1))) };
}

/** V8 moves short arrays about until somebody asks for their buffer. */
function stable<T extends ArrayBufferView>(array: T): T {
  void array.buffer;
  return array;
}
