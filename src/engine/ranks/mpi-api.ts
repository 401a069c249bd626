import { InputError } from '../input-error.ts';
import { foreignFunctions } from '../native/foreign-functions.ts';

/** The functions of Open MPI that a transport needs, over all processes that were started together. Those that can fail throw. */
export interface MpiApi {
  readonly rank: number;
  readonly size: number;
  /** Counts and starts are in values. All arrays have to stay where they are until it is done. */
  exchange(values: Float32Array, sent: Slices, received: Float32Array, taken: Slices): Promise<void>;
  /** In place. */
  gather(values: Float32Array, slices: Slices): Promise<void>;
  /** Bytes of rank 0, in place. */
  broadcast(bytes: Uint8Array): Promise<void>;
  barrier(): Promise<void>;
  /** Blocks: after a barrier, for a short time. */
  finalize(): void;
  /** Ends all processes, this one too, with an exit code. */
  abort(code: number): void;
}

/** How many values go to each rank or come from it, and where they begin: 32-bit whole numbers, as Open MPI counts. */
export interface Slices {
  readonly counts: Int32Array;
  readonly starts: Int32Array;
}

/** A call of Open MPI failed: where processes run together it is most often because one of them is gone. */
export class MpiError extends Error {
  override readonly name = 'MpiError';
}

/** Open MPI 4 and 5, then whatever the system has under the plain name. */
const libraries = ['libmpi.so.40', 'libmpi.so'];
/** MPI_THREAD_MULTIPLE: a call waits in one thread, and the main thread may abort meanwhile. */
const THREAD_MULTIPLE = 3;
/** MPI_IN_PLACE. */
const IN_PLACE = 1n;
const MAX_ERROR_STRING = 256;
const RTLD_NOW = 2;
const install = 'install openmpi-bin (Debian, Ubuntu) or openmpi (others)';

/**
 * Opens Open MPI and starts it: blocks until all processes have come here. Throws InputError where there is no Open MPI, where
 * another MPI has its name, or where it cannot be called from several threads.
 */
export function startMpi(): MpiApi {
  const koffi = foreignFunctions();
  if (koffi === undefined) {
    throw new InputError({
      file: 'Open MPI',
      expected: 'a platform that koffi has a binary for',
      found: process.platform,
    });
  }
  const library = openLibrary(koffi);
  // Ranks that wait give their core to those that compute, unless the user wants otherwise.
  process.env.OMPI_MCA_mpi_yield_when_idle ??= '1';
  const world = library.symbol('ompi_mpi_comm_world') as unknown;
  const float = library.symbol('ompi_mpi_float') as unknown;
  const byte = library.symbol('ompi_mpi_byte') as unknown;
  const errorString = library.func('MPI_Error_string', 'int', ['int', 'void *', 'void *']);
  const check = (name: string, code: number): void => {
    if (code === 0) return;
    const text = Buffer.alloc(MAX_ERROR_STRING);
    errorString(code, text, new Int32Array(1));
    throw new MpiError(`${name}: ${text.toString('latin1').replace(/\0.*$/s, '')}`);
  };
  const now = (name: string, types: readonly string[]) => {
    const call = library.func(name, 'int', [...types]);
    return (...args: unknown[]): void => check(name, call(...args) as number);
  };
  const later = (name: string, types: readonly string[]) => {
    const call = library.func(name, 'int', [...types]);
    return (...args: unknown[]): Promise<void> =>
      new Promise((resolve, reject) => {
        call.async(...args, (error: Error | null, code: number) => {
          // Until here the arrays had to stay.
          args.length = 0;
          try {
            if (error) throw error;
            check(name, code);
            resolve();
          } catch (reason) {
            reject(reason as Error);
          }
        });
      });
  };
  const number = (name: string): number => {
    const result = new Int32Array(1);
    now(name, ['void *', 'void *'])(world, result);
    return result[0];
  };

  const provided = new Int32Array(1);
  now('MPI_Init_thread', ['void *', 'void *', 'int', 'void *'])(null, null, THREAD_MULTIPLE, provided);
  if (provided[0] < THREAD_MULTIPLE) {
    const expected = 'one that may be called from several threads (MPI_THREAD_MULTIPLE)';
    throw new InputError({ file: 'Open MPI', expected, found: `thread level ${provided[0]}` });
  }
  const errorsReturn = library.symbol('ompi_mpi_errors_return') as unknown;
  now('MPI_Comm_set_errhandler', ['void *', 'void *'])(world, errorsReturn);

  const exchange = later('MPI_Alltoallv', Array(9).fill('void *'));
  const gather = later('MPI_Allgatherv', ['void *', 'int', ...Array<string>(6).fill('void *')]);
  const broadcast = later('MPI_Bcast', ['void *', 'int', 'void *', 'int', 'void *']);
  const barrier = later('MPI_Barrier', ['void *']);
  const abort = library.func('MPI_Abort', 'int', ['void *', 'int']);
  return {
    rank: number('MPI_Comm_rank'),
    size: number('MPI_Comm_size'),
    exchange: (values, sent, received, taken) =>
      exchange(values, sent.counts, sent.starts, float, received, taken.counts, taken.starts, float, world),
    gather: (values, { counts, starts }) => gather(IN_PLACE, 0, float, values, counts, starts, float, world),
    broadcast: (bytes) => broadcast(bytes, bytes.length, byte, 0, world),
    barrier: () => barrier(world),
    finalize: now('MPI_Finalize', []),
    abort: (code) => void abort(world, code),
  };
}

function openLibrary(koffi: NonNullable<ReturnType<typeof foreignFunctions>>): ReturnType<typeof koffi.load> {
  const reasons: string[] = [];
  for (const name of libraries) {
    try {
      // Open MPI's plug-ins look for its symbols among those of the whole process.
      const library = koffi.load(name, { global: true });
      library.symbol('ompi_mpi_comm_world');
      // koffi closes libraries before Node's threads end, and those run code of Open MPI's when they do: this reference stays.
      koffi.load(null).func('void *dlopen(const char *, int)')(name, RTLD_NOW);
      return library;
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new InputError({
    file: libraries[0],
    expected: `Open MPI: ${install}, on every host`,
    found: reasons.some((reason) => reason.includes('cannot open shared object'))
      ? 'no such library'
      : reasons[0],
  });
}
