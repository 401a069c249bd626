import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { moduleBeside } from '../src/datasets/thread-module.ts';
import { InputError } from '../src/engine/input-error.ts';
import { startRanks } from '../src/engine/ranks/start-ranks.ts';
import { alignedTable } from '../src/report/aligned-table.ts';
import { fitLatency, type LatencyModel, type MeasuredSum, type Network, sumMs } from './latency-model.ts';
import { type RankedStepOptions, rankedStep } from './ranked-step.ts';
import type { RanksAnswer, RanksRequest } from './ranks-child.ts';
import type { StepReference } from './repeated-step.ts';

/** A step that ranks take. */
export interface RanksWork {
  readonly shape: string;
  readonly step: StepReference;
}

/** How it is measured, and the network that more nodes are reckoned over. */
export interface RanksBenchOptions {
  readonly runs: number;
  readonly warmup: number;
  /** Over TCP, as between hosts; through memory where processes are of one host; or over Open MPI. */
  readonly transport: 'tcp' | 'memory' | 'mpi';
  /** The network's bandwidth, Gbit/s. */
  readonly gbit: number;
  /** Its latency one way, microseconds. */
  readonly latencyUs: number;
  /** The arrays that are summed, in values; 1 KiB to 16 MiB by default. */
  readonly lengths?: readonly number[];
  /** How many processes there are, each time; two and four by default. The model is fitted to the first, whose traffic nodes have. */
  readonly measuredRanks?: readonly number[];
}

/** A step of so many ranks: what was measured, what the model says, or both. */
export interface RanksStep {
  readonly ranks: number;
  /** `here`: processes of this machine. `network`: a node each. */
  readonly where: 'here' | 'network';
  readonly computesMs: number;
  /** What travels, by the model, and the step if nothing of it did while the step computes. */
  readonly reckonedTalksMs: number;
  readonly reckonedMs: number;
  /** How long something was under way, how much of that while the step computed, and the whole. */
  readonly measured?: { readonly talksMs: number; readonly bothMs: number; readonly stepMs: number };
}

/** All of it: sums of two and four ranks, the model of those of two, and steps. */
export interface RanksResult {
  readonly shape: string;
  readonly transport: string;
  /** What travels in a step. */
  readonly travels: { readonly count: number; readonly bytes: number };
  readonly model: LatencyModel;
  readonly sums: readonly (MeasuredSum & { readonly reckonedMs: number })[];
  readonly steps: readonly RanksStep[];
  readonly network: Network;
}

const usualLengths = [256, 1 << 11, 1 << 14, 1 << 17, 1 << 20, 1 << 22];
const usualRanks = [2, 4];
const reckonedNodes = [2, 4, 8, 16, 32, 64];

/** The step of pretraining by a preset, with so many samples a rank. */
export function pretrainingWork(preset: string, options: RankedStepOptions): RanksWork {
  const { config, batch, threads, blocked } = options;
  const scope = config.ranks?.batchNorm ?? 'synchronised';
  return {
    shape: `${preset}, ${batch} samples a rank, batch norms ${scope === 'rank' ? 'of each rank' : scope}`,
    step: {
      module: moduleBeside(import.meta.url, 'ranked-step'),
      export: rankedStep.name,
      options: { config, batch, threads, blocked } satisfies RankedStepOptions,
    },
  };
}

/**
 * Measures sums, and the steps of one, two and four ranks of this machine, each cut as training cuts it; fits a time a message and
 * a time a byte to the sums of two, holds that against the rest, and reckons the steps of up to 64 nodes over a network, as if
 * nothing travelled while a step computes; not of processes that share memory.
 */
export async function benchRanks(work: RanksWork, options: RanksBenchOptions): Promise<RanksResult> {
  const { gbit, latencyUs, transport, lengths = usualLengths, measuredRanks = usualRanks } = options;
  const network: Network = { latencyMs: latencyUs / 1000, gigabits: gbit };
  const { shape, step } = work;
  const alone = await measured(1, step, options);
  const answers = new Map<number, RanksAnswer>();
  for (const ranks of measuredRanks) answers.set(ranks, await measured(ranks, step, options));
  const { travels } = answers.get(measuredRanks[0])!;
  const sums = [...answers].flatMap(([ranks, answer]) =>
    answer.sumMs.map((ms, i): MeasuredSum => ({ ranks, bytes: 4 * lengths[i], ms })),
  );
  const model = fitLatency(sums.filter(({ ranks }) => ranks === measuredRanks[0]));
  const reckoned = (ranks: number, computesMs: number, over?: Network) => {
    const talks = travels.reduce((sum, each) => sum + sumMs(model, { ranks, ...each }, over), 0);
    return { ranks, computesMs, reckonedTalksMs: talks, reckonedMs: computesMs + talks };
  };
  const here = [[1, alone] as const, ...answers].map(
    ([ranks, { computesMs, talksMs, bothMs, stepMs }]): RanksStep => ({
      ...reckoned(ranks, computesMs),
      where: 'here',
      measured: { talksMs, bothMs, stepMs },
    }),
  );
  // Nodes have no memory in common.
  const nodes = (transport === 'memory' ? [] : reckonedNodes).map(
    (ranks): RanksStep => ({ ...reckoned(ranks, alone.computesMs, network), where: 'network' }),
  );
  return {
    shape,
    transport,
    travels: { count: travels.length, bytes: travels.reduce((sum, { bytes }) => sum + bytes, 0) },
    model,
    network,
    sums: sums.map((sum) => ({ ...sum, reckonedMs: sumMs(model, sum) })),
    steps: [...here, ...nodes],
  };
}

async function measured(
  count: number,
  step: StepReference,
  { runs, warmup, transport, lengths = usualLengths }: RanksBenchOptions,
): Promise<RanksAnswer> {
  const folder = await mkdtemp(join(tmpdir(), 'pointpair-ranks-'));
  try {
    const sharedMemory = transport === 'memory';
    const out = join(folder, 'answer.json');
    const request: RanksRequest = { lengths, runs, warmup, step, sharedMemory, out };
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
export function formatRanks({ shape, transport, travels, model, sums, steps, network }: RanksResult): string {
  const ms = (value: number | undefined) => (value === undefined ? '' : value.toFixed(value < 10 ? 3 : 1));
  const sumRows = sums.map(({ ranks, bytes, ms: measuredMs, reckonedMs }) => [
    `${ranks}`,
    `${bytes / 1024}`,
    ms(measuredMs),
    ms(reckonedMs),
    (reckonedMs / measuredMs).toFixed(2),
  ]);
  const stepRows = steps.map(({ ranks, where, computesMs, reckonedTalksMs, reckonedMs, measured: found }) => [
    `${ranks}`,
    where === 'here' ? 'processes here' : 'nodes',
    ms(computesMs),
    ms(found?.talksMs),
    ms(found?.bothMs),
    ms(found?.stepMs),
    ms(reckonedTalksMs),
    ms(reckonedMs),
  ]);
  const perSecond = model.byteMs === 0 ? 'no limit of' : (1 / (model.byteMs * 1e6)).toFixed(2);
  return [
    `All-reduce over ${transport}: ${(1000 * model.messageMs).toFixed(1)} µs a message, ${perSecond} GB/s, fitted to two ranks`,
    alignedTable(['ranks', 'KiB', 'measured ms', 'reckoned ms', 'ratio'], sumRows),
    '',
    `Steps of ${shape}: ${travels.count} sums and gathers of ${(travels.bytes / 2 ** 20).toFixed(1)} MiB`,
    ...(steps.some(({ where }) => where === 'network')
      ? [
          `Nodes: reckoned, over ${network.gigabits} Gbit/s and ${1000 * network.latencyMs} µs, each computing as one process alone does here`,
        ]
      : []),
    alignedTable(
      [
        'ranks',
        'as',
        'computes ms',
        'talks ms',
        'both ms',
        'step ms',
        'talks ms (reckoned)',
        'step ms (reckoned, one after the other)',
      ],
      stepRows,
    ),
  ].join('\n');
}
