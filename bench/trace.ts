import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../src/engine/input-error.ts';

/** What one run of a profiled step spent in its operators, milliseconds. */
export interface RunProfile {
  /** The forward and the backward pass. */
  readonly computeMs: number;
  /** The operators whose names begin with `update/`: the optimizer's. */
  readonly updateMs: number;
  /** The whole run in ONNX Runtime. */
  readonly runMs: number;
}

interface TraceEvent {
  readonly name: string;
  /** Microseconds: begin, and length. */
  readonly ts: number;
  readonly dur: number;
}

/** The runs in the one Chrome trace that ONNX Runtime left in a folder, in their order. Throws InputError where there is none. */
export async function readRunProfiles(folder: string): Promise<RunProfile[]> {
  const [name] = await readdir(folder);
  if (name === undefined) {
    throw new InputError({ file: folder, expected: 'a trace of ONNX Runtime', found: 'an empty folder' });
  }
  const events = JSON.parse(await readFile(join(folder, name), 'utf8')) as readonly TraceEvent[];
  const kernels = events.filter((event) => event.name.endsWith('_kernel_time'));
  return events
    .filter((event) => event.name === 'model_run')
    .map(({ ts, dur }) => {
      const own = kernels.filter((kernel) => kernel.ts >= ts && kernel.ts < ts + dur);
      const updates = own.filter((kernel) => kernel.name.startsWith('update/'));
      const updateMs = millisecondsOf(updates);
      return { computeMs: millisecondsOf(own) - updateMs, updateMs, runMs: dur / 1000 };
    });
}

function millisecondsOf(events: readonly TraceEvent[]): number {
  return events.reduce((sum, { dur }) => sum + dur, 0) / 1000;
}
