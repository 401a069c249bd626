import type { Command } from 'commander';
import type { DataSelection } from '../src/datasets/data-selection.ts';
import type { Device } from '../src/engine/device.ts';
import { InputError } from '../src/engine/input-error.ts';
import type { StepEvent } from '../src/engine/ranks/stages.ts';
import type { RunOptions, RunResult } from '../src/training/training-loop.ts';
import { collected, deviceOption, interruptSignal, wholeNumber } from './options.ts';

/** What every command that trains is told. */
export interface TrainingOptions {
  readonly preset?: string;
  readonly config?: string;
  readonly data?: string;
  readonly imageSet?: string;
  readonly camera?: string;
  readonly sequence?: readonly string[];
  readonly out: string;
  readonly steps?: number;
  readonly set: readonly string[];
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly strict?: boolean;
  readonly device: Device;
  readonly threads?: number;
  readonly microBatch?: number;
  readonly trace?: string;
}

/** Adds the options of every command that trains. */
export function addTrainingOptions(
  command: Command,
  { data, presets }: { readonly data: string; readonly presets: readonly string[] },
): Command {
  return command
    .option('--data <folder>', data)
    .requiredOption('--out <folder>', "the run's folder")
    .option('--preset <name>', `one of ${presets.join(', ')}`)
    .option('--config <file>', 'a configuration in JSON, such as the config.json of a run')
    .option(
      '--image-set <name>',
      'only the frames that ImageSets/<name>.txt lists, or the pictures in the folder of that name',
    )
    .option('--steps <number>', 'the length of the run in steps', wholeNumber(1))
    .option('--set <key.path=value>', 'change one value of the configuration (repeatable)', collected, [])
    .option('--resume', 'go on with the run in --out from its newest checkpoint')
    .option('--overwrite', 'remove the run that is in --out')
    .option('--strict', 'stop at a damaged or incomplete frame instead of skipping it')
    .option('--threads <number>', 'threads of one operation', wholeNumber(1))
    .option(
      '--micro-batch <number>',
      'compute each batch in pieces of so many samples, which takes less memory and gives what the whole would',
      wholeNumber(1),
    )
    .option(
      '--trace <file.svg>',
      'draw when the last step computed and when its ranks talked (where a batch is shared out)',
    )
    .addOption(deviceOption());
}

/** The frames to learn from; with --resume those of the run, where nothing else is said. */
export function selectedData(
  { data, imageSet, camera, sequence, strict }: TrainingOptions,
  recorded: Pick<DataSelection, 'root' | 'imageSet' | 'camera' | 'sequences'> | undefined,
): DataSelection {
  const root = data ?? recorded?.root;
  if (root === undefined)
    throw new InputError({ file: 'options', expected: '--data <folder> or --resume', found: 'neither' });
  const named = sequence === undefined || sequence.length === 0 ? undefined : sequence;
  return {
    root,
    imageSet: imageSet ?? recorded?.imageSet,
    camera: camera ?? recorded?.camera,
    sequences: named ?? recorded?.sequences,
    strict,
  };
}

async function drawTrace(file: string, events: readonly StepEvent[]): Promise<void> {
  // Where all steps were done before there is nothing to draw.
  if (events.length === 0) return;
  const { stepTraceSvg } = await import('../src/report/step-trace.ts');
  const { writeFileAtomically } = await import('../src/training/run/atomic-file.ts');
  await writeFileAtomically(file, await stepTraceSvg(events));
}

/**
 * Trains until it is done or interrupted, with the processes that this one was started with, says which, and gives the result of a run
 * that is done: to the first process alone, which speaks for all.
 */
export async function runToItsEnd(
  { out, device, threads, microBatch, trace, resume, overwrite }: TrainingOptions,
  train: (options: RunOptions) => Promise<RunResult>,
): Promise<RunResult | undefined> {
  const { withRanks } = await import('../src/engine/ranks/launcher.ts');
  return withRanks(async (ranks) => {
    if (trace !== undefined && ranks === undefined && microBatch === undefined) {
      const expected = 'a batch that is shared out among ranks, or in pieces (--micro-batch)';
      throw new InputError({ file: '--trace', expected, found: 'one process that computes it as a whole' });
    }
    const speaks = ranks === undefined || ranks.rank === 0;
    const say = (text: string) => speaks && process.stderr.write(text);
    const { signal, release } = interruptSignal(() =>
      say('\ninterrupted: ending this step and writing a checkpoint\n'),
    );
    const how = { out, device, threads, microBatch, resume, overwrite, signal, ranks };
    const lastStep: StepEvent[] = [];
    const keep = (event: StepEvent) => {
      if (event.kind === 'segment' && event.place === 0 && event.rank === 0) lastStep.length = 0;
      lastStep.push(event);
    };
    const result = await train({ ...how, ...(trace !== undefined && { trace: keep }) }).finally(release);
    if (trace !== undefined && speaks) await drawTrace(trace, lastStep);
    if (result.damagedFrames > 0) say(`damaged frames left out: ${result.damagedFrames}\n`);
    if (!result.interrupted) return speaks ? result : undefined;
    say(
      `stopped after step ${result.step} of ${result.totalSteps}; the same command with --resume goes on\n`,
    );
    process.exitCode = 130;
    return undefined;
  });
}
