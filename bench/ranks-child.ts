import { readFile, writeFile } from 'node:fs/promises';
import type { Communicator } from '../src/engine/ranks/communicator.ts';
import { withRanks } from '../src/engine/ranks/launcher.ts';
import { quantile } from './measurement.ts';
import { referencedStep, type StepReference } from './repeated-step.ts';

/** What every rank is told: a file of JSON. */
export interface RanksRequest {
  /** Lengths of the arrays that are summed, in values. */
  readonly lengths: readonly number[];
  readonly runs: number;
  readonly warmup: number;
  readonly step: StepReference;
  /** Lengths of what is summed after a step. */
  readonly buckets: readonly number[];
  /** Where rank 0 writes what it found. */
  readonly out: string;
}

/** Medians, milliseconds: the slowest rank of each run counts. */
export interface RanksAnswer {
  /** By length, in the order of the request; empty for one rank. */
  readonly sumMs: readonly number[];
  /** A step, with all ranks at work and nothing summed. */
  readonly computeMs: number;
  /** A step and the sum of its buckets. */
  readonly stepMs: number;
}

const request = JSON.parse(await readFile(process.argv[2], 'utf8')) as RanksRequest;
await withRanks(async (ranks) => {
  const { lengths, buckets, out } = request;
  const sumMs: number[] = [];
  for (const length of ranks === undefined ? [] : lengths) {
    const values = new Float32Array(length);
    sumMs.push(await median(ranks, () => ranks!.allReduce(values)));
  }
  const step = await referencedStep(request.step);
  const arrays = buckets.map((length) => new Float32Array(length));
  const computeMs = await median(ranks, () => step.run());
  const stepMs = await median(ranks, async () => {
    await step.run();
    await Promise.all(arrays.map((array) => ranks?.allReduce(array)));
  });
  await step.dispose();
  if (ranks === undefined || ranks.rank === 0) {
    await writeFile(out, JSON.stringify({ sumMs, computeMs, stepMs } satisfies RanksAnswer));
  }
});

/** The median time of a work that all ranks begin together; a run takes as long as its slowest rank. */
async function median(ranks: Communicator | undefined, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = -request.warmup; run < request.runs; run++) {
    await ranks?.allReduce(new Float32Array(1));
    const began = performance.now();
    await work();
    const own = new Float32Array([performance.now() - began]);
    const all = new Float32Array(ranks?.size ?? 1);
    if (ranks === undefined) all.set(own);
    else await ranks.allGather(own, all);
    if (run >= 0) times.push(Math.max(...all));
  }
  return quantile(times, 0.5);
}
