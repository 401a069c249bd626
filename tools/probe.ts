import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { InputError } from '../src/engine/input-error.ts';
import { writeJsonAtomically } from '../src/training/run/atomic-file.ts';
import { cameraOption, deviceOption, interruptSignal, share, wholeNumber } from './options.ts';

interface Options {
  readonly data: string;
  readonly camera?: string;
  readonly encoder?: 'image' | 'points';
  readonly step?: number;
  readonly k: number;
  readonly temperature: number;
  readonly randomSeeds: number;
  readonly patches?: boolean;
  readonly finetune: readonly number[];
  readonly finetuneSteps: number;
  readonly finetuneLayer: number;
  readonly distilSteps?: number;
  readonly distilTemperature: number;
  readonly student?: string;
  readonly keep?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
  readonly device: 'cpu';
  readonly threads?: number;
}

/** The command line of `pointpair probe`. */
export function command(): Command {
  return new Command('probe')
    .description(
      'What the frozen encoder of a run is worth on labelled pictures (or places of labelled objects): nearest neighbours, a linear classifier, fine-tuning; beside random encoders and raw pixels.',
    )
    .argument('<run>', "the run's folder")
    .requiredOption(
      '--data <folder>',
      'pictures in a folder a class, as train and test (or val) or as they are; for points a data set with labels',
    )
    .addOption(
      new Option('--encoder <which>', 'which encoder; image where the run has one').choices([
        'image',
        'points',
      ]),
    )
    .addOption(cameraOption())
    .option('--step <number>', 'the checkpoint of this step instead of the newest', wholeNumber(0))
    .option('--k <number>', 'nearest neighbours that vote', wholeNumber(1), 20)
    .option('--temperature <number>', 'of their weights exp(cosine / temperature)', positive, 0.07)
    .option('--random-seeds <number>', 'encoders with random weights to compare with', wholeNumber(0), 3)
    .option('--patches', 'measure whitened random patches as well')
    .option(
      '--finetune <list>',
      'train the whole network on these shares of the labels, such as 0.01,0.1,1',
      shares,
      [],
    )
    .option('--finetune-steps <number>', 'steps of each such training', wholeNumber(1), 200)
    .option(
      '--finetune-layer <number>',
      "keep so many layers of the run's projection head when fine-tuning (SimCLR v2: 1 of 3)",
      wholeNumber(0),
      0,
    )
    .option(
      '--distil-steps <number>',
      'then teach the encoder what was fine-tuned, on all pictures without labels, for so many steps',
      wholeNumber(1),
    )
    .option('--distil-temperature <number>', 'what divides the logits of both sides there', positive, 1)
    .option(
      '--student <run>',
      "teach the encoder of this run there, of another size perhaps, instead of the run's own",
    )
    .option(
      '--keep <folder>',
      'keep what is trained, a run for each share and stage in this folder; given again, it goes on where it was stopped',
    )
    .option('--strict', 'stop at a damaged picture instead of skipping it')
    .option('--threads <number>', 'threads of one operation', wholeNumber(1))
    .option('--json', 'write the result as JSON')
    .addOption(deviceOption())
    .addHelpText('after', '\nExample:\n  pointpair probe runs/moco --data data/cifar10 --json')
    .action(probe);
}

async function probe(folder: string, given: Options): Promise<void> {
  const { json, step, distilSteps, distilTemperature, student, ...options } = given;
  const { loadEncoderRun } = await import('../src/training/run/encoder-run.ts');
  const { probeRun } = await import('../src/training/probe/probe-run.ts');
  const { probeTable } = await import('../src/report/probe-table.ts');
  if (distilSteps === undefined && student !== undefined)
    throw new InputError({ file: 'options', expected: '--distil-steps with --student', found: 'none' });
  if (options.finetune.length === 0 && (distilSteps ?? options.keep) !== undefined)
    throw new InputError({
      file: 'options',
      expected: '--finetune with what is to be kept or distilled',
      found: 'none',
    });
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const { signal, release } = interruptSignal(() =>
    say(
      `\ninterrupted: features that are done are kept${given.keep === undefined ? '' : ', and trainings go on when this is given again'}`,
    ),
  );
  const report = await probeRun({
    ...options,
    run: await loadEncoderRun(folder, { step }),
    folder,
    patches: options.patches ?? false,
    distil:
      distilSteps === undefined
        ? undefined
        : {
            steps: distilSteps,
            temperature: distilTemperature,
            ...(student !== undefined && {
              student: { run: await loadEncoderRun(student), folder: student },
            }),
          },
    signal,
    say,
  }).finally(release);
  await writeJsonAtomically(join(folder, 'probe.json'), report);
  process.stdout.write(`${json ? JSON.stringify(report, null, 2) : probeTable(report)}\n`);
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('expected a number above 0');
  return value;
}

function shares(text: string): number[] {
  return text.split(',').map(share);
}
