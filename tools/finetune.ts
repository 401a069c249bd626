import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Device } from '../src/engine/device.ts';
import { InputError } from '../src/engine/input-error.ts';
import { adoptEncoders } from '../src/training/adopt-encoders.ts';
import { readConfigJson } from '../src/training/config-file.ts';
import { unknownKey } from '../src/training/config-keys.ts';
import {
  applyDetectionSettings,
  type DetectionConfig,
  detectorNames,
  parseDetectionConfig,
} from '../src/training/detection-config.ts';
import { detectionPresetNames, detectionPresetOf } from '../src/training/detection-presets.ts';
import { finetune, type PretrainedReference } from '../src/training/finetune.ts';
import { collected, deviceOption, interruptSignal, wholeNumber } from './options.ts';

interface Options {
  readonly detector?: string;
  readonly preset?: string;
  readonly config?: string;
  readonly from?: string;
  readonly fromStep?: number;
  readonly data?: string;
  readonly imageSet?: string;
  readonly out: string;
  readonly labelsFraction?: number;
  readonly labelsSeed?: number;
  readonly steps?: number;
  readonly set: readonly string[];
  readonly resume?: boolean;
  readonly overwrite?: boolean;
  readonly strict?: boolean;
  readonly device: Device;
  readonly threads?: number;
}

/** What a run's own configuration says beside the detector's. */
interface Recorded {
  readonly data?: { readonly root: string; readonly imageSet?: string };
  readonly from?: PretrainedReference;
}

/** The command line of `pointpair finetune`. */
export function command(): Command {
  return new Command('finetune')
    .description('Train a 3D detector on labelled frames, from pretrained encoders or from scratch.')
    .addOption(new Option('--detector <name>', 'its small preset').choices([...detectorNames]))
    .option('--from <run>', 'begin with the encoders of this run; without it everything begins at random')
    .option('--from-step <number>', "of the run's checkpoint; the newest by default", wholeNumber(0))
    .option('--data <folder>', 'a labelled data set in the layout of the KITTI object benchmark')
    .requiredOption('--out <folder>', "the run's folder")
    .option('--labels-fraction <share>', 'use the labels of this share of the frames, such as 0.05', share)
    .option('--labels-seed <number>', 'draws which frames', wholeNumber(0))
    .option('--preset <name>', `one of ${detectionPresetNames.join(', ')}`)
    .option('--config <file>', "a configuration in JSON, such as the config.json of a detector's run")
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
Examples:
  pointpair finetune --detector point3d --from runs/kitti --labels-fraction 0.05 --data data/kitti --image-set train --out runs/point3d
  pointpair finetune --detector image3d --data data/kitti --out runs/scratch --set image3d.frozenStages=2
  pointpair finetune --out runs/point3d --resume`,
    )
    .action(run);
}

async function run(options: Options): Promise<void> {
  const recorded: Recorded = options.resume ? await recordOf(options.out) : {};
  const config = await configuration(options);
  const root = options.data ?? recorded.data?.root;
  if (root === undefined)
    throw new InputError({ file: 'options', expected: '--data <folder>', found: 'neither it nor --resume' });
  const from = options.from === undefined ? recorded.from : { run: options.from, step: options.fromStep };
  const interrupt = interruptSignal(() =>
    process.stderr.write('\ninterrupted: ending this step and writing a checkpoint\n'),
  );
  const result = await finetune({
    config,
    data: { root, imageSet: options.imageSet ?? recorded.data?.imageSet, strict: options.strict },
    from: from ?? undefined,
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
      `  pointpair detect ${options.out} --data ${root} --image-set val --out ${join(options.out, 'detections')}\n` +
      `  pointpair view ${options.out}\n  pointpair report ${options.out}\n`,
  );
}

/** From a preset, a file, or, with --resume, the run itself; the encoders of --from; then --set and its short forms. */
async function configuration(options: Options): Promise<DetectionConfig> {
  const base = await baseOf(options);
  const adopted = options.from === undefined ? base : await adoptEncoders(base, options.from);
  const settings = [
    ...options.set,
    ...(options.labelsFraction === undefined ? [] : [`labels.fraction=${options.labelsFraction}`]),
    ...(options.labelsSeed === undefined ? [] : [`labels.seed=${options.labelsSeed}`]),
    ...(options.steps === undefined ? [] : [`steps=${options.steps}`]),
  ];
  return applyDetectionSettings(adopted, settings);
}

async function baseOf({ detector, preset, config, resume, out }: Options): Promise<DetectionConfig> {
  const given = Object.entries({ '--detector': detector, '--preset': preset, '--config': config });
  const named = given.flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (named.length > 1 || (named.length === 0 && !resume)) {
    throw new InputError({
      file: 'options',
      expected: `one of --detector (${detectorNames.join(', ')}), --preset (${detectionPresetNames.join(', ')}) and --config`,
      found: named.join(' and ') || 'none',
    });
  }
  const file = config ?? (named.length === 0 ? join(out, 'config.json') : undefined);
  if (file !== undefined) {
    const { data: _, from: __, ...value } = await readConfigJson(file, { file, expected: 'a configuration' });
    return parseDetectionConfig(value, { file });
  }
  const name = preset ?? `${detector}-small`;
  const found = detectionPresetOf(name);
  if (found === undefined) throw unknownKey('--preset', name, detectionPresetNames);
  return found;
}

async function recordOf(out: string): Promise<Recorded> {
  const file = join(out, 'config.json');
  const { data, from } = await readConfigJson(file, { file: out, expected: 'a run to go on with' });
  return { data: data as Recorded['data'], from: (from ?? undefined) as Recorded['from'] };
}

function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 1)) throw new InvalidArgumentError('a share above 0 and up to 1 is needed.');
  return value;
}
