import { join } from 'node:path';
import { Command } from 'commander';
import type { Device } from '../src/engine/device.ts';
import { InputError } from '../src/engine/input-error.ts';
import { applySettings, type RunConfig } from '../src/training/config.ts';
import { unknownKey } from '../src/training/config-keys.ts';
import { readConfigFile, readRunConfig } from '../src/training/model-state.ts';
import { presetNames, presetOf } from '../src/training/presets.ts';
import { pretrain } from '../src/training/pretrain.ts';
import { collected, deviceOption, interruptSignal, wholeNumber } from './options.ts';

interface Options {
  readonly preset?: string;
  readonly config?: string;
  readonly data?: string;
  readonly imageSet?: string;
  readonly out: string;
  readonly steps?: number;
  readonly set: readonly string[];
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly strict?: boolean;
  readonly device: Device;
  readonly threads?: number;
}

/** The command line of `pointpair pretrain`. */
export function command(): Command {
  return new Command('pretrain')
    .description('Pretrain a point encoder and an image encoder together, without labels.')
    .option('--data <folder>', 'a data set in the layout of the KITTI object benchmark')
    .requiredOption('--out <folder>', "the run's folder")
    .option('--preset <name>', `one of ${presetNames.join(', ')}`)
    .option('--config <file>', 'a configuration in JSON, such as the config.json of a run')
    .option('--image-set <name>', 'only the frames that ImageSets/<name>.txt lists')
    .option('--steps <number>', 'the length of the run in steps', wholeNumber(1))
    .option(
      '--set <key.path=value>',
      'change one value of the configuration; may be given again',
      collected,
      [],
    )
    .option('--resume', 'go on with the run in --out from its newest checkpoint')
    .option('--overwrite', 'remove the run that is in --out')
    .option('--strict', 'end at a damaged or incomplete frame instead of leaving it out')
    .option('--threads <number>', 'threads of one operation', wholeNumber(1))
    .addOption(deviceOption())
    .addHelpText(
      'after',
      `
Example:
  pointpair pretrain --preset simipu-small --data data/kitti --out runs/kitti --set optimizers.image.learningRate=0.01
  pointpair pretrain --out runs/kitti --resume`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const config = await configuration(options);
  const data = await dataOf(options);
  const interrupt = interruptSignal(() =>
    process.stderr.write('\ninterrupted: ending this step and writing a checkpoint\n'),
  );
  const result = await pretrain({
    config,
    data: { ...data, strict: options.strict },
    out: options.out,
    device: options.device,
    threads: options.threads,
    resume: options.resume,
    overwrite: options.overwrite,
    signal: interrupt.signal,
  }).finally(interrupt.release);
  if (result.damagedFrames > 0) process.stderr.write(`damaged frames left out: ${result.damagedFrames}\n`);
  if (result.interrupted) {
    process.stderr.write(
      `stopped after step ${result.step} of ${result.totalSteps}; the same command with --resume goes on\n`,
    );
    process.exitCode = 130;
    return;
  }
  process.stdout.write(
    `${result.step} steps done: ${options.out}\n` +
      `  pointpair view ${options.out}\n  pointpair report ${options.out}\n  pointpair inspect ${options.out}\n  pointpair export ${options.out} --to out/\n`,
  );
}

/** The frames to learn from; with --resume those of the run, where nothing else is said. */
async function dataOf(options: Options): Promise<{ root: string; imageSet?: string }> {
  const recorded = options.resume ? (await readRunConfig(options.out)).data : undefined;
  const root = options.data ?? recorded?.root;
  if (root === undefined) {
    throw new InputError({ file: 'options', expected: '--data <folder>', found: 'neither it nor --resume' });
  }
  return { root, imageSet: options.imageSet ?? recorded?.imageSet };
}

/** From a preset, a file, or, with --resume, the run itself; then --set and --steps. */
async function configuration(options: Options): Promise<RunConfig> {
  const file =
    options.config ??
    (options.resume && options.preset === undefined ? join(options.out, 'config.json') : undefined);
  if (options.preset !== undefined && options.config !== undefined) {
    throw new InputError({ file: 'options', expected: 'either --preset or --config', found: 'both' });
  }
  const base = file === undefined ? preset(options.preset) : (await readConfigFile(file)).config;
  const settings = options.steps === undefined ? options.set : [...options.set, `steps=${options.steps}`];
  return applySettings(base, settings);
}

function preset(name: string | undefined): RunConfig {
  if (name === undefined) {
    throw new InputError({
      file: 'options',
      expected: `--preset (${presetNames.join(', ')}) or --config`,
      found: 'neither',
    });
  }
  const config = presetOf(name);
  if (config === undefined) throw unknownKey('--preset', name, presetNames);
  return config;
}
