import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { moduleBeside } from '../src/datasets/thread-module.ts';
import { InputError } from '../src/engine/input-error.ts';
import { startRanks } from '../src/engine/ranks/start-ranks.ts';
import { leavesOf } from '../src/engine/tree.ts';
import { alignedTable } from '../src/report/aligned-table.ts';
import {
  type ClassifierOptions,
  classifierShape,
  classifierTrainingReference,
  initClassifier,
} from './classifier.ts';
import { fitLatency, type LatencyModel, type MeasuredSum, type Network, sumMs } from './latency-model.ts';
import type { RanksAnswer, RanksRequest } from './ranks-child.ts';
import type { StepReference } from './repeated-step.ts';

/** A step that ranks take, and how much they sum behind it. */
export interface RanksWork {
  readonly shape: string;
  readonly step: StepReference;
  /** Values of all gradients. */
  readonly gradients: number;
}

/** How it is measured, and the network that more nodes are reckoned over. */
export interface RanksBenchOptions {
  readonly runs: number;
  readonly warmup: number;
  readonly transport: 'tcp' | 'mpi';
  /** The most gradients that are summed at a time, MiB. */
  readonly bucket: number;
  /** The network's bandwidth, Gbit/s. */
  readonly gbit: number;
  /** Its latency one way, microseconds. */
  readonly latencyUs: number;
  /** The arrays that are summed, in values; 1 KiB to 16 MiB by default. */
  readonly lengths?: readonly number[];
  /** How many processes there are, each time; two and four by default. The model is fitted to the first. */
  readonly measuredRanks?: readonly number[];
}

/** A step of so many ranks: what was measured, what the model says, or both. */
export interface RanksStep {
  readonly ranks: number;
  /** `here`: processes of this machine. `network`: a node each. */
  readonly where: 'here' | 'network';
  readonly computeMs: number;
  readonly sumMs: number;
  readonly reckonedMs: number;
  readonly measuredMs?: number;
}

/** All of it: sums of two and four ranks, the model of those of two, and steps. */
export interface RanksResult {
  readonly shape: string;
  readonly transport: string;
  readonly gradientBytes: number;
  readonly buckets: number;
  readonly model: LatencyModel;
  readonly sums: readonly (MeasuredSum & { readonly reckonedMs: number })[];
  readonly steps: readonly RanksStep[];
  readonly network: Network;
}

const usualLengths = [256, 1 << 11, 1 << 14, 1 << 17, 1 << 20, 1 << 22];
const usualRanks = [2, 4];
const reckonedNodes = [2, 4, 8, 16, 32, 64];

/** The training step of a ResNet on random images. */
export function classifierWork(options: ClassifierOptions): RanksWork {
  const { depth, batch, height, width, device, threads, blocked } = options;
  const work: ClassifierOptions = { depth, batch, height, width, device, threads, blocked };
  const gradients = leavesOf(initClassifier(work).params).reduce((sum, [, { data }]) => sum + data.length, 0);
  return { shape: classifierShape(work), step: classifierTrainingReference(work), gradients };
}

/**
 * Measures sums and steps of one, two and four ranks of this machine, fits a time a message and a time a byte to the sums of two,
 * holds that against those of four, and reckons the steps of up to 64 nodes over a network. Nothing is summed while a step computes.
 */
export async function benchRanks(work: RanksWork, options: RanksBenchOptions): Promise<RanksResult> {
  const { bucket, gbit, latencyUs, transport, lengths = usualLengths, measuredRanks = usualRanks } = options;
  const network: Network = { latencyMs: latencyUs / 1000, gigabits: gbit };
  const { shape, gradients } = work;
  const buckets = bucketsOf(gradients, bucket * (2 ** 20 / 4));
  const alone = await measured(1, { ...work, buckets }, options);
  const answers = new Map<number, RanksAnswer>();
  for (const ranks of measuredRanks) answers.set(ranks, await measured(ranks, { ...work, buckets }, options));
  const sums = [...answers].flatMap(([ranks, answer]) =>
    answer.sumMs.map((ms, i): MeasuredSum => ({ ranks, bytes: 4 * lengths[i], ms })),
  );
  const model = fitLatency(sums.filter(({ ranks }) => ranks === measuredRanks[0]));
  const stepOf = (ranks: number, computeMs: number, over?: Network): RanksStep => {
    const all = buckets.reduce((sum, each) => sum + sumMs(model, { ranks, bytes: 4 * each }, over), 0);
    return { ranks, where: over ? 'network' : 'here', computeMs, sumMs: all, reckonedMs: computeMs + all };
  };
  return {
    shape,
    transport,
    gradientBytes: 4 * gradients,
    buckets: buckets.length,
    model,
    network,
    sums: sums.map((sum) => ({ ...sum, reckonedMs: sumMs(model, sum) })),
    steps: [
      { ...stepOf(1, alone.computeMs), measuredMs: alone.stepMs },
      ...[...answers].map(([ranks, { computeMs, stepMs }]) => ({
        ...stepOf(ranks, computeMs),
        measuredMs: stepMs,
      })),
      ...reckonedNodes.map((ranks) => stepOf(ranks, alone.computeMs, network)),
    ],
  };
}

/** Lengths of at most so many values that make up the whole. */
function bucketsOf(length: number, most: number): number[] {
  return Array.from({ length: Math.ceil(length / most) }, (_, i) => Math.min(most, length - i * most));
}

async function measured(
  count: number,
  { step, buckets }: Pick<RanksRequest, 'step' | 'buckets'>,
  { runs, warmup, transport, lengths = usualLengths }: RanksBenchOptions,
): Promise<RanksAnswer> {
  const folder = await mkdtemp(join(tmpdir(), 'pointpair-ranks-'));
  try {
    const request: RanksRequest = { lengths, runs, warmup, step, buckets, out: join(folder, 'answer.json') };
    await writeFile(join(folder, 'request.json'), JSON.stringify(request));
    const child = fileURLToPath(moduleBeside(import.meta.url, 'ranks-child'));
    const loader = child.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [];
    const rank = [process.execPath, ...loader, child, join(folder, 'request.json')];
    const code = await startRanks({
      command: transport === 'mpi' ? ['mpirun', ...mpirunOptions(), '-n', `${count}`, ...rank] : rank,
      count: transport === 'mpi' ? undefined : count,
      restarts: 0,
      say: (line) => process.stderr.write(`pointpair: ${line}\n`),
    });
    if (code !== 0) throw new Error(`the ranks that measure ended with code ${code}`);
    return JSON.parse(await readFile(request.out, 'utf8')) as RanksAnswer;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** More ranks than cores are wanted here. Throws InputError where there is no mpirun. */
function mpirunOptions(): string[] {
  if (spawnSync('mpirun', ['--version']).status !== 0) {
    const expected = 'mpirun for --transport mpi: install openmpi-bin';
    throw new InputError({ file: 'bench ranks', expected, found: 'none' });
  }
  return ['--oversubscribe', ...(process.getuid?.() === 0 ? ['--allow-run-as-root'] : [])];
}

/** The result as text: what is measured and what is reckoned stand in columns of their own. */
export function formatRanks({
  shape,
  transport,
  gradientBytes,
  buckets,
  model,
  sums,
  steps,
  network,
}: RanksResult): string {
  const ms = (value: number | undefined) => (value === undefined ? '' : value.toFixed(value < 10 ? 3 : 1));
  const sumRows = sums.map(({ ranks, bytes, ms: measuredMs, reckonedMs }) => [
    `${ranks}`,
    `${bytes / 1024}`,
    ms(measuredMs),
    ms(reckonedMs),
    (reckonedMs / measuredMs).toFixed(2),
  ]);
  const stepRows = steps.map(({ ranks, where, computeMs, sumMs: all, reckonedMs, measuredMs }) => [
    `${ranks}`,
    where === 'here' ? 'processes here' : 'nodes',
    ms(computeMs),
    ms(all),
    ms(reckonedMs),
    ms(measuredMs),
    `${((100 * computeMs) / (measuredMs ?? reckonedMs)).toFixed(0)}%`,
  ]);
  const perSecond = model.byteMs === 0 ? 'no limit of' : (1 / (model.byteMs * 1e6)).toFixed(2);
  return [
    `All-reduce over ${transport}: ${(1000 * model.messageMs).toFixed(1)} µs a message, ${perSecond} GB/s, fitted to two ranks`,
    alignedTable(['ranks', 'KiB', 'measured ms', 'reckoned ms', 'ratio'], sumRows),
    '',
    `Steps of ${shape}, ${(gradientBytes / 2 ** 20).toFixed(1)} MiB of gradients in ${buckets} buckets`,
    `Nodes: reckoned, over ${network.gigabits} Gbit/s and ${1000 * network.latencyMs} µs, each computing as one process alone does here`,
    alignedTable(
      [
        'ranks',
        'as',
        'compute ms',
        'sums ms (reckoned)',
        'step ms (reckoned)',
        'step ms (measured)',
        'compute share',
      ],
      stepRows,
    ),
  ].join('\n');
}
