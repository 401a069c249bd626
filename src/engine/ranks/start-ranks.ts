import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { constants } from 'node:os';
import { InputError, reasonOf } from '../input-error.ts';
import { lostRankCode } from './transport.ts';

/** What is started, and how often. */
export interface StartRanksOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Ranks on this host that talk over TCP; undefined starts the program once, as it is: an mpirun, say. */
  readonly count?: number;
  /** How often it is started again, with `--resume`, after a rank was lost. */
  readonly restarts: number;
  /** Receives a line about what went wrong. */
  readonly say: (line: string) => void;
  /** How long ranks have to end by themselves once one of them has ended badly, and again after SIGTERM. */
  readonly graceMs?: number;
}

interface End {
  readonly code: number;
  /** Whether it is worth starting again: a process was killed or crashed, or a rank found another one gone. */
  readonly lost: boolean;
}

/**
 * Starts a program as ranks of this host, or a launcher of ranks, and again after a rank was lost, with `--resume`. An
 * error of the input or a run that diverged ends it, as does Ctrl-C. Gives the exit code of the last start. Throws InputError
 * where the program cannot be started.
 */
export async function startRanks(options: StartRanksOptions): Promise<number> {
  const { command, restarts, say } = options;
  for (let again = 1; ; again++) {
    const words = again === 1 || command.includes('--resume') ? command : [...command, '--resume'];
    const { code, lost } = await runOnce(words, options);
    if (!lost || again > restarts) return code;
    say(`a rank was lost: starting again with --resume, ${again} of ${restarts}`);
  }
}

async function runOnce(
  [program, ...args]: readonly string[],
  { count, say, graceMs = 4000 }: StartRanksOptions,
): Promise<End> {
  const environments = count === undefined ? [{}] : await environmentsOf(count);
  const children = environments.map((env) =>
    spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } }),
  );
  const living = new Set(children);
  let timer: NodeJS.Timeout | undefined;
  const endOthers = (signal: NodeJS.Signals): void => {
    timer = setTimeout(() => {
      for (const child of living) child.kill(signal);
      if (signal !== 'SIGKILL') endOthers('SIGKILL');
    }, graceMs);
  };
  let first: End | undefined;
  let stopped = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    stopped = true;
    // Ctrl-C reaches the ranks by itself: they end in their own time, and so does this.
    if (signal !== 'SIGINT') for (const child of living) child.kill(signal);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  try {
    await Promise.all(
      children.map(async (child, rank) => {
        const end = await endOf(child, program);
        living.delete(child);
        if (end.code === 0 || first !== undefined) return;
        first = { code: end.code, lost: end.lost && !stopped };
        // Whoever ended by itself has said why.
        if (count !== undefined && end.signal !== null)
          say(`rank ${rank} of ${count} was ended by ${end.signal}`);
        endOthers('SIGTERM');
      }),
    );
  } finally {
    clearTimeout(timer);
    for (const child of living) child.kill('SIGKILL');
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
  return first ?? { code: 0, lost: false };
}

/** A launcher that ended by a signal of a rank gives 128 and its number; 130 is Ctrl-C. */
const isLoss = (code: number): boolean => code === lostRankCode || (code > 128 && code !== 130);

function endOf(
  child: ChildProcess,
  program: string,
): Promise<End & { readonly signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      const fault = { file: program, expected: 'a program that can be started', found: reasonOf(error) };
      reject(new InputError(fault, { cause: error }));
    });
    child.once('exit', (number, signal) => {
      const code = number ?? 128 + constants.signals[signal!];
      resolve({ code, signal, lost: isLoss(code) });
    });
  });
}

/** The variables of torchrun, for ranks that meet on this host. */
async function environmentsOf(count: number): Promise<Record<string, string>[]> {
  const port = await freePort();
  return Array.from({ length: count }, (_, rank) => ({
    RANK: String(rank),
    LOCAL_RANK: String(rank),
    WORLD_SIZE: String(count),
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: String(port),
  }));
}

/** A port of this host that nobody listens at. */
export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
