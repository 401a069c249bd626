import { availableParallelism } from 'node:os';
import { type Command, Option } from 'commander';
import type { RanksBenchOptions } from '../bench/ranks.ts';
import { bench, load, type OutputOptions, type RunOptions, withRuns } from './bench-options.ts';
import { presetNames } from './names.ts';
import { collected, wholeNumber } from './options.ts';

interface RankedStep {
  readonly preset: string;
  readonly batch: number;
  readonly set: readonly string[];
  readonly threads: number;
  readonly blocked: boolean;
}

/** The command line of `pointpair bench ranks`. */
export function ranks(): Command {
  const made = bench(
    'ranks',
    'Time all-reduce and steps of pretraining in several processes, and reckon those of many nodes.',
    {
      rows: {
        measured:
          'two and four processes of this machine: a step, and of it what was computed, what was under way, and both at once',
        reckoned: 'by a time a message and a time a byte, as if nothing travelled while a step computes',
      },
      example: '--threads 1 --set ranks.batchNorm=rank --gbit 25 --latency-us 30',
    },
  );
  return withRuns(made, 10)
    .addOption(
      new Option('--preset <name>', 'what is pretrained, on samples that are made up')
        .choices(presetNames)
        .default('simclr-cifar'),
    )
    .option('--batch <number>', 'samples of each rank', wholeNumber(1), 16)
    .option('--set <key.path=value>', 'change one value of the configuration (repeatable)', collected, [])
    .option('--threads <number>', 'threads of one operation', wholeNumber(1), availableParallelism())
    .option('--no-blocked', 'compute in standard operations instead of in blocks of channels')
    .addOption(
      new Option('--transport <name>', 'how they talk: as between hosts, as on one host, or over Open MPI')
        .choices(['tcp', 'memory', 'mpi'])
        .default('tcp'),
    )
    .option('--gbit <number>', "the network's bandwidth, Gbit/s", wholeNumber(1), 10)
    .option('--latency-us <number>', "the network's latency one way, microseconds", wholeNumber(0), 50)
    .action(async (options: RunOptions & RankedStep & OutputOptions & RanksBenchOptions) => {
      const { benchRanks, formatRanks, pretrainingWork } = await load(() => import('../bench/ranks.ts'));
      const { presetOf } = await import('../src/training/presets.ts');
      const { applySettings } = await import('../src/training/config.ts');
      const { preset, set, batch, threads, blocked } = options;
      const config = applySettings(presetOf(preset)!, set);
      const result = await benchRanks(pretrainingWork(preset, { config, batch, threads, blocked }), options);
      process.stdout.write(`${options.json ? JSON.stringify(result, null, 2) : formatRanks(result)}\n`);
    });
}
