import { join } from 'node:path';
import { Command } from 'commander';
import { InputError } from '../src/engine/input-error.ts';
import { applySettings, type RunConfig } from '../src/training/config.ts';
import { unknownName } from '../src/training/config-keys.ts';
import { presetNames, presetOf } from '../src/training/presets.ts';
import { pretrain } from '../src/training/pretrain.ts';
import { readConfigFile, readRunConfig } from '../src/training/run/model-state.ts';
import { shellPath } from '../src/training/run/shell-word.ts';
import { cameraOption, sequenceOption } from './options.ts';
import { addTrainingOptions, runToItsEnd, selectedData, type TrainingOptions } from './run-options.ts';

/** The command line of `pointpair pretrain`. */
export function command(): Command {
  const pretraining = new Command('pretrain').description(
    'Pretrain encoders of pictures and points without labels, by one system of `pointpair methods` or several.',
  );
  return addTrainingOptions(pretraining, {
    data: 'a data set, drives or sequences (pointpair inspect says what a folder is), or a folder of pictures',
    presets: presetNames,
  })
    .addOption(cameraOption())
    .addOption(sequenceOption())
    .addHelpText(
      'after',
      `
Example:
  pointpair pretrain --preset simipu-small --data data/kitti --out runs/kitti --set optimizers.image.learningRate=0.01
  pointpair pretrain --preset simipu-small --set objectives.moco.weight=0.5 --data data/kitti --out runs/both
  pointpair pretrain --preset simipu-small --data kitti-tracking --sequence 0003 --camera image_03 --out runs/tracking
  pointpair pretrain --out runs/kitti --resume`,
    )
    .action(train);
}

async function train(options: TrainingOptions): Promise<void> {
  const { out } = options;
  const config = await configuration(options);
  const data = selectedData(options, options.resume ? (await readRunConfig(out)).data : undefined);
  const result = await runToItsEnd(options, (how) => pretrain({ config, data, ...how }));
  if (result === undefined) return;
  const run = shellPath(out);
  process.stdout.write(
    `${result.step} steps done: ${out}\n` +
      `  pointpair view ${run}\n  pointpair report ${run}\n  pointpair inspect ${run}\n  pointpair export ${run} --to out/\n`,
  );
}

/** From a preset, a file, or, with --resume, the run itself; then --set and --steps. */
async function configuration(options: TrainingOptions): Promise<RunConfig> {
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
  if (config === undefined) throw unknownName('--preset', name, presetNames);
  return config;
}
