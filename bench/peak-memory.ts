import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { StepReference } from './repeated-step.ts';

/** What the process that measures is told. */
export interface PeakMemoryRequest {
  readonly step: StepReference;
  readonly runs: number;
}

/** What it answers. */
export interface PeakMemoryAnswer {
  readonly mib: number;
}

/**
 * The most memory that a new process holds that prepares a step, runs it so many times and does nothing else, MiB. Node
 * and the libraries are in it; from the sources, the TypeScript loader too.
 */
export async function peakMemoryAlone(request: PeakMemoryRequest): Promise<number> {
  const fromSource = import.meta.url.endsWith('.ts');
  const file = new URL(`./peak-memory-child${fromSource ? '.ts' : '.js'}`, import.meta.url);
  const child = fork(fileURLToPath(file), [], {
    execArgv: fromSource ? ['--import', import.meta.resolve('tsx')] : [],
    // Tensors go as they are.
    serialization: 'advanced',
  });
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the process that measures the peak of memory ended with ${signal ?? code}`);
  });
  child.send(request);
  const [{ mib }] = (await Promise.race([once(child, 'message'), ended])) as [PeakMemoryAnswer];
  return mib;
}

/**
 * The most memory that this process has held, MiB. Linux begins what `resourceUsage` tells with the peak of the process
 * that started this one; the high-water mark in /proc is this program's own.
 */
export function peakMemoryMiB(): number {
  const kib = process.platform === 'linux' ? highWaterMark() : undefined;
  return (kib ?? process.resourceUsage().maxRSS) / 1024;
}

function highWaterMark(): number | undefined {
  const found = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return found === null ? undefined : Number(found[1]);
}
