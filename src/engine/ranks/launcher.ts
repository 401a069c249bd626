import { z } from 'zod';
import { InputError } from '../input-error.ts';
import type { Communicator } from './communicator.ts';
import { openMpi } from './mpi.ts';
import { createCommunicator } from './ordered-communicator.ts';
import { openTcp } from './tcp.ts';

/** Who this process is among those that its launcher started, and how they talk. */
export type RankEnvironment = {
  readonly rank: number;
  readonly size: number;
  /** Its number among the ranks of its own host, 0 where the launcher does not say. */
  readonly localRank: number;
} & (
  | { readonly transport: 'mpi' }
  | { readonly transport: 'tcp'; readonly host: string; readonly port: number }
);

type Environment = Readonly<Record<string, string | undefined>>;

/** How long ranks wait for each other when they start, where POINTPAIR_RANKS_TIMEOUT_S does not say. */
const TIMEOUT_S = 300;
const count = z.string().regex(/^\d+$/).transform(Number);
/** What srun leaves for an MPI library to find the others by. */
const pmiVariables = ['PMIX_RANK', 'PMI_RANK', 'PMI_FD'];

/**
 * Who this process is: by mpirun's variables, those of torchrun and Kubernetes' training operator (RANK, WORLD_SIZE, LOCAL_RANK,
 * MASTER_ADDR, MASTER_PORT), or Slurm's. Undefined where there is one process. Throws InputError where a launcher left half of them.
 */
export function rankEnvironment(env: Environment): RankEnvironment | undefined {
  const number = (name: string): number => {
    const { success, data } = count.safeParse(env[name]);
    if (success) return data;
    throw new InputError({ file: name, expected: 'a whole number from 0 on', found: env[name] ?? 'nothing' });
  };
  const who = (rank: string, size: string, localRank: string) => {
    const found = { rank: number(rank), size: number(size) };
    if (found.rank >= found.size) {
      throw new InputError({ file: rank, expected: `less than ${size}, ${found.size}`, found: env[rank]! });
    }
    return { ...found, localRank: env[localRank] === undefined ? 0 : number(localRank) };
  };
  const master = () => {
    const port = number('MASTER_PORT');
    if (env.MASTER_ADDR !== undefined && port > 0 && port < 65536) return { host: env.MASTER_ADDR, port };
    const expected = "the address of rank 0's host, and a port of it from 1 to 65535";
    const found = `${env.MASTER_ADDR ?? 'no address'}, ${port}`;
    throw new InputError({ file: 'MASTER_ADDR, MASTER_PORT', expected, found });
  };
  const several = (found: RankEnvironment) => (found.size === 1 ? undefined : found);

  if (env.OMPI_COMM_WORLD_SIZE !== undefined) {
    const own = who('OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_LOCAL_RANK');
    return several({ ...own, transport: 'mpi' });
  }
  if (env.WORLD_SIZE !== undefined) {
    const own = who('RANK', 'WORLD_SIZE', 'LOCAL_RANK');
    return own.size === 1 ? undefined : { ...own, transport: 'tcp', ...master() };
  }
  // A batch script has the number of tasks too, but is no step of srun's.
  if (env.SLURM_STEP_NUM_TASKS === undefined || env.SLURM_PROCID === undefined) return undefined;
  const own = who('SLURM_PROCID', 'SLURM_STEP_NUM_TASKS', 'SLURM_LOCALID');
  if (own.size === 1) return undefined;
  if (env.MASTER_ADDR !== undefined) return { ...own, transport: 'tcp', ...master() };
  if (pmiVariables.some((name) => env[name] !== undefined)) return { ...own, transport: 'mpi' };
  throw new InputError({
    file: 'srun',
    expected: '--mpi=pmix for Open MPI, or MASTER_ADDR and MASTER_PORT for TCP',
    found: `${own.size} tasks that do not know of each other`,
  });
}

/** A communicator that can also end all ranks, for whoever has a reason. */
export interface Ranks extends Communicator {
  /** Ends the others, who learn why. Over Open MPI it ends this process too, after a line on stderr. */
  abort(error: Error): Promise<void>;
}

/**
 * The ranks that this process was started with, by mpirun, srun, torchrun or by hand; undefined where it is alone, which needs no
 * Open MPI. Over TCP it waits until all are there, 300 s or POINTPAIR_RANKS_TIMEOUT_S, and those of one host share memory unless
 * POINTPAIR_RANKS_MEMORY is `none`. Throws InputError.
 */
export async function openRanks(env: Environment = process.env): Promise<Ranks | undefined> {
  const found = rankEnvironment(env);
  if (found === undefined) return undefined;
  const transport =
    found.transport === 'mpi'
      ? openMpi(found)
      : await openTcp({ ...found, timeoutMs: 1000 * timeoutOf(env), sharedMemory: sharesMemory(env) });
  return { ...createCommunicator(transport), abort: (error) => transport.abort(error) };
}

/**
 * Runs a program of ranks: opens them, closes them behind it, and where it throws ends the others before it throws on. Errors that
 * another rank brought name that rank.
 */
export async function withRanks<T>(
  run: (ranks: Communicator | undefined) => Promise<T>,
  env: Environment = process.env,
): Promise<T> {
  const ranks = await openRanks(env);
  try {
    const result = await run(ranks);
    await ranks?.close();
    return result;
  } catch (error) {
    await ranks?.abort(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

function sharesMemory({ POINTPAIR_RANKS_MEMORY: text }: Environment): boolean {
  if (text === undefined || text === 'none') return text === undefined;
  throw new InputError({ file: 'POINTPAIR_RANKS_MEMORY', expected: 'none, or not to be set', found: text });
}

function timeoutOf({ POINTPAIR_RANKS_TIMEOUT_S: text }: Environment): number {
  const value = text === undefined ? TIMEOUT_S : Number(text);
  if (value > 0 && value <= 86_400) return value;
  throw new InputError({ file: 'POINTPAIR_RANKS_TIMEOUT_S', expected: 'seconds, up to 86400', found: text! });
}
