import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { repository } from '../../architecture/source-files.ts';
import { broadcastLengths, bytesOf, lengths, sumInOrder, valuesOf } from './rank-values.ts';

/**
 * The words that start a rank of the tests; the name of what it does and a folder go behind them. Its program is one file in a
 * folder of the test: loading it as TypeScript would take each process a second.
 */
export async function rankProgram(folder: string): Promise<string[]> {
  const outfile = join(folder, 'rank.mjs');
  const entry = fileURLToPath(new URL('./rank-child.ts', import.meta.url));
  const external = ['koffi'];
  await build({ entryPoints: [entry], outfile, external, bundle: true, platform: 'node', format: 'esm' });
  await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
  return [process.execPath, outfile];
}

export const hasMpirun = spawnSync('mpirun', ['--version']).status === 0;

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly seconds: number;
}

export function start(words: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  const [command, ...args] = words;
  return spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
}

export function endOf(child: ChildProcess): Promise<Ended> {
  const began = performance.now();
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({ code, signal, stderr, seconds: (performance.now() - began) / 1000 }),
    );
  });
}

/** What every rank has to have written: sums by plain loops, all ranks' values, the bytes of rank 0. */
function expectedBytes(size: number): Buffer {
  const ofAll = lengths.map((length) => Array.from({ length: size }, (_, rank) => valuesOf(rank, length)));
  const parts = [...ofAll.map(sumInOrder), ...ofAll.flat(), ...broadcastLengths.map(bytesOf)];
  return Buffer.concat(parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)));
}

/** The names of the hosts that the program `values` ran on, by rank. */
export function hostsOf(size: number, where: string): Promise<string[]> {
  return Promise.all(
    Array.from({ length: size }, (_, rank) => readFile(join(where, `${rank}.host`), 'utf8')),
  );
}

/** The ranks whose program `values` left other values than it should have. */
export async function wrongRanks(size: number, where: string): Promise<number[]> {
  const expected = expectedBytes(size);
  const wrong: number[] = [];
  for (let rank = 0; rank < size; rank++) {
    if (!(await readFile(join(where, `${rank}.bin`))).equals(expected)) wrong.push(rank);
  }
  return wrong;
}
