import { readFile, writeFile } from 'node:fs/promises';
import type { Communicator } from '../src/engine/ranks/communicator.ts';
import { withRanks } from '../src/engine/ranks/launcher.ts';
import type { StepEvent } from '../src/engine/ranks/stages.ts';
import { overlapOf } from '../src/report/step-trace.ts';
import type { Travel } from './latency-model.ts';
import { quantile } from './measurement.ts';
import type { RankPlace } from './ranked-step.ts';
import type { RepeatedStep, StepReference } from './repeated-step.ts';

/** What every rank is told: a file of JSON. */
export interface RanksRequest {
  /** Lengths of the arrays that are summed, in values. */
  readonly lengths: readonly number[];
  readonly runs: number;
  readonly warmup: number;
  /** A function `(options, place) => Promise<RepeatedStep>`, the place being a `RankPlace`. */
  readonly step: StepReference;
  /** Whether ranks of one host may share memory. */
  readonly sharedMemory: boolean;
  /** Where rank 0 writes what it found. */
  readonly out: string;
}

/** Medians, milliseconds. */
export interface RanksAnswer {
  /** By length, in the order of the request; the slowest rank of each run counts; empty for one rank. */
  readonly sumMs: readonly number[];
  /** A step; the slowest rank of each run counts. */
  readonly stepMs: number;
  /** How long rank 0 computed in a step, how long something was under way to the others, and how long both at once. */
  readonly computesMs: number;
  readonly talksMs: number;
  readonly bothMs: number;
  /** What travels in a step, in its order. */
  readonly travels: readonly Travel[];
}

const request = JSON.parse(await readFile(process.argv[2], 'utf8')) as RanksRequest;
const memory = request.sharedMemory ? {} : { POINTPAIR_RANKS_MEMORY: 'none' };
await withRanks(measure, { ...process.env, ...memory });

async function measure(ranks: Communicator | undefined): Promise<void> {
  const { lengths, out } = request;
  const sumMs: number[] = [];
  for (const length of ranks === undefined ? [] : lengths) {
    const values = new Float32Array(length);
    sumMs.push(await median(ranks, () => ranks!.allReduce(values)));
  }
  const events: StepEvent[] = [];
  const travels: Travel[] = [];
  const communicator = ranks && recording(ranks, travels);
  const step = await placedStep(request.step, { communicator, trace: (event) => events.push(event) });
  const parts: Array<ReturnType<typeof overlapOf>> = [];
  const stepMs = await median(ranks, async () => {
    events.length = 0;
    travels.length = 0;
    const began = performance.now();
    await step.run();
    const computesMs = performance.now() - began;
    parts.push(events.length > 0 ? overlapOf(events) : { computesMs, talksMs: 0, bothMs: 0 });
  });
  const timed = parts.slice(request.warmup);
  const part = (name: keyof (typeof timed)[number]) =>
    quantile(
      timed.map((each) => each[name]),
      0.5,
    );
  const answer: RanksAnswer = {
    ...{ sumMs, stepMs, travels },
    ...{ computesMs: part('computesMs'), talksMs: part('talksMs'), bothMs: part('bothMs') },
  };
  await step.dispose();
  if (ranks === undefined || ranks.rank === 0) await writeFile(out, JSON.stringify(answer));
}

async function placedStep(
  { module, export: name, options }: StepReference,
  place: RankPlace,
): Promise<RepeatedStep> {
  const found: { readonly [name: string]: (options: unknown, place: RankPlace) => Promise<RepeatedStep> } =
    await import(module);
  return found[name](options, place);
}

/** The same ranks, with a note of all that travels. */
function recording(ranks: Communicator, travels: Travel[]): Communicator {
  return {
    rank: ranks.rank,
    size: ranks.size,
    allReduce: (values) => {
      travels.push({ kind: 'sum', bytes: values.byteLength });
      return ranks.allReduce(values);
    },
    allGather: (own, all) => {
      travels.push({ kind: 'gather', bytes: own.byteLength });
      return ranks.allGather(own, all);
    },
    broadcast: (bytes) => ranks.broadcast(bytes),
    close: () => ranks.close(),
  };
}

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
