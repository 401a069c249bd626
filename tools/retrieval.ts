import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { driveTable } from '../src/report/drive-table.ts';
import { writeJsonAtomically } from '../src/training/run/atomic-file.ts';
import { loadRun } from '../src/training/run/model-state.ts';
import { measureDrives } from '../src/training/time/measure-drives.ts';
import { deviceOption, wholeNumber } from './options.ts';

interface Options {
  readonly data: string;
  readonly gap: number;
  readonly step?: number;
  readonly randomSeeds: number;
  readonly strict?: boolean;
  readonly json?: boolean;
  readonly device: 'cpu';
  readonly threads?: number;
}

/** The command line of `pointpair retrieval`. */
export function command(): Command {
  return new Command('retrieval')
    .description(
      "What a run's frozen encoders know of time, on drives: which frame is near, which object is the same, where points have gone; beside chance, random encoders and rules that need no network.",
    )
    .argument('<run>', "the run's folder")
    .requiredOption(
      '--data <folder>',
      'drives with times and poses; with tracks, objects and points are followed too',
    )
    .option('--gap <seconds>', 'the time between the two moments', seconds, 0.5)
    .option('--step <number>', 'the checkpoint of this step instead of the newest', wholeNumber(0))
    .option('--random-seeds <number>', 'encoders with random weights to compare with', wholeNumber(0), 3)
    .option('--strict', 'end at an incomplete frame instead of leaving it out')
    .option('--threads <number>', 'threads of one operation', wholeNumber(1))
    .option('--json', 'write the result as JSON')
    .addOption(deviceOption())
    .addHelpText('after', '\nExample:\n  pointpair retrieval runs/bev --data data/drives/held-out')
    .action(retrieval);
}

async function retrieval(
  folder: string,
  { data, gap, strict, json, step, ...options }: Options,
): Promise<void> {
  const report = await measureDrives({
    ...options,
    run: await loadRun(folder, { step }),
    data: { root: data, strict },
    gapS: gap,
    say: (line) => process.stderr.write(`${line}\n`),
  });
  await writeJsonAtomically(join(folder, 'retrieval.json'), report);
  process.stdout.write(`${json ? JSON.stringify(report, null, 2) : driveTable(report)}\n`);
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity))
    throw new InvalidArgumentError('expected a number of seconds above 0');
  return value;
}
